/*
 * Namespaces, id maps, the root file system, mounts, devices: what a container sees.
 *
 * Depends on lib/ and spec/. Knows nothing of cgroups' limits, of credentials, of the life cycle: runtime/ hands
 * values and descriptors across. Two plans, made without rights and comparable as values, and what applies them.
 *
 * The calling sequence, P in the runtime's parent process, S in the stage process (only when plan.stage), C in the
 * container's first process:
 *
 *	P  ns_plan_make, rootfs_plan_make      pure
 *	P  ns_plan_open                        opens the files of namespaces to join
 *	P  rootfs_open_sources                 opens what only the host's rights can open
 *	S  ns_stage                            joins; then clones C with plan.create
 *	P  ns_map_ids                          writes C's uid_map and gid_map
 *	C  ns_become_root, ns_configure        ids, joins left, cgroup namespace, hostname, loopback
 *	C  rootfs_mount                        the whole tree, attached by descriptor, before pivot_root
 *	C  rootfs_console                      a pty of the container's own devpts, bound to /dev/console
 *	C  (createContainer hooks)
 *	C  rootfs_enter                        pivot_root
 *	C  rootfs_seal                         sysctl, read-only and masked paths, read-only root
 *
 * Nothing has to be undone: all mounts live in the container's mount namespace and end with it.
 */
#ifndef NAMESPACES_NAMESPACES_H
#define NAMESPACES_NAMESPACES_H

#include "spec/spec.h"

#include <sys/types.h>

/* ---- namespaces ---- */

enum { NS_MAX = 8 };

struct ns_join {
	uint64_t flag; /* CLONE_NEW* */
	const char *path;
	int fd; /* -1 until ns_plan_open */
};

struct ns_plan {
	uint64_t create; /* CLONE_NEW* for the clone3 that makes C; never CLONE_NEWCGROUP */
	bool create_cgroup; /* C unshares it itself, once it is in its cgroup, so that this is the namespace's root */
	struct ns_join join[NS_MAX];
	size_t n_join;
	bool stage; /* joining a user or pid namespace, or any with a new user namespace, takes a process in between */
	const struct spec_idmap *uid_maps, *gid_maps; /* for a new user namespace */
	size_t n_uid_maps, n_gid_maps;
	bool map_with_helpers; /* newuidmap and newgidmap: an unprivileged user maps more than himself */
	bool deny_setgroups; /* an unprivileged user without helpers must give up setgroups(2) */
	struct spec_time_offset offset_monotonic, offset_boottime;
	const char *hostname, *domainname;
	bool loopback; /* bring lo up: the network namespace is new */
};

/* @euid: who runs this. Errors: what config-linux.md calls invalid, with the JSON path. */
int ns_plan_make(const struct spec *s, uid_t euid, struct arena *a, struct ns_plan *ret, struct err *e);

/* Opens join[].path and checks that each is a namespace of its kind. ns_plan_close closes them. */
int ns_plan_open(struct ns_plan *p, struct err *e);
void ns_plan_close(struct ns_plan *p);

/*
 * In the stage process: joins what there is to join in an order that the rights allow. After it the caller clones C
 * with CLONE_PARENT | plan.create.
 */
int ns_stage(const struct ns_plan *p, struct err *e);

/* In the parent: writes the maps of @pid, which waits meanwhile. Runs newuidmap/newgidmap where planned. */
int ns_map_ids(const struct ns_plan *p, pid_t pid, struct err *e);

/* In C, once mapped: becomes uid and gid 0 of a new or joined user namespace; else does nothing. */
int ns_become_root(const struct ns_plan *p, struct err *e);

/*
 * In C: joins (without a stage), unshares the cgroup namespace, makes and enters a time namespace with offsets, sets
 * hostname and domainname, brings lo up. Whoever joins anything cannot be traced (is not dumpable) until its exec, so that
 * its files in /proc/self belong to the host's root: what has to be written there (oom_score_adj) comes before the join.
 */
int ns_configure(const struct ns_plan *p, struct err *e);

/* Of the caller's network namespace; ns_configure has done so. */
int ns_loopback_up(struct err *e);

/* ---- root file system ---- */

struct rootfs_options {
	const char *bundle; /* absolute */
	bool no_pivot; /* --no-pivot: MS_MOVE and chroot, for a root on a ramdisk */
	bool host_userns; /* C stays in the runtime's own user namespace and has its full rights */
	bool cgroup_namespace; /* a new one: "cgroup" mounts are a cgroup2 file system of its own, else a bind */
	const char *cgroup_dir; /* the container's cgroup on the host, absolute; NULL without one */
};

struct rootfs_plan; /* namespaces/rootfs_plan.h, for tests and printing */

int rootfs_plan_make(const struct spec *s, const struct rootfs_options *o, struct arena *a, struct rootfs_plan **ret,
		     struct err *e);

/*
 * In the parent, before C exists: opens the root, and for a container with a user namespace the sources of its bind
 * mounts and devices, whose paths C might not be allowed to walk; makes idmapped mounts (`idmap`, uidMappings).
 * The descriptors lie in the plan and are closed by rootfs_plan_close, or by C's exec.
 */
int rootfs_open_sources(struct rootfs_plan *p, struct err *e);
void rootfs_plan_close(struct rootfs_plan *p);

/* The host's path of the rootfs, for the state document. */
const char *rootfs_path(const struct rootfs_plan *p);

/* Whether a mount may be of a device, which is for the rules of the container's cgroup to allow. */
bool rootfs_mounts_devices(const struct rootfs_plan *p);

/* In C: makes the mount namespace private enough, attaches the root and every mount and device in order. */
int rootfs_mount(struct rootfs_plan *p, struct err *e);

/*
 * For whoever makes all other mounts: a root that is a file system is mounted on its path, in the caller's mount namespace.
 * Returns 1, or 0 when the root is the directory itself.
 */
int rootfs_mount_root(struct rootfs_plan *p, struct err *e);

/*
 * In C, after rootfs_mount: opens a pty pair in the container's own devpts by descriptor, never by a path that the
 * image could have replaced, and binds its end to /dev/console. @height 0: size left alone.
 */
int rootfs_console(struct rootfs_plan *p, uint16_t height, uint16_t width, int *ret_master, int *ret_slave,
		   struct err *e);

/* For exec in a running container, after it has been joined: opens a pty pair of its /dev/pts, verified as devpts. */
int console_open(uint16_t height, uint16_t width, int *ret_master, int *ret_slave, struct err *e);

/* In C: makes the rootfs the root of its mount namespace; the host's tree is gone after it. */
int rootfs_enter(struct rootfs_plan *p, struct err *e);

/* In C, after createContainer hooks and rootfs_enter: sysctl, paths, root.readonly, rootfsPropagation of the root. */
int rootfs_seal(struct rootfs_plan *p, struct err *e);

/* ---- option names, for `features` ---- */

/* Every mount option that is understood, sorted; ended by NULL. */
const char *const *mount_option_names(void);

#endif
