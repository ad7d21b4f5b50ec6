/*
 * The memory of a process in CRIU's images: where pages are in its address space (pagemap-PID.img), and the pages, one
 * behind the other (pages-N.img). Images of several rounds are a chain: what has not changed is in an older directory,
 * to which the link "parent" leads. Reading follows the chain; writing makes one that needs no other.
 */
#ifndef CHECKPOINT_IMAGES_PAGEMAP_H
#define CHECKPOINT_IMAGES_PAGEMAP_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Pages that follow one another, both in memory and in a file. */
struct page_run {
	uint64_t address; /* bytes */
	uint64_t size; /* bytes, whole pages */
	uint64_t flags; /* CRIU's, PE_* */
	int fd; /* the pagemap's */
	uint64_t offset; /* in that file */
};

enum { PAGEMAP_CHAIN_MAX = 64 };

struct pagemap {
	struct page_run *runs; /* by address; none overlap */
	size_t n;
	uint32_t pages_id;
	int fds[PAGEMAP_CHAIN_MAX];
	size_t n_fds;
};

#define PAGEMAP_INIT ((struct pagemap){ 0 })

uint64_t page_size(void);

/*
 * @dirfd: a directory of images. @name: "pagemap-PID.img" and its like. The runs are the arena's. Returns 0 or -errno:
 * -ENOENT; -EBADMSG for what is damaged; -ENOTSUP for pages that are elsewhere or in a form that is not known.
 */
int pagemap_read(int dirfd, const char *name, struct arena *a, struct pagemap *ret, struct err *e);
void pagemap_finish(struct pagemap *p);
#define cleanup_pagemap __attribute__((cleanup(pagemap_finish)))

/* Makes a pagemap and its pages; neither file may be there. */
struct pagemap_writer {
	struct buf image;
	struct page_run last; /* not yet in the image */
	int fd;
	uint64_t offset;
};

#define PAGEMAP_WRITER_INIT ((struct pagemap_writer){ .fd = -1 })

int pagemap_begin(int dirfd, uint32_t pages_id, struct pagemap_writer *ret, struct err *e);
/* Of rising addresses. */
int pagemap_add(struct pagemap_writer *w, const struct page_run *run, struct err *e);
int pagemap_end(struct pagemap_writer *w, int dirfd, const char *name, struct err *e);
void pagemap_writer_finish(struct pagemap_writer *w);
#define cleanup_pagemap_writer __attribute__((cleanup(pagemap_writer_finish)))

/* Copies the pages of @run to @offset of @to, which is longer than that; pages of zeros become holes. */
int page_run_copy(const struct page_run *run, int to, uint64_t offset, struct err *e);

#endif
