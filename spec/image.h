/*
 * The OCI image specification 1.1 as plain structs, and the names of images. As spec/spec.h: decoded by tables, everything
 * in the arena that was given, errors with the JSON path, unknown members ignored.
 *
 *	image_index_parse      index.json, or the index of a multi-platform image      image-index.md
 *	image_manifest_parse   a manifest                                               manifest.md
 *	image_config_parse     a configuration                                          config.md
 *	image_reference_parse  "HOST[:PORT]/NAME[:TAG][@DIGEST]"
 *
 * Docker's manifests and configurations (schema 2) are the same documents under other media types.
 *
 * Depends on lib/ only. Opens nothing. Digests are text, "sha256:" and 64 hexadecimal digits; whatever comes out of here
 * has been checked to be so, and is safe as a file's name after the colon.
 */
#ifndef SPEC_IMAGE_H
#define SPEC_IMAGE_H

#include "spec/spec.h"

/* What a descriptor or a whole document is. */
enum image_kind { IMAGE_OTHER, IMAGE_INDEX, IMAGE_MANIFEST, IMAGE_CONFIG, IMAGE_LAYER };

/* descriptor.md */
struct image_descriptor {
	const char *media_type; /* NULL when absent */
	const char *digest;
	int64_t size_bytes;
	const char *os, *architecture, *variant; /* of its platform; NULL when absent */
	struct spec_pair *annotations;
	size_t n_annotations;
};

struct image_index {
	struct image_descriptor *manifests;
	size_t n_manifests;
};

struct image_manifest {
	struct image_descriptor config;
	struct image_descriptor *layers; /* the lowest first */
	size_t n_layers;
	struct spec_pair *annotations;
	size_t n_annotations;
};

/* Docker's health check; times in nanoseconds, 0 for the default. */
struct image_healthcheck {
	const char **test; /* "NONE", or "CMD" and words, or "CMD-SHELL" and a text; ended by NULL */
	size_t n_test;
	int64_t interval_ns, timeout_ns, start_period_ns, start_interval_ns;
	int64_t retries;
};

struct image_history {
	const char *created, *created_by, *author, *comment;
	bool empty_layer;
};

struct image_config {
	const char *created, *author, *architecture, *os, *variant;
	/* "config" */
	const char *user, *working_dir, *stop_signal;
	const char **env, **entrypoint, **cmd; /* ended by NULL; NULL when absent */
	size_t n_env, n_entrypoint, n_cmd;
	const char **volumes, **exposed_ports; /* the keys: "/data", "80/tcp" */
	size_t n_volumes, n_exposed_ports;
	struct spec_pair *labels;
	size_t n_labels;
	struct image_healthcheck *healthcheck; /* NULL when absent */
	/* "rootfs" */
	const char **diff_ids; /* the lowest first */
	size_t n_diff_ids;
	struct image_history *history;
	size_t n_history;
};

enum image_kind image_kind_of(const char *media_type);

int image_index_parse(const char *text, size_t len, struct arena *a, struct image_index *ret, struct err *e);
int image_manifest_parse(const char *text, size_t len, struct arena *a, struct image_manifest *ret, struct err *e);

/* -EINVAL too when the layers of @m and the diff ids are not as many. @m may be NULL. */
int image_config_parse(const char *text, size_t len, const struct image_manifest *m, struct arena *a,
		       struct image_config *ret, struct err *e);

/* The manifest for a machine, by uname's name for it ("x86_64") or a platform of Go's ("linux/arm64/v8"); or NULL. */
const struct image_descriptor *image_index_choose(const struct image_index *i, const char *machine);

/* Go's names for such a machine: "arm" and "v7"; the variant may be "". An unknown one keeps its name. */
void image_machine_platform(const char *machine, const char **ret_architecture, const char **ret_variant);

/* 0, or -EINVAL: not "sha256:" with 64 lower case hexadecimal digits. Other algorithms are said to be unknown. */
int image_digest_check(const char *digest, struct err *e);

/*
 * A name of an image. The host is what stands before the first slash when it has a dot or a colon or is "localhost";
 * NULL without. There is no host by default.
 */
struct image_reference {
	const char *host, *path; /* "db.example:5000", "team/app" */
	const char *tag; /* "latest" unless the text has one or has a digest; then NULL */
	const char *digest; /* or NULL */
};

/* -EINVAL with what is wrong in it: distribution-spec, "Pulling manifests", for what names and tags may be. */
int image_reference_parse(const char *text, struct arena *a, struct image_reference *ret, struct err *e);

/* The name in full: "db.example:5000/team/app:1". */
const char *image_reference_text(const struct image_reference *r, struct arena *a);

#endif
