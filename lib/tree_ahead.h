/*
 * What of a directory can be copied before it stands still, so that tree_clone (lib/tree_clone.h) has little left to do then:
 * the data of large files that nobody has written for a while.
 *
 *	tree_ahead_begin   notes the time
 *	tree_ahead_copy    of each directory
 *	...                then nobody may change them any more
 *	tree_ahead_ready   false: all must be copied
 *	tree_clone
 *
 * A file whose ctime is older than the beginning has not been written since it was copied: write(2) sets it, and so does writing
 * to a mapping, the first time after the page was written out. That is done before a file is copied: what was written to the
 * mapping before is in the copy.
 */
#ifndef LIB_TREE_AHEAD_H
#define LIB_TREE_AHEAD_H

#include "lib/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

struct tree_ahead {
	int dir; /* where the copies are, by their inodes' numbers: the caller's, on the same file system */
	time_t since;
	int64_t clock_s; /* of the day, against one that nobody sets */
};

/* @dir: an empty directory. 1, or 0 where it cannot be done: that file system does not tell of mappings, being in memory. */
int tree_ahead_begin(int dir, struct tree_ahead *ret, struct err *e);

/* What goes meanwhile is passed over. */
int tree_ahead_copy(const struct tree_ahead *t, int from_dir, const char *from, struct err *e);

/* Whether the clock has gone as it should. */
bool tree_ahead_ready(const struct tree_ahead *t);

/* Makes the copy of the file with @st, if there is one that is still right, @to_dir/@to. */
bool tree_ahead_take(const struct tree_ahead *t, const struct stat *st, int to_dir, const char *to);

#endif
