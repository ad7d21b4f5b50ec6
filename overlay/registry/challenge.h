/* What a server that wants a login says in WWW-Authenticate: RFC 9110, 11.6.1, and the registries' tokens. */
#ifndef OVERLAY_REGISTRY_CHALLENGE_H
#define OVERLAY_REGISTRY_CHALLENGE_H

#include "lib/arena.h"

#include <stdbool.h>

enum challenge_scheme { CHALLENGE_NONE, CHALLENGE_BASIC, CHALLENGE_BEARER };

struct challenge {
	enum challenge_scheme scheme; /* the best of those that are known: BEARER before BASIC */
	const char *realm, *service, *scope; /* of a BEARER; NULL when absent. realm: an address, never NULL there */
};

/* Reads one header's value, which may hold several challenges. *c stays what it is if none of them is better. */
void challenge_read(const char *value, struct arena *a, struct challenge *c);

/* "REALM?service=...&scope=...": a scope parameter for each word of the challenge's scope and of @more, none twice. */
const char *challenge_url(const struct challenge *c, const char *more, struct arena *a);

#endif
