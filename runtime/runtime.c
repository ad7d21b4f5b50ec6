#include "runtime/runtime.h"

#include "lib/file.h"
#include "lib/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

static int default_root(struct runtime *rt, struct err *e)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");

	if (!rt->rootless)
		rt->root_path = "/run/ferry";
	else if (dir && *dir)
		rt->root_path = arena_printf(&rt->arena, "%s/ferry", dir);
	else if (rt->euid == 0)
		rt->root_path = "/run/ferry";
	else
		return err_say(e, EINVAL, "XDG_RUNTIME_DIR is not set: set it, or say --root where state may be kept");
	return 0;
}

int runtime_init(struct runtime *rt, const char *root, const char *rootless, const char *manager, struct err *e)
{
	*rt = (struct runtime){ .euid = (uid_t)getauxval(AT_EUID) };
	if (!rootless || strcmp(rootless, "auto") == 0)
		/* Root inside a user namespace that somebody else set up (podman's, say) keeps its state with the user's. */
		rt->rootless = rt->euid != 0 || !proc_in_first_userns();
	else if (strcmp(rootless, "true") == 0)
		rt->rootless = true;
	else if (strcmp(rootless, "false") != 0)
		return err_say(e, EINVAL, "invalid --rootless '%s': use true, false or auto", rootless);

	if (!manager || strcmp(manager, "cgroupfs") == 0)
		rt->driver = CGROUP_CGROUPFS;
	else if (strcmp(manager, "systemd") == 0)
		rt->driver = CGROUP_SYSTEMD;
	else if (strcmp(manager, "disabled") == 0)
		rt->driver = CGROUP_DISABLED;
	else
		return err_say(e, EINVAL, "invalid --cgroup-manager '%s': use cgroupfs, systemd or disabled", manager);

	if (!root)
		return default_root(rt, e);
	rt->root_given = true;
	if (!*root)
		return err_say(e, EINVAL, "--root: the name of a directory is missing");
	if (root[0] == '/') {
		rt->root_path = root;
		return 0;
	}
	char cwd[4096];
	if (!getcwd(cwd, sizeof(cwd)))
		return err_set(e, errno, "find the current directory");
	rt->root_path = arena_printf(&rt->arena, "%s/%s", cwd, root);
	return 0;
}

const char *runtime_data_path(struct runtime *rt, const char *name)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");

	if (!rt->rootless)
		return arena_printf(&rt->arena, "/var/lib/ferry/%s", name);
	if (data && data[0] == '/')
		return arena_printf(&rt->arena, "%s/ferry/%s", data, name);
	if (home && home[0] == '/')
		return arena_printf(&rt->arena, "%s/.local/share/ferry/%s", home, name);
	return NULL;
}

void runtime_finish(struct runtime *rt)
{
	arena_finish(&rt->arena);
}

int runtime_open_root(const struct runtime *rt, bool make, struct err *e)
{
	int fd = open(rt->root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT && make) {
		if (mkdir_parents(rt->root_path, 0700, e) < 0)
			return err_wrap(e, "state");
		fd = open(rt->root_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return fd >= 0 ? fd : err_set(e, errno, "open the state directory '%s'", rt->root_path);
}
