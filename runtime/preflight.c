#include "runtime/preflight.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "netns/netns.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int runtime_check_host(struct runtime *rt, const char *criu, bool anew, struct preflight *p, struct preflight_host *ret,
		       struct err *e)
{
	const struct preflight_host_options o = {
		.criu = criu,
		.cache_dir = arena_printf(&rt->arena, "%s/.cache", rt->root_path),
		.anew = anew,
	};

	return preflight_host(p, &o, ret, e);
}

/* ---- processes ---- */

struct search {
	struct arena *arena;
	ino_t pidns;
	pid_t *pids;
	size_t n;
};

static int take_process(int fd, const char *name, unsigned char type, void *data, struct err *e)
{
	struct search *s = data;
	struct stat st;
	char *end;
	long pid = strtol(name, &end, 10);

	(void)type, (void)e;
	if (*end == '\0' && fstatat(fd, arena_printf(s->arena, "%s/ns/pid", name), &st, 0) == 0 && st.st_ino == s->pidns)
		*arena_push(s->arena, &s->pids, &s->n) = (pid_t)pid;
	return 0;
}

/* Without a cgroup of its own: those of its pid namespace, if that is not ours too. */
static int search_processes(struct runtime *rt, struct container *c, pid_t **ret, size_t *ret_n, struct err *e)
{
	struct search s = { .arena = &rt->arena };
	struct stat own, its;

	if (stat("/proc/self/ns/pid", &own) < 0 || stat(arena_printf(&rt->arena, "/proc/%d/ns/pid", (int)c->pid), &its) < 0)
		return err_set(e, errno, "stat the container's pid namespace");
	s.pidns = its.st_ino;
	if (own.st_ino == its.st_ino) {
		*arena_push(&rt->arena, &s.pids, &s.n) = c->pid;
	} else {
		cleanup_close int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (proc < 0)
			return err_set(e, errno, "open '/proc'");
		if (dir_each(proc, take_process, &s, e) < 0)
			return err_wrap(e, "'/proc'");
	}
	*ret = s.pids;
	*ret_n = s.n;
	return 0;
}

static int container_processes(struct runtime *rt, struct container *c, pid_t **ret, size_t *ret_n, struct err *e)
{
	cleanup_close int cgroup = -1;

	if (container_cgroup(rt, c, &cgroup, e) < 0)
		return -e->code;
	if (cgroup < 0)
		return search_processes(rt, c, ret, ret_n, e);
	return cgroup_pids(cgroup, &rt->arena, ret, ret_n, e);
}

static int open_netns(struct runtime *rt, const struct container *c, struct err *e)
{
	int fd = open(arena_printf(&rt->arena, "/proc/%d/ns/net", (int)c->pid), O_RDONLY | O_CLOEXEC);

	return fd < 0 ? err_set(e, errno == ENOENT ? ESRCH : errno, "open the container's network namespace") : fd;
}

/* ---- the container ---- */

/* A kernel that cannot be asked for them is no reason to say no. */
static void find_unix_sockets(struct runtime *rt, const struct container *c, struct preflight_container *ret)
{
	struct net_unix_socket *found = NULL;
	struct err ignored = ERR_INIT;
	size_t n = 0;

	cleanup_close int netns = open_netns(rt, c, &ignored);
	if (netns < 0 || net_unix_sockets(netns, &rt->arena, &found, &n, &ignored) < 0)
		return;
	struct preflight_unix *v = arena_new_array(&rt->arena, n + 1, struct preflight_unix);
	for (size_t i = 0; i < n; i++)
		v[i] = (struct preflight_unix){ found[i].inode, found[i].peer, found[i].named, found[i].datagram };
	ret->unix_sockets = v;
	ret->n_unix_sockets = n;
}

/* Mounts of the configuration: those that criu does not make anew by itself it is told to leave to us. */
static int find_external_mounts(struct runtime *rt, struct container *c, struct preflight_container *ret, struct err *e)
{
	const char **points = NULL;
	struct spec *s;
	size_t n = 0;

	if (container_load_config(c, &rt->arena, &s, e) < 0)
		return -e->code;
	cleanup_close int root = open(arena_printf(&rt->arena, "/proc/%d/root", (int)c->pid), O_PATH | O_CLOEXEC);
	for (size_t i = 0; i < s->n_mounts; i++)
		*arena_push(&rt->arena, &points, &n) = checkpoint_resolve(root, s->mounts[i].destination, &rt->arena);
	for (size_t i = 0; i < s->lx.n_masked_paths; i++)
		*arena_push(&rt->arena, &points, &n) = checkpoint_resolve(root, s->lx.masked_paths[i], &rt->arena);
	ret->external_mounts = points;
	ret->n_external_mounts = n;
	return 0;
}

int runtime_check_container(struct runtime *rt, struct container *c, const struct preflight_options *o,
			    struct preflight *p, struct err *e)
{
	struct preflight_container x = { .init = c->pid, .options = *o };
	pid_t *pids;

	/* Held, so that the pid is the container's until the end. */
	cleanup_close int pidfd = container_pidfd(c, e);
	if (pidfd < 0 || container_processes(rt, c, &pids, &x.n_pids, e) < 0)
		return -e->code;
	x.pids = pids;
	if (find_external_mounts(rt, c, &x, e) < 0)
		return -e->code;
	find_unix_sockets(rt, c, &x);
	return preflight_container(p, &x, e);
}

/* ---- before a checkpoint ---- */

int runtime_check_before(struct runtime *rt, struct container *c, const char *criu, const struct preflight_options *o,
			 struct preflight_host *ret, struct err *e)
{
	struct preflight host = { .arena = &rt->arena }, its = { .arena = &rt->arena };

	if (runtime_check_host(rt, criu, false, &host, ret, e) < 0 || runtime_check_container(rt, c, o, &its, e) < 0)
		return -e->code;
	if (!its.inet_sockets && ret->self_dump == SELF_DUMP_NO_SOCKETS)
		preflight_lower(&host, PREFLIGHT_SELF_DUMP);
	const struct preflight_finding *f = preflight_fails(&host);
	if (f)
		return err_say(e, ENOTSUP, "%s", preflight_line(f, &rt->arena));
	f = preflight_fails(&its);
	if (f)
		return err_say(e, EBUSY, "%s", preflight_line(f, &rt->arena));
	for (size_t i = 0; i < its.n; i++)
		log_warn("%s", preflight_line(&its.findings[i], &rt->arena));
	return 0;
}
