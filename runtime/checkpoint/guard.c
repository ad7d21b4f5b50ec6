#include "runtime/checkpoint/guard.h"

#include "cgroups/cgroups.h"
#include "lib/buf.h"
#include "lib/daemon.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "runtime/checkpoint/tracee.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WATCHING = 1, CHILDREN_MAX = 64 * 1024 };

void guard_stay(void)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	struct err e = ERR_INIT;

	setsid();
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	file_write_at(AT_FDCWD, "/proc/self/oom_score_adj", "-1000", &e); /* where that is allowed */
}

/* ---- in the guard ---- */

/*
 * What it has forked is of no use without it, waits for it for ever perhaps, and has the lock; a program that it runs is only in
 * the way of whoever puts things right. The processes that it saves are not its children.
 */
static void kill_children(pid_t criu)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err ignored = ERR_INIT;
	char path[48], *save, *word;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)criu, (int)criu);
	if (file_read_at(AT_FDCWD, path, CHILDREN_MAX, &b, &ignored) < 0 || !b.data)
		return;
	for (word = strtok_r(b.data, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
		kill((pid_t)atoi(word), SIGKILL);
}

static bool was_killed(pid_t criu)
{
	unsigned long status = 0;

	return ptrace(PTRACE_GETEVENTMSG, criu, NULL, &status) == 0 && WIFSIGNALED((int)status);
}

static bool is_traced_by(pid_t pid, pid_t criu)
{
	struct proc_status s;

	return tracee_status(pid, &s) && s.tracer == criu;
}

/* It may also give up without letting go of what it holds: when somebody sends a signal to that, for one. */
static bool holds(pid_t criu, int cgroup)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct err ignored = ERR_INIT;
	pid_t *pids;
	size_t n;

	if (cgroup_pids(cgroup, &a, &pids, &n, &ignored) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (is_traced_by(pids[i], criu))
			return true;
	return false;
}

/* The container is frozen, and nobody holds any of it. What it must run itself to be rid of CRIU it runs alone. */
static void put_back(const struct guard *g)
{
	struct err ignored = ERR_INIT;

	if (threads_hold(g->threads) && cgroup_freeze(g->cgroup, false, &ignored) == 0) {
		threads_clean(g->threads);
		cgroup_freeze(g->cgroup, true, &ignored);
	}
	threads_let_go(g->threads);
}

/* CRIU is about to exit. */
static void see_to_the_end(const struct guard *g, pid_t caller)
{
	struct err ignored = ERR_INIT;
	enum threads_claim claim = THREADS_NOT_NOTED;
	bool killed = was_killed(g->criu) || holds(g->criu, g->cgroup);

	if (killed && g->threads)
		claim = threads_claim(g->threads);
	if (killed && claim != THREADS_OTHERS)
		cgroup_freeze(g->cgroup, true, &ignored);
	if (killed)
		kill_children(g->criu);
	ptrace(PTRACE_DETACH, g->criu, NULL, NULL);
	if (claim == THREADS_MINE)
		put_back(g);
	if (!killed && getppid() != caller)
		threads_release(g->cgroup, g->paused, &ignored);
}

static void watch(const struct guard *g, pid_t caller)
{
	int status;

	for (;;) {
		pid_t pid = waitpid(g->criu, &status, __WALL);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid < 0 || !WIFSTOPPED(status))
			return;
		int event = status >> 16, signal = WSTOPSIG(status);
		if (event == PTRACE_EVENT_EXIT)
			return see_to_the_end(g, caller);
		if (event == PTRACE_EVENT_STOP && signal != SIGTRAP)
			ptrace(PTRACE_LISTEN, g->criu, NULL, NULL);
		else
			ptrace(PTRACE_CONT, g->criu, NULL, (void *)(intptr_t)(event ? 0 : signal));
	}
}

static _Noreturn void guard_main(const struct guard *g, pid_t caller, int answer)
{
	const int kept[] = { g->cgroup, g->lock, answer };
	struct err e = ERR_INIT;

	daemon_close_others(kept, 3);
	guard_stay();
	/* Each microsecond until the container is frozen counts. Where that is not allowed it is later. */
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 1 });
	if (ptrace(PTRACE_SEIZE, g->criu, NULL, (void *)(intptr_t)PTRACE_O_TRACEEXIT) < 0)
		err_set(&e, errno, "trace criu");
	else if (daemon_null(&e) == 0)
		message_send(answer, WATCHING, 0, NULL, 0, &e);
	if (e.code) {
		message_send_error(answer, &e);
		_exit(1);
	}
	close_fd(&answer);
	daemon_title("ferry: guard", "ferry-guard");
	watch(g, caller);
	_exit(0);
}

/* ---- in ferry ---- */

int guard_start(const struct guard *g, struct err *e)
{
	cleanup_close int sock = -1;
	pid_t caller = getpid(), pid = message_fork(&sock, e);

	if (pid < 0)
		return pid;
	if (pid == 0)
		guard_main(g, caller, sock);
	int r = message_receive(sock, NULL, NULL, e);
	if (r == 0)
		err_say(e, ECHILD, "the process that watches over criu ended unexpectedly");
	if (r <= 0)
		proc_reap(pid);
	return r > 0 ? 0 : -e->code;
}
