/*
 * Copies files and directories from one place to another, where one of the two may be at a hostile hand: every step is
 * by descriptor, no symbolic link is followed, and only regular files are opened.
 *
 * Devices and sockets are left out. What is there already is replaced, but for directories, which are merged.
 */
#ifndef LIB_TREE_COPY_H
#define LIB_TREE_COPY_H

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct id_range {
	uint32_t from, to, count;
};

struct tree_copy {
	/* who shall own the copies: whoever makes them, one user, or the same as before by other numbers */
	enum { OWNER_MAKER, OWNER_FIXED, OWNER_MAPPED } owner;
	uid_t uid;
	gid_t gid;
	const struct id_range *uids, *gids; /* a number outside of all is kept */
	size_t n_uids, n_gids;
	bool keep_set_id; /* the set-user-id and set-group-id bits too */
	bool xattrs; /* user.* and capabilities */
};

/* @from: O_PATH of what shall become @to_dir/@name: a file, a link, or a directory with all that is in it. */
int tree_copy(const struct tree_copy *o, int from, int to_dir, const char *name, struct err *e);

/* What is in the directory @from, into the directory @to; both may be O_PATH. */
int tree_copy_content(const struct tree_copy *o, int from, int to, struct err *e);

/* What @from holds, over what @to, a regular file, holds. */
int tree_copy_over(int from, int to, struct err *e);

#endif
