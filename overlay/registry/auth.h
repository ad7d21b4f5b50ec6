/* What to log in to a registry with: containers-auth.json(5), and Docker's config.json, which is alike. */
#ifndef OVERLAY_REGISTRY_AUTH_H
#define OVERLAY_REGISTRY_AUTH_H

#include "overlay/registry/registry.h"

#include <stddef.h>

/*
 * What a file's text has for an image HOST/PATH. A helper that is for this host; else the longest of "HOST/PATH",
 * "HOST/P..." and "HOST" counts; else a helper that is for all. 1, with a user or a helper; 0 when it has nothing, or
 * -EINVAL; -ENOTSUP when it is not a password.
 */
int registry_auth_parse(const char *text, size_t len, const char *host, const char *path, struct arena *a,
			struct registry_login *ret, struct err *e);

/* Asks docker-credential-HELPER. 1, or 0 when it has no login for the server. -ENOENT: there is no such program. */
int registry_helper_ask(const char *helper, const char *server, struct arena *a, struct registry_login *ret,
			struct err *e);

/* Its answer: docker-credential-helpers' protocol, "get". 1 or 0 likewise. */
int registry_helper_parse(const char *text, size_t len, struct arena *a, struct registry_login *ret, struct err *e);

#endif
