/*
 * A container's record as it lies in its directory: making.json from before anything else is made, with what undoing
 * would need, and state.json once its process exists. Two files, each written once: a file system on a disk would write
 * out at once what a rename puts over an older file.
 */
#ifndef RUNTIME_RECORD_H
#define RUNTIME_RECORD_H

#include "runtime/container.h"

/* Fills the recorded members of @c from its directory; strings in @a. -ENOENT when there is no record yet. */
int record_load(struct container *c, struct arena *a, struct err *e);

/* Without a pid it is making.json that is written, else state.json, which readers see whole or not at all. */
int record_save(const struct container *c, struct err *e);

#endif
