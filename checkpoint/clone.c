#include "checkpoint/clone.h"

#include "checkpoint/directory.h"
#include "checkpoint/image.h"

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

/* A copy of the image with another first entry: @replace puts all of its fields, and is given what there was. */
static int rewrite(int from, int to, const char *name, enum image_type type, const char *hostname,
		   void (*replace)(struct wire entry, const char *hostname, struct buf *out), struct err *e)
{
	cleanup_buf struct buf message = BUF_INIT, image = BUF_INIT;
	cleanup_image struct image old = IMAGE_INIT;
	struct wire entry;

	int r = image_read_first(from, name, type, &old, &entry, e);
	if (r < 0)
		return r;
	replace(entry, hostname, &message);
	image_begin(&image, type);
	image_add(&image, &message);
	return image_write(to, name, &image, e);
}

static void put_others(struct wire entry, uint32_t field, struct buf *out)
{
	struct wire_field f;

	while (wire_next(&entry, &f) > 0)
		if (f.number != field)
			wire_put_field(out, &f);
}

static void set_nodename(struct wire entry, const char *hostname, struct buf *out)
{
	wire_put_string(out, UTS_NODENAME, hostname);
	put_others(entry, UTS_NODENAME, out);
}

/* CRIU lifts the lock that the images name, by programs that take their time. A clone's network is new. */
static void skip_unlock(struct wire entry, const char *hostname, struct buf *out)
{
	(void)hostname;
	put_others(entry, INVENTORY_NETWORK_LOCK, out);
	wire_put_number(out, INVENTORY_NETWORK_LOCK, NETWORK_LOCK_SKIP);
}

static int fill(int to, void *data, struct err *e)
{
	const struct clone_fill *c = data;
	char name[40];

	int r = rewrite(c->from, to, "inventory.img", IMAGE_INVENTORY, NULL, skip_unlock, e);
	if (r < 0 && r != -ENOENT) /* then CRIU says what it thinks of that */
		return r;
	*e = ERR_INIT;
	if (!c->hostname)
		return 0;
	if (find_utsns(c->from, name, e) < 0)
		return -e->code;
	r = rewrite(c->from, to, name, IMAGE_UTSNS, c->hostname, set_nodename, e);
	return r == -ENOENT ? err_say(e, ENOENT, "the images are of processes without a host name of their own") : r;
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
