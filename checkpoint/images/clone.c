#include "checkpoint/images/clone.h"

#include "checkpoint/images/directory.h"
#include "checkpoint/images/image.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* pstree.proto, core.proto, utsns.proto, inventory.proto; cr_options.h: how packets were kept out during the dump */
enum { PSTREE_PID = 1, IDS_UTS = 8, UTS_NODENAME = 1, INVENTORY_NETWORK_LOCK = 11 };
enum { NETWORK_LOCK_SKIP = 2 };

struct clone_fill {
	int from;
	const char *hostname;
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

static int fill(int to, void *data, struct err *e)
{
	cleanup_buf struct buf message = BUF_INIT;
	const struct clone_fill *c = data;
	char name[40];

	if (!c->hostname)
		return 0;
	if (find_utsns(c->from, name, e) < 0)
		return -e->code;
	int r = copy_without(c->from, name, IMAGE_UTSNS, UTS_NODENAME, &message, e);
	if (r < 0)
		return r == -ENOENT ? err_say(e, ENOENT, "the images are of processes without a host name of their own") : r;
	wire_put_string(&message, UTS_NODENAME, c->hostname);
	return write_one(to, name, IMAGE_UTSNS, &message, e);
}

int images_clone(int from, int dirfd, const char *name, const char *hostname, struct err *e)
{
	struct clone_fill c = { .from = from, .hostname = hostname };
	const struct images_directory d = { .from = from, .fill = fill, .data = &c };
	size_t n = hostname ? strlen(hostname) : 1;

	if (n == 0 || n > IMAGES_HOSTNAME_MAX)
		return err_say(e, EINVAL, "a host name has 1 to %d characters", IMAGES_HOSTNAME_MAX);
	return images_directory_make(&d, dirfd, name, e);
}
