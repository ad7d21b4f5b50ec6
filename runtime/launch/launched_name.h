/* Internal to runtime/launch: how launched.c finds containers by their names. */
#ifndef RUNTIME_LAUNCH_LAUNCHED_NAME_H
#define RUNTIME_LAUNCH_LAUNCHED_NAME_H

#include "runtime/launch/launched.h"

struct launched_entry {
	const char *name, *id, *dir;
};

/* Appends every name there is, in rt->arena, whether or not it points to a container of this state root. */
int launched_names(struct runtime *rt, struct launched_entry **ret, size_t *ret_n, struct err *e);

/* The name that it has now: it may have been renamed since @l was read. In rt->arena. */
const char *launched_name(struct runtime *rt, const struct launched *l);

int launched_remove_name(struct runtime *rt, const struct launched *l, struct err *e);

/* ---- storage.c ---- */

/* Removes what killed commands left in @storage, unless another is at work there now. */
int launch_sweep(struct runtime *rt, const char *storage, struct err *e);

/* Whether the directory of container @id was made with this state root. */
bool launch_is_ours(const struct runtime *rt, const char *dir, const char *id);

#endif
