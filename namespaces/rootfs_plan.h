/*
 * What rootfs_plan_make decides and the rest of this folder carries out. The descriptors in it are -1 until applied.
 */
#ifndef NAMESPACES_ROOTFS_PLAN_H
#define NAMESPACES_ROOTFS_PLAN_H

#include "namespaces/mount_options.h"
#include "namespaces/namespaces.h"

enum mount_kind {
	MOUNT_FS, /* a new file system */
	MOUNT_BIND,
	MOUNT_CGROUP, /* a new cgroup2, or a bind of the container's cgroup */
	MOUNT_REMOUNT, /* changes what is mounted there already */
};

struct mount_plan {
	const char *json; /* "mounts[3]", for messages */
	enum mount_kind kind;
	const char *type, *source; /* source: absolute for binds; NULL: none */
	const char *target; /* absolute, without "//", "/./" and a slash at the end */
	struct mount_options options;
	bool late_readonly; /* read-only only in rootfs_seal: nodes and mount points are still made in it */
	/*
	 * The mount before this one in whose top directory the target lies, when that is a tmpfs made here: its content
	 * is ours alone, so that the name needs no look-up. -1: none.
	 */
	int base;
	const char *base_name;
	bool keep; /* the descriptor of the mount is used later */
	const struct spec_idmap *uid_maps, *gid_maps; /* of an idmapped mount; none: the container's own */
	size_t n_uid_maps, n_gid_maps;
	int source_fd; /* a detached tree that the parent opened */
	int fd; /* the mount, when kept */
};

struct node_plan {
	const char *path; /* absolute */
	const char *dev_name; /* below /dev; NULL: elsewhere */
	mode_t mode; /* with its type */
	int64_t major, minor;
	uint32_t uid, gid;
	bool implied; /* one of the six that every container has; the host may lack it no more than we */
	int source_fd; /* the host's node as a detached tree, where mknod(2) is not allowed */
};

struct link_plan {
	const char *name, *to; /* name: in /dev */
	bool replace;
};

struct rootfs_plan {
	const char *root; /* absolute, on the host */
	struct mount_plan *root_fs; /* a new file system to be the root; NULL: what is at the path */
	bool chroot_only; /* no mount namespace: nothing is mounted */
	bool no_pivot, host_userns, cgroup_namespace;
	const char *cgroup_dir, *mount_label;
	uint64_t propagation; /* 0: not given */
	bool propagation_rec;
	bool readonly;
	struct mount_plan *mounts;
	size_t n_mounts;
	bool make_dev; /* false: /dev is the host's, by a bind mount */
	struct node_plan *nodes;
	size_t n_nodes;
	const struct link_plan *links;
	size_t n_links;
	int dev_mount, proc_mount, pts_mount; /* the last mount there, when it is of the kind; -1: none */
	const char **masked_paths, **readonly_paths;
	size_t n_masked_paths, n_readonly_paths;
	struct spec_pair *sysctl; /* key: the path below /proc/sys */
	size_t n_sysctl;
	uid_t console_uid;
	const char *userns_path; /* a user namespace to join: idmapped mounts without maps use it */
	const struct spec_idmap *uid_maps, *gid_maps; /* of a new user namespace */
	size_t n_uid_maps, n_gid_maps;
	int root_fd; /* the root: a detached tree, then the mount */
	int proc_fd; /* the container's own procfs, verified; -1: none */
	bool root_on_top; /* the root lies on "/" of the namespace, as its own path may not be walked */
};

/* What of @path is below the directory @dir, or NULL. */
const char *path_below(const char *path, const char *dir);

/* Device nodes and links of /dev: rootfs_plan_dev.c */
int rootfs_plan_devices(const struct spec *s, struct arena *a, struct rootfs_plan *p, struct err *e);

/* linux.sysctl, checked against the namespaces there are: sysctl.c */
int rootfs_plan_sysctl(const struct spec *s, struct arena *a, struct rootfs_plan *p, struct err *e);

/* Writes them through the container's own procfs. */
int rootfs_apply_sysctl(const struct rootfs_plan *p, struct err *e);

/* Makes nodes and links: on the tmpfs attached to /dev (@dev), or where the mounts left /dev (-1). */
int rootfs_make_dev(struct rootfs_plan *p, int dev, struct err *e);

/* Opens the host's node as a detached tree and checks that it is the device that was meant. */
int node_open_source(struct node_plan *n, struct err *e);

/* Masked and read-only paths. */
int rootfs_apply_paths(struct rootfs_plan *p, struct err *e);

/*
 * The new file system that is the root, into root_fd, mounted nowhere: root_fs.c. In C, so that it is never in the host's
 * mount namespace.
 */
int root_fs_make(struct rootfs_plan *p, struct err *e);

/* In the parent: the same where it has id maps, on idmapped mounts of its layers. Does nothing without. */
int root_fs_open(struct rootfs_plan *p, struct err *e);

/* As root_fs_make does it on kernels that want all options at once. Returns a descriptor; @place: where it is for a moment. */
int root_fs_mount_long(const struct mount_plan *m, const char *place, struct err *e);

/* Makes mounts[i] and attaches it: mount_apply.c */
int rootfs_mount_one(struct rootfs_plan *p, size_t i, struct err *e);

/* Copies what lies below @from into @to, which is a new tmpfs; follows no symlinks, stays on one file system. */
int tmpcopyup(int from, int to, struct err *e);

#endif
