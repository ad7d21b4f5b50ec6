/* The directories of launched containers. */
#include "lib/fd.h"
#include "lib/file.h"
#include "runtime/container.h"
#include "runtime/launch/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>

int launch_storage(const struct runtime *rt, const char **ret, struct err *e)
{
	struct arena *a = (struct arena *)&rt->arena;
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (!rt->rootless)
		*ret = "/var/lib/ferry/launch";
	else if (data && data[0] == '/')
		*ret = arena_printf(a, "%s/ferry/launch", data);
	else if (home && home[0] == '/')
		*ret = arena_printf(a, "%s/.local/share/ferry/launch", home);
	else
		return err_say(e, EINVAL, "HOME is not set: say --storage where the container's files may be kept");
	return 0;
}

/* What the kernel says of an upper directory there is "Invalid argument": better said before. */
static int check_file_system(const char *dir, struct err *e)
{
	static const struct {
		long magic;
		const char *name;
	} unfit[] = {
		{ OVERLAYFS_SUPER_MAGIC, "overlay" }, { NFS_SUPER_MAGIC, "nfs" }, { MSDOS_SUPER_MAGIC, "vfat" },
		{ SQUASHFS_MAGIC, "squashfs" },
	};
	struct statfs fs;

	if (statfs(dir, &fs) < 0)
		return err_set(e, errno, "stat '%s'", dir);
	for (size_t i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++)
		if ((long)fs.f_type == unfit[i].magic)
			return err_say(e, EINVAL,
				       "'%s' lies on a file system (%s) that cannot hold what an overlay writes: "
				       "say --storage with a directory elsewhere", dir, unfit[i].name);
	return 0;
}

static int has_container(struct runtime *rt, const char *name, struct err *e)
{
	cleanup_close int root = runtime_open_root(rt, false, e);

	if (root < 0)
		return root == -ENOENT ? 0 : root;
	return faccessat(root, name, F_OK, 0) == 0;
}

static int take_directory(struct runtime *rt, const char *storage, const char *name, struct err *e)
{
	const char *dir = arena_printf(&rt->arena, "%s/%s", storage, name);
	int r = has_container(rt, name, e);

	if (r < 0)
		return r;
	if (r > 0)
		return err_say(e, EEXIST, "a container '%s' is there already: delete it, or choose another name", name);
	if (mkdir(dir, 0700) < 0)
		return errno != EEXIST ? err_set(e, errno, "create '%s'", dir) :
		       err_say(e, EEXIST,
			       "'%s' has the files of an earlier container: remove it, or choose another name", dir);
	cleanup_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, errno, "lock '%s'", dir);
	return take_fd(&fd);
}

int launch_make_directory(struct runtime *rt, const char *storage, const char *name, const char **ret_name,
			  const char **ret_dir, struct err *e)
{
	char real[PATH_MAX];
	uint64_t number;
	int fd = -EEXIST;

	if (mkdir_parents(storage, 0700, e) < 0 || check_file_system(storage, e) < 0)
		return -e->code;
	if (!realpath(storage, real))
		return err_set(e, errno, "resolve '%s'", storage);
	storage = real;
	for (int tries = 0; fd == -EEXIST && tries < (name ? 1 : 100); tries++) {
		if (getrandom(&number, sizeof(number), 0) != sizeof(number))
			return err_set(e, errno, "getrandom");
		*ret_name = name ? name : launch_name(number, &rt->arena);
		fd = take_directory(rt, storage, *ret_name, e);
	}
	*ret_dir = arena_printf(&rt->arena, "%s/%s", storage, *ret_name);
	return fd;
}
