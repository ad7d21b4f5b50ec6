/* Entries of CRIU's images, as CRIU writes them. */
#ifndef TESTS_UNIT_IMAGE_FIXTURE_H
#define TESTS_UNIT_IMAGE_FIXTURE_H

#include "checkpoint/images/image.h"

/* Of files.img: a regular file. */
static inline void image_fixture_file(struct buf *image, uint32_t id, const char *name)
{
	cleanup_buf struct buf reg = BUF_INIT, entry = BUF_INIT;

	wire_put_number(&reg, 1, id);
	wire_put_string(&reg, 6, name);
	wire_put_number(&entry, 1, 1);
	wire_put_number(&entry, 2, id);
	wire_put_bytes(&entry, 3, reg.data, reg.len);
	image_add(image, &entry);
}

#endif
