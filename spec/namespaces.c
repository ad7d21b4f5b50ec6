/* The kinds of namespaces by name. */
#include "spec/spec.h"

#include "lib/sys.h"

#include <string.h>

const struct spec_namespace_name spec_namespace_names[8] = {
	{ CLONE_NEWUSER, "user", "user" },
	{ CLONE_NEWPID, "pid", "pid" },
	{ CLONE_NEWNET, "network", "net" },
	{ CLONE_NEWNS, "mount", "mnt" },
	{ CLONE_NEWIPC, "ipc", "ipc" },
	{ CLONE_NEWUTS, "uts", "uts" },
	{ CLONE_NEWCGROUP, "cgroup", "cgroup" },
	{ CLONE_NEWTIME, "time", "time" },
};

uint64_t spec_namespace_flag(const char *name)
{
	for (size_t i = 0; i < 8; i++)
		if (strcmp(spec_namespace_names[i].name, name) == 0)
			return spec_namespace_names[i].flag;
	return 0;
}

const struct spec_namespace *spec_find_namespace(const struct spec *s, uint64_t flag)
{
	for (size_t i = 0; i < s->lx.n_namespaces; i++)
		if (s->lx.namespaces[i].flag == flag)
			return &s->lx.namespaces[i];
	return NULL;
}

uint32_t spec_host_id(const struct spec_idmap *maps, size_t n, uint32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (id >= maps[i].container_id && id - maps[i].container_id < maps[i].size)
			return maps[i].host_id + (id - maps[i].container_id);
	return id;
}
