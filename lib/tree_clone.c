#include "lib/tree_clone.h"

#include "lib/fd.h"
#include "lib/sparse.h"
#include "lib/tree_ahead.h"
#include "lib/tree_links.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* One call on its way down. */
struct clone {
	struct tree_links links;
	const struct tree_ahead *ahead;
	int top; /* the directory that is made; the paths of links begin there */
	char path[PATH_MAX]; /* to where it is now, without a slash in front */
};

/* ---- attributes ---- */

/* By a descriptor of any file, O_PATH, which the calls that take one refuse. */
static int copy_xattr(struct fd_path from, struct fd_path to, const char *name, char value[XATTR_SIZE_MAX], struct err *e)
{
	ssize_t n = getxattr(from.path, name, value, XATTR_SIZE_MAX);

	if (n < 0)
		return err_set(e, errno, "read its attribute '%s'", name);
	return setxattr(to.path, name, value, (size_t)n, 0) < 0 ? err_set(e, errno, "set its attribute '%s'", name) : 0;
}

static int copy_xattrs(int from, int to, struct err *e)
{
	char names[XATTR_LIST_MAX];
	ssize_t len = listxattr(fd_path(from).path, names, sizeof(names));
	char *value = len > 0 ? malloc(XATTR_SIZE_MAX) : NULL;
	int r = 0;

	if (len < 0)
		return errno == ENOTSUP ? 0 : err_set(e, errno, "read its attributes");
	if (len > 0 && !value)
		return err_set(e, ENOMEM, "read its attributes");
	for (ssize_t at = 0; r == 0 && at < len; at += (ssize_t)strlen(names + at) + 1)
		r = copy_xattr(fd_path(from), fd_path(to), names + at, value, e);
	free(value);
	return r;
}

/*
 * The owner first: changing it takes set-user-id bits and capabilities away. Then the mode, which an ACL among the
 * attributes may make another; the times when nothing else is to change.
 */
static int set_attributes(const struct stat *st, int from, int to_dir, const char *name, struct err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };
	cleanup_close int to = openat(to_dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (to < 0)
		return err_set(e, errno, "open what was made");
	if (fchownat(to, "", st->st_uid, st->st_gid, AT_EMPTY_PATH) < 0)
		return err_set(e, errno, "give it to user %u and group %u", st->st_uid, st->st_gid);
	if (!S_ISLNK(st->st_mode) && chmod(fd_path(to).path, st->st_mode & 07777) < 0)
		return err_set(e, errno, "set its mode");
	if (copy_xattrs(from, to, e) < 0)
		return -e->code;
	return utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? err_set(e, errno, "set its times") : 0;
}

/* ---- each kind ---- */

static int clone_file(int from, int to_dir, const char *to, struct err *e)
{
	cleanup_close int in = open(fd_path(from).path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	cleanup_close int out = in < 0 ? -1 : openat(to_dir, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (in < 0 || out < 0)
		return err_set(e, errno, in < 0 ? "open it" : "create it");
	return sparse_copy(in, out, e);
}

static int clone_link(int from, int to_dir, const char *to, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, "", target, sizeof(target) - 1);

	if (n < 0)
		return err_set(e, errno, "read the link");
	target[n] = '\0';
	return symlinkat(target, to_dir, to) < 0 ? err_set(e, errno, "create the link") : 0;
}

static int clone_entry(struct clone *c, int from_dir, const char *from, int to_dir, const char *to, struct err *e);

static int clone_content(struct clone *c, int from, int to, struct err *e)
{
	int copy = dup(from), r = 0;
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	const size_t len = strlen(c->path);

	if (!d) {
		close_fd(&copy);
		return err_set(e, errno, "read it");
	}
	for (struct dirent *ent; r == 0 && (ent = readdir(d));) {
		if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
			continue;
		if (snprintf(c->path + len, sizeof(c->path) - len, "%s%s", len ? "/" : "", ent->d_name) >=
		    (int)(sizeof(c->path) - len))
			r = err_set(e, ENAMETOOLONG, "follow it");
		else
			r = clone_entry(c, from, ent->d_name, to, ent->d_name, e);
		if (r < 0)
			err_wrap(e, "'%s'", ent->d_name);
		c->path[len] = '\0';
	}
	closedir(d);
	return r;
}

static int clone_directory(struct clone *c, int from_dir, const char *from, int to_dir, const char *to, struct err *e)
{
	if (mkdirat(to_dir, to, 0700) < 0)
		return err_set(e, errno, "create it");
	cleanup_close int in = openat(from_dir, from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_close int out = openat(to_dir, to, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (in < 0 || out < 0)
		return err_set(e, errno, "open it");
	if (c->top < 0)
		c->top = out;
	return clone_content(c, in, out, e);
}

static int clone_entry(struct clone *c, int from_dir, const char *from, int to_dir, const char *to, struct err *e)
{
	cleanup_close int fd = openat(from_dir, from, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open it");
	if (!S_ISDIR(st.st_mode) && st.st_nlink > 1) {
		const char *first = tree_links_first(&c->links, &st, c->path);
		if (first)
			return linkat(c->top, first, to_dir, to, 0) < 0 ? err_set(e, errno, "link it to '%s'", first) : 0;
	}
	if (S_ISDIR(st.st_mode))
		r = clone_directory(c, from_dir, from, to_dir, to, e);
	else if (S_ISREG(st.st_mode) && c->ahead && tree_ahead_take(c->ahead, &st, to_dir, to))
		r = 0;
	else if (S_ISREG(st.st_mode))
		r = clone_file(fd, to_dir, to, e);
	else if (S_ISLNK(st.st_mode))
		r = clone_link(fd, to_dir, to, e);
	else
		r = mknodat(to_dir, to, st.st_mode & S_IFMT, st.st_rdev) < 0 ? err_set(e, errno, "create it") : 0;
	return r < 0 ? r : set_attributes(&st, fd, to_dir, to, e);
}

int tree_clone(int from_dir, const char *from, int to_dir, const char *to, const struct tree_ahead *ahead, struct err *e)
{
	struct clone c = { .links = TREE_LINKS_INIT, .ahead = ahead, .top = -1 };
	int r = clone_entry(&c, from_dir, from, to_dir, to, e);

	tree_links_finish(&c.links);
	return r < 0 ? err_wrap(e, "copy '%s'", from) : 0;
}
