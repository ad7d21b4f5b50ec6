#include "runtime/record.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { RECORD_MAX = 4 * 1024 * 1024 };

static const char *const driver_names[] = {
	[CGROUP_CGROUPFS] = "cgroupfs", [CGROUP_SYSTEMD] = "systemd", [CGROUP_DISABLED] = "disabled",
};

/* What stands in the file, as a table: it writes and reads. */
struct member {
	const char *name;
	enum { TEXT, NUMBER, UNSIGNED, BOOL } type;
	size_t offset;
};

#define MEMBER(name, type, field) { name, type, offsetof(struct container, field) }

static const struct member members[] = {
	MEMBER("bundle", TEXT, bundle),
	MEMBER("rootfs", TEXT, rootfs),
	MEMBER("created", TEXT, created),
	MEMBER("owner", TEXT, owner),
	MEMBER("pid", NUMBER, pid),
	MEMBER("startTime", UNSIGNED, start_time),
	MEMBER("rootless", BOOL, rootless),
	MEMBER("launched", BOOL, launched),
	MEMBER("network", BOOL, network),
	MEMBER("dumping", UNSIGNED, dumping),
	MEMBER("dumpImage", TEXT, dump_image),
	MEMBER("saved", BOOL, saved),
	MEMBER("stdin", TEXT, descriptors[0]),
	MEMBER("stdout", TEXT, descriptors[1]),
	MEMBER("stderr", TEXT, descriptors[2]),
	MEMBER("cgroupPath", TEXT, cgroup.path),
	MEMBER("cgroupScope", TEXT, cgroup.scope),
	MEMBER("cgroupUserSession", BOOL, cgroup.user_session),
	MEMBER("cgroupId", UNSIGNED, cgroup.id),
};

#define N_MEMBERS (sizeof(members) / sizeof(members[0]))

static void write_member(struct json_writer *w, const struct container *c, const struct member *m)
{
	const void *at = (const char *)c + m->offset;

	switch (m->type) {
	case TEXT:
		if (*(const char *const *)at)
			json_string(w, m->name, *(const char *const *)at);
		break;
	case NUMBER:
		json_int(w, m->name, *(const pid_t *)at);
		break;
	case UNSIGNED:
		if (*(const uint64_t *)at)
			json_uint(w, m->name, *(const uint64_t *)at);
		break;
	case BOOL:
		json_bool(w, m->name, *(const bool *)at);
		break;
	}
}

static int write_making(int dir, const struct buf *b, struct err *e)
{
	cleanup_close int fd = openat(dir, "making.json", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	return fd < 0 ? err_set(e, errno, "create 'making.json'") : fd_write_all(fd, b->data, b->len, e);
}

int record_save(const struct container *c, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = { .out = &b };

	json_begin_object(&w, NULL);
	json_string(&w, "id", c->id);
	for (size_t i = 0; i < N_MEMBERS; i++)
		write_member(&w, c, &members[i]);
	json_string(&w, "cgroupDriver", driver_names[c->cgroup.driver]);
	json_begin_object(&w, "annotations");
	for (size_t i = 0; i < c->n_annotations; i++)
		json_string(&w, c->annotations[i].key, c->annotations[i].value);
	json_end_object(&w);
	json_end_object(&w);

	int r = c->pid ? file_replace_at(c->dir, "state.json", 0600, b.data, b.len, e) : write_making(c->dir, &b, e);
	return r < 0 ? err_wrap(e, "state of container '%s'", c->id) : 0;
}

static bool read_member(struct container *c, const struct member *m, const struct json *v)
{
	void *at = (char *)c + m->offset;
	int64_t number;

	switch (m->type) {
	case TEXT:
		*(const char **)at = v->text;
		return v->type == JSON_STRING;
	case NUMBER:
		if (!json_int64(v, &number))
			return false;
		*(pid_t *)at = (pid_t)number;
		return true;
	case UNSIGNED:
		return json_uint64(v, at);
	case BOOL:
		*(bool *)at = v->boolean;
		return v->type == JSON_BOOL;
	}
	return false;
}

static bool read_driver(struct container *c, const struct json *v)
{
	for (size_t i = 0; v && v->type == JSON_STRING && i < sizeof(driver_names) / sizeof(driver_names[0]); i++) {
		if (strcmp(v->text, driver_names[i]) == 0) {
			c->cgroup.driver = (enum cgroup_driver)i;
			return true;
		}
	}
	return false;
}

static void read_annotations(struct container *c, const struct json *doc, struct arena *a)
{
	const struct json *annotations = json_get(doc, "annotations");

	c->annotations = arena_new_array(a, annotations ? annotations->n : 0, struct spec_pair);
	for (size_t i = 0; annotations && i < annotations->n; i++)
		c->annotations[i] =
			(struct spec_pair){ annotations->members[i].key, annotations->members[i].value.text };
	c->n_annotations = annotations ? annotations->n : 0;
}

int record_load(struct container *c, struct arena *a, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json doc;

	int r = file_read_at(c->dir, "state.json", RECORD_MAX, &b, e);
	bool making = r == -ENOENT;
	if (making)
		r = file_read_at(c->dir, "making.json", RECORD_MAX, &b, e);
	if (r < 0)
		return err_wrap(e, "state of container '%s'", c->id);
	r = json_parse(buf_text(&b), b.len, a, &doc, e);
	/* Cut short: whoever wrote it did not come to make anything. */
	if (r < 0 && making)
		return err_say(e, ENOENT, "state of container '%s': not written yet", c->id);
	if (r < 0)
		return err_wrap(e, "state of container '%s'", c->id);
	for (size_t i = 0; i < N_MEMBERS; i++) {
		const struct json *v = json_get(&doc, members[i].name);
		if (v && !read_member(c, &members[i], v))
			return err_say(e, EBADMSG, "state of container '%s': '%s' is damaged", c->id, members[i].name);
	}
	if (!read_driver(c, json_get(&doc, "cgroupDriver")))
		return err_say(e, EBADMSG, "state of container '%s': 'cgroupDriver' is damaged", c->id);
	read_annotations(c, &doc, a);
	return 0;
}
