/* Internal to overlay/: what root.c and merged.c share. */
#ifndef OVERLAY_ROOT_H
#define OVERLAY_ROOT_H

#include "overlay/overlay.h"

#include <limits.h>
#include <sys/stat.h>

/*
 * Looks a path up, following links. Returns a descriptor (O_PATH) with *ret, or -errno; -ENOENT: *ret_path is where it would
 * be. Paths without a slash at the beginning.
 */
int merged_find(const struct merged *m, const char *path, char ret_path[PATH_MAX], struct stat *ret);

/* The same for what is there itself, a link too, where no directory above it is one. -ENOENT: nothing is. */
int merged_look(const struct merged *m, const char *path, struct stat *ret);

/* Whether a layer's directory hides what the layers below have there. */
bool merged_is_opaque(const struct merged *m, int fd);

#endif
