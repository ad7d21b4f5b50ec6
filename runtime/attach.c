#include "runtime/attach.h"

#include "lib/fd.h"
#include "lib/proc.h"
#include "runtime/networks.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/file.h>

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
	/* Once it has ended the number may be another's; while it is ending, it has no namespaces any more. */
	if (proc_wait_end(pidfd, 0, &ignored) != 0 || (fd < 0 && code == ENOENT))
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

/* A kernel may be without bridges or nf_tables, or not let this process have them. */
static int advise(struct err *e)
{
	const struct err why = *e;

	if (why.code != EPERM && why.code != EOPNOTSUPP && why.code != EPROTONOSUPPORT && why.code != EAFNOSUPPORT)
		return -why.code;
	return err_say(e, why.code, "%s: where there can be no networks, launch with --network none", why.msg);
}

static int attach(struct runtime *rt, const struct create_network *x, int netns, int *ret_late, struct err *e)
{
	cleanup_net struct net n = NET_INIT;
	struct net_endpoint endpoint;

	if (networks_open(false, &n, e) < 0)
		return -e->code;
	if (net_attach(&n, x->container, netns, &rt->arena, &endpoint, e) < 0)
		return advise(e);
	*ret_late = take_fd(&n.filter);
	return x->attached(&n, &endpoint, x->data, e);
}

/* Whoever starts it, or watches over it and notes its end, holds the lock of its directory. */
static int hold_launched(struct runtime *rt, const char *id, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;

	if (container_open(rt, id, false, &c, e) < 0)
		return -e->code;
	if (!c.network || c.pid == 0)
		return -ENOENT;
	cleanup_close int fd = open(c.bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : take_fd(&fd);
}

/* Detaches those that ended when nobody watched over them any more. */
static void detach_ended(struct runtime *rt)
{
	struct err ignored = ERR_INIT;
	const char **ids = NULL;
	size_t n = 0;

	container_list(rt, &ids, &n, &ignored);
	for (size_t i = 0; i < n; i++) {
		cleanup_container struct container c = CONTAINER_INIT;
		cleanup_close int held = hold_launched(rt, ids[i], &ignored);
		if (held < 0 || container_open(rt, ids[i], false, &c, &ignored) < 0)
			continue;
		cleanup_close int pidfd = container_pidfd(&c, &ignored);
		if (pidfd == -ESRCH)
			container_detach(rt, &c, &ignored);
	}
}

int container_attach(struct runtime *rt, const struct create_network *x, int netns, int *ret_late, struct err *e)
{
	struct err why = ERR_INIT;
	int r = attach(rt, x, netns, ret_late, &why);

	if (r != -EADDRINUSE && r != -ENOSPC)
		return r < 0 ? *e = why, r : 0;
	detach_ended(rt);
	return attach(rt, x, netns, ret_late, e);
}

int container_detach(struct runtime *rt, const struct container *c, struct err *e)
{
	cleanup_net struct net n = NET_INIT;

	if (networks_open(false, &n, e) < 0 || net_detach(&n, container_path(rt, c->id), &rt->arena, e) < 0)
		return err_wrap(e, "container '%s'", c->id);
	return 0;
}

int container_release(struct runtime *rt, const struct container *c, struct net_leaving *ret, struct err *e)
{
	cleanup_net struct net n = NET_INIT;

	if (networks_open(false, &n, e) < 0 || net_release(&n, container_path(rt, c->id), &rt->arena, ret, e) < 0)
		return err_wrap(e, "container '%s'", c->id);
	return 0;
}

int container_settle(struct runtime *rt, struct net_leaving *l, struct err *e)
{
	cleanup_net struct net n = NET_INIT;

	return networks_open(false, &n, e) < 0 ? -e->code : net_settle(&n, l, &rt->arena, e);
}
