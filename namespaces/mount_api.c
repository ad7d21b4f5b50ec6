#include "namespaces/mount_api.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <string.h>
#include <sys/vfs.h>

/* What the file system has to say lies in its context: "e tmpfs: Bad value for 'size'". */
static int fs_error(int fs, int code, struct err *e, const char *what)
{
	char said[256];
	ssize_t n = read(fs, said, sizeof(said) - 1);

	if (n <= 2)
		return err_set(e, code, "%s", what);
	said[n] = '\0';
	said[strcspn(said, "\n")] = '\0';
	return err_set(e, code, "%s: %s", what, said + 2);
}

static int set_param(int fs, const char *type, const struct fs_param *p, struct err *e)
{
	/*
	 * Every devpts is a new instance since Linux 4.7, which is older than this API: the word does nothing any more.
	 */
	if (strcmp(type, "devpts") == 0 && strcmp(p->key, "newinstance") == 0)
		return 0;
	if (fsconfig(fs, p->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG, p->key, p->value, 0) < 0) {
		int r = fs_error(fs, errno, e, "fsconfig");
		err_wrap(e, "option '%s%s%s'", p->key, p->value ? "=" : "", p->value ? p->value : "");
		return r;
	}
	return 0;
}

int mount_new_fs(const struct fs_request *r, struct err *e)
{
	closed_by_exec int fs = fsopen(r->type, FSOPEN_CLOEXEC);

	if (fs < 0)
		return err_set(e, errno, "fsopen '%s'", r->type);
	if (r->source && fsconfig(fs, FSCONFIG_SET_STRING, "source", r->source, 0) < 0)
		return fs_error(fs, errno, e, "source");
	/* A block device that is write protected refuses to be anything but read-only. */
	if (r->source && r->source[0] == '/' && (r->attrs & MOUNT_ATTR_RDONLY) &&
	    fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0)
		return fs_error(fs, errno, e, "ro");
	if (r->extra && set_param(fs, r->type, r->extra, e) < 0)
		return -e->code;
	for (size_t i = 0; i < r->n_params; i++)
		if (set_param(fs, r->type, &r->params[i], e) < 0)
			return -e->code;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fs_error(fs, errno, e, "create file system");
	int fd = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)r->attrs);
	return fd >= 0 ? fd : fs_error(fs, errno, e, "fsmount");
}

int mount_reconfigure(int fd, const struct fs_param *params, size_t n, struct err *e)
{
	cleanup_close int fs = fspick(fd, "", FSPICK_EMPTY_PATH | FSPICK_CLOEXEC);

	if (fs < 0)
		return err_set(e, errno, "fspick");
	for (size_t i = 0; i < n; i++)
		if (set_param(fs, "", &params[i], e) < 0)
			return -e->code;
	if (fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		return fs_error(fs, errno, e, "reconfigure");
	return 0;
}

int mount_clone(int dirfd, const char *path, bool recursive)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;

	if (!*path)
		flags |= AT_EMPTY_PATH;
	if (recursive)
		flags |= AT_RECURSIVE;
	return open_tree(dirfd, path, flags);
}

static int set_attr(int fd, const struct mount_attrs *at, uint64_t propagation, unsigned flags, struct err *e)
{
	struct mount_attr attr = { .attr_set = at->set, .attr_clr = at->clr, .propagation = propagation };

	if (!at->set && !at->clr && !propagation)
		return 0;
	if (mount_setattr(fd, "", AT_EMPTY_PATH | flags, &attr, sizeof(attr)) == 0)
		return 0;
	if (errno == EPERM && at->clr)
		return err_set(e, EPERM,
			       "mount_setattr: the host locked what 'rw', 'suid', 'dev' or 'exec' would take off");
	return err_set(e, errno, "mount_setattr");
}

int mount_set_options(int fd, const struct mount_options *o, struct err *e)
{
	uint64_t deep = o->propagation_rec ? o->propagation : 0;
	uint64_t flat = o->propagation_rec ? 0 : o->propagation;

	if (set_attr(fd, &o->rec_attr, deep, AT_RECURSIVE, e) < 0 || set_attr(fd, &o->attr, flat, 0, e) < 0)
		return -e->code;
	return 0;
}

int mount_set_readonly(int fd, struct err *e)
{
	return set_attr(fd, &(struct mount_attrs){ .set = MOUNT_ATTR_RDONLY }, 0, 0, e);
}

int mount_set_propagation(int fd, uint64_t propagation, bool recursive, struct err *e)
{
	return set_attr(fd, &(struct mount_attrs){ 0 }, propagation, recursive ? AT_RECURSIVE : 0, e);
}

int mount_attach(int tree, int dir, const char *name)
{
	unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | (name ? 0 : MOVE_MOUNT_T_EMPTY_PATH);

	return move_mount(tree, "", dir, name ? name : "", flags);
}

bool is_on_fs(int fd, unsigned long magic)
{
	struct statfs st;

	return fstatfs(fd, &st) == 0 && (unsigned long)st.f_type == magic;
}
