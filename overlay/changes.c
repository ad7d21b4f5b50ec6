#include "overlay/changes.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/* ---- options ---- */

static void add_lowers(const char *text, struct arena *a, struct overlay_dirs *ret)
{
	while (*text) {
		char *dir = arena_strdup(a, text), *to = dir;
		for (; *text && *text != ':'; text++) {
			if (*text == '\\' && text[1])
				text++;
			*to++ = *text;
		}
		*to = '\0';
		if (*dir)
			*arena_push(a, &ret->lowers, &ret->n_lowers) = dir;
		text += *text == ':';
	}
}

void overlay_dirs_parse(const char *const *options, size_t n, struct arena *a, struct overlay_dirs *ret)
{
	static const char upper[] = "upperdir=", work[] = "workdir=", lower[] = "lowerdir=", one_lower[] = "lowerdir+=";

	*ret = (struct overlay_dirs){ 0 };
	for (size_t i = 0; i < n; i++) {
		if (strncmp(options[i], upper, strlen(upper)) == 0)
			ret->upper = arena_strdup(a, options[i] + strlen(upper));
		else if (strncmp(options[i], work, strlen(work)) == 0)
			ret->work = arena_strdup(a, options[i] + strlen(work));
		else if (strncmp(options[i], lower, strlen(lower)) == 0)
			add_lowers(options[i] + strlen(lower), a, ret);
		else if (strncmp(options[i], one_lower, strlen(one_lower)) == 0)
			*arena_push(a, &ret->lowers, &ret->n_lowers) = arena_strdup(a, options[i] + strlen(one_lower));
	}
}

/* ---- one directory against those below it ---- */

struct walk {
	struct arena *a;
	const char *const *ignored;
	int *lowers; /* O_PATH */
	size_t n_lowers;
	struct overlay_change *changes;
	size_t n;
};

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static bool is_opaque(int dir)
{
	static const char *const names[] = { "trusted.overlay.opaque", "user.overlay.opaque" };
	char value = '\0';

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (getxattr(fd_path(dir).path, names[i], &value, 1) == 1 && value == 'y')
			return true;
	return false;
}

/* Whether one of the directories above @path, which itself is not in this layer, hides what lower layers have. */
static bool hides_below(int layer, const char *path, struct arena *a)
{
	char *above = arena_strdup(a, path);

	for (char *slash; (slash = strrchr(above, '/')) != NULL;) {
		*slash = '\0';
		cleanup_close int fd = sys_openat2(layer, *above ? above + 1 : ".", O_PATH | O_CLOEXEC, 0,
						   RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
		if (fd >= 0 && is_opaque(fd))
			return true;
	}
	return false;
}

/* What the lower directories together show at @path ("/a/b"). */
static bool find_below(const struct walk *w, const char *path, struct stat *ret)
{
	for (size_t i = 0; i < w->n_lowers; i++) {
		cleanup_close int fd = sys_openat2(w->lowers[i], path + 1, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0,
						   RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH);
		if (fd >= 0)
			return fstat(fd, ret) == 0 && !is_whiteout(ret);
		if (errno != ENOENT || hides_below(w->lowers[i], path, w->a))
			return false;
	}
	return false;
}

static bool is_ignored(const struct walk *w, const char *path)
{
	for (const char *const *p = w->ignored; p && *p; p++)
		if (strcmp(*p, path) == 0)
			return true;
	return false;
}

static void add(struct walk *w, enum overlay_change_kind kind, const char *path)
{
	*arena_push(w->a, &w->changes, &w->n) = (struct overlay_change){ kind, path };
}

static int walk_directory(struct walk *w, int fd, const char *path, struct err *e);

/* @below: what was there, of type 0 when nothing was. */
static int walk_entry(struct walk *w, int parent, const char *name, const char *path, struct err *e)
{
	struct stat st, below = { 0 };
	bool ignored = is_ignored(w, path);
	size_t before = w->n;

	if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "stat '%s'", path);
	bool existed = find_below(w, path, &below);
	if (is_whiteout(&st)) {
		if (existed && !ignored)
			add(w, CHANGE_DELETED, path);
		return 0;
	}
	if (ignored)
		;
	else if (!existed)
		add(w, CHANGE_ADDED, path);
	else if (!S_ISDIR(st.st_mode) || !S_ISDIR(below.st_mode) || st.st_mode != below.st_mode ||
		 st.st_uid != below.st_uid || st.st_gid != below.st_gid)
		add(w, CHANGE_CHANGED, path);
	if (!S_ISDIR(st.st_mode))
		return 0;

	size_t self = w->n;
	cleanup_close int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open '%s'", path);
	if (walk_directory(w, fd, path, e) < 0)
		return -e->code;
	/* What is opaque hides all that was there, and so is a change though nothing may be in it. */
	if (self == before && (w->n > self || (is_opaque(fd) && !ignored)))
		add(w, CHANGE_CHANGED, path);
	return 0;
}

static int walk_directory(struct walk *w, int fd, const char *path, struct err *e)
{
	int copy = dup(fd), r = 0;
	DIR *d = copy < 0 ? NULL : fdopendir(copy);

	if (!d) {
		close_fd(&copy);
		return err_set(e, errno, "read '%s'", path);
	}
	for (struct dirent *ent; r == 0 && (ent = readdir(d));)
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			r = walk_entry(w, fd, ent->d_name, arena_printf(w->a, "%s/%s", path, ent->d_name), e);
	closedir(d);
	return r;
}

/* A directory before what is in it: "/a" "/a/b" "/a.b". */
static int compare(const void *a, const void *b)
{
	const char *s = ((const struct overlay_change *)a)->path, *t = ((const struct overlay_change *)b)->path;

	for (; *s && *s == *t; s++, t++)
		;
	return (*s == '/' ? 1 : (unsigned char)*s) - (*t == '/' ? 1 : (unsigned char)*t);
}

int overlay_changes(const struct overlay_dirs *dirs, const char *const *ignored, struct arena *a,
		    struct overlay_change **ret, size_t *ret_n, struct err *e)
{
	struct walk w = { .a = a, .ignored = ignored, .lowers = arena_new_array(a, dirs->n_lowers, int) };
	cleanup_close int upper = open(dirs->upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = upper < 0 ? err_set(e, errno, "open '%s'", dirs->upper) : 0;

	for (; r == 0 && w.n_lowers < dirs->n_lowers; w.n_lowers++) {
		w.lowers[w.n_lowers] = open(dirs->lowers[w.n_lowers], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (w.lowers[w.n_lowers] < 0)
			r = err_set(e, errno, "open '%s'", dirs->lowers[w.n_lowers]);
	}
	if (r == 0)
		r = walk_directory(&w, upper, "", e);
	for (size_t i = 0; i < w.n_lowers; i++)
		close_fd(&w.lowers[i]);
	if (r < 0)
		return r;
	if (w.n)
		qsort(w.changes, w.n, sizeof(*w.changes), compare);
	*ret = w.changes;
	*ret_n = w.n;
	return 0;
}

static int add_size(int fd, uint64_t *sum, struct err *e)
{
	int copy = dup(fd), r = 0;
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct stat st;

	if (!d) {
		close_fd(&copy);
		return err_set(e, errno, "read directory");
	}
	for (struct dirent *ent; r == 0 && (ent = readdir(d));) {
		if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0 ||
		    fstatat(fd, ent->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		/* One of several names has its part. */
		*sum += (uint64_t)st.st_blocks * 512 / (S_ISDIR(st.st_mode) ? 1 : st.st_nlink);
		if (!S_ISDIR(st.st_mode))
			continue;
		cleanup_close int sub = openat(fd, ent->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = sub >= 0 ? add_size(sub, sum, e) : err_set(e, errno, "open '%s'", ent->d_name);
	}
	closedir(d);
	return r;
}

int overlay_size(const char *upper, uint64_t *ret, struct err *e)
{
	cleanup_close int fd = open(upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t sum = 0;

	if (fd < 0)
		return err_set(e, errno, "open '%s'", upper);
	if (add_size(fd, &sum, e) < 0)
		return err_wrap(e, "size of '%s'", upper);
	*ret = sum;
	return 0;
}
