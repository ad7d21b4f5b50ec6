/* Files with several names in a tree: by which name each was met first. */
#ifndef LIB_TREE_LINKS_H
#define LIB_TREE_LINKS_H

#include "lib/arena.h"

#include <sys/stat.h>

struct tree_links {
	struct arena arena;
	void *root; /* of tsearch(3) */
};

#define TREE_LINKS_INIT ((struct tree_links){ .arena = ARENA_INIT })

/* The path it was given first for this file; NULL: this is the first, and is remembered. */
const char *tree_links_first(struct tree_links *t, const struct stat *st, const char *path);

void tree_links_finish(struct tree_links *t);
#define cleanup_tree_links __attribute__((cleanup(tree_links_finish)))

#endif
