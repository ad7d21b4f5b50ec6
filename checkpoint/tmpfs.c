#include "checkpoint/tmpfs.h"

#include "checkpoint/checkpoint.h"
#include "checkpoint/directory.h"
#include "checkpoint/image.h"
#include "lib/arena.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/proc.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* mnt.proto */
enum { MOUNT_TYPE = 1, MOUNT_DEVICE = 3, MOUNT_OPTIONS = 9, MOUNT_TYPE_NAME = 14 };
enum { TYPE_TMPFS = 5, TYPE_BY_NAME = 16 };

/* tar(5) */
enum { BLOCK = 512, MODE_AT = 100, UID_AT = 108, GID_AT = 116, NUMBER_LEN = 8, TYPE_AT = 156, DIRECTORY = '5' };

enum { PACKED_MAX = 512, ARCHIVE_MAX = 64 * 1024, TMPFS_MODE = 01777 };

struct owner {
	uint64_t mode, uid, gid;
};

struct change {
	int from, to;
};

/* ---- the archive ---- */

static bool unpack(int file, struct buf *out)
{
	char *const argv[] = { (char *)"gzip", (char *)"-dc", NULL };
	cleanup_arena struct arena a = ARENA_INIT;
	const char *gzip = program_in(getenv("PATH"), argv[0], &a);

	return gzip && proc_hear(gzip, argv, file, STDOUT_FILENO, ARCHIVE_MAX, out) == 0;
}

static uint64_t octal(const char *at)
{
	char text[NUMBER_LEN + 1] = { 0 };

	memcpy(text, at, NUMBER_LEN);
	return strtoull(text, NULL, 8);
}

/* One entry, and nothing but zeros behind it. */
static bool is_empty(const struct buf *archive, struct owner *ret)
{
	const char *at = archive->data;

	if (archive->len < 2 * BLOCK || strcmp(at, "./") != 0 || at[TYPE_AT] != DIRECTORY)
		return false;
	for (size_t i = BLOCK; i < archive->len; i++)
		if (at[i])
			return false;
	*ret = (struct owner){ octal(at + MODE_AT), octal(at + UID_AT), octal(at + GID_AT) };
	return true;
}

static bool read_archive(int images, const char *name, struct owner *ret)
{
	cleanup_close int fd = openat(images, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_buf struct buf archive = BUF_INIT;
	struct stat st;

	/* What is longer has something in it. */
	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= PACKED_MAX &&
	       unpack(fd, &archive) && is_empty(&archive, ret);
}

/* ---- the mount ---- */

/* "size=65536k,mode=755,uid=1000" */
static struct owner owner_by_options(char *options)
{
	struct owner o = { .mode = TMPFS_MODE };

	for (char *word; (word = strsep(&options, ","));) {
		if (strncmp(word, "mode=", 5) == 0)
			o.mode = strtoull(word + 5, NULL, 8);
		else if (strncmp(word, "uid=", 4) == 0)
			o.uid = strtoull(word + 4, NULL, 10);
		else if (strncmp(word, "gid=", 4) == 0)
			o.gid = strtoull(word + 4, NULL, 10);
	}
	return o;
}

/* @device: the number of a file system in memory. */
static bool is_as_mounted(int images, uint64_t device, struct wire options)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct owner is;

	if (!read_archive(images, arena_printf(&a, "tmpfs-dev-%" PRIu64 ".tar.gz.img", device), &is))
		return false;
	const struct owner was =
		owner_by_options(arena_strndup(&a, (const char *)options.at, (size_t)(options.end - options.at)));
	return is.mode == was.mode && is.uid == was.uid && is.gid == was.gid;
}

/* ---- all of them ---- */

static void put_by_name(struct wire entry, struct buf *out)
{
	struct wire_field f;

	wire_put_number(out, MOUNT_TYPE, TYPE_BY_NAME);
	while (wire_next(&entry, &f) > 0)
		if (f.number != MOUNT_TYPE && f.number != MOUNT_TYPE_NAME)
			wire_put_field(out, &f);
	wire_put_string(out, MOUNT_TYPE_NAME, "tmpfs");
}

static int write_mounts(const struct change *c, const char *name, struct image *i, struct err *e)
{
	cleanup_buf struct buf out = BUF_INIT;
	bool changed = false;
	struct wire entry;
	int r;

	image_begin(&out, IMAGE_MOUNTS);
	while ((r = image_next(i, &entry, e)) > 0) {
		cleanup_buf struct buf message = BUF_INIT;
		struct wire options = { 0 };
		uint64_t type = 0, device = 0;
		if (wire_find_number(entry, MOUNT_TYPE, &type) < 0 || wire_find_number(entry, MOUNT_DEVICE, &device) < 0 ||
		    wire_find_bytes(entry, MOUNT_OPTIONS, &options) < 0)
			return image_damaged(e);
		bool simple = type == TYPE_TMPFS && is_as_mounted(c->from, device, options);
		if (simple)
			put_by_name(entry, &message);
		else
			buf_add(&message, entry.at, (size_t)(entry.end - entry.at));
		image_add(&out, &message);
		changed |= simple;
	}
	return r < 0 || !changed ? r : image_write(c->to, name, &out, e);
}

static int change_mounts(int from, const char *name, unsigned char type, void *data, struct err *e)
{
	cleanup_image struct image i = IMAGE_INIT;
	const struct change *c = data;

	(void)type;
	if (strncmp(name, "mountpoints-", strlen("mountpoints-")) != 0)
		return 0;
	return image_read(from, name, IMAGE_MOUNTS, &i, e) < 0 || write_mounts(c, name, &i, e) < 0 ? err_wrap(e, "'%s'", name) : 0;
}

int images_spare_tmpfs(int from, int to, struct err *e)
{
	struct change c = { from, to };

	return images_directory_each(from, change_mounts, &c, e);
}
