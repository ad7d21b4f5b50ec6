#include "lib/fd.h"
#include "lib/in_root.h"
#include "lib/sys.h"
#include "namespaces/mount_api.h"
#include "namespaces/rootfs_plan.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

enum { FSCONFIG_STRING_MAX = 255 };

static int is_directory(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? -errno : S_ISDIR(st.st_mode);
}

/* Opens where the mount goes, making it, as a directory or as a file, when it is missing. */
static int open_target(const struct rootfs_plan *p, const struct mount_plan *m, bool directory, struct err *e)
{
	return directory ? in_root_mkdir(p->root_fd, m->target, 0755, e)
			 : in_root_touch(p->root_fd, m->target, 0755, e);
}

static int make_name(int dir, const char *name, bool directory)
{
	return directory ? mkdirat(dir, name, 0755) : mknodat(dir, name, S_IFREG | 0755, 0);
}

/*
 * Attaches without a look-up where a single name decides: in the top of a tmpfs of ours, or a directory in the top of
 * the root, as the kernel does not put a directory on a symlink. Returns 1, or 0 when a look-up is needed.
 */
static int attach_by_name(const struct rootfs_plan *p, const struct mount_plan *m, int tree, bool directory)
{
	int base = m->base >= 0 ? p->mounts[m->base].fd : -1;

	/* A name that is there already may be a symlink of /dev. */
	if (base >= 0)
		return make_name(base, m->base_name, directory) == 0 && mount_attach(tree, base, m->base_name) == 0;

	const char *name = m->target + 1;
	if (!directory || strchr(name, '/') || strcmp(name, "..") == 0)
		return 0;
	if (mount_attach(tree, p->root_fd, name) == 0)
		return 1;
	return errno == ENOENT && mkdirat(p->root_fd, name, 0755) == 0 && mount_attach(tree, p->root_fd, name) == 0;
}

static int attach(const struct rootfs_plan *p, const struct mount_plan *m, int tree, struct err *e)
{
	int directory = m->kind == MOUNT_BIND ? is_directory(tree) : 1;

	if (directory < 0)
		return err_set(e, -directory, "stat the source");
	if (attach_by_name(p, m, tree, directory))
		return 0;
	if (m->kind == MOUNT_FS && !strchr(m->target + 1, '/') &&
	    (strcmp(m->type, "proc") == 0 || strcmp(m->type, "sysfs") == 0))
		return err_say(e, ENOTDIR, "a %s must be mounted on an ordinary directory", m->type);
	cleanup_close int target = open_target(p, m, directory, e);
	if (target < 0)
		return target;
	if (mount_attach(tree, target, NULL) == 0)
		return 0;
	int code = errno;
	if (is_directory(target) != directory)
		return err_set(e, ENOTDIR, "cannot mount a directory onto a file, or a file onto a directory");
	return err_set(e, code, "move_mount");
}

static bool selinux_is_on(void)
{
	struct statfs st;

	return statfs("/sys/fs/selinux", &st) == 0 && (unsigned long)st.f_type == SELINUX_MAGIC;
}

/* The kernel labels these itself. */
static bool takes_label(const char *type)
{
	static const char *const own[] = { "proc", "sysfs", "mqueue", "cgroup2" };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (strcmp(type, own[i]) == 0)
			return false;
	return true;
}

static int new_fs(const struct rootfs_plan *p, const struct mount_plan *m, const char *type,
		  const struct fs_param *extra, struct err *e)
{
	struct fs_request r = {
		.type = type, .source = m->source, .extra = extra,
		.params = m->options.params, .n_params = m->options.n_params,
		.attrs = mount_options_fsmount_attrs(&m->options),
	};
	const struct fs_param label = { "context", p->mount_label };

	if (m->late_readonly)
		r.attrs &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	if (!extra && p->mount_label && takes_label(type) && selinux_is_on())
		r.extra = &label;
	cleanup_close int fd = mount_new_fs(&r, e);
	if (fd >= 0 && m->options.propagation &&
	    mount_set_propagation(fd, m->options.propagation, m->options.propagation_rec, e) < 0)
		return -e->code;
	return fd < 0 ? fd : take_fd(&fd);
}

/* A tmpfs over a directory of the image gets that directory's mode unless told another, and perhaps its content. */
static int make_tmpfs(const struct rootfs_plan *p, const struct mount_plan *m, struct err *e)
{
	struct err ignored = ERR_INIT;
	struct fs_param mode = { "mode", NULL };
	struct stat st;
	char text[16];

	if (m->base >= 0 || (mount_options_param(&m->options, "mode") && !m->options.tmpcopyup))
		return new_fs(p, m, "tmpfs", NULL, e);
	cleanup_close int old = in_root_open(p->root_fd, m->target, O_RDONLY | O_DIRECTORY, &ignored);
	if (old < 0 && old != -ENOENT)
		return err_set(e, -old, "open '%s'", m->target);
	if (old >= 0 && !mount_options_param(&m->options, "mode") && fstat(old, &st) == 0) {
		snprintf(text, sizeof(text), "%o", (unsigned)(st.st_mode & 07777));
		mode.value = text;
	}
	cleanup_close int fd = new_fs(p, m, "tmpfs", mode.value ? &mode : NULL, e);
	if (fd >= 0 && old >= 0 && m->options.tmpcopyup && tmpcopyup(old, fd, e) < 0)
		return err_wrap(e, "tmpcopyup");
	return fd < 0 ? fd : take_fd(&fd);
}

static int make_bind(const struct mount_plan *m, struct err *e)
{
	/* Already made by the parent, with its options. */
	if (m->source_fd >= 0)
		return m->source_fd;
	cleanup_close int fd = mount_clone(AT_FDCWD, m->source, m->options.rbind);
	if (fd < 0 && errno == ENOENT)
		return err_say(e, ENOENT, "stat %s: no such file or directory", m->source);
	if (fd < 0)
		return err_set(e, errno, "open_tree '%s'", m->source);
	if (mount_set_options(fd, &m->options, e) < 0)
		return -e->code;
	return take_fd(&fd);
}

static int make_cgroup(const struct rootfs_plan *p, const struct mount_plan *m, struct err *e)
{
	if (p->cgroup_namespace) {
		int fd = new_fs(p, m, "cgroup2", NULL, e);
		if (fd >= 0 || !p->cgroup_dir)
			return fd;
	}
	struct mount_plan bind = *m;
	bind.source = p->cgroup_dir;
	return make_bind(&bind, e);
}

/* A sysfs shows a network namespace: refused to a user namespace that does not own that. The host's is seen then. */
static int make_sysfs(const struct rootfs_plan *p, const struct mount_plan *m, struct err *e)
{
	int fd = new_fs(p, m, "sysfs", NULL, e);

	if (fd != -EPERM || p->host_userns)
		return fd;
	struct mount_plan bind = *m;
	bind.source = "/sys";
	bind.options.rbind = true;
	bind.options.rec_attr.set |= MOUNT_ATTR_RDONLY;
	bind.options.attr.clr &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	return make_bind(&bind, e);
}

static int make_mount(const struct rootfs_plan *p, const struct mount_plan *m, struct err *e)
{
	if (m->kind == MOUNT_BIND)
		return make_bind(m, e);
	if (m->kind == MOUNT_CGROUP)
		return make_cgroup(p, m, e);
	if (strcmp(m->type, "sysfs") == 0)
		return make_sysfs(p, m, e);
	if (strcmp(m->type, "tmpfs") == 0)
		return make_tmpfs(p, m, e);
	return new_fs(p, m, m->type, NULL, e);
}

static int remount(const struct rootfs_plan *p, const struct mount_plan *m, struct err *e)
{
	cleanup_close int fd = in_root_open(p->root_fd, m->target, O_PATH, e);

	if (fd < 0)
		return fd;
	if (!m->options.bind && m->options.n_params &&
	    mount_reconfigure(fd, m->options.params, m->options.n_params, e) < 0)
		return -e->code;
	return mount_set_options(fd, &m->options, e);
}

static bool has_long_param(const struct mount_plan *m)
{
	for (size_t i = 0; i < m->options.n_params; i++)
		if (m->options.params[i].value && strlen(m->options.params[i].value) > FSCONFIG_STRING_MAX)
			return true;
	return false;
}

/*
 * fsconfig(2) takes no string above 255 bytes, which the lower directories of an overlay can need: mount(2) takes a
 * page. The place is still a descriptor that was looked up in the root.
 */
static int mount_long(const struct rootfs_plan *p, const struct mount_plan *m, struct err *e)
{
	char data[4096] = "";
	size_t n = 0;

	for (size_t i = 0; i < m->options.n_params; i++) {
		const struct fs_param *f = &m->options.params[i];
		n += (size_t)snprintf(data + n, sizeof(data) - n, "%s%s%s%s", n ? "," : "", f->key, f->value ? "=" : "",
				      f->value ? f->value : "");
		if (n >= sizeof(data))
			return err_say(e, E2BIG, "options are longer than %zu bytes", sizeof(data));
	}
	cleanup_close int target = open_target(p, m, true, e);
	if (target < 0)
		return target;
	const char *source = m->source ? m->source : "none";
	if (mount(source, fd_path(target).path, m->type, 0, data) < 0)
		return err_set(e, errno, "mount");
	cleanup_close int fd = in_root_open(p->root_fd, m->target, O_PATH, e);
	return fd < 0 ? fd : mount_set_options(fd, &m->options, e);
}

static int mount_one(struct rootfs_plan *p, size_t i, struct err *e)
{
	struct mount_plan *m = &p->mounts[i];

	if (m->kind == MOUNT_REMOUNT)
		return remount(p, m, e);
	if (m->kind == MOUNT_FS && has_long_param(m))
		return mount_long(p, m, e);
	closed_by_exec int fd = make_mount(p, m, e);
	m->source_fd = -1;
	if (fd < 0)
		return fd;
	if (attach(p, m, fd, e) < 0)
		return -e->code;
	/* Attached first: nodes that are binds go onto it, and before Linux 6.15 nothing could be mounted on what is not. */
	if ((int)i == p->dev_mount && p->make_dev && rootfs_make_dev(p, fd, e) < 0)
		return -e->code;
	if (m->keep)
		m->fd = fd;
	return 0;
}

int rootfs_mount_one(struct rootfs_plan *p, size_t i, struct err *e)
{
	const struct mount_plan *m = &p->mounts[i];

	if (mount_one(p, i, e) < 0)
		return err_wrap(e, "error mounting \"%s\" to rootfs at \"%s\"",
				m->source ? m->source : m->type ? m->type : "", m->target);
	return 0;
}
