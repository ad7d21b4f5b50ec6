#include "lib/in_root.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RESOLVE = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

/* openat2 answers EAGAIN when a rename elsewhere on the system raced with "..": simply ask again, but not for ever. */
static int open_in(int root, const char *path, int flags)
{
	int fd;

	for (int tries = 0; tries < 128; tries++) {
		fd = sys_openat2(root, path, (uint64_t)(flags | O_CLOEXEC), 0, RESOLVE);
		if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
			break;
	}
	return fd;
}

int in_root_open(int root, const char *path, int flags, struct err *e)
{
	int fd = open_in(root, path, flags);
	return fd >= 0 ? fd : err_set(e, errno, "open '%s' in the container", path);
}

/*
 * A symlink whose target does not exist yet: gives the path of what it points to, in the terms of the root. @dir is the
 * text of the directory that holds it, "" for the root. @links counts, as ELOOP would.
 */
static int follow_dangling(int parent, const char *dir, const char *name, char *ret, unsigned *links, struct err *e)
{
	char to[PATH_MAX];
	ssize_t n = readlinkat(parent, name, to, sizeof(to) - 1);

	if (n < 0)
		return err_set(e, errno == EINVAL ? ENOTDIR : errno, "'%s/%s' in the container", dir, name);
	to[n] = '\0';
	if (++*links > 40)
		return err_set(e, ELOOP, "'%s/%s' in the container", dir, name);
	n = to[0] == '/' ? snprintf(ret, PATH_MAX, "%s", to) : snprintf(ret, PATH_MAX, "%s/%s", dir, to);
	return n < PATH_MAX ? 0 : err_set(e, ENAMETOOLONG, "'%s/%s' in the container", dir, name);
}

/* The deepest directory of the path that exists, and how many bytes of the path lead to it. */
static int open_deepest(int root, char *path, size_t *ret_len, struct err *e)
{
	size_t len = strlen(path);

	for (;;) {
		while (len > 0 && path[len - 1] != '/')
			len--;
		while (len > 0 && path[len - 1] == '/')
			len--;
		char next = path[len];
		path[len] = '\0';
		int fd = open_in(root, len ? path : "/", O_PATH | O_DIRECTORY);
		if (fd < 0 && (errno != ENOENT || len == 0))
			return err_set(e, errno, "open directory '%s' in the container", path);
		path[len] = next;
		*ret_len = len;
		if (fd >= 0)
			return fd;
	}
}

/*
 * Descends one component at a time from the deepest part that exists. Each new directory is made in a directory that
 * is held open, so it lands inside the root whatever happens to the names meanwhile. Where a symlink's target is missing it
 * stops: @path, of PATH_MAX bytes, is then the way by that, and *ret_again true.
 */
static int make_below(int root, char *path, mode_t mode, unsigned *links, bool *ret_again, struct err *e)
{
	char to[PATH_MAX];
	size_t len = 0;
	cleanup_close int parent = open_deepest(root, path, &len, e);

	if (parent < 0)
		return parent;
	for (char *name = path + len; *(name += strspn(name, "/"));) {
		char *rest = name + strcspn(name, "/"), next = *rest;
		*rest = '\0';
		if (strcmp(name, "..") == 0)
			return err_say(e, EINVAL, "'%s' goes through a directory that does not exist", path);
		if (mkdirat(parent, name, mode) < 0 && errno != EEXIST)
			return err_set(e, errno, "create directory '%s' in the container", path);
		int fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno != ENOTDIR && errno != ELOOP)
			return err_set(e, errno, "open directory '%s' in the container", path);
		if (fd < 0) {
			if (name > path)
				name[-1] = '\0';
			if (follow_dangling(parent, name > path ? path : "", name, to, links, e) < 0)
				return -e->code;
			if (strlen(to) + strlen(rest + (next != '\0')) + 2 > sizeof(to))
				return err_set(e, ENAMETOOLONG, "'%s' in the container", to);
			*ret_again = true;
			if (next)
				strcat(strcat(to, "/"), rest + 1);
			strcpy(path, to);
			return 0;
		}
		close_fd(&parent);
		parent = fd;
		*rest = next;
		name = rest;
	}
	return take_fd(&parent);
}

static int mkdir_counted(int root, const char *path, mode_t mode, unsigned *links, struct err *e)
{
	char part[PATH_MAX];
	bool again;

	if (strlen(path) >= sizeof(part))
		return err_set(e, ENAMETOOLONG, "'%s'", path);
	strcpy(part, path);
	for (;;) {
		int fd = open_in(root, part, O_PATH | O_DIRECTORY);
		if (fd >= 0)
			return fd;
		if (errno != ENOENT)
			return err_set(e, errno, "open directory '%s' in the container", part);
		again = false;
		fd = make_below(root, part, mode, links, &again, e);
		if (!again)
			return fd;
	}
}

int in_root_mkdir(int root, const char *path, mode_t mode, struct err *e)
{
	unsigned links = 0;

	return mkdir_counted(root, path, mode, &links, e);
}

static int touch_counted(int root, const char *path, mode_t mode, unsigned *links, struct err *e)
{
	char dir[PATH_MAX], to[PATH_MAX];
	int fd = open_in(root, path, O_PATH);

	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		return err_set(e, errno, "open '%s' in the container", path);
	if (strlen(path) >= sizeof(dir))
		return err_set(e, ENAMETOOLONG, "'%s'", path);
	strcpy(dir, path);
	char *slash = strrchr(dir, '/');
	const char *name = slash ? slash + 1 : dir;
	if (!*name || strcmp(name, "..") == 0 || strcmp(name, ".") == 0)
		return err_say(e, EINVAL, "'%s' does not name a file", path);

	cleanup_close int parent = -1;
	if (!slash || slash == dir)
		parent = in_root_open(root, "/", O_PATH | O_DIRECTORY, e);
	else {
		*slash = '\0';
		parent = mkdir_counted(root, dir, 0755, links, e);
	}
	if (parent < 0)
		return parent;
	cleanup_close int made = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, mode);
	if (made < 0 && errno != EEXIST)
		return err_set(e, errno, "create '%s' in the container", path);
	if (made < 0) {
		if (follow_dangling(parent, slash && slash != dir ? dir : "", name, to, links, e) < 0)
			return -e->code;
		return touch_counted(root, to, mode, links, e);
	}
	fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 ? fd : err_set(e, errno, "open '%s' in the container", path);
}

int in_root_touch(int root, const char *path, mode_t mode, struct err *e)
{
	unsigned links = 0;

	return touch_counted(root, path, mode, &links, e);
}
