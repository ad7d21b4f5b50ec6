#include "overlay/image/tar_write.h"

#include "lib/file.h"
#include "overlay/image/tar_index.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The fields of a ustar header, as offset and length. */
enum {
	MODE = 100,
	UID = 108,
	GID = 116,
	SIZE = 124,
	MTIME = 136,
	CHECKSUM = 148,
	TYPE = 156,
	MAGIC = 257,
	OCTAL_MAX = 12
};

/* Eleven octal digits reach to 8 GiB; beyond it the number is binary, behind a set bit, as GNU tar has it. */
static void write_size(char *field, int64_t size)
{
	if (size >> 33 == 0) {
		snprintf(field, OCTAL_MAX, "%011llo", (unsigned long long)size);
		return;
	}
	memset(field, 0, OCTAL_MAX);
	field[0] = (char)0x80;
	for (int i = OCTAL_MAX - 1; i > 3; i--, size >>= 8)
		field[i] = (char)(size & 0xff);
}

static int write_header(int to, const char *name, char type, int mode, int64_t size, struct err *e)
{
	char h[TAR_BLOCK] = { 0 };
	unsigned sum = 0;

	if (strlen(name) >= MODE)
		return err_set(e, ENAMETOOLONG, "'%s'", name);
	memcpy(h, name, strlen(name));
	snprintf(h + MODE, 8, "%07o", mode);
	memcpy(h + UID, "0000000", 8);
	memcpy(h + GID, "0000000", 8);
	write_size(h + SIZE, size);
	memcpy(h + MTIME, "00000000000", OCTAL_MAX);
	memset(h + CHECKSUM, ' ', 8);
	h[TYPE] = type;
	memcpy(h + MAGIC, "ustar\00000", 8);
	for (size_t i = 0; i < sizeof(h); i++)
		sum += (unsigned char)h[i];
	snprintf(h + CHECKSUM, 7, "%06o", sum);
	return fd_write_all(to, h, sizeof(h), e);
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
