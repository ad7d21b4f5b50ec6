/* The order in which a living cgroup's limits change: pure, for tests. */
#ifndef CGROUPS_UPDATE_H
#define CGROUPS_UPDATE_H

#include "cgroups/resources.h"

/* What the cgroup has before. UINT64_MAX: no limit. */
struct update_now {
	uint64_t memory_max, swap_max;
	bool has_burst; /* cpu.max.burst is above 0 */
};

enum update_action {
	UPDATE_WRITE,
	UPDATE_SHRINK_MEMORY, /* memory.high, reclaim, look, then memory.max */
};

struct update_step {
	enum update_action action;
	struct cgroup_write write;
};

/*
 * Swap grows before and shrinks after memory, so that what is reclaimed has a place to go. A burst is taken away before
 * the quota changes, since the kernel refuses a quota below it.
 */
void update_order(const struct cgroup_writes *w, const struct update_now *now, struct arena *a,
		  struct update_step **ret, size_t *ret_n);

/*
 * What the kernel's files need and @r leaves out, from the cgroup's present values: the quota to a new period, the
 * burst to a new quota, the memory limit to new swap.
 */
int update_complete(int dir, const struct spec_resources *r, struct arena *a, struct spec_resources *ret,
		    struct err *e);

#endif
