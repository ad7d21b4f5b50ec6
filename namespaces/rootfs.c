#include "lib/fd.h"
#include "lib/in_root.h"
#include "lib/sys.h"
#include "namespaces/mount_api.h"
#include "namespaces/rootfs_plan.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/stat.h>

/*
 * What the host mounts later may still show up (slave) but nothing goes back. Only a configuration that asks for
 * "shared" keeps the ties to the host, so that its own shared binds can have them; the root's own word comes at the end
 * of rootfs_seal.
 */
static int cut_ties(const struct rootfs_plan *p, struct err *e)
{
	unsigned long flags = MS_REC | MS_SLAVE;

	if (p->propagation == MS_SHARED)
		flags = MS_SHARED | (p->propagation_rec ? MS_REC : 0);
	else if (p->propagation == MS_PRIVATE || p->propagation == MS_UNBINDABLE)
		flags = MS_REC | MS_PRIVATE;
	if (mount(NULL, "/", NULL, flags, NULL) < 0)
		return err_set(e, errno, "set the propagation of the mount namespace");
	return 0;
}

/* The mount below the root must not be shared: attaching to it would reach the host, and pivot_root(2) refuses. */
static int make_parent_private(const struct rootfs_plan *p, struct arena *a, struct err *e)
{
	char *path = arena_strdup(a, p->root);

	for (;;) {
		if (mount(NULL, path, NULL, MS_PRIVATE, NULL) == 0)
			return 0;
		if (errno != EINVAL || strcmp(path, "/") == 0)
			return err_set(e, errno, "make the mount of '%s' private", p->root);
		char *slash = strrchr(path, '/');
		slash[slash == path ? 1 : 0] = '\0';
	}
}

static int no_root(const struct rootfs_plan *p, int code, struct err *e)
{
	if (code == ENOENT)
		return err_say(e, ENOENT, "root.path: '%s': no such file or directory", p->root);
	return err_set(e, code, "root.path: '%s'", p->root);
}

static int attach_root(struct rootfs_plan *p, struct err *e)
{
	if (p->root_fs && p->root_fd < 0 && root_fs_make(p, e) < 0)
		return -e->code;
	if (p->root_fd < 0)
		p->root_fd = mount_clone(AT_FDCWD, p->root, true);
	if (p->root_fd < 0)
		return no_root(p, errno, e);
	if (p->propagation == MS_SHARED) {
		cleanup_arena struct arena a = ARENA_INIT;
		if (make_parent_private(p, &a, e) < 0 || mount_set_propagation(p->root_fd, MS_PRIVATE, false, e) < 0)
			return -e->code;
	}
	/* On its own path, where hooks look for it. */
	if (move_mount(p->root_fd, "", AT_FDCWD, p->root, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) == 0)
		return 0;
	/* A directory above it may be closed to the container's root: then on top of everything. */
	if (errno != EACCES || move_mount(p->root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(e, errno, "attach the root file system '%s'", p->root);
	p->root_on_top = true;
	return 0;
}

int rootfs_mount_root(struct rootfs_plan *p, struct err *e)
{
	if (!p->root_fs)
		return 0;
	return attach_root(p, e) < 0 ? -e->code : 1;
}

static int mount_all(struct rootfs_plan *p, struct err *e)
{
	if (cut_ties(p, e) < 0 || attach_root(p, e) < 0)
		return -e->code;
	for (size_t i = 0; i < p->n_mounts; i++)
		if (rootfs_mount_one(p, i, e) < 0)
			return -e->code;
	return p->make_dev ? rootfs_make_dev(p, -1, e) : 0;
}

int rootfs_mount(struct rootfs_plan *p, struct err *e)
{
	if (p->chroot_only) {
		p->root_fd = open(p->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return p->root_fd < 0 ? no_root(p, errno, e) : 0;
	}
	mode_t old = umask(0); /* modes of nodes and directories are meant as they are written */
	int r = mount_all(p, e);
	umask(old);
	return r;
}

static int change_root(const struct rootfs_plan *p, struct err *e)
{
	if (fchdir(p->root_fd) < 0)
		return err_set(e, errno, "enter '%s'", p->root);
	if (chroot(".") < 0)
		return err_set(e, errno, "chroot to '%s'", p->root);
	return 0;
}

/*
 * A root on a ramdisk cannot be pivoted. The container's root goes on top of it; what the host mounted on /proc and
 * /sys goes, so that a nested user namespace cannot take their being fully visible as leave to mount new ones.
 */
static int enter_without_pivot(const struct rootfs_plan *p, struct err *e)
{
	umount2("/proc", MNT_DETACH);
	umount2("/sys", MNT_DETACH);
	if (!p->root_on_top && move_mount(p->root_fd, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(e, errno, "move '%s' to '/'", p->root);
	return change_root(p, e);
}

/*
 * Where ferry itself runs in a chroot, a pivot there would leave the host's tree at the root of the mount namespace, and
 * whoever joins the namespace lands in that: `exec`, to begin with. Joining it leads out of the chroot.
 */
static int leave_chroot(struct err *e)
{
	closed_by_exec int ns = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	if (ns < 0 || setns(ns, CLONE_NEWNS) < 0)
		return err_set(e, errno, "go to the root of the mount namespace");
	return 0;
}

/* The old root ends up on top of the new one, so that it needs no directory of the image, and is then taken off. */
static int pivot(const struct rootfs_plan *p, struct err *e)
{
	cleanup_close int old = -1;

	if (!p->root_on_top && leave_chroot(e) < 0) /* there "/" of the namespace is the new root already */
		return -e->code;
	if (p->propagation == MS_SHARED && (old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_set(e, errno, "open '/'");
	if (fchdir(p->root_fd) < 0)
		return err_set(e, errno, "enter '%s'", p->root);
	if (sys_pivot_root(".", ".") < 0)
		return err_set(e, errno, "pivot_root to '%s'", p->root);
	/* Still tied to the host when "shared" was asked for: taking it off must not do so there. */
	if (old >= 0 && (fchdir(old) < 0 || mount(NULL, ".", NULL, MS_SLAVE | MS_REC, NULL) < 0))
		return err_set(e, errno, "cut the host's tree off");
	if (umount2(".", MNT_DETACH) < 0)
		return err_set(e, errno, "unmount the host's tree");
	if (old >= 0 && chdir("/") < 0)
		return err_set(e, errno, "enter '/'");
	return 0;
}

int rootfs_enter(struct rootfs_plan *p, struct err *e)
{
	if (p->chroot_only)
		return change_root(p, e);
	return p->no_pivot ? enter_without_pivot(p, e) : pivot(p, e);
}

/* The fsmount or bind that was attached to /proc; without one, what the image has there, if that is a procfs. */
static int find_proc(struct rootfs_plan *p, struct err *e)
{
	struct err ignored = ERR_INIT;

	if (!p->n_sysctl && !p->n_masked_paths && !p->n_readonly_paths)
		return 0;
	if (p->proc_mount >= 0 && p->mounts[p->proc_mount].fd >= 0)
		p->proc_fd = take_fd(&p->mounts[p->proc_mount].fd);
	else
		p->proc_fd = in_root_open(p->root_fd, "/proc", O_PATH | O_DIRECTORY, &ignored);
	if (p->proc_fd >= 0 && !is_on_fs(p->proc_fd, PROC_SUPER_MAGIC)) {
		close_fd(&p->proc_fd);
		if (p->proc_mount >= 0 && strcmp(p->mounts[p->proc_mount].type ? p->mounts[p->proc_mount].type : "",
						 "proc") == 0)
			return err_say(e, EINVAL, "what is mounted on '/proc' is not a procfs");
	}
	if (p->proc_fd < 0)
		p->proc_fd = -1;
	return 0;
}

int rootfs_seal(struct rootfs_plan *p, struct err *e)
{
	if (p->chroot_only)
		return 0;
	if (find_proc(p, e) < 0 || rootfs_apply_sysctl(p, e) < 0 || rootfs_apply_paths(p, e) < 0)
		return -e->code;
	for (size_t i = 0; i < p->n_mounts; i++)
		if (p->mounts[i].late_readonly && p->mounts[i].fd >= 0 && mount_set_readonly(p->mounts[i].fd, e) < 0)
			return err_wrap(e, "make '%s' read-only", p->mounts[i].target);
	if (p->readonly && mount_set_readonly(p->root_fd, e) < 0)
		return err_wrap(e, "make the root file system read-only");
	/* Last: of an unbindable tree no more copies could be made. */
	if (p->propagation && p->propagation != MS_PRIVATE &&
	    mount_set_propagation(p->root_fd, p->propagation, p->propagation_rec, e) < 0)
		return err_wrap(e, "linux.rootfsPropagation");
	return 0;
}

void rootfs_plan_close(struct rootfs_plan *p)
{
	for (size_t i = 0; i < p->n_mounts; i++) {
		close_fd(&p->mounts[i].source_fd);
		close_fd(&p->mounts[i].fd);
	}
	for (size_t i = 0; i < p->n_nodes; i++)
		close_fd(&p->nodes[i].source_fd);
	close_fd(&p->root_fd);
	close_fd(&p->proc_fd);
}
