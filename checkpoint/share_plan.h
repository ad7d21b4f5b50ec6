/* Which regions of which processes go to the file of images_share(), and where in it. */
#ifndef CHECKPOINT_SHARE_PLAN_H
#define CHECKPOINT_SHARE_PLAN_H

#include "checkpoint/mm.h"
#include "checkpoint/pagemap.h"
#include "checkpoint/share.h"

struct share_region {
	uint32_t pid;
	size_t vma; /* its index */
	uint64_t start, end;
	uint64_t offset; /* in the file */
	/*
	 * An id in files.img of its own: CRIU takes two mappings at the same addresses of a process and its parent, of
	 * the same file, for one that was inherited, wherever in the file they are.
	 */
	uint32_t file;
};

struct share_plan {
	struct share_region *regions; /* by process, then address */
	size_t n;
	uint64_t memory_size;
	struct images_shared shared;
};

/* Reads only. In the arena. */
int share_plan_make(int from, uint64_t min_bytes, struct arena *a, struct share_plan *ret, struct err *e);

#endif
