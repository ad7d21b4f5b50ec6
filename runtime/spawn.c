#include "lib/fd.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "lib/sys.h"
#include "runtime/setup.h"

#include <errno.h>
#include <unistd.h>

/* Into the container's cgroup, if there is one yet. */
static pid_t clone_child(const struct setup *s, uint64_t flags, int *ret_pidfd, struct err *e)
{
	pid_t pid = proc_clone(flags, s->cgroup_fd, ret_pidfd);

	if (pid < 0 && errno == EPERM && flags & CLONE_NEWUSER)
		return err_set(e, errno, "create a user namespace (does this system allow unprivileged ones?)");
	return pid < 0 ? err_set(e, errno, "clone the container's first process") : pid;
}

/* In the stage process: joins what must be joined before the first process exists, clones it, and tells its pid. */
static _Noreturn void stage_main(struct setup *s)
{
	struct err e = ERR_INIT;
	int pidfd = -1;

	close_fd(&s->parent_end);
	if (ns_stage(&s->ns, &e) < 0)
		goto fail;
	pid_t pid = clone_child(s, s->ns.create | CLONE_PARENT, &pidfd, &e);
	if (pid == 0)
		init_main(s);
	if (pid < 0 || message_send(s->child_end, MSG_PID, pid, &pidfd, 1, &e) < 0)
		goto fail;
	_exit(0);
fail:
	message_send_error(s->child_end, &e);
	_exit(1);
}

pid_t receive_from_stage(int sock, pid_t stage, int *ret_pidfd, struct err *e)
{
	int64_t pid = 0;
	int r = message_receive(sock, &pid, ret_pidfd, e);

	proc_reap(stage);
	if (r < 0)
		return r;
	if (r != MSG_PID || *ret_pidfd < 0)
		return err_say(e, ECHILD, "the process that joins the namespaces ended unexpectedly");
	return (pid_t)pid;
}

static pid_t spawn_through_stage(struct setup *s, struct err *e)
{
	cleanup_close int stage_pidfd = -1;

	pid_t stage = clone_child(s, 0, &stage_pidfd, e);
	if (stage < 0)
		return stage;
	if (stage == 0)
		stage_main(s);
	return receive_from_stage(s->parent_end, stage, &s->pidfd, e);
}

pid_t setup_spawn(struct setup *s, struct err *e)
{
	pid_t pid;

	if (s->ns.stage) {
		pid = spawn_through_stage(s, e);
	} else {
		pid = clone_child(s, s->ns.create, &s->pidfd, e);
		if (pid == 0) {
			close_fd(&s->parent_end);
			init_main(s);
		}
	}
	/* Only the other side holds it now, so that its end is seen. */
	close_fd(&s->child_end);
	return pid;
}
