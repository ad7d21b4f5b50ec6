#include "lib/tree_links.h"

#include <search.h>
#include <stddef.h>

struct known {
	dev_t dev;
	ino_t ino;
	const char *path;
};

static int compare(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	return x->ino == y->ino ? 0 : x->ino < y->ino ? -1 : 1;
}

const char *tree_links_first(struct tree_links *t, const struct stat *st, const char *path)
{
	struct known key = { .dev = st->st_dev, .ino = st->st_ino };
	void *found = tfind(&key, &t->root, compare);

	if (found)
		return (*(struct known **)found)->path;
	key.path = arena_strdup(&t->arena, path);
	tsearch(arena_dup(&t->arena, &key, sizeof(key)), &t->root, compare);
	return NULL;
}

static void keep(void *known)
{
	(void)known; /* the arena's */
}

void tree_links_finish(struct tree_links *t)
{
	tdestroy(t->root, keep);
	arena_finish(&t->arena);
	*t = TREE_LINKS_INIT;
}
