/*
 * A further process in a running container. It joins all namespaces of the first one through its pidfd. Only a child can
 * change its pid namespace, and only a process inside a user namespace may join what that owns: so with a user namespace
 * a stage process joins everything and clones the real one beside itself; without, one clone is enough.
 */
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "lib/sys.h"
#include "runtime/create.h"
#include "runtime/pty.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct joining {
	struct container *container;
	const struct exec_request *request;
	struct process_plan process;
	struct buf state; /* the state document, for a seccomp listener */
	int init_pidfd; /* the container's first process */
	uint64_t namespaces; /* CLONE_NEW* that it has of its own or joined */
	int cgroup_fd;
	int console_socket;
	int parent_end, child_end;
	int pidfd; /* the new process */
};

static int take_terminal(struct joining *j, int *ret_master, struct err *e)
{
	const struct spec_process *p = j->process.process;
	cleanup_close int master = -1, slave = -1;

	if (console_open(p->console_height, p->console_width, &master, &slave, e) < 0)
		return err_wrap(e, "console");
	if (fchown(slave, p->user.uid, (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL)
		return err_set(e, errno, "give the pty to user %u", p->user.uid);
	if (pty_take(&slave, e) < 0)
		return -e->code;
	if (j->console_socket >= 0)
		return pty_send(j->console_socket, master, e);
	*ret_master = take_fd(&master);
	return 0;
}

static bool through_stage(const struct joining *j)
{
	return j->namespaces & CLONE_NEWUSER && j->namespaces & CLONE_NEWPID;
}

/* The new process, once it is inside. */
static _Noreturn void joined_main(struct joining *j)
{
	struct err e = ERR_INIT;
	cleanup_close int master = -1;
	int64_t pid = 0;

	/* The stage's word of this process comes before any of its own. */
	if (through_stage(j) && message_receive(j->child_end, NULL, NULL, &e) != MSG_GO)
		_exit(1);
	if (setsid() < 0 && errno != EPERM) {
		err_set(&e, errno, "setsid");
		goto fail;
	}
	if (process_prepare(&j->process, &e) < 0)
		goto fail;
	if (j->process.process->terminal && take_terminal(j, &master, &e) < 0)
		goto fail;
	if (message_send(j->child_end, MSG_READY, 0, &master, master >= 0, &e) < 0)
		goto fail;
	close_fd(&master);
	if (message_receive(j->child_end, &pid, NULL, &e) != MSG_RELEASE)
		_exit(1);
	j->process.pid = (pid_t)pid;
	process_exec(&j->process, j->process.listener_path ? buf_text(&j->state) : NULL, &e);
fail:
	message_send_error(j->child_end, &e);
	_exit(1);
}

static int join(const struct joining *j, uint64_t namespaces, struct err *e)
{
	/* Both before joining: inside there may not be the rights, and a process there must never look into this one. */
	if (process_grant(&j->process, 0, e) < 0)
		return -e->code;
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_set(e, errno, "become undumpable");
	if (namespaces && setns(j->init_pidfd, (int)namespaces) < 0)
		return err_set(e, errno, "join the container's namespaces");
	if (!(namespaces & CLONE_NEWUSER))
		return 0;
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_set(e, errno, "become root of the container's user namespace");
	return 0;
}

static pid_t clone_joining(struct joining *j, uint64_t flags, int *ret_pidfd, struct err *e)
{
	pid_t pid = proc_clone(flags, j->cgroup_fd, ret_pidfd);

	return pid < 0 ? err_set(e, errno, "clone a process for exec") : pid;
}

static _Noreturn void stage_main(struct joining *j)
{
	struct err e = ERR_INIT;
	int pidfd = -1;

	close_fd(&j->parent_end);
	if (join(j, j->namespaces, &e) < 0)
		goto fail;
	if (!(j->namespaces & CLONE_NEWPID))
		joined_main(j);
	pid_t pid = clone_joining(j, CLONE_PARENT, &pidfd, &e);
	if (pid == 0)
		joined_main(j);
	if (pid < 0 || message_send(j->child_end, MSG_PID, pid, &pidfd, 1, &e) < 0)
		goto fail;
	_exit(0);
fail:
	message_send_error(j->child_end, &e);
	_exit(1);
}

static pid_t spawn_through_stage(struct joining *j, struct err *e)
{
	cleanup_close int stage_pidfd = -1;
	pid_t stage = clone_joining(j, 0, &stage_pidfd, e);

	if (stage < 0)
		return stage;
	if (stage == 0)
		stage_main(j);
	close_fd(&j->child_end);
	if (!(j->namespaces & CLONE_NEWPID)) {
		j->pidfd = take_fd(&stage_pidfd);
		return stage;
	}
	pid_t pid = receive_from_stage(j->parent_end, stage, &j->pidfd, e);
	return pid < 0 || message_send(j->parent_end, MSG_GO, 0, NULL, 0, e) == 0 ? pid : -e->code;
}

static pid_t spawn(struct joining *j, struct err *e)
{
	if (j->namespaces & CLONE_NEWUSER)
		return spawn_through_stage(j, e);

	/* The pid namespace is for one child alone: whatever else is started is no part of the container. */
	uint64_t for_child = j->namespaces & ~(uint64_t)CLONE_NEWPID;
	cleanup_close int self = -1;
	if (j->namespaces & CLONE_NEWPID) {
		self = pidfd_open(getpid(), 0);
		if (self < 0 || setns(j->init_pidfd, CLONE_NEWPID) < 0)
			return err_set(e, errno, "join the container's pid namespace");
	}
	pid_t pid = clone_joining(j, 0, &j->pidfd, e);
	/* Within the user namespace of a rootless engine there is no way back, nor need: nothing else is started. */
	if (pid > 0 && self >= 0 && setns(self, CLONE_NEWPID) < 0 && errno != EPERM)
		return err_set(e, errno, "leave the container's pid namespace");
	if (pid == 0) {
		struct err in_child = ERR_INIT;
		close_fd(&j->parent_end);
		if (join(j, for_child, &in_child) == 0)
			joined_main(j);
		message_send_error(j->child_end, &in_child);
		_exit(1);
	}
	close_fd(&j->child_end);
	return pid;
}

/* Where the container's first process is now: a service manager inside may have moved itself below the container's cgroup. */
static int open_init_cgroup(struct runtime *rt, struct container *c, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct container moved = *c;
	char path[40];
	int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)c->pid);
	if (file_read_at(AT_FDCWD, path, 65536, &b, e) < 0)
		return -e->code;
	char *line = strstr(b.data, "0::");
	if (!line)
		return err_say(e, ENOENT, "'%s' names no version 2 cgroup", path);
	line[strcspn(line, "\n")] = '\0';
	moved.cgroup.path = arena_strdup(&rt->arena, line + 3);
	if (container_cgroup(rt, &moved, &fd, e) < 0)
		return -e->code;
	return fd;
}

static int open_cgroup(struct runtime *rt, struct joining *j, struct err *e)
{
	const char *below = j->request->cgroup;

	if (container_cgroup(rt, j->container, &j->cgroup_fd, e) < 0)
		return err_wrap(e, "cgroup");
	if (!below || j->cgroup_fd < 0)
		return 0;
	while (*below == '/')
		below++;
	if (!*below)
		return 0;
	int fd = sys_openat2(j->cgroup_fd, below, O_PATH | O_DIRECTORY | O_CLOEXEC, 0, RESOLVE_BENEATH);
	if (fd < 0)
		return err_set(e, errno, "--cgroup '%s'", j->request->cgroup);
	close_fd(&j->cgroup_fd);
	j->cgroup_fd = fd;
	return 0;
}

static int prepare(struct runtime *rt, struct joining *j, const struct spec *s, struct err *e)
{
	const struct exec_request *r = j->request;
	int pair[2];

	for (size_t i = 0; i < s->lx.n_namespaces; i++)
		j->namespaces |= s->lx.namespaces[i].flag;

	struct ns_plan ns;
	struct process_options options = {
		.cache_dir = arena_printf(&rt->arena, "%s/.cache", rt->root_path),
		.preserve_fds = r->preserve_fds,
		.exec = true,
	};
	if (ns_plan_make(s, geteuid(), &rt->arena, &ns, e) < 0)
		return -e->code;
	options.keep_groups = ns.deny_setgroups;
	container_write_state(j->container, STATUS_RUNNING, &j->state, false);
	if (process_plan_make(s, r->process, &options, &rt->arena, &j->process, e) < 0)
		return -e->code;

	j->init_pidfd = container_pidfd(j->container, e);
	if (j->init_pidfd < 0 || process_plan_open(&j->process, e) < 0 || open_cgroup(rt, j, e) < 0)
		return -e->code;
	if (r->console_socket && (j->console_socket = pty_connect(r->console_socket, e)) < 0)
		return j->console_socket;
	if (message_pair(pair, e) < 0)
		return -e->code;
	j->parent_end = pair[0];
	j->child_end = pair[1];
	return 0;
}

/* From the clone until the program runs. */
static int start_process(struct runtime *rt, struct joining *j, pid_t *ret_pid, int *ret_master, struct err *e)
{
	pid_t pid = spawn(j, e);

	if (pid == -EBUSY) {
		/* The container's own cgroup has controllers enabled below it and takes no processes. */
		close_fd(&j->cgroup_fd);
		j->cgroup_fd = open_init_cgroup(rt, j->container, e);
		if (j->cgroup_fd < 0)
			return j->cgroup_fd;
		pid = spawn(j, e);
	}
	if (pid < 0)
		return (int)pid;
	*ret_pid = pid;
	int r = message_receive(j->parent_end, NULL, ret_master, e);
	if (r == 0)
		return err_say(e, ECHILD, "the new process ended unexpectedly");
	if (r < 0)
		return r;
	if (!j->request->detach && *ret_master >= 0)
		pty_copy_size(*ret_master); /* before the program can ask */
	if (publish_process(pid, j->pidfd, j->request->pid_file, j->request->pidfd_socket, e) < 0 ||
	    release_process(j->parent_end, pid, e) < 0)
		return -e->code;
	return message_receive(j->parent_end, NULL, NULL, e);
}

static void finish(struct joining *j)
{
	process_plan_close(&j->process);
	buf_finish(&j->state);
	close_fd(&j->init_pidfd);
	close_fd(&j->cgroup_fd);
	close_fd(&j->console_socket);
	close_fd(&j->parent_end);
	close_fd(&j->child_end);
	close_fd(&j->pidfd);
}

int lifecycle_exec(struct runtime *rt, struct container *c, const struct spec *s, const struct exec_request *r,
		   int *ret_exit, struct err *e)
{
	enum container_status status;
	cleanup_close int master = -1;
	struct joining j = { .container = c, .request = r, .process = PROCESS_PLAN_INIT, .init_pidfd = -1, .cgroup_fd = -1, .console_socket = -1,
			     .parent_end = -1, .child_end = -1, .pidfd = -1 };
	struct relay relay;
	pid_t pid = -1;
	int wait_status = 0;

	if (container_status(rt, c, &status, e) < 0)
		return -e->code;
	if (status == STATUS_STOPPED || status == STATUS_CREATING)
		return err_say(e, ESRCH, "cannot exec in a %s container", container_status_name(status));
	if (status == STATUS_PAUSED && !r->ignore_paused)
		return err_say(e, EBUSY, "cannot exec in a paused container (use --ignore-paused to override)");
	if (r->process->terminal && r->detach && !r->console_socket)
		return err_say(e, EINVAL, "cannot allocate tty if ferry will detach without setting console socket");
	if (r->console_socket && !(r->process->terminal && r->detach))
		return err_say(e, EINVAL, "cannot use console socket if ferry will not detach or allocate tty");

	if (r->process->terminal && !r->detach && pty_own() < 0)
		return err_say(e, ENOTTY, "--tty: there is no terminal here");
	if (check_preserved_fds(r->preserve_fds, e) < 0)
		return -e->code;

	*ret_exit = 0;
	if (!r->detach && relay_begin(&relay, e) < 0)
		return -e->code;
	int result = prepare(rt, &j, s, e);
	if (result == 0)
		result = start_process(rt, &j, &pid, &master, e);
	if (result < 0 && j.pidfd >= 0)
		proc_kill_child(j.pidfd); /* or the container's pid namespace could not end before somebody else had waited */
	if (result == 0 && !r->detach) {
		result = relay_run(&relay, pid, j.pidfd, master, &wait_status, e);
		*ret_exit = proc_exit_code(wait_status);
	}
	if (!r->detach)
		relay_end(&relay);
	else if (result == 0 && r->ret_pidfd)
		*r->ret_pidfd = take_fd(&j.pidfd);
	finish(&j);
	return result;
}
