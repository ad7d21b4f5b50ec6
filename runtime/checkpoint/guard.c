#include "runtime/checkpoint/guard.h"

#include "cgroups/cgroups.h"
#include "lib/arena.h"
#include "lib/clock.h"
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
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WATCHING = 1, STOPS_WITHIN_MS = 10000, AT_CALL = SIGTRAP | 0x80 };

void guard_stay(void)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
	struct err e = ERR_INIT;

	setsid();
	for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++)
		signal(ignored[i], SIG_IGN);
	file_write_at(AT_FDCWD, "/proc/self/oom_score_adj", "-1000", &e); /* where that is allowed */
}

/* ---- noting ---- */

static int note_frozen(const struct guard *g, pid_t *ret_waits, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	pid_t *pids;
	size_t n;

	if (cgroup_freeze(g->cgroup, true, e) < 0 || cgroup_pids(g->cgroup, &a, &pids, &n, e) < 0)
		return -e->code;
	return threads_note(g->threads, g->cgroup, pids, n, ret_waits, e);
}

static bool still_waits(pid_t tid)
{
	struct err gone = ERR_INIT;
	struct proc_stat st;

	return proc_stat(tid, &st, &gone) == 0 && st.state == 'D';
}

int guard_note(const struct guard *g, struct err *e)
{
	const int64_t end = clock_ms() + STOPS_WITHIN_MS;
	pid_t waits = 0;

	if (g->cgroup < 0 || !g->threads)
		return 0;
	for (;;) {
		if (note_frozen(g, &waits, e) < 0)
			return -e->code;
		if (!waits)
			return 0;
		if (g->paused)
			break;
		if (cgroup_freeze(g->cgroup, false, e) < 0)
			return -e->code;
		while (still_waits(waits) && clock_ms() < end)
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		if (clock_ms() >= end)
			break;
	}
	return err_say(e, EBUSY, "thread %d waits and cannot be interrupted, as for a child of vfork(2): try again when it goes on",
		       (int)waits);
}

/* ---- in the guard ---- */

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

static void count_held(const struct guard *g, size_t *ret_held, size_t *ret_all)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct err ignored = ERR_INIT;
	pid_t *pids;

	*ret_held = *ret_all = 0;
	if (cgroup_pids(g->cgroup, &a, &pids, ret_all, &ignored) < 0)
		return;
	for (size_t i = 0; i < *ret_all; i++)
		*ret_held += is_traced_by(pids[i], g->criu);
}

/*
 * It may also give up without letting go of what it holds: when somebody sends a signal to that, for one. Of a pre-dump much
 * comes after the processes go on by themselves: then, and before all are held, it has changed nothing in them.
 */
static bool leaves_them_half(const struct guard *g, bool killed)
{
	size_t held, all;

	count_held(g, &held, &all);
	return g->forks ? held > 0 && held == all : killed || held > 0;
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
	bool killed = was_killed(g->criu), half = leaves_them_half(g, killed);

	if (half && g->threads)
		claim = threads_claim(g->threads);
	if (half && claim != THREADS_OTHERS)
		cgroup_freeze(g->cgroup, true, &ignored);
	/*
	 * What it has forked is of no use without it, waits for it for ever perhaps, and has the lock; a program that it runs is only
	 * in the way of whoever puts things right. The processes that it saves are not its children.
	 */
	if (half || killed)
		proc_kill_children(g->criu);
	ptrace(PTRACE_DETACH, g->criu, NULL, NULL);
	if (claim == THREADS_MINE)
		put_back(g);
	if (!killed && !half && getppid() != caller)
		threads_release(g->cgroup, g->paused, &ignored);
}

/* From now on what it has forked is watched, call by call, in its place. */
static void follow(struct guard *g)
{
	const pid_t forked_by = g->criu;
	unsigned long child = 0;
	int status;

	if (ptrace(PTRACE_GETEVENTMSG, forked_by, NULL, &child) == 0 && waitpid((pid_t)child, &status, __WALL) > 0) {
		g->criu = (pid_t)child;
		ptrace(PTRACE_SETOPTIONS, g->criu, NULL, (void *)(intptr_t)(PTRACE_O_TRACEEXIT | PTRACE_O_TRACESYSGOOD));
		ptrace(PTRACE_SYSCALL, g->criu, NULL, NULL);
	}
	ptrace(PTRACE_DETACH, forked_by, NULL, NULL);
}

/* At a call: of the container, rather than of what it tries with children of its own. */
static bool takes_hold(pid_t criu)
{
	struct __ptrace_syscall_info call;
	struct err gone = ERR_INIT;
	struct proc_stat st;

	return ptrace(PTRACE_GET_SYSCALL_INFO, criu, (void *)sizeof(call), &call) > 0 && call.op == PTRACE_SYSCALL_INFO_ENTRY &&
	       call.entry.nr == SYS_ptrace && call.entry.args[0] == PTRACE_SEIZE &&
	       proc_stat((pid_t)call.entry.args[1], &st, &gone) == 0 && st.ppid != criu;
}

static void watch(struct guard *g, pid_t caller)
{
	struct err ignored = ERR_INIT;
	bool noted = !g->forks;
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
		if (event == PTRACE_EVENT_FORK) {
			follow(g);
			continue;
		}
		if (!noted && signal == AT_CALL && takes_hold(g->criu)) {
			guard_note(g, &ignored);
			noted = true;
		}
		bool pass = !event && signal != AT_CALL;
		if (event == PTRACE_EVENT_STOP && signal != SIGTRAP)
			ptrace(PTRACE_LISTEN, g->criu, NULL, NULL);
		else
			ptrace(noted ? PTRACE_CONT : PTRACE_SYSCALL, g->criu, NULL, (void *)(intptr_t)(pass ? signal : 0));
	}
}

static _Noreturn void guard_main(struct guard *g, pid_t caller, int answer)
{
	const int kept[] = { g->cgroup, g->lock, answer };
	const int options = PTRACE_O_TRACEEXIT | (g->forks ? PTRACE_O_TRACEFORK : 0);
	struct err e = ERR_INIT;

	daemon_close_others(kept, 3);
	guard_stay();
	/* Each microsecond until the container is frozen counts. Where that is not allowed it is later. */
	sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ .sched_priority = 1 });
	if (ptrace(PTRACE_SEIZE, g->criu, NULL, (void *)(intptr_t)options) < 0)
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
	struct guard its = *g;

	if (pid < 0)
		return pid;
	if (pid == 0)
		guard_main(&its, caller, sock);
	int r = message_receive(sock, NULL, NULL, e);
	if (r == 0)
		err_say(e, ECHILD, "the process that watches over criu ended unexpectedly");
	if (r <= 0)
		proc_reap(pid);
	return r > 0 ? 0 : -e->code;
}
