#include "checkpoint/images/tmpfs.h"

#include "checkpoint/checkpoint.h"
#include "checkpoint/images/directory.h"
#include "checkpoint/images/image.h"
#include "checkpoint/images/mountpoints.h"
#include "checkpoint/images/tar.h"
#include "lib/arena.h"
#include "lib/fd.h"
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

enum { PACKED_MAX = 4096, TMPFS_MODE = 01777 };

#define ARCHIVE_NAME "tmpfs-dev-%" PRIu64 ".tar"

struct owner {
	mode_t mode;
	uid_t uid;
	gid_t gid;
};

struct change {
	int from, to;
	bool userns; /* there is one, and file systems are its own */
	size_t n_namespaces; /* of mounts: each has its own of what is mounted in all */
	const struct image *mounts; /* all, to be looked through */
};

/* ---- the archive ---- */

/* By gzip(1), as CRIU has it packed. */
static bool unpack(int file, struct buf *out)
{
	char *const argv[] = { (char *)"gzip", (char *)"-dc", NULL };
	cleanup_arena struct arena a = ARENA_INIT;
	const char *gzip = program_in(getenv("PATH"), argv[0], &a);

	return gzip && proc_hear(gzip, argv, file, STDOUT_FILENO, TMPFS_ARCHIVE_MAX, out) == 0;
}

/* False: there is none, or it is long. */
static bool read_archive(int images, const char *name, struct buf *ret)
{
	cleanup_close int fd = openat(images, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= PACKED_MAX && unpack(fd, ret);
}

/* How many entries there are beside the directory itself; -1: it cannot be unpacked here. */
static int count_entries(const struct buf *archive, struct owner *ret)
{
	struct wire rest = wire_of(archive->data, archive->len);
	struct tar_entry x;
	int r, n = -1;

	while ((r = tar_next(&rest, &x)) > 0) {
		if ((n < 0) != (x.name[0] == '\0')) /* it comes first, and once */
			return -1;
		if (n++ < 0)
			*ret = (struct owner){ x.mode & 07777, x.uid, x.gid };
	}
	return r < 0 ? -1 : n;
}

/* ---- the mount ---- */

/* "size=65536k,mode=755,uid=1000" */
static struct owner owner_by_options(char *options)
{
	struct owner o = { .mode = TMPFS_MODE };

	for (char *word; (word = strsep(&options, ","));) {
		if (strncmp(word, "mode=", 5) == 0)
			o.mode = (mode_t)strtoul(word + 5, NULL, 8);
		else if (strncmp(word, "uid=", 4) == 0)
			o.uid = (uid_t)strtoul(word + 4, NULL, 10);
		else if (strncmp(word, "gid=", 4) == 0)
			o.gid = (gid_t)strtoul(word + 4, NULL, 10);
	}
	return o;
}

static bool is_as_mounted(const struct image_mount *m, const struct owner *is, struct arena *a)
{
	const struct owner was = owner_by_options(wire_text(m->options, a));

	return is->mode == was.mode && is->uid == was.uid && is->gid == was.gid;
}

/* Also by a bind mount, but for those that are external. */
static bool is_mounted_once(const struct image *mounts, uint64_t device)
{
	struct image i = *mounts;
	struct image_mount m;
	struct err none = ERR_INIT;
	struct wire entry;
	int n = 0;

	while (image_next(&i, &entry, &none) > 0 && image_mount_read(entry, &m, &none) == 0)
		n += m.device == device && !m.key.at;
	return n == 1;
}

/* CRIU's are a root, what is propagated, and what it has to make at several places. */
static bool can_be_external(const struct change *c, const struct image_mount *m)
{
	return wire_is(m->root, "/") && !wire_is(m->place, "/") && !m->shared && !m->master && !m->superblock && !c->userns &&
	       c->n_namespaces == 1 && is_mounted_once(c->mounts, m->device);
}

/* ---- all of them ---- */

static void put_by_name(struct wire entry, struct buf *out)
{
	wire_put_number(out, MOUNT_TYPE, MOUNT_BY_NAME);
	wire_put_others(out, entry, MOUNT_TYPE);
	wire_put_string(out, MOUNT_TYPE_NAME, "tmpfs");
}

static void put_external(struct wire entry, const char *key, struct buf *out)
{
	wire_put_others(out, entry, MOUNT_KEY);
	wire_put_string(out, MOUNT_KEY, key);
}

static int change_mount(struct wire entry, void *data, struct buf *out, struct err *e)
{
	const struct change *c = data;
	cleanup_buf struct buf archive = BUF_INIT;
	cleanup_arena struct arena a = ARENA_INIT;
	struct image_mount m;
	struct owner is = { 0 };

	if (image_mount_read(entry, &m, e) < 0)
		return -e->code;
	const char *name = arena_printf(&a, ARCHIVE_NAME, m.device);
	const char *packed = arena_printf(&a, ARCHIVE_NAME ".gz.img", m.device);
	int n = m.type == MOUNT_TMPFS && !m.key.at && read_archive(c->from, packed, &archive) ? count_entries(&archive, &is) : -1;
	if (n == 0 && is_as_mounted(&m, &is, &a)) {
		put_by_name(entry, out);
	} else if (n >= 0 && can_be_external(c, &m)) {
		put_external(entry, name, out);
		return image_write(c->to, name, &archive, e) < 0 ? -e->code : 1;
	} else {
		return 0;
	}
	return 1;
}

static int change_mounts(int from, const char *name, unsigned char type, void *data, struct err *e)
{
	cleanup_image struct image i = IMAGE_INIT;
	cleanup_buf struct buf out = BUF_INIT;
	struct change *c = data;

	(void)type;
	if (!is_mountpoints(name))
		return 0;
	if (image_read(from, name, IMAGE_MOUNTS, &i, e) < 0)
		return err_wrap(e, "'%s'", name);
	const struct image mounts = i;
	c->mounts = &mounts;
	int r = image_rewrite(&i, IMAGE_MOUNTS, change_mount, c, &out, e);
	if (r > 0)
		r = image_write(c->to, name, &out, e);
	return r < 0 ? err_wrap(e, "'%s'", name) : 0;
}

static int find_namespaces(int from, const char *name, unsigned char type, void *data, struct err *e)
{
	struct change *c = data;

	(void)from;
	(void)type;
	(void)e;
	c->userns |= strncmp(name, "userns-", strlen("userns-")) == 0;
	c->n_namespaces += is_mountpoints(name);
	return 0;
}

int images_spare_tmpfs(int from, int to, struct err *e)
{
	struct change c = { .from = from, .to = to };

	if (images_directory_each(from, find_namespaces, &c, e) < 0)
		return -e->code;
	return images_directory_each(from, change_mounts, &c, e);
}
