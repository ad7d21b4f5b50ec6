/*
 * Fuzzing of CRIU's images: two lengths of 16 bits, and then what stands in mm-1.img, in pagemap-1.img, and in
 * files.img, each behind its magic numbers.
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -std=c11 -D_GNU_SOURCE -I. tests/fuzz/fuzz_images.c \
 *		{checkpoint,checkpoint/images,lib,spec}/*.c -lnettle -lyajl -lsodium -lseccomp -o fuzz_images && ./fuzz_images CORPUS
 *
 * With -DREPLAY as in replay.h.
 */
#include "checkpoint/images/share_plan.h"
#include "lib/fd.h"
#include "tests/fuzz/replay.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PAGES = 16 };

static void put(int dir, const char *name, enum image_type type, const uint8_t *data, size_t n)
{
	struct buf image = BUF_INIT;
	struct err e = ERR_INIT;

	image_begin(&image, type);
	buf_add(&image, data, n);
	unlinkat(dir, name, 0);
	if (image_write(dir, name, &image, &e) < 0)
		abort();
	buf_finish(&image);
}

/* A directory with pages and an inventory, made once. */
static int directory(void)
{
	static const uint8_t inventory[] = { 2, 0, 0, 0, 1 << 3, 2 };
	char path[] = "/dev/shm/ferry-fuzz-XXXXXX";
	int dir = mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	int pages = dir < 0 ? -1 : openat(dir, "pages-1.img", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (pages < 0 || ftruncate(pages, (off_t)(PAGES * page_size())) < 0)
		abort();
	close(pages);
	put(dir, "inventory.img", IMAGE_INVENTORY, inventory, sizeof(inventory));
	return dir;
}

static size_t length(const uint8_t *data, size_t left)
{
	size_t n = data[0] | (size_t)data[1] << 8;

	return n < left ? n : left;
}

static void check(const struct share_process *x)
{
	uint64_t end = 0;

	for (size_t i = 0; i < x->n; i++) {
		if (x->regions[i].offset < end)
			abort();
		end = x->regions[i].offset + (x->regions[i].end - x->regions[i].start);
	}
	if (end > x->file_size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int dir = -1;
	struct arena a = ARENA_INIT;
	struct share_plan plan;
	struct err e = ERR_INIT;

	if (size < 4)
		return 0;
	if (dir < 0)
		dir = directory();
	size_t mm = length(data, size - 4), map = length(data + 2, size - 4 - mm);
	put(dir, "mm-1.img", IMAGE_MM, data + 4, mm);
	put(dir, "pagemap-1.img", IMAGE_PAGEMAP, data + 4 + mm, map);
	put(dir, "files.img", IMAGE_FILES, data + 4 + mm + map, size - 4 - mm - map);
	int r = share_plan_make(dir, 1, &a, &plan, &e);
	if (r < 0 && (!e.msg[0] || strlen(e.msg) >= sizeof(e.msg)))
		abort();
	if (r == 0)
		for (size_t i = 0; i < plan.n; i++)
			check(&plan.processes[i]);
	arena_finish(&a);
	return 0;
}
