/*
 * The memory of decompression. Nearly all of it is what the decompressor has written last: zstd's window, which each frame
 * says anew, and of which an archive may have many; xz's dictionary.
 *
 * Workers side by side share a budget: the bytes of a file of theirs, which stand for parts of it, are locked; the kernel gives
 * them back with a worker's end.
 */
#include "overlay/layer/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	FREE = 2 << 20, /* what anybody may have; zstd's own default */
	PART = 8 << 20,
	PARTS = LAYER_WINDOW_MAX / PART,
};

/* ---- the budget ---- */

/* @how: F_SETLKW waits. */
static bool lock(int budget, short type, off_t first, off_t n, int how)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET, .l_start = first, .l_len = n };
	int r;

	do
		r = fcntl(budget, how, &l);
	while (r < 0 && errno == EINTR);
	return r == 0;
}

/* What is held is let go before more is waited for: two would wait for each other. */
static bool take_parts(int budget, uint64_t bytes)
{
	lock(budget, F_UNLCK, 0, PARTS, F_SETLK);
	if (bytes > PART)
		return lock(budget, F_WRLCK, 0, PARTS, F_SETLKW);
	for (off_t i = 0; i < PARTS; i++)
		if (lock(budget, F_WRLCK, i, 1, F_SETLK))
			return true;
	return lock(budget, F_WRLCK, getpid() % PARTS, 1, F_SETLKW);
}

static int take(struct window *w, uint64_t bytes, struct err *e)
{
	struct rlimit limit;

	if (bytes <= w->held)
		return 0;
	if (bytes > LAYER_WINDOW_MAX)
		return err_say(e, EFBIG, "decompressing it takes %llu MiB of memory, and %d MiB is the limit: decompress it before, "
			       "or compress it with a window no larger",
			       (unsigned long long)(bytes >> 20), LAYER_WINDOW_MAX >> 20);
	if (bytes > FREE && w->budget >= 0 && !take_parts(w->budget, bytes))
		return err_set(e, errno, "wait for memory");
	if (getrlimit(RLIMIT_DATA, &limit) == 0) {
		limit.rlim_cur += bytes - w->held;
		if (limit.rlim_cur > limit.rlim_max)
			limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_DATA, &limit);
	}
	w->held = bytes;
	return 0;
}

/* ---- what archives say ---- */

static uint64_t little_endian(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	while (n-- > 0)
		v = v << 8 | p[n];
	return v;
}

/*
 * RFC 8878, 3.1.1.1 and 3.1.2: a frame's header, as far as it has come. A frame of one segment has the size of its content
 * instead of a window.
 */
static int zstd_frame(struct window *w, struct err *e)
{
	static const uint8_t id_len[] = { 0, 1, 2, 4 }, size_len[] = { 0, 2, 4, 8 };
	const uint8_t *h = w->head;

	if (w->len < 5)
		return 0;
	uint64_t magic = little_endian(h, 4);
	if (magic >> 4 == 0x184d2a5) {
		if (w->len == 8) {
			w->skip = little_endian(h + 4, 4);
			w->len = 0;
		}
		return 0;
	}
	if (magic != 0xfd2fb528) {
		w->skip = UINT64_MAX;
		return 0;
	}
	bool single = h[4] & 0x20;
	size_t n = single && h[4] >> 6 == 0 ? 1 : size_len[h[4] >> 6], at = 5 + !single + id_len[h[4] & 3];
	if (w->len < at + n)
		return 0;
	uint64_t base = UINT64_C(1) << (10 + (h[5] >> 3));
	uint64_t window = single ? little_endian(h + at, n) + (n == 2 ? 256 : 0) : base + base / 8 * (h[5] & 7);
	w->in_frame = true;
	w->checksum = h[4] & 4;
	w->len = 0;
	return take(w, window, e);
}

/* 3.1.1.2: what kind of block, how long, and whether it is the last. */
static void zstd_block(struct window *w)
{
	enum { RLE = 1 };
	uint64_t v = little_endian(w->head, 3);

	if (w->len < 3)
		return;
	w->skip = (v >> 1 & 3) == RLE ? 1 : v >> 3;
	w->len = 0;
	w->in_frame = !(v & 1);
	if (!w->in_frame && w->checksum)
		w->skip += 4;
}

/* The .xz file format, 3.1 and 5.3.1: the first block's LZMA2, which is the last of its filters. 0: none. */
static uint64_t xz_dictionary(const uint8_t *p, size_t len)
{
	enum { STREAM_HEADER = 12, LZMA2 = 0x21 };
	const uint8_t *end = p + len;

	if (len < STREAM_HEADER + 8 || memcmp(p, "\xfd" "7zXZ", 6) != 0)
		return 0;
	p += STREAM_HEADER;
	if (p + ((size_t)*p + 1) * 4 < end)
		end = p + ((size_t)*p + 1) * 4;
	unsigned filters = (p[1] & 3u) + 1, sizes = (p[1] >> 6 & 1u) + (p[1] >> 7);
	for (p += 2; sizes > 0 && p < end; p++)
		sizes -= *p < 0x80;
	for (; filters > 1 && p + 1 < end; filters--)
		p += 2 + p[1];
	if (end - p < 3 || p[0] != LZMA2 || p[1] != 1 || p[2] > 40)
		return 0;
	return p[2] == 40 ? UINT32_MAX : (uint64_t)(2 | (p[2] & 1)) << (p[2] / 2 + 11);
}

int window_watch(struct window *w, const void *data, size_t len, struct err *e)
{
	const uint8_t *p = data;

	if (!w->begun && take(w, xz_dictionary(p, len), e) < 0)
		return -e->code;
	w->begun = true;
	while (len > 0) {
		size_t n = w->skip < len ? (size_t)w->skip : len;
		w->skip -= n;
		p += n;
		len -= n;
		if (len == 0)
			break;
		w->head[w->len++] = *p++;
		len--;
		if (w->in_frame)
			zstd_block(w);
		else if (zstd_frame(w, e) < 0)
			return -e->code;
	}
	return 0;
}
