/* The parts of `cp`, and what it makes of its arguments. */
#ifndef RUNTIME_CLI_CP_H
#define RUNTIME_CLI_CP_H

#include "lib/arena.h"
#include "lib/err.h"

#include <stdbool.h>
#include <sys/stat.h>

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

/* @source: O_PATH, found to be @st. To standard output. */
int cp_archive(int source, const struct cp_parts *src, const struct stat *st, struct err *e);

/* From standard input. @userns: the container's own, whose root we are: what that may not do is left out. */
int cp_extract(const struct cp_place *dst, bool userns, struct err *e);

#endif
