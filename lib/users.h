/*
 * Who uses a directory: in it, "users" has a symbolic link for each, to that one's own directory or file. It is made by one
 * system call, and over when what it leads to is gone, whoever removed that.
 */
#ifndef LIB_USERS_H
#define LIB_USERS_H

#include "lib/arena.h"
#include "lib/err.h"

#include <stdbool.h>

#define USERS_DIRECTORY "users"

/* Notes that @path (absolute) uses @dir. "users" is there. */
int users_add(int dir, const char *path, struct err *e);

/* *ret: those that are there. @sweep: links that are over go; for whoever keeps others from adding some meanwhile. */
int users_list(int dir, bool sweep, struct arena *a, const char ***ret, size_t *ret_n, struct err *e);

#endif
