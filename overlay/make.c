/*
 * Writes the upper directories. They are ours alone, below a directory that only the owner may enter; names of the host
 * are looked at but never opened for writing.
 */
#include "overlay/host.h"

#include "lib/fd.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

/* Where @path of the host is in the upper directory: "/var/lib" of the overlay of "/var" is UPPER/lib. */
static int upper_path(const struct overlay_layer *l, const char *path, char ret[PATH_MAX], struct err *e)
{
	const char *below = strcmp(l->lower, "/") == 0 ? path : path + strlen(l->lower);

	if (snprintf(ret, PATH_MAX, "%s%s", l->upper, below) >= PATH_MAX)
		return err_set(e, ENAMETOOLONG, "'%s' in '%s'", path, l->upper);
	return 0;
}

/* A directory in both shows the upper one's mode and owner: they must be the host's. */
static int copy_attributes(const struct host_view *v, const char *to, const struct stat *st, struct err *e)
{
	struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (!v->rootless && lchown(to, st->st_uid, st->st_gid) < 0)
		return err_set(e, errno, "chown '%s'", to);
	if (chmod(to, st->st_mode & 07777) < 0)
		return err_set(e, errno, "chmod '%s'", to);
	if (utimensat(AT_FDCWD, to, times, 0) < 0)
		return err_set(e, errno, "set times of '%s'", to);
	return 0;
}

/* Makes the directories above @path in the upper directory like those of the host. @to: what upper_path gave. */
static int mirror_parents(const struct host_view *v, const struct overlay_layer *l, const char *path, char *to,
			  struct err *e)
{
	char from[PATH_MAX];
	size_t skip = strlen(to) - strlen(path); /* may be negative: wraps, and is added again below */
	struct stat st;

	for (char *slash = to + strlen(l->upper) + 1; (slash = strchr(slash, '/')); slash++) {
		size_t n = (size_t)(slash - to) - skip;
		memcpy(from, path, n);
		from[n] = '\0';
		*slash = '\0';
		int r = mkdir(to, 0700);
		if (r < 0 && errno != EEXIST)
			r = err_set(e, errno, "create '%s'", to);
		else if (r < 0)
			r = 0;
		else if (lstat(from, &st) < 0 || !S_ISDIR(st.st_mode))
			r = err_set(e, ENOTDIR, "'%s'", from);
		else
			r = copy_attributes(v, to, &st, e);
		*slash = '/';
		if (r < 0)
			return r;
	}
	return 0;
}

static int hide_one(const struct host_view *v, const struct view_hide *h, struct err *e)
{
	const struct overlay_layer *l = &v->layers[h->layer];
	char to[PATH_MAX];
	struct stat st;

	if (lstat(h->path, &st) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "stat '%s'", h->path);
	if (upper_path(l, h->path, to, e) < 0 || mirror_parents(v, l, h->path, to, e) < 0)
		return -e->code;
	if (!S_ISDIR(st.st_mode))
		return mknod(to, S_IFCHR, makedev(0, 0)) == 0 ? 0 : err_set(e, errno, "make a whiteout '%s'", to);
	if (mkdir(to, 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "create '%s'", to);
	if (setxattr(to, v->rootless ? "user.overlay.opaque" : "trusted.overlay.opaque", "y", 1, 0) < 0)
		return err_set(e, errno, "make '%s' opaque", to);
	return copy_attributes(v, to, &st, e);
}

static int make_layer(const struct host_view *v, const struct overlay_layer *l, struct err *e)
{
	struct stat st;

	if (mkdir(l->upper, 0700) < 0 || mkdir(l->work, 0700) < 0)
		return err_set(e, errno, "create '%s'", l->upper);
	if (stat(l->lower, &st) < 0)
		return err_set(e, errno, "stat '%s'", l->lower);
	return copy_attributes(v, l->upper, &st, e);
}

static int copy_file(const struct host_entry *ent, const char *to, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;

	if (file_read_at(AT_FDCWD, ent->path, HOST_COPY_MAX, &text, e) < 0)
		return -e->code;
	cleanup_close int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || fchmod(fd, (ent->mode & 0777) | 0600) < 0)
		return err_set(e, errno, "create '%s'", to);
	return fd_write_all(fd, buf_text(&text), text.len, e);
}

static int make_bare(const struct host_view *v, const struct host_entry *ent, struct err *e)
{
	char to[PATH_MAX];

	if (snprintf(to, sizeof(to), "%s%s", v->root, ent->path) >= (int)sizeof(to))
		return err_set(e, ENAMETOOLONG, "'%s' in '%s'", ent->path, v->root);
	if (S_ISREG(ent->mode))
		return copy_file(ent, to, e);
	if (ent->target)
		return symlink(ent->target, to) == 0 ? 0 : err_set(e, errno, "link '%s'", to);
	/* The user's own, whoever owns the host's: with its mode he must still be able to write in it. */
	if (mkdir(to, 0700) < 0 || chmod(to, (ent->mode & 07777) | 0700) < 0)
		return err_set(e, errno, "create '%s'", to);
	return 0;
}

int host_view_make(const struct host_view *v, struct err *e)
{
	if (mkdir(v->root, 0755) < 0 || chmod(v->root, 0755) < 0)
		return err_set(e, errno, "create '%s'", v->root);
	for (size_t i = 0; i < v->n_bare; i++)
		if (make_bare(v, v->bare[i], e) < 0)
			return -e->code;
	for (size_t i = 0; i < v->n_layers; i++)
		if (make_layer(v, &v->layers[i], e) < 0)
			return -e->code;
	for (size_t i = 0; i < v->n_hides; i++)
		if (hide_one(v, &v->hides[i], e) < 0)
			return err_wrap(e, "hide '%s'", v->hides[i].path);
	return 0;
}

int host_view_file(const struct host_view *v, const char *path, mode_t mode, const char *text, struct err *e)
{
	char to[PATH_MAX];
	size_t layer;

	if (view_find_layer(v, path, &layer)) {
		const struct overlay_layer *l = &v->layers[layer];
		if (upper_path(l, path, to, e) < 0 || mirror_parents(v, l, path, to, e) < 0)
			return -e->code;
	} else if (snprintf(to, sizeof(to), "%s%s", v->root, path) >= (int)sizeof(to))
		return err_set(e, ENAMETOOLONG, "'%s' in '%s'", path, v->root);
	if (unlink(to) < 0 && errno != ENOENT)
		return err_set(e, errno, "replace '%s'", to);
	cleanup_close int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0 && errno == ENOENT)
		return 0; /* a root without the directory */
	if (fd < 0 || fchmod(fd, mode) < 0)
		return err_set(e, errno, "create '%s'", to);
	if (fd_write_all(fd, text, strlen(text), e) < 0)
		return err_wrap(e, "'%s'", to);
	return 0;
}
