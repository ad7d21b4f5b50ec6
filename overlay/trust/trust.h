/*
 * Which images may come into the store: a policy, and signatures as minisign writes them.
 *
 *	trust_policy_load   /etc/ferry/policy.json; without the file everything is accepted
 *	trust_rule_for      what it says of an image's name
 *	trust_document      whether an image may come, by its document, under a name
 *
 * What is signed is one document, that which names everything else of the image by digest: its manifest, or the index of
 * one with several platforms. So a signature holds wherever the image goes, and however it is packed.
 *
 * The policy:
 *
 *	{ "default": "reject",
 *	  "images": { "debian": "accept",
 *	              "db.example:5000/team": { "signedBy": ["RWQ...a minisign public key..."] } } }
 *
 * A rule is for the image with that name, for those whose names go on with "/", ":" or "@", and for a host, "HOST/..."; the
 * longest counts. There is no way around a rule but to change the file, which only its owner, root, may be able to write.
 *
 * Signatures are of minisign's hashed form (Ed25519 over BLAKE2b-512), which it has written by default since 2022. The
 * trusted comment is covered by a second signature, which must hold as well.
 *
 * Depends on lib/ alone.
 */
#ifndef OVERLAY_TRUST_TRUST_H
#define OVERLAY_TRUST_TRUST_H

#include "lib/arena.h"
#include "lib/err.h"

#include <sodium.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRUST_POLICY_PATH "/etc/ferry/policy.json"

enum trust_verdict { TRUST_ACCEPT, TRUST_REJECT, TRUST_SIGNED };

struct trust_key {
	uint8_t id[8];
	uint8_t key[crypto_sign_PUBLICKEYBYTES];
};

struct trust_rule {
	const char *prefix; /* NULL: the default */
	enum trust_verdict verdict;
	struct trust_key *keys; /* TRUST_SIGNED: one of them must have signed */
	size_t n_keys;
};

struct trust_policy {
	const char *path; /* for messages */
	struct trust_rule otherwise;
	struct trust_rule *rules;
	size_t n_rules;
};

/* -EPERM: others than root (or, for another file than the system's, its owner) could write the file. -EINVAL: what is wrong in it. */
int trust_policy_load(const char *path, struct arena *a, struct trust_policy *ret, struct err *e);

/* @name: in full, as image_reference_text writes it. */
const struct trust_rule *trust_rule_for(const struct trust_policy *p, const char *name);

/* What an import or a pull goes by. */
struct trust {
	struct trust_policy policy;
	const char *signature; /* the text of a signature file, or NULL */
	const char *where; /* what that is called, or where one was looked for */
};

/*
 * 0, or -EKEYREJECTED with why: the name is rejected, or wants a signature and there is none, it is by another key, or not
 * of this text. @name: in full; "" for an image without one, which the default is for.
 */
int trust_document(const struct trust *t, const char *name, const void *text, size_t len, struct err *e);

/* ---- parts ---- */

/* A public key, as minisign prints it. -EINVAL. */
int trust_key_parse(const char *text, struct trust_key *ret, struct err *e);

struct trust_signature {
	uint8_t key_id[8];
	uint8_t of_hash[crypto_sign_BYTES];
	uint8_t of_comment[crypto_sign_BYTES]; /* over of_hash and the comment */
	const char *comment; /* within the text, not ended by NUL */
	size_t comment_len;
};

/* -EINVAL: no signature of minisign's, or one of its form without a hash. */
int trust_signature_parse(const char *text, struct trust_signature *ret, struct err *e);

#endif
