#include "checkpoint/clone.h"

#include "checkpoint/directory.h"
#include "checkpoint/image.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* pstree.proto, core.proto, utsns.proto */
enum { PSTREE_PID = 1, IDS_UTS = 8, UTS_NODENAME = 1 };

struct clone_fill {
	int from;
	const char *hostname;
};

/* The number @field of an image's first entry. */
static int first_number(int from, const char *name, enum image_type type, uint32_t field, uint64_t *ret, struct err *e)
{
	cleanup_image struct image i = IMAGE_INIT;
	struct wire entry;

	int r = image_read(from, name, type, &i, e);
	if (r < 0)
		return r;
	if (image_first(&i, &entry, e) < 0)
		return err_wrap(e, "'%s'", name);
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

static void set_nodename(struct wire entry, const char *hostname, struct buf *out)
{
	struct wire_field f;

	wire_put_string(out, UTS_NODENAME, hostname);
	while (wire_next(&entry, &f) > 0)
		if (f.number != UTS_NODENAME)
			wire_put_field(out, &f);
}

static int fill(int to, void *data, struct err *e)
{
	cleanup_buf struct buf message = BUF_INIT, image = BUF_INIT;
	cleanup_image struct image old = IMAGE_INIT;
	const struct clone_fill *c = data;
	struct wire entry;
	char name[40];

	if (!c->hostname)
		return 0;
	if (find_utsns(c->from, name, e) < 0)
		return -e->code;
	int r = image_read(c->from, name, IMAGE_UTSNS, &old, e);
	if (r == -ENOENT)
		return err_say(e, ENOENT, "the images are of processes without a host name of their own");
	if (r < 0)
		return r;
	if (image_first(&old, &entry, e) < 0)
		return err_wrap(e, "'%s'", name);
	set_nodename(entry, c->hostname, &message);
	image_begin(&image, IMAGE_UTSNS);
	image_add(&image, &message);
	return image_write(to, name, &image, e);
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
