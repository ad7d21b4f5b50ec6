/* The addresses of sockets in CRIU's images: files.img. */
#ifndef CHECKPOINT_IMAGES_SOCKETS_H
#define CHECKPOINT_IMAGES_SOCKETS_H

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct images_address {
	bool ipv6;
	uint8_t was[16], is[16]; /* network order; of IPv4 the first 4 */
};

/*
 * Sockets that are bound or connected to one of these addresses will be to the other, as they would have been if the
 * container had had that from the start. Whoever has files.img by another link keeps what there was. Without any such
 * socket nothing is done.
 */
int images_readdress(int images, const struct images_address *addresses, size_t n, struct err *e);

#endif
