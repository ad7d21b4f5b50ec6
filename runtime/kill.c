#include "lib/fd.h"
#include "lib/sys.h"
#include "runtime/lifecycle.h"
#include "runtime/supervise/supervise.h"

#include <errno.h>
#include <signal.h>

static bool has_own_pid_namespace(struct runtime *rt, struct container *c)
{
	struct err unreadable = ERR_INIT;
	struct spec *s;

	if (container_load_config(c, &rt->arena, &s, &unreadable) < 0)
		return true;
	const struct spec_namespace *ns = spec_find_namespace(s, CLONE_NEWPID);
	return ns && !ns->path;
}

/* Every process in the cgroup: what is left of a container with a shared pid namespace after its first one ended. */
static int kill_all(struct runtime *rt, struct container *c, int signal, struct err *e)
{
	cleanup_close int cgroup = -1;

	if (c->cgroup.id && container_cgroup_is_anothers(rt, c))
		return 0;
	int r = container_cgroup(rt, c, &cgroup, e);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (cgroup < 0)
		return err_say(e, ENOTSUP, "cannot signal all processes of a container without a cgroup");
	return signal == SIGKILL ? cgroup_kill(cgroup, e) : cgroup_signal(cgroup, signal, e);
}

/* A launched one's supervisor does it, which has to know who wanted the end. */
static int kill_supervised(struct runtime *rt, const struct container *c, int signal, struct err *e)
{
	struct err none = ERR_INIT;
	struct launched l;

	if (!c->launched || launched_find_id(rt, c->id, &l, &none) < 0)
		return -ESRCH;
	return supervise_signal(rt, &l, signal, e);
}

int lifecycle_kill(struct runtime *rt, const char *id, int signal, bool all, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;

	if (container_find(rt, id, false, &c, e) < 0)
		return -e->code;
	cleanup_close int pidfd = container_pidfd(&c, e);
	if (pidfd < 0 && pidfd != -ESRCH)
		return pidfd;
	/* With a pid namespace of its own nobody is left, and its cgroup may be another's. */
	if (all)
		return pidfd < 0 && has_own_pid_namespace(rt, &c) ? 0 : kill_all(rt, &c, signal, e);
	if (pidfd < 0) {
		/* With a shared pid namespace the others may have outlived the first process: end them. */
		if (signal == SIGKILL && !has_own_pid_namespace(rt, &c))
			return kill_all(rt, &c, signal, e);
		return pidfd;
	}
	int r = kill_supervised(rt, &c, signal, e);
	if (r != -ESRCH)
		return r;
	if (pidfd_send_signal(pidfd, signal, NULL, 0) < 0)
		return errno == ESRCH ? err_say(e, ESRCH, "container not running") :
					err_set(e, errno, "signal container '%s'", id);
	return 0;
}
