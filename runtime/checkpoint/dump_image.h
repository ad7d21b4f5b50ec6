/*
 * The directory of an image, while it is being made. Others may use the same one before and after, and other containers:
 * so it is locked, and a file says whose image it is to become. Whatever goes wrong with that, nobody else's image suffers.
 */
#ifndef RUNTIME_CHECKPOINT_DUMP_IMAGE_H
#define RUNTIME_CHECKPOINT_DUMP_IMAGE_H

#include "lib/err.h"

#include <stdbool.h>

/*
 * From here on it is no whole image, and it has none before it. The lock is @dir's, and goes when that is closed everywhere.
 * @path: for messages. Returns 0 or -errno: -EBUSY, another one is being made there.
 */
int dump_image_begin(int dir, const char *path, const char *id, struct err *e);

/* It is whole, and the container's record says so; or there is none. */
void dump_image_end(int dir);

/* Whether what is there was made of this container and is whole. */
bool dump_image_is_whole(int dir, const char *id);

/* Nobody was told of it: if it was to be of this container, it is none, and what is large of it is removed. */
int dump_image_spoil(int dir, const char *id, struct err *e);

#endif
