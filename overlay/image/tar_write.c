#include "overlay/image/tar_write.h"

#include "lib/file.h"
#include "lib/tar_header.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Eleven octal digits reach to 8 GiB; beyond it the number is binary, behind a set bit, as GNU tar has it. */
static void write_size(struct tar_header *h, int64_t size)
{
	const size_t n = sizeof(h->size);

	if (size >> 33 == 0) {
		snprintf(h->size, n, "%011llo", (unsigned long long)size);
		return;
	}
	h->size[0] = (char)0x80;
	for (size_t i = n - 1; i > 3; i--, size >>= 8)
		h->size[i] = (char)(size & 0xff);
}

static int write_header(int to, const char *name, char type, int mode, int64_t size, struct err *e)
{
	struct tar_header h = { .type = type, .uid = "0000000", .gid = "0000000", .mtime = "00000000000",
				.magic = "ustar", .version = { '0', '0' } };

	if (strlen(name) >= sizeof(h.name))
		return err_set(e, ENAMETOOLONG, "'%s'", name);
	memcpy(h.name, name, strlen(name));
	snprintf(h.mode, sizeof(h.mode), "%07o", mode);
	write_size(&h, size);
	snprintf(h.checksum, sizeof(h.checksum) - 1, "%06o", tar_checksum(&h));
	h.checksum[sizeof(h.checksum) - 1] = ' ';
	return fd_write_all(to, &h, sizeof(h), e);
}

static int write_padding(int to, int64_t size, struct err *e)
{
	static const char zeros[TAR_BLOCK];

	return fd_write_all(to, zeros, (size_t)((TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK), e);
}

int tar_write_directory(int to, const char *name, struct err *e)
{
	return write_header(to, name, '5', 0755, 0, e);
}

int tar_write_text(int to, const char *name, const char *text, size_t len, struct err *e)
{
	if (write_header(to, name, '0', 0644, (int64_t)len, e) < 0 || fd_write_all(to, text, len, e) < 0)
		return -e->code;
	return write_padding(to, (int64_t)len, e);
}

/* In the kernel where it can be; which needs files, or a pipe on one side. */
static ssize_t move_bytes(int from, int to, size_t n, struct err *e)
{
	enum { ROOM = 64 << 10 };
	char room[ROOM];
	ssize_t done = copy_file_range(from, NULL, to, NULL, n, 0);

	if (done >= 0)
		return done;
	if (errno != EINVAL && errno != EXDEV && errno != EOPNOTSUPP && errno != EBADF && errno != ENOSYS)
		return err_set(e, errno, "copy");
	done = read(from, room, n < ROOM ? n : ROOM);
	if (done < 0)
		return err_set(e, errno, "read");
	return fd_write_all(to, room, (size_t)done, e) < 0 ? -e->code : done;
}

int tar_write_file(int to, const char *name, int from, int64_t size, struct err *e)
{
	enum { AT_ONCE = 1 << 30 };

	if (write_header(to, name, '0', 0644, size, e) < 0)
		return -e->code;
	for (int64_t left = size; left > 0;) {
		ssize_t n = move_bytes(from, to, left < AT_ONCE ? (size_t)left : AT_ONCE, e);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return err_say(e, EIO, "'%s' is shorter than it was", name);
		left -= n;
	}
	return write_padding(to, size, e);
}

int tar_write_end(int to, struct err *e)
{
	static const char zeros[2 * TAR_BLOCK];

	return fd_write_all(to, zeros, sizeof(zeros), e);
}
