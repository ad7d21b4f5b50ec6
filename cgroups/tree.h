/* A cgroup with all below it. Paths are below @root and begin without '/'. */
#ifndef CGROUPS_TREE_H
#define CGROUPS_TREE_H

#include "cgroups/cgroups.h"

/* Calls @visit for each child until one fails; returns the last result. */
int cgroup_each_child(int dir, int (*visit)(int parent, const char *name, void *context, struct err *e), void *context,
		      struct err *e);

/* Kills all of it and waits for the end. Returns 0, or 1 when the cgroup does not exist, or is another's. */
int cgroup_kill_and_wait(const struct cgroup_ref *r, int root, const char *path, struct err *e);

/* Removes it with its children, which must be empty or soon be. Gone already is no error. */
int cgroup_remove(int root, const char *path, struct err *e);

#endif
