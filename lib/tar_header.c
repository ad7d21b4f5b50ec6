#include "lib/tar_header.h"

#include <string.h>

int64_t tar_number(const char *field, size_t len)
{
	const unsigned char *p = (const unsigned char *)field;
	uint64_t v = 0;
	size_t i = 0;

	if (p[0] == 0x80) {
		for (i = 1; i < len; i++) {
			if (v >> 55)
				return -1;
			v = v << 8 | p[i];
		}
		return (int64_t)v;
	}
	while (i < len && p[i] == ' ')
		i++;
	for (; i < len && p[i] >= '0' && p[i] <= '7'; i++)
		v = v << 3 | (p[i] - '0');
	return i < len && p[i] && p[i] != ' ' ? -1 : (int64_t)v;
}

unsigned tar_checksum(const struct tar_header *h)
{
	const unsigned char *p = (const unsigned char *)h;
	unsigned sum = 0;

	for (size_t i = 0; i < sizeof(*h); i++) {
		bool own = i >= offsetof(struct tar_header, checksum) && i < offsetof(struct tar_header, type);
		sum += own ? ' ' : p[i];
	}
	return sum;
}

bool tar_checksum_fits(const struct tar_header *h)
{
	return tar_number(h->checksum, sizeof(h->checksum)) == tar_checksum(h);
}

bool tar_is_end(const struct tar_header *h)
{
	static const struct tar_header zero;

	return memcmp(h, &zero, sizeof(zero)) == 0;
}
