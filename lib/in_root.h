/*
 * Path look-up inside a root that is not trusted: a container's rootfs. Every look-up goes through openat2(2) with
 * RESOLVE_IN_ROOT, so no symlink, absolute path or ".." leads out of it, and what comes back is a descriptor: the path
 * is never used again. Magic links of procfs are refused. Where something is made, a symlink to what does not exist yet
 * has its target made, inside the root.
 */
#ifndef LIB_IN_ROOT_H
#define LIB_IN_ROOT_H

#include "lib/err.h"

#include <sys/types.h>

/* As openat2(2). O_CLOEXEC is added. Use O_PATH where only the place matters. */
int in_root_open(int root, const char *path, int flags, struct err *e);

/*
 * Opens (O_PATH) the directory @path, making the missing components with @mode. -ENOTDIR when a component is something
 * else.
 */
int in_root_mkdir(int root, const char *path, mode_t mode, struct err *e);

/*
 * Opens (O_PATH) the file @path, making it empty, with the directories above it, when it does not exist.
 */
int in_root_touch(int root, const char *path, mode_t mode, struct err *e);

#endif
