/*
 * Where the files are in a plain tar that can be sought in: nothing is copied, layers are read from where they lie.
 * Understands ustar, GNU's long names and sizes, and pax's path, linkpath and size.
 */
#ifndef OVERLAY_IMAGE_TAR_INDEX_H
#define OVERLAY_IMAGE_TAR_INDEX_H

#include "lib/arena.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tar_member {
	const char *name; /* without "./" before it and "/" after it */
	const char *link; /* of a link: where to; else NULL */
	bool hard; /* link is a member's name; else it is relative to where name is */
	bool directory;
	int64_t offset, size_bytes;
};

struct tar_index {
	struct tar_member *members;
	size_t n;
};

/*
 * Reads the headers of an image's archive. -ENOTSUP: it is not a plain tar. -EMEDIUMTYPE: it is one, but a member's
 * name is none that an image has. -EINVAL: damaged; or a file that is there twice, since two readers could then see
 * two images in it.
 */
int tar_index_read(int fd, struct arena *a, struct tar_index *ret, struct err *e);

/* The file, through links; NULL when there is none. */
const struct tar_member *tar_index_find(const struct tar_index *t, const char *name);

#endif
