/*
 * CRIU's image files: a head, and entries, each a length of 32 bits and a message (wire.h). criu.org calls this the
 * common format, version 1.1; the schema of each message is in the *.proto files that come with CRIU.
 *
 * 	struct image i;
 * 	image_read(dirfd, "pstree.img", IMAGE_PSTREE, &i, e);
 * 	while ((r = image_next(&i, &entry, e)) > 0)
 * 		...
 * 	image_finish(&i);
 *
 * Images come from other hosts: whatever is in them, it is read within its bounds or refused with -EBADMSG.
 */
#ifndef CHECKPOINT_IMAGES_IMAGE_H
#define CHECKPOINT_IMAGES_IMAGE_H

#include "checkpoint/wire.h"
#include "lib/buf.h"
#include "lib/err.h"

enum image_type {
	IMAGE_INVENTORY,
	IMAGE_PSTREE,
	IMAGE_IDS,
	IMAGE_MM,
	IMAGE_PAGEMAP,
	IMAGE_FILES,
	IMAGE_UTSNS,
	IMAGE_MOUNTS,
	IMAGE_REMAPS,
	IMAGE_CORE,
};

struct image {
	struct buf data;
	struct wire rest;
};

void image_finish(struct image *i);
#define cleanup_image __attribute__((cleanup(image_finish)))
#define IMAGE_INIT ((struct image){ 0 })

/* Reads the whole file; @ret is initialised. Returns 0 or -errno: -ENOENT, -EBADMSG when it is no such image. */
int image_read(int dirfd, const char *name, enum image_type type, struct image *ret, struct err *e);

/* The same of what is in memory already, from @ret->data. */
int image_begin_reading(struct image *ret, enum image_type type, struct err *e);

/* Returns 1, 0 at the end, or -EBADMSG. The entry lies in @i. */
int image_next(struct image *i, struct wire *ret, struct err *e);

/* Returns -EBADMSG, for messages that cannot be read. */
int image_damaged(struct err *e);

/* The first entry, of images that must have one. */
int image_first(struct image *i, struct wire *ret, struct err *e);

/* image_read, and that. *entry lies in @ret. */
int image_read_first(int dirfd, const char *name, enum image_type type, struct image *ret, struct wire *entry, struct err *e);

void image_begin(struct buf *out, enum image_type type);
void image_add(struct buf *out, const struct buf *message);

/* Writes an entry anew. Returns 1, 0 when it is to stay as it is, or -errno. */
typedef int image_change(struct wire entry, void *data, struct buf *out, struct err *e);

/* All entries that are left in @i, as an image. Returns 1 when any of them was written anew, 0, or -errno. */
int image_rewrite(struct image *i, enum image_type type, image_change *change, void *data, struct buf *ret, struct err *e);

/*
 * Makes the file @name, which must not be there: to be written. All may read it whom its directory lets in, whatever the umask: CRIU
 * opens images as who the container's root is, too.
 */
int image_create(int dirfd, const char *name, struct err *e);

/* Makes it, and writes it. */
int image_write(int dirfd, const char *name, const struct buf *image, struct err *e);

#endif
