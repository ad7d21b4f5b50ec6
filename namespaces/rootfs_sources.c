#include "lib/fd.h"
#include "lib/sys.h"
#include "namespaces/idmap.h"
#include "namespaces/mount_api.h"
#include "namespaces/rootfs_plan.h"

#include <errno.h>
#include <sys/stat.h>

/* A copy made in the host's mount namespace is tied to the host's mounts unless it is told otherwise. */
static int cut_ties(int tree, const struct mount_options *o, struct err *e)
{
	if (o && o->propagation == MS_SHARED)
		return 0;
	return mount_set_propagation(tree, MS_SLAVE, true, e);
}

static int open_userns(const struct rootfs_plan *p, const struct mount_plan *m, struct err *e)
{
	if (m->n_uid_maps) {
		const struct idmaps own = { m->uid_maps, m->gid_maps, m->n_uid_maps, m->n_gid_maps };
		return idmap_userns(&own, e);
	}
	if (p->userns_path) {
		int fd = open(p->userns_path, O_RDONLY | O_CLOEXEC);
		return fd >= 0 ? fd : err_set(e, errno, "open '%s'", p->userns_path);
	}
	const struct idmaps container = { p->uid_maps, p->gid_maps, p->n_uid_maps, p->n_gid_maps };
	if (!container.n_uid || !container.n_gid)
		return err_say(e, EINVAL, "idmap needs mappings of the mount's or the container's own");
	return idmap_userns(&container, e);
}

static int set_idmap(const struct rootfs_plan *p, const struct mount_plan *m, int tree, struct err *e)
{
	cleanup_close int ns = open_userns(p, m, e);

	if (ns < 0)
		return ns;
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)ns };
	unsigned flags = AT_EMPTY_PATH | (m->options.ridmap ? AT_RECURSIVE : 0);
	if (mount_setattr(tree, "", flags, &attr, sizeof(attr)) < 0)
		return err_set(e, errno, "idmap '%s' (does its file system support that?)", m->source);
	return 0;
}

/*
 * 0 with source_fd still -1 when this process may not do it: a user without rights on the host. C then has as many as
 * he.
 */
static int open_bind(const struct rootfs_plan *p, struct mount_plan *m, const char *source, struct err *e)
{
	cleanup_close int fd = mount_clone(AT_FDCWD, source, m->options.rbind);

	if (fd < 0 && errno == EPERM && !m->options.idmap)
		return 0;
	if (fd < 0 && errno == ENOENT)
		return err_say(e, ENOENT, "stat %s: no such file or directory", source);
	if (fd < 0)
		return err_set(e, errno, "open_tree '%s'", source);
	if (m->options.idmap && set_idmap(p, m, fd, e) < 0)
		return -e->code;
	if (cut_ties(fd, &m->options, e) < 0 || mount_set_options(fd, &m->options, e) < 0)
		return -e->code;
	m->source_fd = take_fd(&fd);
	return 0;
}

static int open_mount(const struct rootfs_plan *p, struct mount_plan *m, struct err *e)
{
	/* One that gets a file system of its own has no need, and its directory may not be there yet. */
	bool wanted = m->kind == MOUNT_BIND ? !p->host_userns || m->options.idmap
					    : m->kind == MOUNT_CGROUP && !p->host_userns && !p->cgroup_namespace;

	if (!wanted)
		return 0;
	const char *source = m->kind == MOUNT_CGROUP ? p->cgroup_dir : m->source;
	if (open_bind(p, m, source, e) < 0)
		return err_wrap(e, "error mounting \"%s\" to rootfs at \"%s\"", source, m->target);
	return 0;
}

static int open_root(struct rootfs_plan *p, struct err *e)
{
	if (p->root_fs)
		return root_fs_open(p, e);
	cleanup_close int fd = mount_clone(AT_FDCWD, p->root, true);
	if (fd < 0 && errno == EPERM)
		return 0;
	if (fd < 0 && errno == ENOENT)
		return err_say(e, ENOENT, "root.path: '%s': no such file or directory", p->root);
	if (fd < 0)
		return err_set(e, errno, "root.path: '%s'", p->root);
	if (cut_ties(fd, NULL, e) < 0)
		return err_wrap(e, "root.path: '%s'", p->root);
	p->root_fd = take_fd(&fd);
	return 0;
}

int rootfs_open_sources(struct rootfs_plan *p, struct err *e)
{
	if (p->chroot_only)
		return 0;
	if (!p->host_userns && open_root(p, e) < 0)
		return -e->code;
	for (size_t i = 0; i < p->n_mounts; i++)
		if (open_mount(p, &p->mounts[i], e) < 0)
			return -e->code;
	/* A user without rights found out at the root; C reaches the host's nodes through its own copy of the tree. */
	for (size_t i = 0; !p->host_userns && p->root_fd >= 0 && i < p->n_nodes; i++)
		if (!S_ISFIFO(p->nodes[i].mode) && node_open_source(&p->nodes[i], e) < 0)
			return -e->code;
	return 0;
}
