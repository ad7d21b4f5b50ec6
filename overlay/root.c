/* The root of a container that is made of an image's layers, or of any directories. */
#include "overlay/root.h"

#include "lib/fd.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	VALUE_MAX = 255, /* what fsconfig(2) takes as one string */
	LOWERS_MAX = 500, /* what the kernel takes of lower directories */
};

static int check_value(const char *path, struct err *e)
{
	if (strlen(path) > VALUE_MAX)
		return err_say(e, EINVAL, "'%s': too long for an overlay: choose a shorter directory", path);
	if (strpbrk(path, ",:\\"))
		return err_say(e, EINVAL, "'%s': an overlay cannot have a comma, colon or backslash in its name", path);
	return 0;
}

int layered_root_plan(const struct layered_root_options *o, struct arena *a, struct layered_root *ret, struct err *e)
{
	struct layered_root r = {
		.path = arena_printf(a, "%s/root", o->dir),
		.upper = arena_printf(a, "%s/upper", o->dir),
		.work = arena_printf(a, "%s/work", o->dir),
		.lowers = o->lowers,
	};
	/*
	 * The last three keep what is written in the form of a layer, and the container fit to be started again whatever
	 * happened to the layers' inodes.
	 */
	static const char *const always[] = { "index=off", "metacopy=off", "redirect_dir=nofollow" };

	if (o->lowers.n > LOWERS_MAX)
		return err_say(e, E2BIG, "%zu layers are more than the %d of which an overlay can be made", o->lowers.n,
			       LOWERS_MAX);
	for (size_t i = 0; i < o->lowers.n; i++) {
		if (check_value(o->lowers.layers[i], e) < 0)
			return -e->code;
		*arena_push(a, &r.options, &r.n_options) = arena_printf(a, "lowerdir+=%s", o->lowers.layers[i]);
	}
	if (check_value(r.upper, e) < 0)
		return -e->code;
	if (o->lowers.n == 0) { /* an image of nothing: an overlay needs one */
		r.empty = arena_printf(a, "%s/empty", o->dir);
		*arena_push(a, &r.options, &r.n_options) = arena_printf(a, "lowerdir+=%s", r.empty);
	}
	*arena_push(a, &r.options, &r.n_options) = arena_printf(a, "upperdir=%s", r.upper);
	*arena_push(a, &r.options, &r.n_options) = arena_printf(a, "workdir=%s", r.work);
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		*arena_push(a, &r.options, &r.n_options) = always[i];
	if (o->lowers.userxattr)
		*arena_push(a, &r.options, &r.n_options) = "userxattr";
	if (o->discarded)
		*arena_push(a, &r.options, &r.n_options) = "volatile"; /* no waiting for the disk at the end */
	*ret = r;
	return 0;
}

/* A directory in both shows the upper one's mode and owner: they must be the lower's. */
static int copy_attributes(const char *to, const struct stat *st, struct err *e)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (lchown(to, st->st_uid, st->st_gid) < 0 && errno != EPERM)
		return err_set(e, errno, "chown '%s'", to);
	if (chmod(to, st->st_mode & 07777) < 0 || utimensat(AT_FDCWD, to, times, 0) < 0)
		return err_set(e, errno, "set the mode of '%s'", to);
	return 0;
}

int layered_root_make(const struct layered_root *r, struct err *e)
{
	const char *dirs[] = { r->path, r->upper, r->work, r->empty };
	char at[PATH_MAX];
	struct stat st;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]) && dirs[i]; i++)
		if (mkdir(dirs[i], 0755) < 0 || chmod(dirs[i], 0755) < 0)
			return err_set(e, errno, "create '%s'", dirs[i]);
	if (r->empty)
		return 0;
	cleanup_close int top = merged_find(&r->lowers, "", at, &st);
	if (top < 0)
		return err_set(e, -top, "open '%s'", r->lowers.layers[0]);
	return copy_attributes(r->upper, &st, e);
}

/* One directory of the upper: as the layers have it, or new. */
static int make_one(const struct layered_root *r, const char *path, struct err *e)
{
	char to[PATH_MAX], at[PATH_MAX];
	struct stat st;

	if (snprintf(to, sizeof(to), "%s/%s", r->upper, path) >= (int)sizeof(to))
		return err_set(e, ENAMETOOLONG, "'%s' in '%s'", path, r->upper);
	if (mkdir(to, 0755) < 0)
		return errno == EEXIST ? 0 : err_set(e, errno, "create '%s'", to);
	cleanup_close int fd = merged_find(&r->lowers, path, at, &st);
	if (fd == -ENOENT)
		return chmod(to, 0755) < 0 ? err_set(e, errno, "chmod '%s'", to) : 0;
	if (fd < 0 || !S_ISDIR(st.st_mode))
		return err_set(e, fd < 0 ? -fd : ENOTDIR, "'%s' of the image", path);
	return copy_attributes(to, &st, e);
}

/* @path and what is above it. */
static int make_all(const struct layered_root *r, char *path, struct err *e)
{
	for (char *slash = path; slash; ) {
		slash = strchr(slash, '/');
		if (slash)
			*slash = '\0';
		if (make_one(r, path, e) < 0)
			return -e->code;
		if (slash)
			*slash++ = '/';
	}
	return 0;
}

int layered_root_mkdir(const struct layered_root *r, const char *path, struct err *e)
{
	char at[PATH_MAX];
	struct stat st;
	cleanup_close int there = merged_find(&r->lowers, path, at, &st);

	if (there >= 0)
		return S_ISDIR(st.st_mode) ? 0 : err_set(e, ENOTDIR, "'%s' of the image", path);
	if (there != -ENOENT)
		return err_set(e, -there, "'%s' of the image", path);
	return make_all(r, at, e);
}

int layered_root_file(const struct layered_root *r, const char *path, mode_t mode, const char *text, struct err *e)
{
	char above[PATH_MAX], to[PATH_MAX];
	const char *slash = strrchr(path, '/');

	if (snprintf(above, sizeof(above), "%.*s", slash ? (int)(slash - path) : 0, path) >= (int)sizeof(above) ||
	    snprintf(to, sizeof(to), "%s/%s", r->upper, path) >= (int)sizeof(to))
		return err_set(e, ENAMETOOLONG, "'%s' in '%s'", path, r->upper);
	if (slash && make_all(r, above, e) < 0)
		return -e->code;
	if (unlink(to) < 0 && errno != ENOENT)
		return err_set(e, errno, "replace '%s'", to);
	cleanup_close int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0 || fchmod(fd, mode) < 0)
		return err_set(e, errno, "create '%s'", to);
	return fd_write_all(fd, text, strlen(text), e) < 0 ? err_wrap(e, "'%s'", to) : 0;
}
