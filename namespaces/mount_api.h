/*
 * The kernel's mount API (fsopen(2), open_tree(2), mount_setattr(2), move_mount(2)) with errors that say what failed.
 */
#ifndef NAMESPACES_MOUNT_API_H
#define NAMESPACES_MOUNT_API_H

#include "namespaces/mount_options.h"

struct fs_request {
	const char *type, *source; /* source may be NULL */
	const struct fs_param *params, *extra; /* extra: at most one more, or NULL */
	size_t n_params;
	uint64_t attrs; /* MOUNT_ATTR_* */
};

/* A new file system, mounted nowhere. An error has what the file system itself said about it. */
int mount_new_fs(const struct fs_request *r, struct err *e);

/* Changes the superblock of what is mounted at @fd. */
int mount_reconfigure(int fd, const struct fs_param *params, size_t n, struct err *e);

/* A detached copy of what is at @path: -1 with errno, as the callers have different words for it. @path "": @dirfd. */
int mount_clone(int dirfd, const char *path, bool recursive);

/* Attributes and propagation of a mount and those below it. */
int mount_set_options(int fd, const struct mount_options *o, struct err *e);

/* Sets MOUNT_ATTR_RDONLY on the one mount. */
int mount_set_readonly(int fd, struct err *e);

/* @propagation: MS_* as mount(2) names them. */
int mount_set_propagation(int fd, uint64_t propagation, bool recursive, struct err *e);

/* Attaches; @name NULL: on @dir itself. Follows no symlink. -1 with errno. */
int mount_attach(int tree, int dir, const char *name);

/* True when @fd lies on a file system of that kind (linux/magic.h). */
bool is_on_fs(int fd, unsigned long magic);

#endif
