/* The host's policy (overlay/trust) for an image that is about to be added, and the signature given for it. */
#ifndef RUNTIME_CLI_IMAGE_TRUST_H
#define RUNTIME_CLI_IMAGE_TRUST_H

#include "lib/err.h"

#include <stddef.h>

struct image_trust {
	const char *signature; /* --signature: a file; NULL without */
};

/* 0, or -EKEYREJECTED with why. @data: a struct image_trust. @name: in full. @text: what a signature is of. */
int image_trust_accept(void *data, const char *name, const char *text, size_t len, struct err *e);

#endif
