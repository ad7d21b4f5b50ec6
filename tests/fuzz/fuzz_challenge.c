/*
 * Fuzzing of what a registry's server says in WWW-Authenticate, of files with logins, and of the packets between ferry
 * and ferry-registry.
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -std=c11 -D_GNU_SOURCE -I. tests/fuzz/fuzz_challenge.c \
 *		overlay/registry/challenge.c overlay/registry/request.c overlay/registry/auth.c \
 *		overlay/registry/helper.c lib/[abefj]*.c lib/proc.c lib/sys.c -lyajl_s \
 *		-o fuzz_challenge && ./fuzz_challenge CORPUS
 *
 * With -DREPLAY as in replay.h.
 */
#include "lib/buf.h"
#include "overlay/registry/auth.h"
#include "overlay/registry/challenge.h"
#include "overlay/registry/request.h"
#include "tests/fuzz/replay.h"

#include <stdlib.h>
#include <string.h>

/* The token server is asked by plain characters alone, but for the realm, which is checked as a whole. */
static void ask_by(const struct challenge *c, struct arena *a)
{
	if (c->scheme != CHALLENGE_BEARER)
		return;
	if (!c->realm)
		abort();
	const char *url = challenge_url(c, "repository:app:pull", a);
	if (strncmp(url, c->realm, strlen(c->realm)) != 0)
		abort();
	for (const char *at = url + strlen(c->realm); *at; at++)
		if (*at <= ' ' || *at > '~' || *at == '"' || *at == '#')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct challenge c = { 0 };
	struct registry_answer answer;
	struct registry_request request;
	struct registry_login login = { 0 };
	char *text = arena_alloc(&a, size + 1);

	memcpy(text, data, size);
	challenge_read(text, &a, &c);
	ask_by(&c, &a);
	registry_answer_decode(text, size, &a, &answer, &e);
	if (registry_request_decode(text, size, &a, &request, &e) == 0) {
		struct buf b = BUF_INIT;
		struct registry_request again;
		registry_request_encode(&request, &b);
		if (registry_request_decode(b.data, b.len, &a, &again, &e) < 0 || strcmp(again.url, request.url) != 0)
			abort();
		buf_finish(&b);
	}
	if (registry_auth_parse(text, size, "db.example", "team/app", &a, &login, &e) == 1 && !login.helper &&
	    (!login.user || !login.password))
		abort();
	if (registry_helper_parse(text, size, &a, &login, &e) == 1 && (!login.user || !login.password))
		abort();
	arena_finish(&a);
	return 0;
}
