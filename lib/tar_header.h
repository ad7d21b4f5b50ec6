/* Headers of tar archives: POSIX pax, "ustar Interchange Format", and GNU's way with large numbers. */
#ifndef LIB_TAR_HEADER_H
#define LIB_TAR_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TAR_BLOCK = 512 };

/* Texts that fill their field have no NUL. */
struct tar_header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[6],
		version[2], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct tar_header) == TAR_BLOCK, "a header is one block");

/* Octal digits, or a big-endian number behind a set bit. -1: neither. */
int64_t tar_number(const char *field, size_t len);

/* Over the header, in which the sum's own field counts as spaces. */
unsigned tar_checksum(const struct tar_header *h);

/* False: damaged, or no header. */
bool tar_checksum_fits(const struct tar_header *h);

/* Zeros: the end. */
bool tar_is_end(const struct tar_header *h);

#endif
