/* Where the names of an archive lead: always below the root, by descriptors. */
#include "overlay/layer/worker.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

/*
 * A symbolic link among the parents leads where it would in a root directory of the layer's own, as for those who unpack
 * in a chroot: archives have "lib -> usr/lib" and then "lib/x". Never out.
 */
enum { RESOLVE = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

/* openat2 answers EAGAIN when a rename elsewhere on the system raced with "..": ask again, but not for ever. */
static int open_dir(int root, const char *path, uint64_t resolve)
{
	int fd;

	for (int tries = 0; tries < 128; tries++) {
		fd = sys_openat2(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, resolve);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd;
}

int tree_open_dir(const struct tree *t, const char *path, size_t dir_len)
{
	char dir[2 * sizeof(t->path)];

	snprintf(dir, sizeof(dir), "%s/%.*s", t->below, (int)dir_len, path);
	return open_dir(t->root, dir, t->live ? RESOLVE : RESOLVE | RESOLVE_NO_XDEV);
}

static bool overrides_permissions(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };

	return syscall(SYS_capget, &head, data) == 0 && (data[0].effective & 1u << CAP_DAC_OVERRIDE);
}

int tree_begin(const struct layer_job *j, struct tree *ret, struct err *e)
{
	bool live = j->verb == LAYER_EXTRACT;

	*ret = (struct tree){ .root = -1, .parent = -1, .below = live ? j->name : "", .live = live, .whole = j->verb == LAYER_LOAD,
			      .userxattr = j->userxattr, .exact = !j->userxattr,
			      .overrides = overrides_permissions(), .uid = geteuid(), .gid = getegid() };
	/* The caller's may be opened only as a place. */
	ret->root = openat(j->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (ret->root < 0)
		return err_set(e, errno, "open the layer's directory");
	/* Directories that are there may have them, too. */
	ret->default_acls = live || fgetxattr(ret->root, "system.posix_acl_default", NULL, 0) >= 0;
	return 0;
}

void tree_finish(struct tree *t)
{
	close_fd(&t->parent);
	close_fd(&t->root);
	seen_finish(&t->timed);
}

int tree_leave(struct tree *t, struct err *e)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, t->st.st_mtim };

	bool is_archives = !t->live || seen_has(&t->timed, t->st.st_ino, "");

	if (t->parent >= 0 && t->touched && is_archives && futimens(t->parent, times) < 0)
		return err_set(e, errno, "'%s': set its time", t->path);
	close_fd(&t->parent);
	return 0;
}

static int hold(struct tree *t, int fd, const char *path, size_t len, struct err *e)
{
	t->parent = fd;
	t->touched = false;
	memcpy(t->path, path, len);
	t->path[len] = '\0';
	if (fstat(fd, &t->st) < 0)
		return err_set(e, errno, "'%s'", t->path);
	return 0;
}

static int enter(struct tree *t, const char *path, size_t dir_len, struct err *e)
{
	if (t->parent >= 0 && strlen(t->path) == dir_len && memcmp(t->path, path, dir_len) == 0)
		return 0;
	if (tree_leave(t, e) < 0)
		return -e->code;
	int fd = tree_open_dir(t, path, dir_len);
	if (fd < 0)
		return err_set(e, errno, "'%.*s'", (int)dir_len, path);
	return hold(t, fd, path, dir_len, e);
}

/* What the archive does not have, from the root on: each in the one above it, whose time stays what it was. */
static int make_all(struct tree *t, const char *path, size_t dir_len, struct err *e)
{
	char name[NAME_MAX + 1];
	size_t n;

	for (size_t at = 0; at < dir_len; at += n + 1) {
		n = strcspn(path + at, "/");
		if (n > dir_len - at)
			n = dir_len - at;
		memcpy(name, path + at, n);
		name[n] = '\0';
		if (enter(t, path, at > 0 ? at - 1 : 0, e) < 0)
			return -e->code;
		if (mkdirat(t->parent, name, 0755) == 0)
			t->touched = true;
		else if (errno != EEXIST)
			return err_set(e, errno, "'%.*s': make the directory", (int)(at + n), path);
	}
	return enter(t, path, dir_len, e);
}

int tree_enter(struct tree *t, const char *path, size_t dir_len, bool make, struct err *e)
{
	int r = enter(t, path, dir_len, e);

	return r == -ENOENT && make ? make_all(t, path, dir_len, e) : r;
}
