#include "cgroups/resources.h"

/* log2(x) with FRACTION bits behind the point, x >= 1: the whole part by position, the others by repeated squaring. */
enum { FRACTION = 40 };

static uint64_t log2_fixed(uint64_t x)
{
	unsigned whole = 63 - (unsigned)__builtin_clzll(x);
	uint64_t m = x << (63 - whole); /* x scaled to [1, 2), the point behind the top bit */
	uint64_t log = (uint64_t)whole << FRACTION;

	for (int bit = FRACTION - 1; bit >= 0 && m != 1ULL << 63; bit--) {
		unsigned __int128 square = (unsigned __int128)m * m; /* [1, 4) */
		if (square >> 127) {
			log |= 1ULL << bit;
			m = (uint64_t)(square >> 64);
		} else {
			m = (uint64_t)(square >> 63);
		}
	}
	return log;
}

/*
 * weight = ceil(10^((log2(x)^2 + 125 log2(x)) / 612 - 7/34)), without floating point: the smallest w with
 * 612 log2(w) >= log2(10) (log2(x)^2 + 125 log2(x) - 126). The slack makes the three points where both sides are equal
 * (2, 1024, 262144) equal here too; no other x comes that close.
 */
uint64_t cpu_shares_to_weight(uint64_t shares)
{
	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;

	const unsigned __int128 one = (unsigned __int128)1 << FRACTION;
	unsigned __int128 l = log2_fixed(shares);
	unsigned __int128 curve = ((l * l) >> FRACTION) + 125 * l - 126 * one;
	unsigned __int128 want = (log2_fixed(10) * curve) >> FRACTION;
	unsigned __int128 slack = one >> 27;
	uint64_t low = 1, high = 10000;

	while (low < high) {
		uint64_t mid = (low + high) / 2;
		if (612 * (unsigned __int128)log2_fixed(mid) + slack >= want)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

uint64_t blkio_weight_to_io_weight(uint64_t weight)
{
	return 1 + (weight - 10) * 9999 / 990;
}
