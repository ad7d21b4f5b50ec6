/* Mounts in CRIU's images: mountpoints-N.img, one of each mount namespace. */
#ifndef CHECKPOINT_IMAGES_MOUNTPOINTS_H
#define CHECKPOINT_IMAGES_MOUNTPOINTS_H

#include "checkpoint/wire.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stdint.h>

/* mnt.proto */
enum mount_field {
	MOUNT_TYPE = 1,
	MOUNT_DEVICE = 3,
	MOUNT_ROOT = 6,
	MOUNT_POINT = 7,
	MOUNT_OPTIONS = 9,
	MOUNT_SHARED = 10,
	MOUNT_MASTER = 11,
	MOUNT_TYPE_NAME = 14,
	MOUNT_SUPERBLOCK = 17,
	MOUNT_KEY = 18,
};

enum mount_type { MOUNT_TMPFS = 5, MOUNT_BY_NAME = 16 };

/* What of it is needed here. A number that it does not have is 0, a text without @at. The texts lie in the entry. */
struct image_mount {
	uint64_t type;
	uint64_t device; /* one for each file system */
	uint64_t shared, master; /* groups of propagation */
	uint64_t superblock; /* flags */
	struct wire root, place, options;
	struct wire key; /* it is external */
};

bool is_mountpoints(const char *name);

/* Returns 0 or -EBADMSG. */
int image_mount_read(struct wire entry, struct image_mount *ret, struct err *e);

#endif
