/*
 * linux.resources as what is written where: pure, in order. The table of files is in resources.c.
 */
#ifndef CGROUPS_RESOURCES_H
#define CGROUPS_RESOURCES_H

#include "cgroups/controllers.h"

struct cgroup_write {
	const char *what; /* "linux.resources.memory.limit" */
	const char *file, *value;
	const char *or_file, *or_value; /* where @file does not exist; NULL: nothing else */
	bool optional; /* missing files are no error */
};

struct cgroup_writes {
	struct cgroup_write *item;
	size_t n;
};

/* -EINVAL for contradictions and impossible values, -ENOTSUP for what only version 1 could do. */
int resources_writes(const struct spec_resources *r, struct arena *a, struct cgroup_writes *ret, struct err *e);

/* The controllers that they need. */
uint32_t writes_controllers(const struct cgroup_writes *w);

/* -ENOTSUP naming the first write whose controller the host does not offer. */
int writes_check(const struct cgroup_writes *w, const struct cgroup_host *h, struct err *e);

/* Writes one or all of them into the cgroup @dir. */
int write_apply(int dir, const struct cgroup_write *w, struct err *e);
int writes_apply(int dir, const struct cgroup_writes *w, struct err *e);

/*
 * memory.swap.max for a specification that counts swap together with memory. *ret is UINT64_MAX for no limit. Returns 1
 * when there is something to write, 0 when not.
 */
int memory_swap_max(const struct spec_memory *m, uint64_t *ret, struct err *e);

/* 2..262144 -> 1..10000, the curve of config-linux.md: 2 -> 1, 1024 -> 100. */
uint64_t cpu_shares_to_weight(uint64_t shares);

/* 10..1000 -> 1..10000 */
uint64_t blkio_weight_to_io_weight(uint64_t weight);

#endif
