/* What the parts of the store share. Internal to overlay/store. */
#ifndef OVERLAY_STORE_FILES_H
#define OVERLAY_STORE_FILES_H

#include "overlay/store/store.h"

/* The folders of a store. */
#define STORE_BLOBS "blobs/sha256"
#define STORE_LAYERS "layers"
#define STORE_NAMES "names"
#define STORE_USES "uses"
#define STORE_INGEST "ingest"

/* Of a digest that was checked: its digits, which are its file's name. */
const char *store_hex(const char *digest);

/* The path of something below a folder: "blobs/sha256/HEX". */
struct store_path {
	char path[384];
};
struct store_path store_path(const char *folder, const char *name);

/* Opens a folder below @dir. */
int store_folder(int dir, const char *folder, struct err *e);

/* Calls @each for what is in a folder. A negative result ends it and is returned. */
int store_each(int dir, const char *folder, int (*each)(int folder, const char *name, void *data, struct err *e),
	       void *data, struct err *e);

/* ---- names.c ---- */

struct store_name {
	const char *name; /* NULL: of an image without a name */
	const char *digest;
};

int store_names(const struct store *s, struct arena *a, struct store_name **ret, size_t *ret_n, struct err *e);

/* The file of a name; @name NULL: of an image without one. -EINVAL, -ENAMETOOLONG. */
int store_name_file(const char *name, const char *digest, char ret[256], struct err *e);

/* ---- uses.c ---- */

/* Removes the uses that are over. The store must be locked alone. */
int store_sweep_users(const struct store *s, struct arena *a, struct err *e);

/* ---- ingest.c ---- */

/* Makes the directory of an ingest, locked, and takes no lock of the store. */
int ingest_make(struct store *s, struct ingest *ret, struct err *e);

/* ---- commit.c ---- */

/*
 * Writes the names to the directory of an ingest, syncs all that is in it, and writes `commit`: it is then bound to be
 * carried on to its end.
 */
int commit_write(int dir, const char *digest, const char *const *names, size_t n_names, struct err *e);

/* A file that is on disk before it is renamed to where it will be seen: made in the directory of an ingest. */
int commit_write_file(int dir, const char *text, int to, const char *name, struct err *e);
int commit_sync_folder(int dir, const char *folder, struct err *e);

/* An image that has a name needs no longer be kept as one without. */
int commit_drop_nameless(const struct store *s, int ingest, const char *digest, struct err *e);

/* Does what a written commit says, and removes that. Doing it again does no harm. */
int commit_carry_on(const struct store *s, int dir, struct err *e);

/* Carries on or removes what killed processes left in ingest/. The store must be locked, shared or alone. */
int commit_recover(const struct store *s, struct err *e);

/* ---- images.c ---- */

/* Whatever is wrong with the image's documents goes to its damage. Negative: its files could not be read. */
int store_load(const struct store *s, const char *digest, struct arena *a, struct store_image *ret, struct err *e);

#endif
