/* What `cp` makes of its arguments; for its tests. */
#ifndef RUNTIME_CLI_CP_H
#define RUNTIME_CLI_CP_H

#include "lib/arena.h"

#include <stdbool.h>

struct cp_place {
	const char *container; /* as it was named; NULL: on the host */
	const char *path; /* in a container always from its root */
	int root; /* the container's, -1 for the host */
};

struct cp_parts {
	const char *dir, *name;
	bool must_be_dir, content;
};

struct cp_place cp_parse(const char *text, struct arena *a);
void cp_split(const char *path, struct arena *a, struct cp_parts *ret);

#endif
