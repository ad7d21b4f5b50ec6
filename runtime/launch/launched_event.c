#include "runtime/launch/launched_event.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"
#include "runtime/launch/launch.h"
#include "runtime/launch/launched_name.h"
#include "runtime/log.h"
#include "spec/decode.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 20 };

#define EVENT(member) AT(struct launched_event, member)
static const struct field event_fields[] = {
	{ "time", FIELD_STRING, EVENT(time), .required = true },
	{ "action", FIELD_STRING, EVENT(action), .required = true },
	{ "id", FIELD_STRING, EVENT(id), .required = true },
	{ "name", FIELD_STRING, EVENT(name), .required = true },
	{ "image", FIELD_STRING, EVENT(image) },
	{ "attributes", FIELD_PAIRS, EVENT(attributes), COUNT(struct launched_event, n_attributes) },
};
static const struct object event_object = { FIELDS(event_fields) };

int launched_event_parse(const char *line, size_t len, struct arena *a, struct launched_event *ret, struct err *e)
{
	struct launched_event ev = { 0 };
	int r = decode_document(line, len, &event_object, a, &ev, e);

	if (r == 0)
		*ret = ev;
	return r;
}

int launched_event_files(struct runtime *rt, const char *ret[2], struct err *e)
{
	const char *index;

	if (launch_index(rt, &index, e) < 0)
		return -e->code;
	ret[0] = arena_printf(&rt->arena, "%s/.events.1", index);
	ret[1] = arena_printf(&rt->arena, "%s/.events", index);
	return 0;
}

/* Makes the file, when it has grown, the older one: unless another does so just now, or did. */
static void rotate(const char *files[2], int fd)
{
	struct stat st, now;

	if (fstat(fd, &st) < 0 || st.st_size < FILE_MAX || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return;
	if (stat(files[1], &now) == 0 && now.st_ino == st.st_ino)
		rename(files[1], files[0]);
}

static int append(struct runtime *rt, const struct buf *line, struct err *e)
{
	const char *files[2];

	if (launched_event_files(rt, files, e) < 0)
		return -e->code;
	cleanup_close int fd = open(files[1], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, errno, "open '%s'", files[1]);
	/* In one write, so that lines of several processes stay whole. */
	if (write(fd, line->data, line->len) != (ssize_t)line->len)
		return err_set(e, errno, "write '%s'", files[1]);
	rotate(files, fd);
	return 0;
}

void launched_event_note(struct runtime *rt, const struct launched *l, const char *action, const char *key,
			 const char *value)
{
	cleanup_buf struct buf line = BUF_INIT;
	struct json_writer w = { .out = &line };
	struct err e = ERR_INIT;

	json_begin_object(&w, NULL);
	json_string(&w, "time", clock_now_rfc3339().text);
	json_string(&w, "action", action);
	json_string(&w, "id", l->id);
	json_string(&w, "name", launched_name(rt, l));
	json_string(&w, "image", l->image);
	if (key) {
		json_begin_object(&w, "attributes");
		json_string(&w, key, value);
		json_end_object(&w);
	}
	json_end_object(&w);
	buf_char(&line, '\n');
	if (append(rt, &line, &e) < 0)
		log_warn("note that container '%s' had the event '%s': %s", l->name, action, e.msg);
}
