#include "cgroups/files.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX = 1 << 20 };

bool cgroup_number(const char *text, uint64_t *ret)
{
	char *end;

	if (strncmp(text, "max", 3) == 0) {
		*ret = UINT64_MAX;
		return true;
	}
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	if (errno != 0)
		return false;
	*ret = v;
	return true;
}

bool cgroup_keyed(const char *text, const char *key, uint64_t *ret)
{
	size_t len = strlen(key);

	for (const char *line = text; line && *line;) {
		if (strncmp(line, key, len) == 0 && line[len] == ' ')
			return cgroup_number(line + len + 1, ret);
		line = strchr(line, '\n');
		if (line)
			line++;
	}
	return false;
}

int cgroup_read_text(int dir, const char *file, struct buf *b, struct err *e)
{
	b->len = 0;
	int r = file_read_at(dir, file, FILE_MAX, b, e);
	if (r == -ENOENT || r == -EOPNOTSUPP)
		return 0;
	return r < 0 ? r : 1;
}

int cgroup_read_number(int dir, const char *file, uint64_t *ret, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;

	int r = cgroup_read_text(dir, file, &b, e);
	if (r <= 0)
		return r;
	if (!cgroup_number(buf_text(&b), ret))
		return err_say(e, EIO, "'%s' holds no number: '%s'", file, buf_text(&b));
	return 1;
}

int cgroup_wait_event(int dir, const char *key, uint64_t value, int timeout_ms, struct err *e)
{
	cleanup_close int fd = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open 'cgroup.events'");

	for (int64_t end = clock_ms() + timeout_ms;;) {
		char text[256];
		uint64_t v;

		/* Reading also arms the poll: it returns for changes after what was read. */
		ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
		if (n < 0)
			return err_set(e, errno, "read 'cgroup.events'");
		text[n] = '\0';
		if (cgroup_keyed(text, key, &v) && v == value)
			return 1;

		int64_t left = end - clock_ms();
		if (left <= 0)
			return 0;
		struct pollfd p = { .fd = fd, .events = POLLPRI };
		if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
			return err_set(e, errno, "poll 'cgroup.events'");
	}
}
