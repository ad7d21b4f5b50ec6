/*
 * A root that is a new file system, an overlay. It is made in the container's own mount namespace, by the first process;
 * but where the container has a user namespace made by the host's root, by a process of the parent's: the overlay is then
 * the host's own, on idmapped mounts of its layers, so that the files in them are stored with the ids that are seen inside.
 */
#include "lib/fd.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "lib/sys.h"
#include "namespaces/idmap.h"
#include "namespaces/mount_api.h"
#include "namespaces/rootfs_plan.h"

#include <errno.h>
#include <linux/securebits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

enum { DATA_MAX = 4096, MSG_ROOT = 1 };

static bool is_lower(const struct fs_param *p)
{
	return p->value && strcmp(p->key, "lowerdir+") == 0;
}

/*
 * For kernels without "lowerdir+" (before Linux 6.7): all options in the one page of mount(2). The lower directories are
 * opened and named by the numbers of their descriptors, with /proc/self/fd as the working directory: "12:13:14".
 */
static int long_options(const struct mount_options *o, char data[DATA_MAX], struct err *e)
{
	const char *join = "lowerdir=";
	size_t n = 0;

	for (int lower = 1; lower >= 0; lower--)
		for (size_t i = 0; i < o->n_params && n < DATA_MAX; i++) {
			const struct fs_param *p = &o->params[i];
			if (is_lower(p) != (lower == 1))
				continue;
			if (lower) {
				closed_by_exec int fd = open(p->value, O_PATH | O_DIRECTORY | O_CLOEXEC);
				if (fd < 0)
					return err_set(e, errno, "open '%s'", p->value);
				n += (size_t)snprintf(data + n, DATA_MAX - n, "%s%d", join, fd);
				join = ":";
			} else
				n += (size_t)snprintf(data + n, DATA_MAX - n, ",%s%s%s", p->key, p->value ? "=" : "",
						      p->value ? p->value : "");
		}
	return n < DATA_MAX ? 0 : err_say(e, E2BIG, "options are longer than %d bytes", DATA_MAX);
}

int root_fs_mount_long(const struct mount_plan *m, const char *place, struct err *e)
{
	char data[DATA_MAX] = "";
	cleanup_close int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (long_options(&m->options, data, e) < 0)
		return -e->code;
	if (here < 0 || chdir("/proc/self/fd") < 0)
		return err_set(e, errno, "enter '/proc/self/fd'");
	int r = mount(m->type, place, m->type, 0, data) < 0 ? err_set(e, errno, "mount") : 0;
	if (fchdir(here) < 0)
		return err_set(e, errno, "return to the working directory");
	if (r < 0)
		return r;
	cleanup_close int fd = mount_clone(AT_FDCWD, place, false);
	if (fd < 0)
		return err_set(e, errno, "open_tree '%s'", place);
	if (umount2(place, MNT_DETACH) < 0)
		return err_set(e, errno, "unmount '%s'", place);
	return mount_set_options(fd, &m->options, e) < 0 ? -e->code : take_fd(&fd);
}

int root_fs_make(struct rootfs_plan *p, struct err *e)
{
	const struct mount_plan *m = p->root_fs;
	const struct fs_request r = {
		.type = m->type, .source = m->source, .params = m->options.params, .n_params = m->options.n_params,
		.attrs = mount_options_fsmount_attrs(&m->options),
	};
	struct err ignored = ERR_INIT;

	p->root_fd = mount_new_fs(&r, e);
	if (p->root_fd == -EINVAL && m->options.n_params > 0 && is_lower(&m->options.params[0]))
		p->root_fd = root_fs_mount_long(m, p->root, &ignored); /* the first error is the one that says more */
	return p->root_fd < 0 ? err_wrap(e, "mount the root, %s", m->type) : 0;
}

/* Covers a directory with an idmapped mount of itself. */
static int cover(const char *dir, int userns, struct err *e)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns };
	cleanup_close int tree = mount_clone(AT_FDCWD, dir, false);

	if (tree < 0)
		return err_set(e, errno, "open_tree '%s'", dir);
	if (mount_setattr(tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return err_set(e, errno, "idmap '%s' (does its file system support that?)", dir);
	if (move_mount(tree, "", AT_FDCWD, dir, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_set(e, errno, "mount on '%s'", dir);
	return 0;
}

/* Every lower directory by itself; upper and work by the one above them, as they must be in the same mount. */
static int cover_all(const struct mount_plan *m, int userns, struct err *e)
{
	for (size_t i = 0; i < m->options.n_params; i++) {
		const struct fs_param *o = &m->options.params[i];
		if (is_lower(o) && cover(o->value, userns, e) < 0)
			return -e->code;
		if (!o->value || strcmp(o->key, "upperdir") != 0)
			continue;
		char *above = strdup(o->value), *slash = above ? strrchr(above, '/') : NULL;
		if (slash)
			*slash = '\0';
		int r = slash ? cover(above, userns, e) : err_say(e, EINVAL, "'%s' is not absolute", o->value);
		free(above);
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * An overlay makes its own files as whoever mounted it: that must be one of the ids that are mapped, with the rights that the
 * host's root has.
 */
static int work_as_container_root(const struct mount_plan *m, struct err *e)
{
	uint32_t uid = spec_host_id(m->uid_maps, m->n_uid_maps, 0), gid = spec_host_id(m->gid_maps, m->n_gid_maps, 0);

	if (prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) < 0)
		return err_set(e, errno, "keep capabilities");
	setfsgid(gid);
	setfsuid(uid);
	return 0;
}

/* In a process of its own: its mount namespace ends with it. */
static int make_idmapped(struct rootfs_plan *p, int parent, struct err *e)
{
	const struct mount_plan *m = p->root_fs;
	const struct idmaps maps = { m->uid_maps, m->gid_maps, m->n_uid_maps, m->n_gid_maps };
	cleanup_close int userns = idmap_userns(&maps, e);

	if (userns < 0)
		return userns;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_set(e, errno, "make a mount namespace");
	if (cover_all(m, userns, e) < 0 || work_as_container_root(m, e) < 0 || root_fs_make(p, e) < 0)
		return -e->code;
	return message_send(parent, MSG_ROOT, 0, &p->root_fd, 1, e);
}

int root_fs_open(struct rootfs_plan *p, struct err *e)
{
	int sock;

	if (!p->root_fs->n_uid_maps)
		return 0;
	pid_t pid = message_fork(&sock, e);
	if (pid < 0)
		return pid;
	if (pid == 0) {
		if (make_idmapped(p, sock, e) < 0)
			message_send_error(sock, e);
		_exit(0);
	}
	int r = message_receive(sock, NULL, &p->root_fd, e);
	close_fd(&sock);
	proc_reap(pid);
	if (r == 0)
		return err_say(e, ECHILD, "the process that mounts the root ended unexpectedly");
	return r < 0 ? r : 0;
}
