/* Controllers as sets of bits: which there are, which file is whose, and how they come down the tree. */
#ifndef CGROUPS_CONTROLLERS_H
#define CGROUPS_CONTROLLERS_H

#include "cgroups/cgroups.h"

enum {
	CONTROLLER_CPU = 1 << 0,
	CONTROLLER_CPUSET = 1 << 1,
	CONTROLLER_IO = 1 << 2,
	CONTROLLER_MEMORY = 1 << 3,
	CONTROLLER_PIDS = 1 << 4,
	CONTROLLER_HUGETLB = 1 << 5,
	CONTROLLER_RDMA = 1 << 6,
	CONTROLLER_MISC = 1 << 7,
	CONTROLLER_DMEM = 1 << 8,
};

/*
 * Wanted in each container's cgroup where the host offers them, limits or not: engines read their statistics, and an
 * init inside the container hands them on. The others come when a limit asks for them.
 */
enum {
	CONTROLLERS_USUAL = CONTROLLER_CPU | CONTROLLER_CPUSET | CONTROLLER_IO | CONTROLLER_MEMORY | CONTROLLER_PIDS,
};

/* "cpu memory pids\n" -> bits; unknown names are left out. NULL gives 0. */
uint32_t controllers_parse(const char *text);

/* The name of one bit. */
const char *controller_name(uint32_t bit);

/* "memory.max" -> CONTROLLER_MEMORY; 0 for core files and unknown ones. */
uint32_t controller_of_file(const char *file);

/*
 * Enables controllers in every cgroup from the root down to the parent of @path (below the mountpoint, exists).
 * @needed: without these it fails. @wanted: as many as go.
 */
int controllers_enable(const struct cgroup_host *h, const char *path, uint32_t needed, uint32_t wanted, struct err *e);

#endif
