#include "namespaces/rootfs_plan.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* config-linux.md, "Default Devices" */
static const struct node_plan implied_nodes[] = {
	{ "/dev/null", "null", S_IFCHR | 0666, 1, 3 },
	{ "/dev/zero", "zero", S_IFCHR | 0666, 1, 5 },
	{ "/dev/full", "full", S_IFCHR | 0666, 1, 7 },
	{ "/dev/random", "random", S_IFCHR | 0666, 1, 8 },
	{ "/dev/urandom", "urandom", S_IFCHR | 0666, 1, 9 },
	{ "/dev/tty", "tty", S_IFCHR | 0666, 5, 0 },
};

/* runtime-linux.md, "Dev symbolic links". An image's own /dev/ptmx is never the container's devpts. */
static const struct link_plan dev_links[] = {
	{ "fd", "/proc/self/fd", false },
	{ "stdin", "/proc/self/fd/0", false },
	{ "stdout", "/proc/self/fd/1", false },
	{ "stderr", "/proc/self/fd/2", false },
	{ "core", "/proc/kcore", false },
	{ "ptmx", "pts/ptmx", true },
};

static mode_t type_bits(enum spec_device_type t)
{
	switch (t) {
	case DEVICE_BLOCK:
		return S_IFBLK;
	case DEVICE_FIFO:
		return S_IFIFO;
	default:
		return S_IFCHR;
	}
}

static struct node_plan *find_node(struct rootfs_plan *p, const char *path)
{
	for (size_t i = 0; i < p->n_nodes; i++)
		if (strcmp(p->nodes[i].path, path) == 0)
			return &p->nodes[i];
	return NULL;
}

int rootfs_plan_devices(const struct spec *s, struct arena *a, struct rootfs_plan *p, struct err *e)
{
	const size_t n_implied = sizeof(implied_nodes) / sizeof(implied_nodes[0]);

	p->links = dev_links;
	p->n_links = sizeof(dev_links) / sizeof(dev_links[0]);
	p->nodes = arena_new_array(a, n_implied + s->lx.n_devices, struct node_plan);
	memcpy(p->nodes, implied_nodes, sizeof(implied_nodes));
	p->n_nodes = n_implied;
	for (size_t i = 0; i < n_implied; i++) {
		p->nodes[i].implied = true;
		p->nodes[i].source_fd = -1;
	}
	for (size_t i = 0; i < s->lx.n_devices; i++) {
		const struct spec_device *d = &s->lx.devices[i];
		if (d->path[0] != '/')
			return err_say(e, EINVAL, "linux.devices[%zu].path: '%s' is not absolute", i, d->path);
		struct node_plan *n = find_node(p, d->path);
		if (!n)
			n = &p->nodes[p->n_nodes++];
		*n = (struct node_plan){
			.path = d->path,
			.dev_name = strncmp(d->path, "/dev/", 5) == 0 ? d->path + 5 : NULL,
			.mode = type_bits(d->type) | (d->mode & 07777),
			.major = d->major, .minor = d->minor, .uid = d->uid, .gid = d->gid, .source_fd = -1,
		};
	}
	return 0;
}
