#include "runtime/checkpoint/preflight.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "netns/netns.h"
#include "runtime/attach.h"
#include "runtime/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CONFIG_MAX = 1 << 20 };

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

/* ---- the container ---- */

/* A kernel that cannot be asked for them is no reason to say no. */
static void find_unix_sockets(struct runtime *rt, pid_t pid, int pidfd, struct preflight_container *ret)
{
	struct net_unix_socket *found = NULL;
	struct err ignored = ERR_INIT;
	size_t n = 0;

	cleanup_close int netns = container_netns(pid, pidfd, &ignored);
	if (netns < 0 || net_unix_sockets(netns, &rt->arena, &found, &n, &ignored) < 0)
		return;
	struct preflight_unix *v = arena_new_array(&rt->arena, n + 1, struct preflight_unix);
	for (size_t i = 0; i < n; i++)
		v[i] = (struct preflight_unix){ found[i].inode, found[i].peer, found[i].named, found[i].datagram,
						found[i].in_flight, found[i].unread_bytes };
	ret->unix_sockets = v;
	ret->n_unix_sockets = n;
}

/* Those that CRIU leaves to us. */
static void find_external_mounts(struct runtime *rt, const struct criu_options *plan, struct preflight_container *ret)
{
	const char **points = arena_new_array(&rt->arena, plan->n_mounts + 1, const char *);

	for (size_t i = 0; i < plan->n_mounts; i++)
		points[i] = plan->mounts[i].key;
	ret->external_mounts = points;
	ret->n_external_mounts = plan->n_mounts;
}

/* What a user has told CRIU for good counts as if it was given to us. */
static void read_configuration(const char *path, struct preflight_options *o)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err ignored = ERR_INIT;

	if (path && file_read_at(AT_FDCWD, path, CONFIG_MAX, &b, &ignored) == 0)
		preflight_options_read(buf_text(&b), o);
}

int runtime_check_container(struct runtime *rt, struct container *c, const struct preflight_options *o,
			    const struct criu_options *plan, struct preflight *p, struct err *e)
{
	struct preflight_container x = { .init = c->pid, .options = *o };
	pid_t *pids;

	/* Held, so that the pid is the container's until the end. */
	cleanup_close int pidfd = container_pidfd(c, e);
	if (pidfd < 0 || container_processes(rt, c, &pids, &x.n_pids, e) < 0)
		return -e->code;
	x.pids = pids;
	read_configuration("/etc/criu/default.conf", &x.options);
	read_configuration(plan->config_file, &x.options);
	find_external_mounts(rt, plan, &x);
	find_unix_sockets(rt, c->pid, pidfd, &x);
	return preflight_container(p, &x, e);
}

/* ---- before a checkpoint ---- */

static int refuse_or_warn(struct runtime *rt, const struct preflight *p, int code, struct err *e)
{
	const struct preflight_finding *f = preflight_fails(p);

	if (f)
		return err_say(e, code, "%s", preflight_line(f, &rt->arena));
	for (size_t i = 0; i < p->n; i++)
		log_warn("%s", preflight_line(&p->findings[i], &rt->arena));
	return 0;
}

/* What is asked for in other ways, or not at all, does not count. */
static void leave_out(struct preflight *p, const struct checkpoint_request *r)
{
	static const enum preflight_kind features[] = { PREFLIGHT_MEM_TRACK, PREFLIGHT_LAZY_PAGES, PREFLIGHT_PIPE_SIZE };

	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		preflight_drop(p, features[i]);
	if (r->options.network_lock == CRIU_LOCK_SKIP)
		preflight_drop(p, PREFLIGHT_NETWORK_LOCK);
}

int runtime_check_before(struct runtime *rt, struct container *c, const struct checkpoint_request *r,
			 struct criu_options *o, struct preflight_host *ret, struct err *e)
{
	struct preflight of_host = { .arena = &rt->arena }, of_container = { .arena = &rt->arena };
	const struct preflight_options with = {
		.tcp_established = o->tcp_established || o->tcp_close,
		.tcp_skip_in_flight = o->tcp_skip_in_flight,
		.ext_unix_sk = o->ext_unix_sockets,
		.shell_job = o->shell_job,
		.file_locks = o->file_locks,
		.link_remap = o->link_remap,
		.ghost_limit_bytes = o->ghost_limit_bytes,
	};

	if (runtime_check_host(rt, r->criu, false, &of_host, ret, e) < 0)
		return -e->code;
	/* A pre-dump is of the memory alone. */
	if (!r->pre_dump && runtime_check_container(rt, c, &with, o, &of_container, e) < 0)
		return -e->code;
	if (!of_container.inet_sockets && ret->self_dump == SELF_DUMP_NO_SOCKETS)
		preflight_lower(&of_host, PREFLIGHT_SELF_DUMP);
	leave_out(&of_host, r);
	if (o->network_lock == CRIU_LOCK_DEFAULT && ret->lock != CRIU_LOCK_SKIP)
		o->network_lock = ret->lock;
	return refuse_or_warn(rt, &of_host, ENOTSUP, e) < 0 ? -e->code : refuse_or_warn(rt, &of_container, EBUSY, e);
}
