/* Which regions of which processes go to the files of images_share(), and where in them. */
#ifndef CHECKPOINT_IMAGES_SHARE_PLAN_H
#define CHECKPOINT_IMAGES_SHARE_PLAN_H

#include "checkpoint/images/mm.h"
#include "checkpoint/images/pagemap.h"
#include "checkpoint/images/share.h"

struct share_region {
	size_t vma; /* its index */
	uint64_t start, end;
	uint64_t offset; /* in the file */
};

/*
 * Each process has a file of its own: CRIU takes mappings of one file at the same addresses in a process and its parent
 * for one that was inherited, wherever in the file they are.
 */
struct share_process {
	uint32_t pid;
	uint32_t file; /* its id in files.img */
	uint64_t file_size;
	struct share_region *regions; /* by address */
	size_t n;
};

struct share_plan {
	struct share_process *processes; /* those that have regions */
	size_t n;
	struct images_shared shared;
};

/* Reads only. In the arena. */
int share_plan_make(int from, uint64_t min_bytes, struct arena *a, struct share_plan *ret, struct err *e);

#endif
