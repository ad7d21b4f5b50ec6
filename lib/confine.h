/* What a process gives up for good before it hears from strangers. */
#ifndef LIB_CONFINE_H
#define LIB_CONFINE_H

#include "lib/err.h"

#include <stddef.h>

/*
 * Capabilities, gaining any, core dumps; and opens from now on only these paths, or what is below them, and that for
 * reading alone. Those that this machine does not have are left out. @dir: one more directory, or -1. A kernel
 * without Landlock, or with it switched off, is no reason not to work.
 */
int confine_to_reading(const char *const *paths, size_t n, int dir, struct err *e);

/* All system calls but these fail with EPERM. By name: which of them there are, each architecture decides. */
int confine_calls(const char *const *names, size_t n, struct err *e);

#endif
