/*
 * An exact copy of a directory that nobody changes meanwhile and nobody else can reach: files of every kind, devices and
 * sockets too, with owners, modes, times, all extended attributes, hard links and holes. Data are shared with the original as
 * long as neither is written, where the file system can. Where anything cannot be kept, that is an error.
 *
 * For what others may change there is lib/tree_copy.h.
 */
#ifndef LIB_TREE_CLONE_H
#define LIB_TREE_CLONE_H

#include "lib/err.h"

struct tree_ahead;

/*
 * Makes @to_dir/@to, which is not there. What an error leaves of it is the caller's to remove. @ahead: what has been copied already
 * (lib/tree_ahead.h); NULL: nothing.
 */
int tree_clone(int from_dir, const char *from, int to_dir, const char *to, const struct tree_ahead *ahead, struct err *e);

#endif
