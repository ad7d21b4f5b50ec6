/*
 * Containers as people look at them: launched ones by their names, and those of `create` and `run` by their ids, both
 * with the same words for what they do.
 */
#ifndef RUNTIME_CLI_CONTAINERS_H
#define RUNTIME_CLI_CONTAINERS_H

#include "runtime/launch/launched.h"

struct cli_container {
	/* One that was not launched has no dir; its image is its rootfs, the rest is what its record says. */
	struct launched l;
	struct launched_status status;
};

/* By name, id or the beginning of one; one that was not launched by its whole id. Errors as launched_find's. */
int cli_container(struct runtime *rt, const char *text, struct cli_container *ret, struct err *e);

/* Its configuration. In rt->arena. */
int cli_container_spec(struct runtime *rt, const struct cli_container *c, struct spec **ret, struct err *e);

/* All below the state root, by name. In rt->arena. */
int cli_containers(struct runtime *rt, struct cli_container **ret, size_t *ret_n, struct err *e);

/*
 * Those that the arguments name, or all when there are none, each given to @one. One that fails is an error message and
 * does not stop the rest. Returns the exit code, 0 or 1; negative only when they cannot be listed.
 */
int cli_each_container(struct runtime *rt, int argc, char **argv,
		       int (*one)(struct runtime *rt, const struct cli_container *c, void *to, struct err *e), void *to,
		       struct err *e);

#endif
