/*
 * File systems in memory, in CRIU's images: of each an archive, tmpfs-dev-N.tar.gz.img, for which a restore runs tar(1) and
 * gzip(1).
 */
#ifndef CHECKPOINT_TMPFS_H
#define CHECKPOINT_TMPFS_H

#include "lib/err.h"

/*
 * Writes into @to the mounts of @from, mountpoints-N.img, where there are some of file systems that were as a mount makes them:
 * nothing in them, their owner and mode those of the options. CRIU is told to mount these by the name of their type, and looks for
 * no archive then.
 */
int images_spare_tmpfs(int from, int to, struct err *e);

#endif
