/* The host's policy (overlay/trust) for an image that is about to be added, and the signature given for it. */
#ifndef RUNTIME_CLI_IMAGE_TRUST_H
#define RUNTIME_CLI_IMAGE_TRUST_H

#include "overlay/trust/trust.h"

#include <stddef.h>

/*
 * @signature: --signature, a file; NULL without. Before images_enter_userns, behind which nobody can tell who owns the
 * policy.
 */
int image_trust_load(const char *signature, struct arena *a, struct trust *ret, struct err *e);

/* 0, or -EKEYREJECTED with why. @data: a struct trust. @name: in full. @text: what a signature is of. */
int image_trust_accept(void *data, const char *name, const char *text, size_t len, struct err *e);

#endif
