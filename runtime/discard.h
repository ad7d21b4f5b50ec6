#ifndef RUNTIME_DISCARD_H
#define RUNTIME_DISCARD_H

#include "runtime/container.h"

/* Removes these trees, ended by NULL. Nothing of the container runs any more; its configuration is still there. */
int container_discard(struct runtime *rt, struct container *c, const char **paths, struct err *e);

#endif
