/*
 * Images into the store and out of it, but for registries: archives, directories, containers.
 *
 *	image_import    an OCI layout, a docker-archive or a root file system -> images in the store
 *	image_export    images -> one archive
 *	image_verify    an image as it is stored, against its digests
 *	image_commit    what a container wrote -> a layer on its image
 *
 * Blobs are kept as they came, so that digests hold wherever an image goes next. Layers are unpacked by workers
 * (overlay/layer), as many at once as there are processors, straight from where they lie: from the file itself where
 * that is a directory or a plain tar, else from a copy that becomes the blob. What goes wrong leaves nothing behind,
 * whenever.
 *
 * Depends on overlay/store, overlay/layer, spec/ and lib/. Silent: progress is told to a callback.
 */
#ifndef OVERLAY_IMAGE_IMAGE_H
#define OVERLAY_IMAGE_IMAGE_H

#include "lib/arena.h"
#include "lib/err.h"
#include "overlay/store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- progress, of pull and push too ---- */

enum image_part_state { IMAGE_PART_WAITING, IMAGE_PART_WORKING, IMAGE_PART_DONE, IMAGE_PART_THERE };

/* What is worked on: a layer. */
struct image_part {
	const char *digest; /* or another name for it */
	enum image_part_state state; /* THERE: it was there already */
	int64_t done_bytes, total_bytes; /* total -1: not known */
};

/*
 * show() is called with all parts when one changes its state, and a few times a second while bytes flow. The parts
 * are the same from call to call until *parts is another array: a new image begins then. A struct image_progress *
 * may be NULL.
 */
struct image_progress {
	void (*show)(void *data, const struct image_part *parts, size_t n);
	void *data;
};

/* ---- import ---- */

struct image_import {
	int from; /* a directory, a file, or a pipe; stays the caller's */
	const char *const *names; /* instead of those that the archive has; not for more than one image */
	size_t n_names;
	const char *fallback; /* the name when there is no other, from the file's own; NULL: then only a root file system
	                       * is refused */
	const char *platform; /* "linux/arm64" of a multi-platform index; NULL: this machine's */
	bool rootless; /* layers have user.overlay.* */
	const struct image_progress *progress;
	/* Asked, if it is there, before an image gets a name ("": none), with its manifest. < 0 with why not. */
	int (*accept)(void *data, const char *name, const char *text, size_t len, struct err *e);
	void *accept_data;
};

/* An image that was added. */
struct image_added {
	const char *digest, *id; /* of its manifest, of its configuration */
	const char **names; /* in full */
	size_t n_names;
};

/*
 * *ret in the arena: several when the archive has several. Each is added whole or not at all; after an error those
 * before it are there.
 * -EBADMSG: something differs from its digest or its size, the error names both. -EINVAL: not an image, or a bad one.
 */
int image_import(struct store *s, const struct image_import *o, struct arena *a, struct image_added **ret,
		 size_t *ret_n, struct err *e);

/* ---- export ---- */

enum image_format { IMAGE_FORMAT_OCI, IMAGE_FORMAT_DOCKER };

/*
 * Writes a tar of the images to @to, a file or a pipe. @names: of each image the name that it gets in the archive,
 * or NULL for all that it has. The same images give the same bytes.
 */
int image_export(const struct store *s, const struct store_image *images, const char *const *names, size_t n,
		 enum image_format format, int to, struct err *e);

/* ---- verify ---- */

/*
 * Reads every blob, and compares each layer's directory with its archive. -EBADMSG with the first thing that differs.
 */
int image_verify(const struct store *s, const struct store_image *image, bool rootless,
		 const struct image_progress *progress, struct err *e);

/* ---- commit ---- */

struct image_commit {
	int upper; /* of the container's overlay */
	const struct store_image *base;
	const char *const *names;
	size_t n_names;
	const char *message, *author; /* NULL: none */
	const char *created; /* RFC 3339 */
	const char *const *changes; /* "CMD [\"a\"]", "ENV a=b", ...: a Dockerfile's, as `docker commit` has them */
	size_t n_changes;
	bool rootless;
};

/* -EINVAL: names the change that is not understood. */
int image_commit(struct store *s, const struct image_commit *o, struct arena *a, struct image_added *ret,
		 struct err *e);

#endif
