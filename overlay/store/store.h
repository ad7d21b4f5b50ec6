/*
 * The image store: a directory of content-addressed files. It knows documents and directories, neither archives nor
 * networks.
 *
 *	STORE/lock                     whoever adds holds it shared, whoever removes holds it alone
 *	STORE/blobs/sha256/HEX         manifests, configurations, and layers as they came
 *	STORE/layers/HEX/              a layer unpacked, ready to be an overlay's lower directory; HEX is of its diff id
 *	STORE/names/NAME               a text file: the digest of a manifest. NAME is the full name with / as %2f and % as
 *	                               %25; "@DIGEST" is of an image that was added without a name
 *	STORE/uses/HEX                 symbolic links that name an image and the directory of a container that uses it; HEX is
 *	                               of the directory's name
 *	STORE/ingest/RANDOM/           what is being added, with its own lock: parts/ while it is written, blobs/, layers/,
 *	                               names/, and at last `commit`
 *
 * Adding is a transaction: everything is made below ingest/RANDOM, `commit` is written (the digest of the manifest),
 * and then each thing is renamed to its place, the names last. A directory there that nobody holds locked is what a
 * killed process left: with `commit` it is carried on to the end, without it is removed. store_open sees to that, so
 * every command recovers. Nothing is visible before it is whole.
 *
 *	store_open -> ingest_begin -> ingest_blob..., ingest_layer... -> ingest_commit -> store_close
 *
 * Depends on lib/ and spec/.
 */
#ifndef OVERLAY_STORE_STORE_H
#define OVERLAY_STORE_STORE_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "spec/image.h"

#include <stdbool.h>
#include <stddef.h>

struct store {
	const char *path; /* absolute */
	int dir, lock; /* the store's own */
};

#define STORE_INIT ((struct store){ .dir = -1, .lock = -1 })

/*
 * @make: make it when it is missing, mode 0700; without, -ENOENT. Recovers first. Holds no lock when it returns. What
 * is another user's, or holds anything else, is refused: -EPERM, -EINVAL. A store on a read-only file system can be
 * read.
 */
int store_open(const char *path, bool make, struct arena *a, struct store *ret, struct err *e);
void store_close(struct store *s);
#define cleanup_store __attribute__((cleanup(store_close)))

/* ---- reading: under no lock for one document; take the lock shared for what must not vanish meanwhile ---- */

/*
 * Both wait. Whoever has the lock alone finds the store as if nobody had ever been killed: what was committed meanwhile
 * is carried on. store_try_lock_alone does not wait: 1 when it has the lock, 0 when others do.
 */
int store_lock_shared(struct store *s, struct err *e);
int store_lock_alone(struct store *s, struct err *e);
int store_try_lock_alone(struct store *s, struct err *e);
void store_unlock(struct store *s);

/* A document's text, checked against its digest: -EBADMSG when it differs. -ENOENT when it is not there. */
int store_read(const struct store *s, const char *digest, struct arena *a, const char **ret, size_t *ret_len,
	       struct err *e);

/* A blob as a descriptor, not checked; a layer's directory (O_PATH). -ENOENT. The caller's. */
int store_open_blob(const struct store *s, const char *digest, struct err *e);
int store_open_layer(const struct store *s, const char *diff_id, struct err *e);
bool store_has_blob(const struct store *s, const char *digest);
bool store_has_layer(const struct store *s, const char *diff_id);

/* Where a layer lies, absolute: for mount options. */
const char *store_layer_path(const struct store *s, const char *diff_id, struct arena *a);

/* ---- images ---- */

/* An image as it is stored. Its id is its configuration's digest, as Docker and podman have it. */
struct store_image {
	const char *digest; /* of its manifest */
	const char *id; /* of its configuration */
	struct image_manifest manifest;
	struct image_config config;
	const char **names; /* sorted */
	size_t n_names;
	int64_t size_bytes; /* of its layers' blobs */
	const char *damage; /* why it cannot be used: then only the digest and the names are known. Else NULL */
};

/*
 * @text: a name ("app" is "app:latest"; without its host, or only its last parts, if no other image has those),
 * "NAME@DIGEST", or at least 4 digits at the beginning of an id or a manifest's digest. -ENOENT: says so, with names
 * that are nearly like it, or how to get an image. -EINVAL: more than one matches. -EBADMSG: it is damaged.
 */
int store_find(const struct store *s, const char *text, struct arena *a, struct store_image *ret, struct err *e);

/* Every image, sorted by its first name, those without one last. An image with several names comes once. */
int store_list(const struct store *s, struct arena *a, struct store_image **ret, size_t *ret_n, struct err *e);

/*
 * Which of @images @text is, by the same rules; the damaged too. *ret_name: which of its names, NULL when it was its
 * id.
 */
int store_choose(const struct store_image *images, size_t n, const char *text, struct arena *a,
		 const struct store_image **ret, const char **ret_name, struct err *e);

/* @name in full. Only where the image is known to stay: under a lock. -ENAMETOOLONG. */
int store_set_name(struct store *s, const char *name, const char *digest, struct err *e);

/* The name @name, or with NULL that an image without one is kept. Under the lock alone. Missing ones are no error. */
int store_remove_name(struct store *s, const char *name, const char *digest, struct err *e);

/* ---- uses ---- */

/* A container that uses an image. */
struct store_user {
	const char *digest; /* of the manifest */
	const char *dir; /* the container's, absolute */
};

/*
 * From now on the image is in use, until the directory @dir is gone; it is then not in use for another image any
 * more. To be called under the shared lock that the image was found under.
 */
int store_use(struct store *s, const char *digest, const char *dir, struct err *e);

/* Once the directory is gone; without the store being opened, for a removal needs no more. @path: the store's. */
int store_unuse(const char *path, const char *dir, struct err *e);

int store_users(const struct store *s, struct arena *a, struct store_user **ret, size_t *ret_n, struct err *e);

/* ---- adding ---- */

struct ingest {
	struct store *store;
	char name[24]; /* below ingest/ */
	int dir; /* locked */
	int lock; /* of the store: its own, so that several may go on at the same time */
};

#define INGEST_INIT ((struct ingest){ .dir = -1, .lock = -1 })

/* Holds the store's lock shared until it ends; waits for it. Not while this process holds it alone. */
int ingest_begin(struct store *s, struct ingest *ret, struct err *e);

/* A document that is at hand. *ret_digest in the arena; may be NULL. */
int ingest_document(struct ingest *in, const char *text, size_t len, struct arena *a, const char **ret_digest,
		    struct err *e);

/*
 * A blob that will be written: opens a file for it under @key (any file name, unique in this ingest); when its digest
 * is known, ingest_blob_done gives it its name, or drops it when the store has it already.
 */
int ingest_blob(struct ingest *in, const char *key, struct err *e);
int ingest_blob_done(struct ingest *in, const char *key, const char *digest, struct err *e);

/* The same for what is a file on the store's file system already: it is linked to, instead of written; @name stays. */
int ingest_blob_take(struct ingest *in, const char *key, int dir, const char *name, struct err *e);

/* Likewise an empty directory (mode 0755, of the caller) for a layer. */
int ingest_layer(struct ingest *in, const char *key, struct err *e);
int ingest_layer_done(struct ingest *in, const char *key, const char *diff_id, struct err *e);

/*
 * Puts everything in place and sets the names to the manifest @digest; without names the image is kept as one that has
 * none. Syncs before it renames. After an error it is either as if nothing had been added, or, when the error came
 * late, the next store_open carries on.
 */
int ingest_commit(struct ingest *in, const char *digest, const char *const *names, size_t n_names, struct err *e);

/* Without commit: removes it all. Always to be called; does nothing after commit. */
void ingest_end(struct ingest *in);
#define cleanup_ingest __attribute__((cleanup(ingest_end)))

/* ---- removing ---- */

struct store_prune {
	const char *const *drop; /* manifests that shall lose their names before */
	size_t n_drop;
	bool dry_run;
	/* results */
	size_t blobs, layers_removed;
	int64_t freed_bytes;
};

/*
 * Mark and sweep: everything that neither a name nor a use leads to goes. The store must be locked alone, and is unlocked
 * as soon as all that goes is out of sight. Safe to be killed at any time.
 */
int store_sweep(struct store *s, struct store_prune *p, struct err *e);

#endif
