#include "lib/in_root.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

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
 * Descends one component at a time from the deepest part that exists. Each new directory is made in a directory that
 * is held open, so it lands inside the root whatever happens to the names meanwhile.
 */
static int make_below(int root, const char *path, mode_t mode, struct err *e)
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
		parent = in_root_mkdir(root, part, mode, e);
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
	return fd >= 0 ? fd : err_set(e, errno, "open directory '%s' in the container", path);
}

int in_root_mkdir(int root, const char *path, mode_t mode, struct err *e)
{
	int fd = open_in(root, path, O_PATH | O_DIRECTORY);

	if (fd >= 0)
		return fd;
	if (errno != ENOENT)
		return err_set(e, errno, "open directory '%s' in the container", path);
	return make_below(root, path, mode, e);
}

int in_root_touch(int root, const char *path, mode_t mode, struct err *e)
{
	char dir[PATH_MAX];
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
		parent = in_root_mkdir(root, dir, 0755, e);
	}
	if (parent < 0)
		return parent;
	cleanup_close int made = openat(parent, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, mode);
	if (made < 0 && errno != EEXIST)
		return err_set(e, errno, "create '%s' in the container", path);
	fd = openat(parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 ? fd : err_set(e, errno, "open '%s' in the container", path);
}
