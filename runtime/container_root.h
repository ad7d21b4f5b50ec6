/*
 * A container's root from outside, whether it runs or not, for copying.
 *
 * Of a running one it is its first process's. For one that does not run, a process of ours stands in, in a mount
 * namespace (and a user namespace) like the container's: with it all mounts end, whatever ends it.
 */
#ifndef RUNTIME_CONTAINER_ROOT_H
#define RUNTIME_CONTAINER_ROOT_H

#include "lib/tree_copy.h"
#include "runtime/runtime.h"
#include "spec/spec.h"

struct container_root {
	int fd; /* O_PATH; look-ups in it by lib/in_root.h alone */
	int userns; /* the container's, when it is another than ours; else -1 */
	struct id_range *uids, *gids; /* from the container's numbers to ours; none in our own user namespace */
	size_t n_uids, n_gids;
	/* who stands in */
	pid_t stand_in; /* 0: nobody */
	int sock;
};

#define CONTAINER_ROOT_INIT ((struct container_root){ .fd = -1, .userns = -1, .sock = -1 })

void container_root_close(struct container_root *r);
#define cleanup_container_root __attribute__((cleanup(container_root_close)))

/* @pidfd: of its first process. */
int container_root_of_process(struct runtime *rt, pid_t pid, int pidfd, struct container_root *ret, struct err *e);

/* @s: its configuration, which is changed; @bundle: absolute. Nobody may start it meanwhile. */
int container_root_at_rest(struct runtime *rt, struct spec *s, const char *bundle, struct container_root *ret,
			   struct err *e);

/*
 * For a user without rights over the host: becomes root of the container's user namespace, for good, so that what
 * belongs to its users can be read and written. The numbers of users are the container's from then on.
 */
int container_root_become(struct container_root *r, struct err *e);

#endif
