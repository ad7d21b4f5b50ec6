#include "lib/fd.h"
#include "lib/in_root.h"
#include "namespaces/mount_api.h"
#include "namespaces/rootfs_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static bool is_node(const struct node_plan *n, const struct stat *st)
{
	return (st->st_mode & S_IFMT) == (n->mode & S_IFMT) &&
	       (S_ISFIFO(n->mode) || st->st_rdev == makedev((unsigned)n->major, (unsigned)n->minor));
}

int node_open_source(struct node_plan *n, struct err *e)
{
	struct stat st;
	cleanup_close int fd = mount_clone(AT_FDCWD, n->path, false);

	if (fd < 0)
		return err_set(e, errno, "device '%s' of the host", n->path);
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "stat '%s'", n->path);
	if (!is_node(n, &st))
		return err_say(e, EINVAL, "device '%s' of the host is not the one that is asked for", n->path);
	/* Mounts of one file system that propagate from one of the host's: CRIU knows no way to make them so again. */
	if (mount_set_propagation(fd, MS_PRIVATE, false, e) < 0)
		return err_wrap(e, "device '%s'", n->path);
	n->source_fd = take_fd(&fd);
	return 0;
}

/* mknod(2) is for the host's root alone; others get the host's node on an empty file. */
static int bind_node(struct node_plan *n, int dir, const char *name, struct err *e)
{
	struct stat st;

	if (n->source_fd < 0 && node_open_source(n, e) < 0)
		return -e->code;
	cleanup_close int source = take_fd(&n->source_fd);
	if (mknodat(dir, name, S_IFREG | 0644, 0) < 0) {
		if (errno != EEXIST)
			return err_set(e, errno, "create '%s'", n->path);
		/* Only on a file that an earlier container left there; anything else is the image's own. */
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_set(e, errno, "stat '%s'", n->path);
		if (!S_ISREG(st.st_mode))
			return 0;
	}
	if (mount_attach(source, dir, name) < 0)
		return err_set(e, errno, "bind device '%s'", n->path);
	return 0;
}

static int make_node_in(const struct rootfs_plan *p, struct node_plan *n, int dir, const char *name, struct err *e)
{
	if (p->host_userns || S_ISFIFO(n->mode)) {
		if (mknodat(dir, name, n->mode, makedev((unsigned)n->major, (unsigned)n->minor)) == 0) {
			if ((n->uid || n->gid) && fchownat(dir, name, n->uid, n->gid, AT_SYMLINK_NOFOLLOW) < 0)
				return err_set(e, errno, "change owner of '%s'", n->path);
			return 0;
		}
		if (errno == EEXIST)
			return 0;
		if (errno != EPERM)
			return err_set(e, errno, "mknod '%s'", n->path);
	}
	return bind_node(n, dir, name, e);
}

/* @path is relative to @dir, which is a root for the look-up. */
static int make_node(const struct rootfs_plan *p, struct node_plan *n, int dir, const char *path, struct err *e)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (!slash)
		return make_node_in(p, n, dir, path, e);
	if ((size_t)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path) >= sizeof(parent))
		return err_set(e, ENAMETOOLONG, "'%s'", path);
	cleanup_close int fd = in_root_mkdir(dir, *parent ? parent : "/", 0755, e);
	return fd < 0 ? fd : make_node_in(p, n, fd, slash + 1, e);
}

static int make_link(const struct link_plan *l, int dev, struct err *e)
{
	if (symlinkat(l->to, dev, l->name) == 0)
		return 0;
	if (errno != EEXIST)
		return err_set(e, errno, "link '/dev/%s'", l->name);
	if (!l->replace)
		return 0;
	if (unlinkat(dev, l->name, 0) < 0 || symlinkat(l->to, dev, l->name) < 0)
		return err_set(e, errno, "replace '/dev/%s'", l->name);
	return 0;
}

int rootfs_make_dev(struct rootfs_plan *p, int dev, struct err *e)
{
	bool on_dev_mount = dev >= 0;
	cleanup_close int found = -1;

	if (!on_dev_mount && p->dev_mount < 0) {
		dev = found = in_root_mkdir(p->root_fd, "/dev", 0755, e);
		if (dev < 0)
			return dev;
	}
	for (size_t i = 0; i < p->n_nodes; i++) {
		struct node_plan *n = &p->nodes[i];
		int r = 0;
		if (n->dev_name && dev >= 0)
			r = make_node(p, n, dev, n->dev_name, e);
		else if (!n->dev_name && !on_dev_mount)
			r = make_node(p, n, p->root_fd, n->path, e);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; dev >= 0 && i < p->n_links; i++)
		if (make_link(&p->links[i], dev, e) < 0)
			return -e->code;
	return 0;
}
