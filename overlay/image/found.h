/* The images that a source holds, read and checked as documents, before anything of them is added. */
#ifndef OVERLAY_IMAGE_FOUND_H
#define OVERLAY_IMAGE_FOUND_H

#include "overlay/image/image.h"
#include "overlay/image/source.h"

struct found_layer {
	const char *member; /* the source's file */
	const char *digest; /* NULL: only its bytes tell */
	const char *diff_id; /* likewise, of a root file system */
	int64_t size_bytes; /* -1: not told */
};

struct found_image {
	const char *manifest, *config; /* their texts; NULL: to be made */
	const char *manifest_digest, *config_digest; /* of these */
	size_t manifest_len, config_len;
	struct found_layer *layers; /* the lowest first */
	size_t n_layers;
	const char **names;
	size_t n_names;
};

struct found_list {
	struct found_image *v;
	size_t n;
};

/* image-layout.md. Of @o: the platform; a name that is only a tag goes behind the fallback. Images may have no names. */
int found_in_layout(const struct source *s, const struct image_import *o, struct arena *a, struct found_list *ret,
		    struct err *e);

/* What `docker save` writes: manifest.json. */
int found_in_docker_archive(const struct source *s, struct arena *a, struct found_list *ret, struct err *e);

/* docker-archive's names in manifest.json, for a layout that has such a file, too. */
int found_repo_tags(const struct source *s, struct arena *a, struct found_list *layout, struct err *e);

/* Adds a name, once. */
void found_name(struct found_image *i, struct arena *a, const char *name);

/* Names as they are set: in full, each once. -EINVAL: one is not a name. */
int found_names(const char *const *names, size_t n, struct arena *a, const char ***ret, size_t *ret_n, struct err *e);

/* The path of a digest in a layout: "blobs/sha256/HEX". */
const char *found_blob_path(const char *digest, struct arena *a);

#endif
