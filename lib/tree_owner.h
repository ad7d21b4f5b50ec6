/* Gives a directory with all that is in it to another user. */
#ifndef LIB_TREE_OWNER_H
#define LIB_TREE_OWNER_H

#include "lib/err.h"

#include <sys/types.h>

/* @path: a directory or a file. Follows no symbolic links below it and stays on one file system. */
int tree_set_owner(const char *path, uid_t uid, gid_t gid, struct err *e);

#endif
