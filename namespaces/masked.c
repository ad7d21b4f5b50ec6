#include "lib/fd.h"
#include "lib/in_root.h"
#include "lib/sys.h"
#include "namespaces/mount_api.h"
#include "namespaces/rootfs_plan.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* What covers masked paths. */
struct covers {
	int null; /* O_PATH of the container's verified /dev/null */
	int file; /* the next detached copy of it; -1: to be made */
	int dir; /* an empty read-only tmpfs; -1: not needed so far */
	bool dir_used; /* it is attached somewhere: to be copied */
};

static bool gone(int code)
{
	return code == ENOENT || code == ENOTDIR;
}

/*
 * A name in the top directory of the container's own procfs needs no look-up: the kernel makes these, none leads
 * elsewhere but for four symlinks.
 */
static const char *proc_name(const struct rootfs_plan *p, const char *path)
{
	static const char *const links[] = { "self", "thread-self", "mounts", "net" };
	const char *name = p->proc_fd >= 0 ? path_below(path, "/proc") : NULL;

	if (!name || strchr(name, '/'))
		return NULL;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if (strcmp(name, links[i]) == 0)
			return NULL;
	return *name && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 ? name : NULL;
}

/* Below /proc the container's own procfs is looked through, not whatever lies on top of it. */
static int open_path(const struct rootfs_plan *p, const char *path, struct err *e)
{
	const char *name = p->proc_fd >= 0 ? path_below(path, "/proc") : NULL;

	if (name) {
		int fd = sys_openat2(p->proc_fd, name, O_PATH | O_CLOEXEC, 0,
				     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
		if (fd >= 0)
			return fd;
		if (errno != ELOOP && errno != EXDEV)
			return err_set(e, errno, "open '%s'", path);
	}
	return in_root_open(p->root_fd, path, O_PATH, e);
}

static int open_null(const struct rootfs_plan *p, struct err *e)
{
	struct stat st;
	closed_by_exec int fd = -1;

	if (p->dev_mount >= 0) {
		fd = openat(p->mounts[p->dev_mount].fd, "null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0)
			return err_set(e, errno, "open '/dev/null'");
	} else {
		fd = in_root_open(p->root_fd, "/dev/null", O_PATH | O_NOFOLLOW, e);
		if (fd < 0)
			return fd;
	}
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "stat '/dev/null'");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return err_say(e, EINVAL, "the container's '/dev/null' is not the null device");
	return take_fd(&fd);
}

static int next_file(const struct rootfs_plan *p, struct covers *c, struct err *e)
{
	if (c->file >= 0)
		return 0;
	if (c->null < 0) {
		c->null = open_null(p, e);
		if (c->null < 0)
			return c->null;
	}
	c->file = mount_clone(c->null, "", false);
	return c->file < 0 ? err_set(e, errno, "open_tree '/dev/null'") : 0;
}

static int next_dir(struct covers *c, struct err *e)
{
	const struct fs_request empty = { .type = "tmpfs", .attrs = MOUNT_ATTR_RDONLY };

	if (c->dir < 0) {
		c->dir = mount_new_fs(&empty, e);
		return c->dir < 0 ? c->dir : 0;
	}
	if (!c->dir_used)
		return 0;
	int copy = mount_clone(c->dir, "", false);
	if (copy < 0)
		return err_set(e, errno, "open_tree of an empty tmpfs");
	c->dir = copy;
	c->dir_used = false;
	return 0;
}

static int next_cover(const struct rootfs_plan *p, struct covers *c, bool as_dir, struct err *e)
{
	return as_dir ? next_dir(c, e) : next_file(p, c, e);
}

/* Returns 0 or -errno; what was not attached is there for the next path. */
static int attach_cover(struct covers *c, bool as_dir, int dir, const char *name)
{
	if (mount_attach(as_dir ? c->dir : c->file, dir, name) < 0)
		return -errno;
	if (as_dir)
		c->dir_used = true;
	else
		c->file = -1;
	return 0;
}

/* What configurations mask that is a directory wherever it is there. */
static bool is_known_dir(const char *path)
{
	return strcmp(path, "/proc/acpi") == 0 || strcmp(path, "/sys/firmware") == 0;
}

/*
 * Files are tried first and most paths are missing: a failed move_mount(2) leaves the cover for the next path, so a
 * missing path costs one system call.
 */
static int mask(const struct rootfs_plan *p, const char *path, struct covers *c, struct err *e)
{
	const char *name = proc_name(p, path);
	bool as_dir = is_known_dir(path);
	closed_by_exec int fd = -1;

	if (!name) {
		fd = open_path(p, path, e);
		if (fd < 0)
			return gone(-fd) ? 0 : fd;
	}
	int dir = name ? p->proc_fd : fd;
	if (next_cover(p, c, as_dir, e) < 0)
		return -e->code;
	int r = attach_cover(c, as_dir, dir, name);
	if (r == -ENOTDIR || r == -EINVAL) { /* what the other kind answers, by the kernel's age */
		if (next_cover(p, c, !as_dir, e) < 0)
			return -e->code;
		r = attach_cover(c, !as_dir, dir, name);
	}
	return r == 0 || r == -ENOENT ? 0 : err_set(e, -r, "move_mount");
}

static int make_readonly(const struct rootfs_plan *p, const char *path, struct err *e)
{
	const char *name = proc_name(p, path);
	closed_by_exec int fd = -1;
	closed_by_exec int tree = -1;

	if (name)
		tree = open_tree(p->proc_fd, name,
				 OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_SYMLINK_NOFOLLOW);
	else {
		fd = open_path(p, path, e);
		if (fd < 0)
			return gone(-fd) ? 0 : fd;
		tree = mount_clone(fd, "", true);
	}
	if (tree < 0)
		return name && gone(errno) ? 0 : err_set(e, errno, "open_tree");
	if (mount_set_readonly(tree, e) < 0)
		return -e->code;
	if (mount_attach(tree, name ? p->proc_fd : fd, name) < 0)
		return err_set(e, errno, "move_mount");
	return 0;
}

int rootfs_apply_paths(struct rootfs_plan *p, struct err *e)
{
	closed_by_exec struct covers c = { .null = -1, .file = -1, .dir = -1 };

	for (size_t i = 0; i < p->n_readonly_paths; i++)
		if (make_readonly(p, p->readonly_paths[i], e) < 0)
			return err_wrap(e, "make '%s' read-only", p->readonly_paths[i]);
	for (size_t i = 0; i < p->n_masked_paths; i++)
		if (mask(p, p->masked_paths[i], &c, e) < 0)
			return err_wrap(e, "mask '%s'", p->masked_paths[i]);
	return 0;
}
