/* Two overlays of the same lower directories, as whoever looks at them would see them. */
#include "overlay/changes.h"

#include "overlay/root.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct comparison {
	struct arena *a;
	struct merged before, after; /* the upper directory first */
	const char *const *ignored;
	struct overlay_change *changes;
	size_t n;
};

/* ---- one file ---- */

static int read_some(int fd, char *data, size_t room)
{
	size_t at = 0;
	ssize_t n = 1;

	while (at < room && n != 0) {
		n = read(fd, data + at, room - at);
		if (n < 0 && errno != EINTR)
			return -errno;
		at += n > 0 ? (size_t)n : 0;
	}
	return (int)at;
}

/* @a, @b: O_PATH of files of one size. */
static int content_differs(int a, int b, struct err *e)
{
	enum { ROOM = 32768 };
	cleanup_close int first = open(fd_path(a).path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	cleanup_close int second = open(fd_path(b).path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char x[ROOM], y[ROOM];
	int n, m;

	if (first < 0 || second < 0)
		return err_set(e, errno, "open it");
	do {
		n = read_some(first, x, ROOM);
		m = read_some(second, y, ROOM);
		if (n < 0 || m < 0)
			return err_set(e, n < 0 ? -n : -m, "read it");
	} while (n == m && n > 0 && memcmp(x, y, (size_t)n) == 0);
	return n != m || n > 0;
}

static int link_differs(int a, int b, struct err *e)
{
	char x[PATH_MAX], y[PATH_MAX];
	ssize_t n = readlinkat(a, "", x, sizeof(x)), m = readlinkat(b, "", y, sizeof(y));

	if (n < 0 || m < 0)
		return err_set(e, errno, "read the link");
	return n != m || memcmp(x, y, (size_t)n) != 0;
}

/* 1, 0 or an error. What is in a directory does not count. */
static int differs(int a, const struct stat *x, int b, const struct stat *y, struct err *e)
{
	if (x->st_dev == y->st_dev && x->st_ino == y->st_ino)
		return 0;
	if (x->st_mode != y->st_mode || x->st_uid != y->st_uid || x->st_gid != y->st_gid || x->st_rdev != y->st_rdev)
		return 1;
	if (S_ISLNK(x->st_mode))
		return link_differs(a, b, e);
	if (!S_ISREG(x->st_mode))
		return 0;
	if (x->st_size != y->st_size || x->st_mtim.tv_sec != y->st_mtim.tv_sec || x->st_mtim.tv_nsec != y->st_mtim.tv_nsec)
		return 1;
	return content_differs(a, b, e);
}

/* ---- which names there are ---- */

struct names {
	const char **v;
	size_t n;
};

/* What a layer has there, if it is a directory. */
static int open_in(const char *layer, const char *path)
{
	cleanup_close int top = open(layer, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return top < 0 ? -1 : sys_openat2(top, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0,
					  RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
}

static int add_names(struct comparison *w, const char *layer, const char *path, struct names *names, struct err *e)
{
	int fd = open_in(layer, path);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d) {
		int code = errno;
		close_fd(&fd);
		return code == ENOENT || code == ENOTDIR || code == ELOOP ? 0 : err_set(e, code, "open it");
	}
	for (struct dirent *ent; (ent = readdir(d));)
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			*arena_push(w->a, &names->v, &names->n) = arena_strdup(w->a, ent->d_name);
	closedir(d);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Of what only the lower directories have there is no need to know, but with @all. */
static int list(struct comparison *w, const char *path, bool all, struct names *ret, struct err *e)
{
	struct names names = { 0 };
	size_t kept = 0;

	if (add_names(w, w->before.layers[0], path, &names, e) < 0 || add_names(w, w->after.layers[0], path, &names, e) < 0)
		return -e->code;
	for (size_t i = 1; all && i < w->before.n; i++)
		if (add_names(w, w->before.layers[i], path, &names, e) < 0)
			return -e->code;
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	for (size_t i = 0; i < names.n; i++)
		if (kept == 0 || strcmp(names.v[kept - 1], names.v[i]) != 0)
			names.v[kept++] = names.v[i];
	names.n = kept;
	*ret = names;
	return 0;
}

/* ---- the walk ---- */

static bool is_ignored(const struct comparison *w, const char *path)
{
	for (const char *const *p = w->ignored; p && *p; p++)
		if (strcmp(*p + 1, path) == 0)
			return true;
	return false;
}

static void add(struct comparison *w, enum overlay_change_kind kind, const char *path)
{
	if (!is_ignored(w, path))
		*arena_push(w->a, &w->changes, &w->n) = (struct overlay_change){ kind, arena_printf(w->a, "/%s", path) };
}

/* Whether the upper directory hides there what the lower ones have. */
static bool hides(const struct merged *m, const char *path)
{
	cleanup_close int fd = open_in(m->layers[0], path);

	return fd >= 0 && merged_is_opaque(m, fd);
}

static int compare_directory(struct comparison *w, const char *path, bool all, struct err *e);

/* A directory that both have is changed when something in it is. */
static int compare_directories(struct comparison *w, const char *path, bool differ, bool all, struct err *e)
{
	const size_t before = w->n;

	add(w, CHANGE_CHANGED, path);
	const size_t self = w->n;
	if (compare_directory(w, path, all || hides(&w->before, path) != hides(&w->after, path), e) < 0)
		return -e->code;
	if (!differ && w->n == self)
		w->n = before;
	return 0;
}

static int compare_entry(struct comparison *w, const char *path, bool all, struct err *e)
{
	struct stat x, y;
	cleanup_close int a = merged_look(&w->before, path, &x);
	cleanup_close int b = merged_look(&w->after, path, &y);

	if ((a < 0 && a != -ENOENT) || (b < 0 && b != -ENOENT))
		return err_set(e, a < 0 && a != -ENOENT ? -a : -b, "open '%s'", path);
	if (b < 0) {
		if (a >= 0)
			add(w, CHANGE_DELETED, path);
		return 0;
	}
	int r = a < 0 ? 1 : differs(a, &x, b, &y, e);
	if (r < 0)
		return err_wrap(e, "'%s'", path);
	bool was_directory = a >= 0 && S_ISDIR(x.st_mode);
	enum overlay_change_kind kind = a < 0 ? CHANGE_ADDED : CHANGE_CHANGED;
	/* Not one more for each directory on the way down. */
	close_fd(&a);
	close_fd(&b);
	if (was_directory && S_ISDIR(y.st_mode))
		return compare_directories(w, path, r, all, e);
	if (r)
		add(w, kind, path);
	return S_ISDIR(y.st_mode) ? compare_directory(w, path, true, e) : 0;
}

/* @path: "" for the top, "a/b". */
static int compare_directory(struct comparison *w, const char *path, bool all, struct err *e)
{
	struct names names = { 0 };

	if (list(w, path, all, &names, e) < 0)
		return err_wrap(e, "'%s'", path);
	for (size_t i = 0; i < names.n; i++)
		if (compare_entry(w, arena_printf(w->a, "%s%s%s", path, *path ? "/" : "", names.v[i]), all, e) < 0)
			return -e->code;
	return 0;
}

static struct merged stack(const struct overlay_dirs *dirs, bool userxattr, struct arena *a)
{
	const char **layers = arena_new_array(a, dirs->n_lowers + 1, const char *);

	layers[0] = dirs->upper;
	for (size_t i = 0; i < dirs->n_lowers; i++)
		layers[i + 1] = dirs->lowers[i];
	return (struct merged){ layers, dirs->n_lowers + 1, userxattr };
}

int overlay_compare(const struct overlay_dirs *before, const struct overlay_dirs *after, bool userxattr,
		    const char *const *ignored, struct arena *a, struct overlay_change **ret, size_t *ret_n, struct err *e)
{
	struct comparison w = {
		.a = a,
		.before = stack(before, userxattr, a),
		.after = stack(after, userxattr, a),
		.ignored = ignored,
	};

	if (compare_directory(&w, "", false, e) < 0)
		return -e->code;
	*ret = w.changes;
	*ret_n = w.n;
	return 0;
}
