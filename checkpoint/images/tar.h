/*
 * Small archives of a directory, ".", as tar(1) writes them: of what CRIU archives by it, those that need nothing but plain
 * headers, with names of up to 99 bytes. Archives of images, whatever is in them, are overlay/'s.
 */
#ifndef CHECKPOINT_IMAGES_TAR_H
#define CHECKPOINT_IMAGES_TAR_H

#include "checkpoint/wire.h"
#include "lib/err.h"

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

enum { TAR_NAME_MAX = 100 };

struct tar_entry {
	char name[TAR_NAME_MAX]; /* "a/b"; "": the directory itself */
	char target[TAR_NAME_MAX]; /* of a symbolic link */
	mode_t mode; /* with the type: a directory, a regular file, a symbolic link, a device, or a fifo */
	uid_t uid;
	gid_t gid;
	dev_t device;
	time_t mtime;
	const void *data; /* of a regular file, in the archive */
	size_t size;
};

/* 1: the next entry; 0: the end; -1: something else than the above, or no archive. */
int tar_next(struct wire *archive, struct tar_entry *ret);

/* Makes all of it in the directory @dir, which is empty. Returns 0 or -errno; -EBADMSG: see tar_next. */
int tar_unpack(struct wire archive, int dir, struct err *e);

#endif
