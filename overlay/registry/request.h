/*
 * What ferry asks the program ferry-registry, and what that answers. Over a socket of packets (lib/message.h):
 *
 *	ferry                                            ferry-registry
 *	    -- setup ------------------------------>     once
 *	    -- REGISTRY_ASK (the body's file) ----->
 *	    -- request ---------------------------->     one at a time
 *	    <- REGISTRY_PROGRESS(bytes so far) -----     now and then
 *	    <- REGISTRY_ANSWER(status) -------------     or an error: no answer could be had
 *	    <- answer ------------------------------
 *
 * A packet is NUL-ended fields in order. The program alone meets what a server sends: it follows redirects, logs in,
 * tries again, and bounds every size. What it hands over is still a stranger's, and is checked by digest.
 */
#ifndef OVERLAY_REGISTRY_REQUEST_H
#define OVERLAY_REGISTRY_REQUEST_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { REGISTRY_ASK = 1, REGISTRY_PROGRESS, REGISTRY_ANSWER };

enum { REGISTRY_PACKET_MAX = 64 << 10 };

/* Strings are never NULL once decoded: "" stands for nothing. */
struct registry_setup {
	const char *origin; /* "https://db.example:5000": nowhere else is told the user, the password or a token */
	const char *user, *password;
	const char *cert_dir; /* *.crt: authorities besides the system's; *.cert with *.key: the client's own */
	int64_t insecure; /* 1: certificates are not checked, and plain HTTP is allowed anywhere */
	int64_t timeout_ms; /* of silence */
};

struct registry_request {
	const char *method; /* GET, HEAD, POST, PATCH, PUT */
	const char *url;
	const char *accept;
	const char *scope; /* for a token: "repository:app:pull", several with spaces between */
	const char *content_type; /* of what is sent */
	int64_t offset_bytes, length_bytes; /* of what is sent, in the file; GET: length is the most that may come */
	int64_t exact; /* 1: GET: length is what must come */
	int64_t range; /* 1: Content-Range is told: a chunk */
};

struct registry_answer {
	int64_t status; /* HTTP's */
	const char *content_type, *digest, *location; /* location: absolute */
	const char *range; /* of an upload: "0-1023" */
	const char *message; /* the server's, when it refuses: one line of printable ASCII */
	const char *code; /* the specification's, "NAME_UNKNOWN" */
	int64_t chunk_min_bytes;
};

void registry_setup_encode(const struct registry_setup *s, struct buf *out);
void registry_request_encode(const struct registry_request *q, struct buf *out);
void registry_answer_encode(const struct registry_answer *w, struct buf *out);

/* Strings are the arena's. -EPROTO for what the encoders would not write. */
int registry_setup_decode(const char *data, size_t len, struct arena *a, struct registry_setup *ret, struct err *e);
int registry_request_decode(const char *data, size_t len, struct arena *a, struct registry_request *ret, struct err *e);
int registry_answer_decode(const char *data, size_t len, struct arena *a, struct registry_answer *ret, struct err *e);

#endif
