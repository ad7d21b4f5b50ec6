#include "runtime/checkpoint/guard.h"

#include "cgroups/cgroups.h"
#include "checkpoint/proc_text.h"
#include "lib/buf.h"
#include "lib/daemon.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/message.h"
#include "lib/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WATCHING = 1, SETTLE_MS = 500, CHILDREN_MAX = 64 * 1024 };

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

static bool is_working(pid_t pid)
{
	struct err ignored = ERR_INIT;
	struct proc_stat st;

	return proc_stat(pid, &st, &ignored) == 0 && (st.state == 'R' || st.state == 'D');
}

/*
 * What CRIU has put into the processes finishes what it was told last, as long as CRIU's ends of the pipes and sockets are
 * open. To write to them later would end the process.
 */
static void settle(int cgroup)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct err ignored = ERR_INIT;
	int left_ms = SETTLE_MS;
	pid_t *pids;
	size_t n;

	if (cgroup_pids(cgroup, &a, &pids, &n, &ignored) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		for (; left_ms > 0 && is_working(pids[i]); left_ms--)
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

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
	cleanup_buf struct buf b = BUF_INIT;
	struct err ignored = ERR_INIT;
	struct proc_status s;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (file_read_once_at(AT_FDCWD, path, &b, &ignored) < 0)
		return false;
	return proc_text_status(buf_text(&b), &s) && s.tracer == criu;
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

/* CRIU is about to exit. */
static void see_to_the_end(const struct guard *g, pid_t caller)
{
	struct err ignored = ERR_INIT;

	if (!was_killed(g->criu) && !holds(g->criu, g->cgroup)) {
		ptrace(PTRACE_DETACH, g->criu, NULL, NULL);
		if (getppid() != caller)
			cgroup_freeze(g->cgroup, g->paused, &ignored);
		return;
	}
	kill_children(g->criu);
	settle(g->cgroup);
	if (g->threads)
		threads_find_held(g->threads);
	cgroup_freeze(g->cgroup, true, &ignored);
	ptrace(PTRACE_DETACH, g->criu, NULL, NULL);
	if (g->threads)
		threads_put_back(g->threads);
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
