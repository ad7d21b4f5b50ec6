#include "lib/in_root.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

static int mkdir_counted(int root, const char *path, mode_t mode, unsigned *links, struct err *e);

/*
 * Descends one component at a time from the deepest part that exists. Each new directory is made in a directory that
 * is held open, so it lands inside the root whatever happens to the names meanwhile.
 */
static int make_below(int root, const char *path, mode_t mode, unsigned *links, struct err *e)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(part))
		return err_set(e, ENAMETOOLONG, "'%s'", path);
	memcpy(part, path, len + 1);
	while (len > 1 && part[len - 1] == '/')
		part[--len] = '\0';

	char *slash = strrchr(part, '/');
	const char *name = slash ? slash + 1 : part;
	cleanup_close int parent = -1;
	if (!slash || slash == part)
		parent = open_in(root, "/", O_PATH | O_DIRECTORY);
	else {
		*slash = '\0';
		parent = mkdir_counted(root, part, mode, links, e);
		if (parent < 0)
			return parent;
	}
	if (parent < 0)
		return err_set(e, errno, "open the container's root");
	if (strcmp(name, "..") == 0)
		return err_say(e, EINVAL, "'%s' goes through a directory that does not exist", path);
	if (mkdirat(parent, name, mode) < 0 && errno != EEXIST)
		return err_set(e, errno, "create directory '%s' in the container", path);
	int fd = openat(parent, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno != ENOTDIR && errno != ELOOP)
		return err_set(e, errno, "open directory '%s' in the container", path);
	char to[PATH_MAX];
	if (follow_dangling(parent, slash && slash != part ? part : "", name, to, links, e) < 0)
		return -e->code;
	return mkdir_counted(root, to, mode, links, e);
}

static int mkdir_counted(int root, const char *path, mode_t mode, unsigned *links, struct err *e)
{
	int fd = open_in(root, path, O_PATH | O_DIRECTORY);

	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		return err_set(e, errno, "open directory '%s' in the container", path);
	return make_below(root, path, mode, links, e);
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
