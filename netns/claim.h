/* Symbolic links that say who has something: made by one system call, whole or not at all. Paths are below STATE. */
#ifndef NETNS_CLAIM_H
#define NETNS_CLAIM_H

#include "netns/netns.h"

struct claim_path {
	char path[512];
};
struct claim_path claim_path(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Makes the directories that are missing above it. */
void claim_make_above(int state, const char *path);

/* Makes the directories above it when they are missing. -EEXIST, without an error text: somebody has it. */
int claim_make(int state, const char *path, const char *target, struct err *e);

/* Where it leads; false when there is none. */
bool claim_read(int state, const char *path, char *ret, size_t room);
bool claim_is(int state, const char *path, const char *target);

/* Only if it is @target's. Nothing there is no error. */
int claim_drop(int state, const char *path, const char *target, struct err *e);

/* Removes a directory that is empty. */
void claim_drop_directory(int state, const char *path);

/* `the container "web"`, whose key it is, for messages. */
const char *claim_holder(const struct net *n, const char *key, struct arena *a);

/* Calls @each with every name in a directory, but hidden ones, and what it leads to. None there is no error. */
typedef int claim_each_fn(const char *name, const char *target, void *data, struct err *e);
int claim_each(int state, const char *path, claim_each_fn *each, void *data, struct err *e);

#endif
