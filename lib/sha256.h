/* SHA-256 as the image specification writes it: descriptor.md, "Digests". libnettle computes it. */
#ifndef LIB_SHA256_H
#define LIB_SHA256_H

#include "lib/err.h"

#include <nettle/sha2.h>
#include <stddef.h>
#include <stdint.h>

struct sha256 {
	struct sha256_ctx state;
};

/* "sha256:" and 64 lower case hexadecimal digits. */
struct sha256_text {
	char text[72];
};

void sha256_begin(struct sha256 *s);
void sha256_add(struct sha256 *s, const void *data, size_t n);
struct sha256_text sha256_end(struct sha256 *s);

struct sha256_text sha256_of(const void *data, size_t n);

/* Of all that @fd still gives. @ret_bytes, how much that was, may be NULL. */
int sha256_of_fd(int fd, struct sha256_text *ret, int64_t *ret_bytes, struct err *e);

#endif
