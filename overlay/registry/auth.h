/* What to log in to a registry with: containers-auth.json(5), and Docker's config.json, which is alike. */
#ifndef OVERLAY_REGISTRY_AUTH_H
#define OVERLAY_REGISTRY_AUTH_H

#include "lib/arena.h"
#include "lib/err.h"

#include <stddef.h>

struct registry_login {
	const char *user, *password; /* NULL: none are known */
	const char *file; /* that they are from */
};

/*
 * What a file's text has for an image HOST/PATH: the longest of "HOST/PATH", "HOST/P..." and "HOST" counts. 1, or 0
 * when it has nothing, or -EINVAL; -ENOTSUP when it is a credential helper's, or not a password.
 */
int registry_auth_parse(const char *text, size_t len, const char *host, const char *path, struct arena *a,
			struct registry_login *ret, struct err *e);

/*
 * Looks into @file, or if that is NULL $REGISTRY_AUTH_FILE, or without that the files that podman and Docker have, in
 * this order, until one has it. A file that was named must be there.
 */
int registry_auth_find(const char *file, const char *host, const char *path, struct arena *a,
		       struct registry_login *ret, struct err *e);

#endif
