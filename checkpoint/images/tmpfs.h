/*
 * File systems in memory, in CRIU's images: of each an archive, tmpfs-dev-N.tar.gz.img, for which a restore runs tar(1) and
 * gzip(1). Here images are made that need neither, for file systems with little in them:
 *
 *	images_spare_tmpfs	once, when the images are made from others
 *	images_tmpfs_find	at each restore, what is to be mounted before CRIU runs; external to it by key and path
 *	images_tmpfs_mount	in the mount namespace in which it will run
 */
#ifndef CHECKPOINT_IMAGES_TMPFS_H
#define CHECKPOINT_IMAGES_TMPFS_H

#include "lib/arena.h"
#include "lib/err.h"

#include <stddef.h>

/*
 * Writes into @to the mounts of @from, mountpoints-N.img, where there are some of such file systems. One that was as a mount
 * makes it, with nothing in it and with the owner and mode of the options, CRIU is told to mount by the name of its type: it
 * looks for no archive then. Others are external, and their archive is in @to, not packed, by the name that is their key.
 */
int images_spare_tmpfs(int from, int to, struct err *e);

/* What is longer, unpacked, stays CRIU's. */
enum { TMPFS_ARCHIVE_MAX = 64 * 1024 };

struct image_tmpfs {
	const char *key;
	const char *options; /* of its mount */
};

struct images_tmpfs {
	struct image_tmpfs *all;
	size_t n;
};

/* Those that are external in @images; in the arena. */
int images_tmpfs_find(int images, struct arena *a, struct images_tmpfs *ret, struct err *e);

/*
 * Makes them as they were, below the directory @place, which a file system hides then: only in a mount namespace that is CRIU's
 * alone.
 */
int images_tmpfs_mount(int images, const struct images_tmpfs *t, const char *place, struct err *e);

/* Where it is then; in the arena. */
const char *images_tmpfs_path(const struct image_tmpfs *t, const char *place, struct arena *a);

#endif
