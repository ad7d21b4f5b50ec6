/* How a supervisor comes to be: by the command that launches or starts a container, or that finds one without. */
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "runtime/clone/clone.h"
#include "runtime/create.h"
#include "runtime/launch/launch.h"
#include "runtime/launch/launched_event.h"
#include "runtime/supervise/supervise.h"
#include "runtime/supervise/supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { CONFIG_MAX = 16 << 20 };

int supervise_request(struct runtime *rt, const struct launched *l, int dir, struct create_request *ret, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;

	if (file_read_at(dir, "config.json", CONFIG_MAX, &text, e) < 0)
		return err_wrap(e, "container '%s'", l->name);
	return launch_request(rt, l, buf_text(&text), ret, e);
}

/* Returns once it has answered. On failure it has ended, and holds nothing any more. */
static int fork_supervisor(struct supervise_order *o, int *ret_socket, struct err *e)
{
	cleanup_close int sock = -1;
	pid_t pid = message_fork(&sock, e);

	if (pid < 0)
		return pid;
	if (pid == 0) {
		o->launcher = sock;
		supervisor_main(o);
	}
	int r = message_receive(sock, NULL, NULL, e);
	if (r == 0)
		err_say(e, ECHILD, "the container's supervisor ended unexpectedly");
	if (r <= 0) {
		proc_reap(pid);
		return -e->code;
	}
	if (ret_socket)
		*ret_socket = take_fd(&sock);
	return 0;
}

int supervise_start(struct runtime *rt, const struct launched *l, int dir, struct create_request *request, bool attach,
		    int *ret_socket, struct err *e)
{
	struct create_request from_file;
	struct supervise_order o = { .rt = rt, .l = l, .dir = dir, .attach = attach, .request = request };

	if (!request) {
		o.request = &from_file;
		if (supervise_request(rt, l, dir, &from_file, e) < 0 || create_seal(rt, from_file.spec, e) < 0)
			return -e->code;
	}
	if (attach) {
		sigset_t all;
		/*
		 * A service manager that wants to hear when a program is ready watches this command, not the program.
		 */
		unsetenv("NOTIFY_SOCKET");
		/* From now on they are the program's: supervise_relay takes them out. */
		sigfillset(&all);
		sigprocmask(SIG_BLOCK, &all, NULL);
	}
	return fork_supervisor(&o, attach ? ret_socket : NULL, e);
}

int supervise_begin(struct runtime *rt, const struct launched *l, bool attach, int *ret_socket, struct err *e)
{
	struct launched_status status;

	if (supervise_adopt(rt, l, e) < 0)
		return -e->code;
	cleanup_close int dir = launched_lock(l, e);
	if (dir < 0)
		return dir;
	if (launched_status(rt, l, &status, e) < 0)
		return -e->code;
	if (status.pid > 0)
		return err_say(e, EBUSY, "container '%s' is running already", l->name);
	return supervise_start(rt, l, dir, NULL, attach, ret_socket, e) < 0 ? launch_say_option(e) : 0;
}

int supervise_remove(struct runtime *rt, const struct launched *l, bool force, struct err *e)
{
	cleanup_snapshots struct snapshots snapshots = SNAPSHOTS_INIT;
	struct launched_status status;

	if (supervise_adopt(rt, l, e) < 0 || clone_check_container(rt, l, &snapshots, e) < 0)
		return -e->code;
	/* With --rm its supervisor takes the snapshots' lock at its end. */
	snapshots_close(&snapshots);
	if (force) {
		int r = supervise_stop(rt, l, SIGKILL, 0, e);
		if (r < 0 && r != -ESRCH)
			return r;
	}
	cleanup_close int dir = launched_lock(l, e);
	if (dir == -ENOENT && force)
		return 0; /* its supervisor has: --rm */
	if (dir == -EBUSY)
		return err_say(e, EBUSY, "container '%s' is running: stop it first, or say --force", l->name);
	if (dir < 0 || launched_status(rt, l, &status, e) < 0)
		return -e->code;
	if (status.pid > 0 && !force)
		return err_say(e, EBUSY, "container '%s' is running: stop it first, or say --force", l->name);
	/* There may be a clone since. */
	if (clone_check_container(rt, l, &snapshots, e) < 0)
		return -e->code;
	int r = launched_remove(rt, l, dir, e);
	if (r == 0)
		launched_event_note(rt, l, "destroy", NULL, NULL);
	return r;
}

int supervise_adopt(struct runtime *rt, const struct launched *l, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;
	cleanup_close int dir = launched_lock(l, e);
	struct launched_status status;

	/* Somebody is with it. */
	if (dir == -EBUSY)
		return 0;
	if (dir < 0 || launched_load_status(dir, &status, &rt->arena, e) < 0)
		return -e->code;
	/* Its end was noted; or the machine was restarted, which ends them all. */
	if (!status.started_at || status.finished_at)
		return 0;
	int r = container_open(rt, l->id, false, &c, e);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	/* It may have to start it again, and is what this program is now. */
	struct create_request request;
	if (supervise_request(rt, l, dir, &request, e) < 0 || create_seal(rt, request.spec, e) < 0)
		return -e->code;
	struct supervise_order o = { .rt = rt, .l = l, .dir = dir };
	return fork_supervisor(&o, NULL, e);
}
