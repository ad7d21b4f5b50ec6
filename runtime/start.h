/* The hooks around a container's running time, for start, run and delete. */
#ifndef RUNTIME_START_H
#define RUNTIME_START_H

#include "runtime/container.h"

int poststart_hooks(struct container *c, const struct spec *s, struct err *e);

/* A failing poststop hook is only warned of, as the specification asks. */
void poststop_hooks(struct container *c, const struct spec *s);

#endif
