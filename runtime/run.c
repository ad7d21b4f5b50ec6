#include "lib/fd.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "runtime/create.h"
#include "runtime/log.h"
#include "runtime/notify.h"
#include "runtime/pty.h"
#include "runtime/start.h"

#include <errno.h>
#include <unistd.h>

/* Lets the first process execute the program; an error of its comes back here. */
static int release(struct setup *s, struct err *e)
{
	cleanup_close int notify = notify_open(s->container->dir, e);
	if (notify < 0 && e->code)
		return -e->code;
	if (release_process(s->parent_end, s->container->pid, e) < 0)
		return -e->code;
	int r = message_receive(s->parent_end, NULL, NULL, e);
	if (r < 0)
		return r;
	if (poststart_hooks(s->container, s->spec, e) < 0)
		return -e->code;
	if (notify < 0)
		return 0;
	if (s->request->detach)
		return notify_relay(take_fd(&notify), s->pidfd, s->container->pid, e);
	return notify_relay_aside(take_fd(&notify), s->pidfd, e);
}

/* After the end: what `delete` would do. */
static int clean_up(struct runtime *rt, struct setup *s, struct err *e)
{
	if (container_remove(rt, s->container, &s->cgroup_host, e) < 0)
		return err_wrap(e, "delete container '%s'", s->container->id);
	poststop_hooks(s->container, s->spec);
	return 0;
}

/*
 * Nobody must be kept from `exec` or `kill` while the program runs, so the lock is not held meanwhile; and somebody may
 * have deleted the container before it is taken again.
 */
static int foreground(struct runtime *rt, struct setup *s, struct relay *relay, pid_t pid, int master, int *ret_exit,
		      struct err *e)
{
	int wait_status = 0;

	if (container_unlock(s->container, e) < 0 || relay_run(relay, pid, s->pidfd, master, &wait_status, e) < 0)
		return -e->code;
	*ret_exit = proc_exit_code(wait_status);
	s->container->pid = 0; /* waited for: the number may be another's already */
	if (s->request->keep)
		return 0;
	int r = container_lock_again(s->container, e);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : clean_up(rt, s, e);
}

/* The program did not come to run: its error is what is reported. */
static void give_up(struct runtime *rt, struct setup *s)
{
	struct err ignored = ERR_INIT;

	proc_kill_child(s->pidfd);
	if (clean_up(rt, s, &ignored) < 0)
		log_warn("%s", ignored.msg);
	remove_pid_file(s->request->pid_file);
}

static void hand_over(struct setup *s, pid_t pid, int *master)
{
	*s->request->ret_handles = (struct run_handles){
		.pid = pid,
		.pidfd = take_fd(&s->pidfd),
		.cgroup = take_fd(&s->cgroup_fd),
		.master = take_fd(master),
		.late = take_fd(&s->late),
	};
}

int lifecycle_run(struct runtime *rt, const struct create_request *r, int *ret_exit, struct err *e)
{
	struct container c = CONTAINER_INIT;
	struct setup s = SETUP_INIT(r, &c);
	cleanup_close int master = -1;
	struct relay relay;
	pid_t pid;

	*ret_exit = 0;
	if (!r->detach && relay_begin(&relay, e) < 0)
		return -e->code;

	int result = create_container(rt, &s, &pid, &master, e);
	if (result == 0) {
		if (!r->detach && master >= 0)
			pty_copy_size(master); /* before the program can ask */
		result = r->restore ? 0 : release(&s, e);
		if (result < 0)
			give_up(rt, &s);
		else if (!r->detach) /* what is open now ends with this program */
			return foreground(rt, &s, &relay, pid, master, ret_exit, e);
		else if (r->ret_handles)
			hand_over(&s, pid, &master);
	}
	if (!r->detach)
		relay_end(&relay);
	setup_finish(&s);
	container_close(&c);
	return result;
}
