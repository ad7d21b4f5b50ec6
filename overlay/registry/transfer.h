/*
 * The inside of the program ferry-registry: libcurl, and what strangers send. From the outside in:
 *
 *	registry_main.c  reads requests, writes answers
 *	session.c        one request: redirects, logging in, trying again
 *	token.c          a token from the server that a registry names
 *	transfer.c       one exchange by HTTP
 *	confine.c        what it may do on this host: next to nothing
 *
 * Nothing of it is in ferry's own code.
 */
#ifndef OVERLAY_REGISTRY_TRANSFER_H
#define OVERLAY_REGISTRY_TRANSFER_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "overlay/registry/challenge.h"
#include "overlay/registry/request.h"

#include <curl/curl.h>

struct session {
	CURL *curl; /* keeps its connections from request to request */
	struct registry_setup setup;
	struct arena *arena; /* lives as long */
	int sock; /* for progress; -1: nobody wants to know */
	int authorities; /* a file of certificates in memory, -1: the system's own */
	char client_cert[512], client_key[512]; /* paths, or "" */
	bool heard; /* a server has answered: from then on a failure may be a passing one */
	/* how to log in, once it was asked for */
	struct challenge challenge;
	const char *token, *token_scope; /* of a BEARER; NULL: none yet */
};

/* Memory for certificates besides the system's; finds the client's own. */
int session_open(struct session *s, struct err *e);

/* After that no file can be written, few can be read, none be executed. Before the first request. */
int session_confine(const struct session *s, struct err *e);

/*
 * One request, with @fd for its body. A regular file is begun anew when it is tried again; a pipe is gone on with.
 * 0: *ret is what the server said, whatever its status. -errno: nothing that HTTP calls an answer.
 */
int session_do(struct session *s, const struct registry_request *q, int fd, struct arena *a,
	       struct registry_answer *ret, struct err *e);

/* Logs in by s->challenge for @scope. 0: *ret_status is the token server's, 200 when there is a token now. */
int session_login(struct session *s, const char *scope, struct registry_answer *ret, struct arena *a, struct err *e);

/* The address may be asked: https; plain http where that was allowed (registry.h). */
int session_check_url(const struct session *s, const char *url, struct err *e);

/* One exchange. */
struct exchange {
	const struct registry_request *q; /* but for the url */
	const char *url;
	bool basic; /* with user and password */
	const char *token; /* NULL: without */
	int fd;

	int64_t done_bytes; /* of the body that came, in fd: where the next exchange goes on */
	/* internal */
	struct session *session;
	int64_t skip_bytes, sent_bytes;
	int64_t heard_ms, shown_ms;
	bool begun, silent, enough; /* enough: of a refusal that is longer than anybody reads */
	struct buf refusal; /* the body of a refusal, its beginning */
	struct err err; /* what went wrong in a callback */
};

/* 0: an answer with a status came, its strings in @a. Else -errno, and the error says it for people. */
int exchange_run(struct session *s, struct exchange *x, struct arena *a, struct registry_answer *ret, struct err *e);

bool registry_status_ok(int64_t status);

#endif
