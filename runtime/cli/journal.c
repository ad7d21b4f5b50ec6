#include "runtime/cli/journal.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

/* ---- one event ---- */

void journal_write(const struct launched_event *ev, bool json, struct buf *out)
{
	struct json_writer w = { .out = out };
	struct timespec t = { 0 };

	if (!json) {
		buf_printf(out, "%s container %s %s (image=%s, name=%s", ev->time, ev->action, ev->id,
			   ev->image ? ev->image : "", ev->name);
		for (size_t i = 0; i < ev->n_attributes; i++)
			buf_printf(out, ", %s=%s", ev->attributes[i].key, ev->attributes[i].value);
		buf_str(out, ")\n");
		return;
	}
	clock_parse(ev->time, &t);
	json_begin_object(&w, NULL);
	json_string(&w, "Type", "container");
	json_string(&w, "Action", ev->action);
	json_begin_object(&w, "Actor");
	json_string(&w, "ID", ev->id);
	json_begin_object(&w, "Attributes");
	json_string(&w, "image", ev->image ? ev->image : "");
	json_string(&w, "name", ev->name);
	for (size_t i = 0; i < ev->n_attributes; i++)
		json_string(&w, ev->attributes[i].key, ev->attributes[i].value);
	json_end_object(&w);
	json_end_object(&w);
	json_int(&w, "time", t.tv_sec);
	json_int(&w, "timeNano", t.tv_sec * INT64_C(1000000000) + t.tv_nsec);
	json_end_object(&w);
	buf_char(out, '\n');
}

/* What nothing is called would never come, and nobody would know why. */
static int check_action(const char *text, const char *action, struct err *e)
{
	static const char *const actions[] = { "create", "start",   "die",    "kill",	       "stop",	 "restart",
					       "pause",	 "unpause", "rename", "health_status", "oom",	 "destroy" };

	for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(actions[i], action) == 0)
			return 0;
	return err_say(e, EINVAL, "--filter '%s': the events are create, start, die, kill, stop, restart, pause, unpause, "
		       "rename, health_status, oom and destroy", text);
}

int journal_matches(const struct launched_event *ev, const char *filter, struct err *e)
{
	const struct {
		const char *key, *value, *other;
	} keys[] = {
		{ "container", ev->name, ev->id }, { "event", ev->action, NULL }, { "image", ev->image, NULL },
		{ "type", "container", NULL },
	};
	size_t len = strcspn(filter, "=");

	for (size_t i = 0; filter[len] && i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *wanted = filter + len + 1;
		if (strlen(keys[i].key) != len || strncmp(keys[i].key, filter, len) != 0)
			continue;
		if (strcmp(keys[i].key, "event") == 0 && check_action(filter, wanted, e) < 0)
			return -e->code;
		return (keys[i].value && strcmp(keys[i].value, wanted) == 0) ||
		       (keys[i].other && strcmp(keys[i].other, wanted) == 0);
	}
	return err_say(e, EINVAL, "--filter '%s': expected container=, event=, image= or type= with a value", filter);
}

/* Of several filters with the same key one must match, of each key. */
static int is_wanted(const struct launched_event *ev, const struct cli_strings *filters, struct err *e)
{
	for (size_t i = 0; i < filters->n; i++) {
		size_t key = strcspn(filters->v[i], "=");
		int any = 0;
		for (size_t j = 0; j < filters->n; j++) {
			int r = journal_matches(ev, filters->v[j], e);
			if (r < 0)
				return r;
			any |= r && strcspn(filters->v[j], "=") == key &&
			       strncmp(filters->v[i], filters->v[j], key) == 0;
		}
		if (!any)
			return 0;
	}
	return 1;
}

/* ---- the files ---- */

struct reader {
	const struct journal_options *o;
	struct timespec since, until;
	int fd; /* of the newer file; -1 while there is none */
	struct buf rest; /* of a line that is not whole yet */
};

static bool is_before(struct timespec a, struct timespec b)
{
	return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

/* A line that is damaged tells nothing, and must not hide the others. */
static int print_line(const struct reader *r, const char *line, size_t len, struct buf *out, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct err damaged = ERR_INIT;
	struct launched_event ev;
	struct timespec t;

	if (launched_event_parse(line, len, &a, &ev, &damaged) < 0 || !clock_parse(ev.time, &t) ||
	    is_before(t, r->since) || is_before(r->until, t))
		return 0;
	int wanted = is_wanted(&ev, &r->o->filters, e);
	if (wanted > 0)
		journal_write(&ev, r->o->json, out);
	return wanted < 0 ? wanted : 0;
}

/* What @fd has that was not read yet. */
static int print_rest(struct reader *r, int fd, struct err *e)
{
	enum { ALL = 64 << 20 };
	cleanup_buf struct buf out = BUF_INIT;
	size_t at = 0;

	if (fd_read_all(fd, ALL, &r->rest, e) < 0)
		return err_wrap(e, "read the journal");
	const char *text = buf_text(&r->rest), *end;
	for (; (end = memchr(text + at, '\n', r->rest.len - at)); at = (size_t)(end - text) + 1)
		if (print_line(r, text + at, (size_t)(end - text) - at, &out, e) < 0)
			return -e->code;
	if (at > 0) {
		memmove(r->rest.data, r->rest.data + at, r->rest.len - at + 1);
		r->rest.len -= at;
	}
	fputs(buf_text(&out), stdout);
	return fflush(stdout) == 0 ? 0 : err_set(e, errno, "write to standard output");
}

static bool is_current(int fd, const char *path)
{
	struct stat a, b;

	return fd >= 0 && fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* All that is new, also when the file has become the older one meanwhile. */
static int print_new(struct reader *r, const char *path, struct err *e)
{
	if (r->fd >= 0 && print_rest(r, r->fd, e) < 0)
		return -e->code;
	if (is_current(r->fd, path))
		return 0;
	close_fd(&r->fd);
	r->rest.len = 0;
	r->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (r->fd < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "open '%s'", path);
	return print_rest(r, r->fd, e);
}

static int print_old(struct reader *r, const char *path, struct err *e)
{
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? 0 : print_rest(r, fd, e);
}

static int watch(const char *path, struct err *e)
{
	char dir[PATH_MAX];

	if ((size_t)snprintf(dir, sizeof(dir), "%s", path) >= sizeof(dir))
		return err_set(e, ENAMETOOLONG, "'%s'", path);
	*strrchr(dir, '/') = '\0';
	if (mkdir_parents(dir, 0700, e) < 0)
		return -e->code;
	cleanup_close int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (fd < 0 || inotify_add_watch(fd, dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0)
		return err_set(e, errno, "watch '%s'", dir);
	return take_fd(&fd);
}

/* Milliseconds until then, at most a day. */
static int left_until(struct timespec until)
{
	enum { DAY_S = 86400 };
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	if (is_before(until, now))
		return 0;
	int64_t s = until.tv_sec - now.tv_sec;
	return s >= DAY_S ? DAY_S * 1000 : (int)(s * 1000 + (until.tv_nsec - now.tv_nsec) / 1000000 + 1);
}

static int follow(struct reader *r, const char *files[2], struct err *e)
{
	char events[4096];
	/* First the watch, so that nothing falls between it and what is read. */
	cleanup_close int fd = watch(files[1], e);

	if (fd < 0 || print_old(r, files[0], e) < 0)
		return -e->code;
	for (;;) {
		int left = left_until(r->until);
		if (print_new(r, files[1], e) < 0)
			return -e->code;
		if (left == 0)
			return 0;
		struct pollfd p = { .fd = fd, .events = POLLIN };
		if (poll(&p, 1, left) < 0 && errno != EINTR)
			return err_set(e, errno, "wait for events");
		while (read(fd, events, sizeof(events)) > 0)
			;
	}
}

int journal_print(struct runtime *rt, const struct journal_options *o, struct err *e)
{
	static const struct launched_event nothing = { .action = "", .id = "", .name = "" };
	struct reader r = { .o = o, .fd = -1, .until = { .tv_sec = INT64_MAX } };
	const char *files[2];

	clock_gettime(CLOCK_REALTIME, &r.since);
	if (o->since && cli_moment(o->since, &r.since, e) < 0)
		return err_wrap(e, "--since");
	if (o->until && cli_moment(o->until, &r.until, e) < 0)
		return err_wrap(e, "--until");
	if (is_wanted(&nothing, &o->filters, e) < 0 || launched_event_files(rt, files, e) < 0)
		return -e->code;
	int result = follow(&r, files, e);
	close_fd(&r.fd);
	buf_finish(&r.rest);
	return result;
}
