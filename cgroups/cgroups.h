/*
 * Control groups, version 2: one cgroup a container, its limits, its device rules, its statistics.
 *
 * Depends on lib/ and spec/. Two drivers: cgroupfs makes the directory itself, systemd asks for a transient scope over
 * D-Bus (by a program of its own with libsystemd, which ferry carries within: cgroups/systemd/). On a hybrid host the
 * unified hierarchy is used wherever it is mounted; a limit whose controller version 2 does not have there is an error
 * that names it.
 *
 * The calling sequence of a create:
 *
 *	cgroup_host_find                   where the hierarchy is and what it can do
 *	cgroup_plan_make                   pure: path, files to write in order, device program
 *	cgroup_create                      the directory, its limits; gives a descriptor for CLONE_INTO_CGROUP,
 *	                                   or with systemd only what can be done before there is a process
 *	(clone3)
 *	cgroup_attach                      the device program; systemd: the scope with the process in it, its limits
 *	...
 *	cgroup_destroy                     kills what is left, removes the directory (or stops the scope)
 *
 * Later commands know a container's cgroup by struct cgroup_ref, which is stored in its state.
 *
 * Does not: decide who gets how much (cgroups/allocator/), or know containers.
 */
#ifndef CGROUPS_CGROUPS_H
#define CGROUPS_CGROUPS_H

#include "lib/json.h"
#include "spec/spec.h"

#include <sys/types.h>

enum cgroup_driver { CGROUP_CGROUPFS, CGROUP_SYSTEMD, CGROUP_DISABLED };

/* The unified hierarchy of this host. Lives in the arena but for root_fd. */
struct cgroup_host {
	const char *mountpoint; /* "/sys/fs/cgroup", "/sys/fs/cgroup/unified", ...; NULL: not mounted anywhere */
	int root_fd; /* O_PATH of the mountpoint, -1 without one */
	const char *own_path; /* this process's cgroup below the mountpoint: "/", "/user.slice/..." */
	const char *controllers; /* what its root offers: "cpuset cpu io memory pids" */
	bool hybrid; /* version 1 hierarchies hold controllers too */
};
int cgroup_host_find(struct arena *a, struct cgroup_host *ret, struct err *e);
void cgroup_host_close(struct cgroup_host *h);

/* What a container's cgroup is known by later. Strings are the owner's. */
struct cgroup_ref {
	enum cgroup_driver driver;
	const char *path; /* below the mountpoint, "/user.slice/ferry-x.scope"; NULL: disabled */
	const char *scope; /* systemd: the unit's name; else NULL */
	bool user_session; /* systemd: the unit is of the user's own manager */
	uint64_t id; /* its inode number, never used again: another at the path is not it. 0: not known */
	bool ended; /* nothing of the container's is in it any more: what is, is another's, who has used the path again */
};

struct cgroup_options {
	const char *id; /* the container's: names the cgroup where cgroupsPath does not */
	enum cgroup_driver driver;
	bool rootless; /* a cgroup that may not be made is done without when no limit asks for it */
};

struct cgroup_plan; /* cgroups/plan.h, for tests and printing */

/*
 * linux.cgroupsPath and linux.resources as a list of writes. cgroupfs: an absolute path is below the mountpoint, a
 * relative one below the own cgroup's parent's place as runc does. systemd: "slice:prefix:name".
 * -EINVAL for values that the kernel would refuse or that contradict; -ENOTSUP for controllers of version 1 only.
 */
int cgroup_plan_make(const struct spec *s, const struct cgroup_host *h, const struct cgroup_options *o, struct arena *a,
		     struct cgroup_plan **ret, struct err *e);

/* Lives as long as the plan's arena. Known before anything is made, so that it can be recorded first. */
const struct cgroup_ref *cgroup_plan_ref(const struct cgroup_plan *p);

/* The cgroup's absolute directory on the host; NULL while unknown (systemd) or disabled. */
const char *cgroup_plan_dir(const struct cgroup_plan *p);

/*
 * Makes the cgroup, enables the controllers above it that the limits need, writes the limits. @ret_fd: the cgroup's
 * directory for CLONE_INTO_CGROUP, the caller's to close; -1 where there is none (disabled, systemd: cgroup_attach does
 * it all). What was made is removed again when a later step fails.
 * -EEXIST: it is there and holds processes; being another's, it is no longer what cgroup_plan_ref names, so that it is
 * not removed with the container. An empty left-over is used again.
 */
int cgroup_create(struct cgroup_plan *p, const struct cgroup_host *h, int *ret_fd, struct err *e);

/* For cgroup_ref.id, of the cgroup's directory. */
int cgroup_id(int dir, uint64_t *ret, struct err *e);

/*
 * After the clone: attaches the device program, which takes the kernel a while and forbids nothing that a runtime does
 * but mounting devices; before that, with systemd, moves @pid into a scope, writes its limits, and sets *ret_fd.
 * -EEXIST: as above.
 */
int cgroup_attach(struct cgroup_plan *p, const struct cgroup_host *h, pid_t pid, int *ret_fd, struct err *e);

/* Opens the directory of a stored reference. -ENOENT when it is gone; -1 in *ret_fd and 0 when disabled. */
int cgroup_open(const struct cgroup_ref *r, const struct cgroup_host *h, int *ret_fd, struct err *e);

/*
 * Kills what is left in it and below, removes it with its children, stops the scope. Gone already is no error; one that has
 * become another's is left alone.
 */
int cgroup_destroy(const struct cgroup_ref *r, const struct cgroup_host *h, struct err *e);

/* The rest works on the cgroup's directory descriptor. */

int cgroup_kill(int dir, struct err *e); /* SIGKILL to all of it and below: cgroup.kill */
int cgroup_signal(int dir, int signal, struct err *e); /* any signal to every process in it and below */
int cgroup_freeze(int dir, bool frozen, struct err *e); /* returns once cgroup.events says so */
int cgroup_is_frozen(int dir, struct err *e); /* 1, 0, -errno */
int cgroup_is_empty(int dir, struct err *e); /* 1, 0, -errno */

/* Every process in it and below, in the arena. */
int cgroup_pids(int dir, struct arena *a, pid_t **ret, size_t *ret_n, struct err *e);

/*
 * Changes limits of a living cgroup. Only what is set in @r changes. Memory that shrinks never kills: high, reclaim,
 * check, then max. With systemd the scope's properties are changed too, so that a daemon-reload keeps them.
 */
int cgroup_update(const struct cgroup_ref *ref, const struct cgroup_host *h, const struct spec_resources *r,
		  struct err *e);

/* Statistics, with the kernel's names and units. Absent controllers leave .set false or empty lists. */
struct cgroup_pressure {
	bool set;
	double some_avg10, some_avg60, some_avg300, full_avg10, full_avg60, full_avg300;
	uint64_t some_total_us, full_total_us;
};

struct cgroup_io_device {
	uint32_t major, minor;
	uint64_t rbytes, wbytes, rios, wios, dbytes, dios;
};

struct cgroup_hugetlb_stat {
	const char *page_size; /* "2MB" */
	uint64_t current_bytes, max_events;
};

struct cgroup_rdma_stat {
	const char *device;
	uint32_t hca_handles, hca_objects;
};

struct cgroup_stats {
	struct {
		bool set;
		uint64_t usage_us, user_us, system_us, nr_periods, nr_throttled, throttled_us;
		struct cgroup_pressure pressure;
	} cpu;
	struct {
		bool set;
		uint64_t current_bytes, peak_bytes, max_bytes; /* max: UINT64_MAX without a limit */
		uint64_t swap_current_bytes, swap_max_bytes;
		uint64_t events_max, events_oom, events_oom_kill;
		struct spec_pair *stat; /* memory.stat, each line */
		size_t n_stat;
		struct cgroup_pressure pressure;
	} memory;
	struct {
		bool set;
		uint64_t current, max; /* max: UINT64_MAX without a limit */
	} pids;
	struct {
		bool set;
		struct cgroup_io_device *devices;
		size_t n_devices;
		struct cgroup_pressure pressure;
	} io;
	struct cgroup_hugetlb_stat *hugetlb;
	size_t n_hugetlb;
	struct cgroup_rdma_stat *rdma;
	size_t n_rdma;
};
int cgroup_stats(int dir, struct arena *a, struct cgroup_stats *ret, struct err *e);

/* A descriptor that polls POLLPRI when memory.events changes, for `events`; -ENOTSUP without the controller. */
int cgroup_watch_memory_events(int dir, struct err *e);

#endif
