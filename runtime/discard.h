#ifndef RUNTIME_DISCARD_H
#define RUNTIME_DISCARD_H

#include "runtime/container.h"

/* Removes the trees of c->discard. Nothing of the container runs any more. */
int container_discard(struct runtime *rt, struct container *c, struct err *e);

#endif
