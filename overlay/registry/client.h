/*
 * ferry's side of ferry-registry: a process that speaks to one registry, one request at a time.
 *
 *	registry_open            finds out how the registry is spoken to
 *	registry_another         a second one, in parallel
 *	registry_ask             a request and its answer; or, to wait for several:
 *	registry_send, registry_receive
 *	registry_close
 */
#ifndef OVERLAY_REGISTRY_CLIENT_H
#define OVERLAY_REGISTRY_CLIENT_H

#include "lib/program.h"
#include "overlay/registry/auth.h"
#include "overlay/registry/registry.h"
#include "overlay/registry/request.h"

/* Documents are small: image-spec names no limit, registries have this one. */
enum { REGISTRY_DOCUMENT_MAX = 4 << 20 };

struct registry {
	struct program_process process; /* poll its sock */
	struct arena *arena;
	struct registry_setup setup;
	struct registry_login login;
	const char *host, *path; /* "db.example:5000", "team/app" */
	const char *scope;
	bool asked; /* an answer is due */
};

#define REGISTRY_INIT ((struct registry){ .process = PROGRAM_PROCESS_INIT })

/* @scope: "repository:app:pull". Asks for /v2/, first by https, and where that is allowed by http. */
int registry_open(const struct image_reference *ref, const char *scope, const struct registry_access *access,
		  struct arena *a, struct registry *ret, struct err *e);
int registry_another(const struct registry *r, struct registry *ret, struct err *e);
void registry_close(struct registry *r);
#define cleanup_registry __attribute__((cleanup(registry_close)))

/* @fd: where the answer's body goes, or what is sent; -1 without. Stays the caller's and may be closed. */
int registry_send(struct registry *r, const struct registry_request *q, int fd, struct err *e);

/* Waits for what comes next. 0: *ret_bytes have been transferred so far. 1: *ret is the answer. */
int registry_receive(struct registry *r, int64_t *ret_bytes, struct registry_answer *ret, struct err *e);

int registry_ask(struct registry *r, const struct registry_request *q, int fd, struct registry_answer *ret,
		 struct err *e);

/* A request for ORIGIN/v2/PATH/KIND/WHAT with what is the same in all. */
struct registry_request registry_request(const struct registry *r, const char *method, const char *kind,
					 const char *what);

/*
 * GET of a document: its text in the arena, ended by a NUL. -ENOENT, -EACCES...: refused, as registry_refused says it.
 * @digest: what its digest must be, -EBADMSG; NULL: any.
 */
int registry_get(struct registry *r, const struct registry_request *q, const char *digest, const char **ret,
		 size_t *ret_len, struct registry_answer *ret_answer, struct err *e);

/* The error for an answer that is no success. */
int registry_refused(const struct registry *r, const struct registry_answer *w, struct err *e);

#endif
