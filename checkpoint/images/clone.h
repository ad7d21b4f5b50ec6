/*
 * What the images of one clone have for it alone. All else that is a clone's own needs no images: its address and
 * cgroup are its runtime's, and its connections are closed by CRIU's tcp_close.
 */
#ifndef CHECKPOINT_IMAGES_CLONE_H
#define CHECKPOINT_IMAGES_CLONE_H

#include "lib/err.h"

enum { IMAGES_HOSTNAME_MAX = 64 };

/*
 * Makes the directory @name in @dirfd, of links to @from's files, with another host name (NULL: as it is): it costs as much
 * as the links do, and is not synced. Returns 0 or -errno: -EEXIST; -EINVAL for a name that no host can have; -ENOENT, the images
 * are of processes without a host name of their own.
 */
int images_clone(int from, int dirfd, const char *name, const char *hostname, struct err *e);

/*
 * Writes into @to the inventory of @from, without what keeps packets out of the network that was dumped: CRIU would lift that by
 * programs that take their time, and in a network that is new there is nothing to be lifted.
 */
int images_skip_unlock(int from, int to, struct err *e);

#endif
