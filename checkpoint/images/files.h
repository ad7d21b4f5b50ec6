/* The open and the mapped files in CRIU's images: files.img. */
#ifndef CHECKPOINT_IMAGES_FILES_H
#define CHECKPOINT_IMAGES_FILES_H

#include "checkpoint/images/image.h"
#include "lib/arena.h"

#include <stdbool.h>
#include <stdint.h>

struct image_file {
	uint32_t id;
	const char *name; /* of regular files; else NULL */
	/*
	 * It is in no directory of the container: whoever restores hands it over as a descriptor, by the RPC's
	 * inherit_fd with this name as the key.
	 */
	bool external;
	uint64_t size; /* what CRIU wants it to have; 0 if that does not matter */
};

struct image_files {
	struct image image;
	struct image_file *files;
	size_t n;
};

#define IMAGE_FILES_INIT ((struct image_files){ 0 })

/* The names are the arena's. */
int image_files_read(int dirfd, struct arena *a, struct image_files *ret, struct err *e);
void image_files_finish(struct image_files *f);
#define cleanup_image_files __attribute__((cleanup(image_files_finish)))

/* NULL: none. */
const struct image_file *image_files_find(const struct image_files *f, uint64_t id);

/* The image again, in another directory, with external files more. */
int image_files_write(const struct image_files *f, int dirfd, const struct image_file *more, size_t n, struct err *e);

#endif
