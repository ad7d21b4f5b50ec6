/*
 * Files that were deleted while a process had them open: a restore makes each of them again, in its old directory, for as long
 * as it takes to open it. One that is killed leaves them there, where they are in the way of the next.
 */
#ifndef CHECKPOINT_IMAGES_GHOSTS_H
#define CHECKPOINT_IMAGES_GHOSTS_H

#include "lib/arena.h"
#include "lib/err.h"

#include <stddef.h>

struct image_ghost {
	const char *path; /* absolute, in the container */
	const char *name; /* the last part of that */
	const char *ghost; /* under which CRIU makes it; it then links it to `name` */
};

/* Those of the images in the directory @images, in the arena. -EBADMSG: they are damaged. */
int image_ghosts_read(int images, struct arena *a, struct image_ghost **ret, size_t *ret_n, struct err *e);

/* Removes from @directory what a restore that was killed has left of @g: nothing else has these names and is one file. */
int image_ghost_remove(int directory, const struct image_ghost *g, struct err *e);

#endif
