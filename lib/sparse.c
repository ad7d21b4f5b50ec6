#include "lib/sparse.h"

#include <endian.h>
#include <errno.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 4096, ROOM = 256 * BLOCK };

bool is_all_zero(const char *data, size_t n)
{
	return data[0] == 0 && memcmp(data, data + 1, n - 1) == 0;
}

/* Where the next data begin, from @at on; -ENXIO: nothing but a hole is left. */
static off_t next_data(int fd, off_t at, struct err *e)
{
	off_t next = lseek(fd, at, SEEK_DATA);

	if (next >= 0)
		return next;
	return errno == ENXIO ? -ENXIO : err_set(e, errno, "find what is written");
}

/* ---- copy ---- */

static int copy_range(int from, int to, off_t at, off_t end, struct err *e)
{
	if (lseek(to, at, SEEK_SET) < 0)
		return err_set(e, errno, "write");
	while (at < end) {
		ssize_t n = sendfile(to, from, &at, (size_t)(end - at));
		if (n == 0)
			return 0; /* it has become shorter */
		if (n < 0 && errno != EINTR)
			return err_set(e, errno, "copy");
	}
	return 0;
}

int sparse_copy(int from, int to, struct err *e)
{
	off_t at = 0, end;
	struct stat st;

	if (ioctl(to, FICLONE, from) == 0)
		return 0;
	if (fstat(from, &st) < 0)
		return err_set(e, errno, "stat");
	/* Who writes behind its end as fast as it is copied gets nowhere. */
	while (at < st.st_size && (at = next_data(from, at, e)) >= 0) {
		end = lseek(from, at, SEEK_HOLE);
		if (end < 0)
			return err_set(e, errno, "find what is written");
		end = end < st.st_size ? end : st.st_size;
		if (copy_range(from, to, at, end, e) < 0)
			return -e->code;
		at = end;
	}
	if (at < 0 && at != -ENXIO)
		return (int)at;
	return ftruncate(to, st.st_size) < 0 ? err_set(e, errno, "write") : 0;
}

/* ---- digest ---- */

/* @data begins at a block; what is left of the last one counts as one. */
static void add_blocks(struct sha256 *s, const char *data, size_t n, uint64_t offset)
{
	for (size_t at = 0, size; at < n; at += size) {
		uint64_t where = htole64(offset + at);
		size = n - at < BLOCK ? n - at : BLOCK;
		if (is_all_zero(data + at, size))
			continue;
		sha256_add(s, &where, sizeof(where));
		sha256_add(s, data + at, size);
	}
}

/* All that fits into @data, but for the end of the file. Returns how much, or -errno. */
static ssize_t read_at(int fd, char *data, off_t offset, struct err *e)
{
	ssize_t at = 0, n = 1;

	while (at < ROOM && n > 0) {
		n = pread(fd, data + at, (size_t)(ROOM - at), offset + at);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			return err_set(e, errno, "read");
		else
			at += n;
	}
	return at;
}

static int add_file(struct sha256 *s, int fd, char *data, struct err *e)
{
	off_t at = 0;

	while ((at = next_data(fd, at, e)) >= 0) {
		at = at / BLOCK * BLOCK;
		ssize_t n = read_at(fd, data, at, e);
		if (n <= 0)
			return (int)n;
		add_blocks(s, data, (size_t)n, (uint64_t)at);
		at += n;
	}
	return at == -ENXIO ? 0 : (int)at;
}

int sparse_digest(int fd, struct sha256_text *ret, struct err *e)
{
	struct sha256 s;
	char *data = malloc(ROOM);

	if (!data)
		return err_set(e, ENOMEM, "read");
	sha256_begin(&s);
	int r = add_file(&s, fd, data, e);
	free(data);
	if (r < 0)
		return r;
	*ret = sha256_end(&s);
	return 0;
}
