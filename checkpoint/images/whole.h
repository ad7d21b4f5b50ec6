/* Whether a directory of images can be restored from, as far as that shows before it is tried. */
#ifndef CHECKPOINT_IMAGES_WHOLE_H
#define CHECKPOINT_IMAGES_WHOLE_H

#include "lib/err.h"

#include <stdbool.h>

/*
 * They are what their digests say (digests.h), if there are some; the images of all processes are there, none of them is cut
 * short, and all pages are here or in parent images, unless they are @elsewhere. Returns 0 or -errno: -EBADMSG, with the image that
 * is missing or damaged.
 */
int images_check(int images, bool elsewhere, struct err *e);

#endif
