#include "lib/fd.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "lib/sys.h"
#include "runtime/create.h"
#include "runtime/log.h"
#include "runtime/pty.h"
#include "runtime/start.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Lets the first process execute the program; an error of its comes back here. */
static int release(struct setup *s, struct err *e)
{
	if (message_send(s->parent_end, MSG_RELEASE, 0, NULL, 0, e) < 0)
		return -e->code;
	int r = message_receive(s->parent_end, NULL, NULL, e);
	if (r < 0)
		return r;
	return poststart_hooks(s->container, s->spec, e);
}

static void end(struct setup *s, pid_t pid)
{
	pidfd_send_signal(s->pidfd, SIGKILL, NULL, 0);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* After the end: what `delete` would do. */
static int clean_up(struct runtime *rt, struct setup *s, struct err *e)
{
	if (container_remove(rt, s->container, e) < 0)
		return err_wrap(e, "delete container '%s'", s->container->id);
	poststop_hooks(s->container, s->spec);
	return 0;
}

/*
 * Nobody must be kept from `exec` or `kill` while the program runs, so the lock is not held meanwhile. Somebody may have
 * deleted the container before it is taken again.
 */
static int clean_up_later(struct runtime *rt, struct setup *s, struct err *e)
{
	struct container again = CONTAINER_INIT;
	const char *id = s->container->id;

	int r = container_open(rt, id, true, &again, e);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	if (again.pid == s->container->pid && again.start_time == s->container->start_time) {
		*s->container = again;
		r = clean_up(rt, s, e);
	}
	container_close(&again);
	s->container->root = s->container->dir = -1;
	return r;
}

static int foreground(struct runtime *rt, struct setup *s, struct relay *relay, pid_t pid, int master, int *ret_exit,
		      struct err *e)
{
	int wait_status = 0;

	container_close(s->container);
	if (relay_run(relay, pid, s->pidfd, master, &wait_status, e) < 0)
		return -e->code;
	*ret_exit = proc_exit_code(wait_status);
	return s->request->keep ? 0 : clean_up_later(rt, s, e);
}

int lifecycle_run(struct runtime *rt, const struct create_request *r, int *ret_exit, struct err *e)
{
	struct container c = CONTAINER_INIT;
	struct setup s = SETUP_INIT(r, &c);
	cleanup_close int master = -1;
	struct relay relay;
	pid_t pid;

	*ret_exit = 0;
	/* Processes that the container leaves behind in a shared pid namespace become ours, to be waited for. */
	if (!r->detach && !r->no_subreaper && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return err_set(e, errno, "become a subreaper");
	if (!r->detach && relay_begin(&relay, e) < 0)
		return -e->code;

	int result = create_container(rt, &s, &pid, &master, e);
	if (result == 0) {
		result = release(&s, e);
		if (result < 0) {
			struct err ignored = ERR_INIT;
			end(&s, pid);
			if (clean_up(rt, &s, &ignored) < 0)
				log_warn("%s", ignored.msg);
			if (r->pid_file)
				unlink(r->pid_file);
		} else if (!r->detach) {
			result = foreground(rt, &s, &relay, pid, master, ret_exit, e);
		}
	}
	if (!r->detach)
		relay_end(&relay);
	setup_finish(&s);
	container_close(&c);
	return result;
}
