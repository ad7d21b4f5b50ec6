/*
 * Directories of images that are made from others: aside, and renamed when they are whole. What a call that was killed
 * has left, ".NAME.part", is removed by the next one for the same name.
 */
#ifndef CHECKPOINT_IMAGES_DIRECTORY_H
#define CHECKPOINT_IMAGES_DIRECTORY_H

#include "lib/err.h"

#include <stdbool.h>

struct images_directory {
	int from; /* the images that it is made from */
	/*
	 * Writes into @to what is to be different; what else @from has is taken over then, as links where that can be.
	 */
	int (*fill)(int to, void *data, struct err *e);
	void *data;
	bool keep; /* it is to stay: with digests, and on the disk */
};

/* Makes @name in @dirfd. Returns 0 or -errno, also the fill's; -EEXIST. */
int images_directory_make(const struct images_directory *d, int dirfd, const char *name, struct err *e);

/* The file @name of @from as @to_name in @to: a link, or where that cannot be a copy. One that is there stays. */
int images_directory_take(int from, const char *name, int to, const char *to_name, struct err *e);

/* Calls @each as dir_each does, whatever was read of the directory before. */
int images_directory_each(int images, int (*each)(int, const char *, unsigned char, void *, struct err *), void *data,
			  struct err *e);

#endif
