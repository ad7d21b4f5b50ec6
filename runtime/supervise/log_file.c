/*
 * The container's output, kept: a line for each line, as Kubernetes' runtimes write it,
 *
 *	2026-01-02T03:04:05.123456789Z stdout F text
 *
 * with P in place of F where the line was not whole when it was read. The file is begun anew before it would become
 * longer than asked for: log becomes log.1, that log.2, and so on. What cannot be written is lost: the container must
 * not wait for a disk that is full. Nothing here goes by printf, which is much to have in memory for that.
 */
#include "lib/clock.h"
#include "lib/fd.h"
#include "runtime/supervise/supervisor.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	LINES_MAX = 32, /* in one writev */
	STREAM_NAME_LEN = 8, /* with blanks around it */
};

struct batch {
	char head[2][64]; /* of a whole line, of a part */
	size_t head_len;
	struct iovec iov[3 * LINES_MAX];
	int n;
	size_t bytes;
};

static bool open_log(struct supervisor *s)
{
	struct stat st;

	if (s->log.fd >= 0)
		return true;
	s->log.fd = openat(s->dir, "log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	s->log.size = s->log.fd >= 0 && fstat(s->log.fd, &st) == 0 ? st.st_size : 0;
	return s->log.fd >= 0;
}

void log_file_close(struct supervisor *s)
{
	close_fd(&s->log.fd);
}

/* "log", "log.1" and so on. */
static void name_of(int64_t i, char name[32])
{
	char *to = name + 3, digits[20];
	int n = 0;

	memcpy(name, "log", 3);
	for (; i > 0; i /= 10)
		digits[n++] = (char)('0' + i % 10);
	if (n > 0)
		*to++ = '.';
	while (n > 0)
		*to++ = digits[--n];
	*to = '\0';
}

static void rotate(struct supervisor *s)
{
	char from[32], to[32];

	int64_t n = 1; /* how many there are, the last of which goes when that is enough */

	log_file_close(s);
	for (; n < s->l.log_files - 1; n++) {
		name_of(n, to);
		if (faccessat(s->dir, to, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
			break;
	}
	for (int64_t i = n; i > 0 && s->l.log_files > 1; i--) {
		name_of(i - 1, from);
		name_of(i, to);
		renameat(s->dir, from, s->dir, to);
	}
	if (s->l.log_files <= 1)
		unlinkat(s->dir, "log", 0);
	open_log(s);
}

static void flush(struct supervisor *s, struct batch *b)
{
	if (b->n == 0)
		return;
	ssize_t n = s->log.fd >= 0 ? writev(s->log.fd, b->iov, b->n) : -1;
	/* The rest of a line that was cut off is no line: better none of it, when the disk is full. */
	if (n >= 0 && (size_t)n < b->bytes && ftruncate(s->log.fd, s->log.size) == 0)
		n = 0;
	s->log.size += n > 0 ? n : 0;
	b->n = 0;
	b->bytes = 0;
}

static void add(struct supervisor *s, struct batch *b, const char *text, size_t n, bool whole)
{
	size_t len = b->head_len + n + !whole;

	if (s->l.log_max_bytes > 0 && s->log.size + (int64_t)(b->bytes + len) > s->l.log_max_bytes) {
		flush(s, b);
		if (s->log.size > 0)
			rotate(s);
	}
	b->iov[b->n++] = (struct iovec){ b->head[!whole], b->head_len };
	b->iov[b->n++] = (struct iovec){ (void *)text, n };
	if (!whole)
		b->iov[b->n++] = (struct iovec){ "\n", 1 };
	b->bytes += len;
	if (b->n > 3 * (LINES_MAX - 1))
		flush(s, b);
}

void log_file_write(struct supervisor *s, enum stream stream, const char *data, size_t n)
{
	struct batch b = { .n = 0 };
	const char *name = stream == STREAM_STDERR ? " stderr " : " stdout ";
	struct clock_text now = clock_now_rfc3339();

	if (!open_log(s))
		return;
	for (int part = 0; part < 2; part++) {
		char *head = b.head[part];
		memcpy(head, now.text, CLOCK_TEXT_LEN);
		memcpy(head + CLOCK_TEXT_LEN, name, STREAM_NAME_LEN);
		head[CLOCK_TEXT_LEN + STREAM_NAME_LEN] = part ? 'P' : 'F';
		head[CLOCK_TEXT_LEN + STREAM_NAME_LEN + 1] = ' ';
	}
	b.head_len = CLOCK_TEXT_LEN + STREAM_NAME_LEN + 2;
	while (n > 0) {
		const char *end = memchr(data, '\n', n);
		size_t len = end ? (size_t)(end - data) + 1 : n;
		add(s, &b, data, len, end);
		data += len;
		n -= len;
	}
	flush(s, &b);
}
