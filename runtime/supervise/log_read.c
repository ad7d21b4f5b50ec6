#include "runtime/supervise/log_read.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "runtime/supervise/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 1000, TIME_LEN = CLOCK_TEXT_LEN };

struct log_reader {
	struct runtime *rt;
	const struct launched *l;
	const struct log_options *o;
	int dir;
	bool continues[2]; /* the last entry of that stream was a part */
	int64_t skip; /* lines, before any is printed */
	bool counting; /* nothing is printed: how many lines there are */
	int64_t lines;
	size_t len; /* of what was read and is no whole entry yet */
	char data[128 * 1024]; /* more than the longest entry */
};

static const char *name_of(int i, char name[32])
{
	snprintf(name, 32, i ? "log.%d" : "log", i);
	return name;
}

static int open_file(struct log_reader *r, int i)
{
	char name[32];

	return openat(r->dir, name_of(i, name), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

static bool is_same(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

/* "TIME STREAM TAG TEXT". What looks otherwise, as the last line of a disk that was full, is passed over. */
static int take_entry(struct log_reader *r, const char *line, size_t n, struct err *e)
{
	const struct log_options *o = r->o;
	const char *stream = line + TIME_LEN + 1, *tag = stream + sizeof("stdout"), *text = tag + 2;
	char time[TIME_LEN + 1];

	if (n < TIME_LEN + 10 || stream[-1] != ' ' || tag[-1] != ' ' || text[-1] != ' ')
		return 0;
	bool is_stderr = memcmp(stream, "stderr", 6) == 0, first = !r->continues[is_stderr], whole = *tag != 'P';
	memcpy(time, line, TIME_LEN);
	time[TIME_LEN] = '\0';
	r->continues[is_stderr] = !whole;
	if (is_stderr ? o->no_stderr : o->no_stdout)
		return 0;
	if ((o->since && strcmp(time, o->since) < 0) || (o->until && strcmp(time, o->until) > 0))
		return 0;
	r->lines += first;
	if (r->counting || r->lines <= r->skip)
		return 0;
	return o->print(o->data, is_stderr, time, text, n - (size_t)(text - line), first, whole, e);
}

/* All that is there now. */
static int read_to_end(struct log_reader *r, int fd, struct err *e)
{
	for (;;) {
		ssize_t n = read(fd, r->data + r->len, sizeof(r->data) - r->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? err_set(e, errno, "read the log") : 0;
		r->len += (size_t)n;
		char *at = r->data, *last = r->data + r->len;
		for (char *end; (end = memchr(at, '\n', (size_t)(last - at))); at = end + 1)
			if (take_entry(r, at, (size_t)(end - at), e) < 0)
				return -e->code;
		r->len = (size_t)(last - at);
		memmove(r->data, at, r->len);
		if (r->len == sizeof(r->data))
			r->len = 0; /* nothing of ours */
	}
}

/* The newest first: one that is renamed meanwhile is then seen twice, not missed. Returns how many. */
static int open_all(struct log_reader *r, int fds[FILES_MAX])
{
	int n = 0;

	for (int i = 0; i < FILES_MAX && n < FILES_MAX; i++) {
		int fd = open_file(r, i);
		if (fd < 0 && i > 0)
			break;
		if (fd >= 0 && n > 0 && is_same(fd, fds[n - 1]))
			close(fd);
		else if (fd >= 0)
			fds[n++] = fd;
	}
	return n;
}

static int read_all(struct log_reader *r, const int *fds, int n, struct err *e)
{
	r->lines = 0;
	r->continues[0] = r->continues[1] = false;
	for (int i = n - 1; i >= 0; i--) {
		r->len = 0;
		if (lseek(fds[i], 0, SEEK_SET) < 0)
			return err_set(e, errno, "read the log");
		if (read_to_end(r, fds[i], e) < 0)
			return -e->code;
	}
	return 0;
}

/* The file after this one, which was renamed. -1: there is none yet. */
static int open_next(struct log_reader *r, int current)
{
	int newer = -1;

	for (int i = 0; i < FILES_MAX; i++) {
		cleanup_close int fd = open_file(r, i);
		if (fd < 0 && i > 0)
			break;
		if (fd >= 0 && current >= 0 && is_same(fd, current))
			return newer;
		close_fd(&newer);
		newer = take_fd(&fd);
	}
	return newer; /* this one is gone: the oldest there is */
}

/* What was written until now, in however many files. */
static int catch_up(struct log_reader *r, int *current, struct err *e)
{
	for (;;) {
		if (*current >= 0 && read_to_end(r, *current, e) < 0)
			return -e->code;
		int next = open_next(r, *current);
		if (next < 0)
			return 0;
		/* What was written to the old one before it was renamed. */
		if (*current >= 0 && read_to_end(r, *current, e) < 0) {
			close_fd(&next);
			return -e->code;
		}
		close_fd(current);
		*current = next;
		r->len = 0;
	}
}

static void drain(int fd)
{
	char events[4096];

	while (read(fd, events, sizeof(events)) > 0)
		;
}

/* @current: the file that is written to, or -1. The supervisor's answer is the container's end. */
static int follow(struct log_reader *r, int *current, struct err *e)
{
	cleanup_close int events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	cleanup_close int end = -1;

	if (events < 0 || inotify_add_watch(events, fd_path(r->dir).path, IN_CREATE | IN_MOVED_TO) < 0)
		return err_set(e, errno, "watch the log");
	for (;;) {
		if (end < 0) {
			end = client_request(r->rt, r->l, REQUEST_WAIT, 0, e);
			if (end < 0 && end != -ESRCH)
				return end;
		}
		/* Before what is there is read, so that nothing of it is missed. */
		if (*current >= 0)
			inotify_add_watch(events, fd_path(*current).path, IN_MODIFY);
		drain(events);
		int before = *current;
		if (catch_up(r, current, e) < 0 || r->o->flush(r->o->data, e) < 0)
			return -e->code;
		if (end < 0)
			return 0;
		if (*current != before)
			continue;
		struct pollfd p[] = { { .fd = events, .events = POLLIN }, { .fd = end, .events = POLLIN } };
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return err_set(e, errno, "poll");
		/* Its end, or a supervisor that was killed: then there will be another to ask. */
		if (p[1].revents)
			close_fd(&end);
	}
}

int log_read(struct runtime *rt, const struct launched *l, const struct log_options *o, struct err *e)
{
	struct log_reader *r = arena_new(&rt->arena, struct log_reader);
	cleanup_close int dir = open(l->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int fds[FILES_MAX], n, result = 0;

	if (dir < 0)
		return err_set(e, errno, "container '%s': open '%s'", l->name, l->dir);
	*r = (struct log_reader){ .rt = rt, .l = l, .o = o, .dir = dir };
	n = open_all(r, fds);
	if (o->tail >= 0) {
		r->counting = true;
		result = read_all(r, fds, n, e);
		r->counting = false;
		r->skip = r->lines > o->tail ? r->lines - o->tail : 0;
	}
	if (result == 0)
		result = read_all(r, fds, n, e);
	if (result == 0)
		result = o->flush(o->data, e);
	int current = n > 0 ? fds[0] : -1;
	for (int i = 1; i < n; i++)
		close(fds[i]);
	if (result == 0 && o->follow)
		result = follow(r, &current, e);
	close_fd(&current);
	return result;
}
