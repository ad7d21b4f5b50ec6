#include "runtime/attach.h"

#include "lib/fd.h"
#include "lib/proc.h"
#include "runtime/networks.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>

const char *container_path(struct runtime *rt, const char *id)
{
	return arena_printf(&rt->arena, "%s/%s", rt->root_path, id);
}

int container_netns(pid_t pid, int pidfd, struct err *e)
{
	struct err ignored = ERR_INIT;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
	int code = errno;
	/* Once it has ended the number may be another's. */
	if (proc_wait_end(pidfd, 0, &ignored) != 0)
		return err_say(e, ESRCH, "the process has ended");
	return fd < 0 ? err_set(e, code, "open '%s'", path) : take_fd(&fd);
}

int container_join_network(struct runtime *rt, const char *id, struct spec *s, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;
	int r = container_open(rt, id, false, &c, e);
	cleanup_close int pidfd = r < 0 ? r : container_pidfd(&c, e);

	if (pidfd == -ENOENT || pidfd == -ESRCH)
		return err_say(e, ESRCH, "container '%s', whose network is to be joined, does not run", id);
	for (size_t i = 0; pidfd >= 0 && i < s->lx.n_namespaces; i++)
		if (s->lx.namespaces[i].flag == CLONE_NEWNET)
			s->lx.namespaces[i].path = arena_printf(&rt->arena, "/proc/%d/ns/net", (int)c.pid);
	return pidfd < 0 ? pidfd : 0;
}

int container_attach(struct runtime *rt, const struct create_network *x, int netns, struct err *e)
{
	cleanup_net struct net n = NET_INIT;
	struct net_endpoint endpoint;

	if (networks_open(false, &n, e) < 0 || net_attach(&n, x->container, netns, &rt->arena, &endpoint, e) < 0)
		return -e->code;
	return x->attached(&n, &endpoint, x->data, e);
}

int container_detach(struct runtime *rt, const struct container *c, struct err *e)
{
	cleanup_net struct net n = NET_INIT;

	if (networks_open(false, &n, e) < 0 || net_detach(&n, container_path(rt, c->id), &rt->arena, e) < 0)
		return err_wrap(e, "container '%s'", c->id);
	return 0;
}
