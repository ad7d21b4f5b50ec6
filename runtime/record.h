/* state.json: a container's record as it lies in its directory. */
#ifndef RUNTIME_RECORD_H
#define RUNTIME_RECORD_H

#include "runtime/container.h"

/* Fills the recorded members of @c from its directory; strings in @a. -ENOENT when there is no record yet. */
int record_load(struct container *c, struct arena *a, struct err *e);

/* Replaces the file, so that readers see the old or the new one whole. */
int record_save(const struct container *c, struct err *e);

#endif
