/*
 * What an image is imported from: files by name, wherever they are. A directory is read as it is, a plain tar
 * through its index, a compressed archive is split first, a pipe is written to a file first, and a directory that is
 * a root file system is packed. What is made for that lies in an ingest of its own, which is never committed; its
 * files become blobs by links.
 */
#ifndef OVERLAY_IMAGE_SOURCE_H
#define OVERLAY_IMAGE_SOURCE_H

#include "overlay/image/tar_index.h"
#include "overlay/store/store.h"

#include <stdint.h>

enum source_kind { SOURCE_DIR, SOURCE_TAR, SOURCE_ROOTFS };

struct source {
	enum source_kind kind;
	int fd; /* the directory or the file */
	struct tar_index index; /* SOURCE_TAR */
	int made; /* -1, or a directory in scratch: what fd is of */
	struct ingest scratch;
};

#define SOURCE_INIT ((struct source){ .fd = -1, .made = -1, .scratch = INGEST_INIT })

/* @from stays the caller's. */
int source_open(struct store *s, int from, struct arena *a, struct source *ret, struct err *e);
void source_close(struct source *s);
#define cleanup_source __attribute__((cleanup(source_close)))

/* Where a file of the source lies. */
struct source_file {
	int fd; /* for reading, with a position of its own: the caller's */
	int64_t offset, size_bytes;
	const char *take; /* its name below source.made, when it can be taken as it is; else NULL */
};

/* A root file system's own name is SOURCE_ARCHIVE. */
#define SOURCE_ARCHIVE "archive"

bool source_has(const struct source *s, const char *name);
int source_file(const struct source *s, const char *name, struct source_file *ret, struct err *e);

/* A document: at most IMAGE_DOCUMENT_MAX bytes. */
enum { IMAGE_DOCUMENT_MAX = 8 << 20 };
int source_read(const struct source *s, const char *name, struct arena *a, const char **ret, size_t *ret_len,
		struct err *e);

#endif
