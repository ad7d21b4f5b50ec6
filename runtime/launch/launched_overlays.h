/* The overlays of a launched container: what it has written, and over what. */
#ifndef RUNTIME_LAUNCH_LAUNCHED_OVERLAYS_H
#define RUNTIME_LAUNCH_LAUNCHED_OVERLAYS_H

#include "overlay/changes.h"
#include "runtime/launch/launched.h"

struct launched_overlay {
	const char *path; /* where the container sees it: "/" for its root */
	struct overlay_dirs dirs;
};

/* Those whose upper directories are the container's own; none for one with --rootfs. In rt->arena. */
int launched_overlays(struct runtime *rt, const struct launched *l, struct launched_overlay **ret, size_t *ret_n,
		      struct err *e);

/*
 * What the container has changed, by path; not what `launch` writes, hides and mounts over itself. @from, @to: directories with
 * upper directories that are called as the container's own are; NULL: from what it was launched from; to what it has now.
 */
int launched_changes(struct runtime *rt, const struct launched *l, const char *from, const char *to,
		     struct overlay_change **ret, size_t *ret_n, struct err *e);

/* How much room all of it takes. */
int launched_size(struct runtime *rt, const struct launched *l, uint64_t *ret, struct err *e);

#endif
