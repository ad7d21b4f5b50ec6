/* Files with holes: what was never written is neither read nor made. */
#ifndef LIB_SPARSE_H
#define LIB_SPARSE_H

#include "lib/err.h"
#include "lib/sha256.h"

#include <stdbool.h>
#include <stddef.h>

/*
 * Makes of @to, an empty file, what @from is. Where the file system can, both then share their blocks until one is written;
 * else holes stay holes.
 */
int sparse_copy(int from, int to, struct err *e);

/*
 * Of what is in the file at which offset; what is all zero does not count, be it a hole or not. So the size belongs beside
 * it.
 */
int sparse_digest(int fd, struct sha256_text *ret, struct err *e);

/* @n is not 0. */
bool is_all_zero(const char *data, size_t n);

#endif
