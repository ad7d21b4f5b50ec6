/* The container's first process, from the clone to the program's execve. */
#include "lib/fd.h"
#include "lib/message.h"
#include "lib/sys.h"
#include "runtime/hooks.h"
#include "runtime/pty.h"
#include "runtime/setup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Waits for the parent's word. Without a parent there is nothing left to do. */
static int await(int sock, enum setup_message kind, int64_t *ret_number, struct err *e)
{
	int r = message_receive(sock, ret_number, NULL, e);

	if (r == 0)
		_exit(1);
	if (r < 0)
		return r;
	return r == (int)kind ? 0 : err_say(e, EPROTO, "message %d from the parent, expected %d", r, kind);
}

static int run_hooks(struct setup *s, enum spec_hook_kind kind, pid_t pid, struct err *e)
{
	cleanup_buf struct buf state = BUF_INIT;

	if (s->spec->hooks.n[kind] == 0)
		return 0;
	setup_state(s, kind == HOOK_START_CONTAINER ? STATUS_CREATED : STATUS_CREATING, pid, &state);
	return hooks_run(&s->spec->hooks, kind, buf_text(&state), e);
}

static int runtime_hooks(struct setup *s, struct err *e)
{
	const struct spec_hooks *h = &s->spec->hooks;

	if (h->n[HOOK_PRESTART] + h->n[HOOK_CREATE_RUNTIME] == 0)
		return 0;
	if (message_send(s->child_end, MSG_HOOKS, 0, NULL, 0, e) < 0)
		return -e->code;
	return await(s->child_end, MSG_HOOKS_DONE, NULL, e);
}

/* Opens the pty. Its other end goes to --console-socket, or (in *ret_master) to the parent, which relays. */
static int open_terminal(struct setup *s, int *ret_master, int *ret_slave, struct err *e)
{
	const struct spec_process *p = s->process.process;
	cleanup_close int master = -1;

	if (rootfs_console(s->rootfs, p->console_height, p->console_width, &master, ret_slave, e) < 0)
		return err_wrap(e, "console");
	if (s->console_socket >= 0)
		return pty_send(s->console_socket, master, e);
	*ret_master = take_fd(&master);
	return 0;
}

static int set_up(struct setup *s, pid_t *ret_pid, struct err *e)
{
	cleanup_close int master = -1, slave = -1;
	int64_t pid = 0;

	if (s->waits_for_go && await(s->child_end, MSG_GO, &pid, e) < 0)
		return -e->code;
	if (ns_become_root(&s->ns, e) < 0)
		return -e->code;
	/*
	 * A process that shares the pid namespace must not look into this one. With a user namespace the kernel has seen to
	 * that when the credentials changed.
	 */
	if (!(s->ns.create & CLONE_NEWUSER) && prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_set(e, errno, "become undumpable");
	if (setsid() < 0 && errno != EPERM)
		return err_set(e, errno, "setsid");
	if (ns_configure(&s->ns, e) < 0 || rootfs_mount(s->rootfs, e) < 0)
		return -e->code;
	if (runtime_hooks(s, e) < 0 || run_hooks(s, HOOK_CREATE_CONTAINER, (pid_t)pid, e) < 0)
		return -e->code;
	if (s->process.process->terminal && open_terminal(s, &master, &slave, e) < 0)
		return -e->code;
	if (rootfs_enter(s->rootfs, e) < 0 || rootfs_seal(s->rootfs, e) < 0)
		return -e->code;
	if (process_prepare(&s->process, e) < 0)
		return -e->code;
	if (slave >= 0 && pty_take(&slave, e) < 0)
		return -e->code;
	if (s->tells_ready && message_send(s->child_end, MSG_READY, 0, &master, master >= 0, e) < 0)
		return -e->code;
	*ret_pid = (pid_t)pid;
	return await(s->child_end, MSG_RELEASE, NULL, e);
}

/*
 * The standard descriptors that engines leave at the host's null device become the container's own: a file of the host's would
 * be nothing that a checkpoint can bring back elsewhere.
 */
static void use_own_null(void)
{
	struct stat st;
	int null = -1;

	for (int fd = 0; fd <= 2; fd++) {
		if (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
			continue;
		if (null < 0)
			null = open("/dev/null", O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (null < 0 || fstat(null, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
			break;
		dup2(null, fd);
	}
	close_fd(&null);
}

_Noreturn void init_main(struct setup *s)
{
	struct err e = ERR_INIT;
	cleanup_buf struct buf state = BUF_INIT;
	pid_t pid = 0;
	int answer = s->child_end;

	if (set_up(s, &pid, &e) < 0)
		goto fail;
	if (s->listener >= 0) {
		use_own_null();
		/* The parent's work is done; from here on `ferry start` is who hears of errors. */
		close_fd(&s->child_end);
		if (start_socket_wait(s->listener, &answer, &e) < 0)
			_exit(1);
	}
	if (run_hooks(s, HOOK_START_CONTAINER, pid, &e) < 0)
		goto fail;
	if (s->process.listener_path)
		setup_state(s, STATUS_RUNNING, pid, &state);
	process_exec(&s->process, s->process.listener_path ? buf_text(&state) : NULL, &e);
fail:
	message_send_error(answer, &e);
	_exit(1);
}
