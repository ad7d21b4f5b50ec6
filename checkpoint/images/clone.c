#include "checkpoint/images/clone.h"

#include "checkpoint/images/directory.h"
#include "checkpoint/images/image.h"
#include "checkpoint/images/mountpoints.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* pstree.proto, core.proto, utsns.proto, inventory.proto; cr_options.h: how packets were kept out during the dump */
enum { PSTREE_PID = 1, IDS_UTS = 8, UTS_NODENAME = 1, INVENTORY_NETWORK_LOCK = 11 };
enum { NETWORK_LOCK_SKIP = 2 };

struct filling {
	int from, to;
	const struct images_clone *clone;
};

/* The number @field of an image's first entry. */
static int first_number(int from, const char *name, enum image_type type, uint32_t field, uint64_t *ret, struct err *e)
{
	cleanup_image struct image i = IMAGE_INIT;
	struct wire entry;

	int r = image_read_first(from, name, type, &i, &entry, e);
	if (r < 0)
		return r;
	if (wire_find_number(entry, field, ret) <= 0)
		return err_say(e, EBADMSG, "'%s': it has no field %u", name, field);
	return 0;
}

/* The first process is the first entry; others may have UTS namespaces of their own. */
static int find_utsns(int from, char name[40], struct err *e)
{
	uint64_t pid, uts;

	if (first_number(from, "pstree.img", IMAGE_PSTREE, PSTREE_PID, &pid, e) < 0)
		return -e->code;
	snprintf(name, 40, "ids-%u.img", (unsigned)pid);
	if (first_number(from, name, IMAGE_IDS, IDS_UTS, &uts, e) < 0)
		return -e->code;
	snprintf(name, 40, "utsns-%u.img", (unsigned)uts);
	return 0;
}

/* A copy of the image with @field of its first entry left out; for the caller to add to, and to write. */
static int copy_without(int from, const char *name, enum image_type type, uint32_t field, struct buf *ret, struct err *e)
{
	cleanup_image struct image i = IMAGE_INIT;
	struct wire entry;

	int r = image_read_first(from, name, type, &i, &entry, e);
	if (r == 0)
		wire_put_others(ret, entry, field);
	return r;
}

static int write_one(int to, const char *name, enum image_type type, const struct buf *message, struct err *e)
{
	cleanup_buf struct buf image = BUF_INIT;

	image_begin(&image, type);
	image_add(&image, message);
	return image_write(to, name, &image, e);
}

int images_skip_unlock(int from, int to, struct err *e)
{
	static const char name[] = "inventory.img";
	cleanup_buf struct buf message = BUF_INIT;

	int r = copy_without(from, name, IMAGE_INVENTORY, INVENTORY_NETWORK_LOCK, &message, e);
	if (r == -ENOENT) /* then CRIU says what it thinks of that */
		*e = ERR_INIT;
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	wire_put_number(&message, INVENTORY_NETWORK_LOCK, NETWORK_LOCK_SKIP);
	return write_one(to, name, IMAGE_INVENTORY, &message, e);
}

static int write_hostname(const struct filling *f, struct err *e)
{
	cleanup_buf struct buf message = BUF_INIT;
	char name[40];

	if (!f->clone->hostname)
		return 0;
	if (find_utsns(f->from, name, e) < 0)
		return -e->code;
	int r = copy_without(f->from, name, IMAGE_UTSNS, UTS_NODENAME, &message, e);
	if (r < 0)
		return r == -ENOENT ? err_say(e, ENOENT, "the images are of processes without a host name of their own") : r;
	wire_put_string(&message, UTS_NODENAME, f->clone->hostname);
	return write_one(f->to, name, IMAGE_UTSNS, &message, e);
}

/* ---- overlays ---- */

const char *images_clone_option(const char *option, const char *dir_was, const char *dir_is, struct arena *a)
{
	static const char *const names[] = { "upperdir=", "workdir=" };
	const size_t n = strlen(dir_was);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *path = option + strlen(names[i]);
		if (strncmp(option, names[i], strlen(names[i])) == 0 && strncmp(path, dir_was, n) == 0 && path[n] == '/')
			return arena_printf(a, "%s%s%s", names[i], dir_is, path + n);
	}
	return NULL;
}

static bool move_options(const struct images_clone *c, char *options, struct arena *a, struct buf *out)
{
	bool moved = false;

	for (char *word; (word = strsep(&options, ","));) {
		const char *other = images_clone_option(word, c->dir_was, c->dir_is, a);
		buf_printf(out, "%s%s", other ? other : word, options ? "," : "");
		moved |= other != NULL;
	}
	return moved;
}

/* The root is its runtime's. */
static int change_mount(struct wire entry, void *data, struct buf *out, struct err *e)
{
	const struct images_clone *c = data;
	cleanup_buf struct buf options = BUF_INIT;
	cleanup_arena struct arena a = ARENA_INIT;
	struct image_mount m;

	if (image_mount_read(entry, &m, e) < 0)
		return -e->code;
	if (wire_is(m.place, "/") || !move_options(c, wire_text(m.options, &a), &a, &options))
		return 0;
	wire_put_others(out, entry, MOUNT_OPTIONS);
	wire_put_string(out, MOUNT_OPTIONS, buf_text(&options));
	return 1;
}

static int move_overlays(int from, const char *name, unsigned char type, void *data, struct err *e)
{
	cleanup_image struct image i = IMAGE_INIT;
	cleanup_buf struct buf out = BUF_INIT;
	const struct filling *f = data;

	(void)type;
	if (!f->clone->dir_was || !is_mountpoints(name))
		return 0;
	int r = image_read(from, name, IMAGE_MOUNTS, &i, e);
	if (r < 0)
		return r;
	r = image_rewrite(&i, IMAGE_MOUNTS, change_mount, (void *)f->clone, &out, e);
	if (r > 0)
		r = image_write(f->to, name, &out, e);
	return r < 0 ? err_wrap(e, "'%s'", name) : 0;
}

/* ---- all of it ---- */

static int fill(int to, void *data, struct err *e)
{
	struct filling *f = data;

	f->to = to;
	return write_hostname(f, e) < 0 || images_directory_each(f->from, move_overlays, f, e) < 0 ? -e->code : 0;
}

int images_clone(int from, int dirfd, const char *name, const struct images_clone *c, struct err *e)
{
	struct filling f = { .from = from, .clone = c };
	const struct images_directory d = { .from = from, .fill = fill, .data = &f };
	size_t n = c->hostname ? strlen(c->hostname) : 1;

	if (n == 0 || n > IMAGES_HOSTNAME_MAX)
		return err_say(e, EINVAL, "a host name has 1 to %d characters", IMAGES_HOSTNAME_MAX);
	return images_directory_make(&d, dirfd, name, e);
}
