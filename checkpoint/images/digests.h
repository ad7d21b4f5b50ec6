/*
 * What the files of a directory of images must hold, so that damage is found before anything depends on them: the file
 * "digests" there, with a line of digest, size and name for each.
 *
 * A digest is SHA-256 over those blocks of 4096 bytes that are not all zeros, each behind its offset as 64 bits, the
 * lowest first: holes, which make shared memory terabytes long, are neither read nor does it matter whether a copy has
 * them.
 */
#ifndef CHECKPOINT_IMAGES_DIGESTS_H
#define CHECKPOINT_IMAGES_DIGESTS_H

#include "lib/err.h"

#define IMAGES_DIGESTS "digests"

/* Of all regular files that are there. */
int images_digests_write(int images, struct err *e);

/*
 * In no time: of what is large, as memory is, only the size, "-" in the digest's place. Of images alone: logs and statistics CRIU
 * still writes, or writes again.
 */
int images_digests_write_quickly(int images, struct err *e);

/*
 * Returns 0 or -errno: -ENOENT, there are no digests; -EBADMSG, the file that is named is missing or holds something
 * else. What came to the directory later is not looked at.
 */
int images_digests_check(int images, struct err *e);

#endif
