/*
 * What the images of one clone have for it alone. All else that is a clone's own needs no images: its address and
 * cgroup are its runtime's, and its connections are closed by CRIU's tcp_close.
 */
#ifndef CHECKPOINT_IMAGES_CLONE_H
#define CHECKPOINT_IMAGES_CLONE_H

#include "lib/arena.h"
#include "lib/err.h"

enum { IMAGES_HOSTNAME_MAX = 64 };

struct images_clone {
	const char *hostname; /* NULL: as it is */
	const char *dir_was, *dir_is; /* overlays whose upper directory is below the one have it below the other, also their work */
};

/*
 * Makes the directory @name in @dirfd, of links to @from's files, but for what is the clone's own: it costs as much as the links
 * do, and is not synced. Returns 0 or -errno: -EEXIST; -EINVAL for a name that no host can have; -ENOENT, the images are of
 * processes without a host name of their own.
 */
int images_clone(int from, int dirfd, const char *name, const struct images_clone *c, struct err *e);

/*
 * An option of such an overlay, "upperdir=PATH" or "workdir=PATH", with a path below @dir_was below @dir_is instead, in the arena;
 * NULL: it is none.
 */
const char *images_clone_option(const char *option, const char *dir_was, const char *dir_is, struct arena *a);

/*
 * Writes into @to the inventory of @from, without what keeps packets out of the network that was dumped: CRIU would lift that by
 * programs that take their time, and in a network that is new there is nothing to be lifted.
 */
int images_skip_unlock(int from, int to, struct err *e);

#endif
