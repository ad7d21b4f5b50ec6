#include "runtime/checkpoint/threads.h"

#include "cgroups/cgroups.h"
#include "lib/arena.h"
#include "lib/daemon.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/proc.h"
#include "runtime/checkpoint/leftovers.h"
#include "runtime/checkpoint/tracee.h"
#include "runtime/checkpoint/traps.h"
#include "runtime/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	THREADS_MAX = 4096,
	DESCRIPTORS_MAX = 256 * 1024,
	CODE_MAX = 256,
	STOPS_WITHIN_MS = 1000,
	STOPS_SOON_MS = 2,
	LET_GO_WITHIN_MS = 2000,
};

struct thread {
	pid_t tid;
	size_t process;
	uint64_t start_time;
	bool noted;
	int stop; /* once it is held, the wait status; else -1 */
	struct tracee_state state;
};

struct process {
	pid_t pid;
	uint64_t code_at; /* its first executable mapping, where CRIU puts its instructions; 0: not known */
	unsigned char code[CODE_MAX];
	size_t first_fd; /* in threads.fds */
	int n_fds; /* -1: not known */
	uint64_t instruction; /* for system calls (tracee.h); 0: not known */
	pid_t runs; /* that of its threads, held, which makes calls; 0 */
};

enum { NEW, NOTED, CLAIMED };

/* Shared; only what is used of it is there. */
struct threads {
	atomic_int state;
	bool missed; /* not all are noted */
	pid_t waits; /* a thread that does not stop; 0 */
	size_t n, n_processes, n_fds;
	struct thread threads[THREADS_MAX];
	struct process processes[THREADS_MAX];
	int fds[DESCRIPTORS_MAX];
};

struct threads *threads_new(void)
{
	void *p = mmap(NULL, sizeof(struct threads), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void threads_free(struct threads *t)
{
	if (t)
		munmap(t, sizeof(*t));
}

/* ---- noting ---- */

static bool note_code(const struct tracee_mapping *m, void *data)
{
	struct process *p = data;

	if (m->executable)
		p->code_at = m->from;
	return !m->executable;
}

static bool is_living(pid_t tid, struct proc_stat *ret)
{
	struct err ignored = ERR_INIT;

	return proc_stat(tid, ret, &ignored) == 0 && ret->state != 'Z' && ret->state != 'X';
}

static int seize(int fd, const char *name, unsigned char type, void *data, struct err *e)
{
	struct threads *t = data;
	pid_t tid = (pid_t)atoi(name);
	struct proc_stat st;

	(void)fd, (void)type, (void)e;
	if (t->n < THREADS_MAX && ptrace(PTRACE_SEIZE, tid, NULL, NULL) == 0 && ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0)
		t->threads[t->n++] = (struct thread){ .tid = tid, .process = t->n_processes - 1, .stop = -1 };
	else
		t->missed |= is_living(tid, &st);
	return 0;
}

/* While it is stopped. */
static bool note_thread(struct threads *t, struct thread *x)
{
	struct process *p = &t->processes[x->process];
	struct proc_stat st = { 0 };

	x->noted = is_living(x->tid, &st) && tracee_save(x->tid, &x->state);
	x->start_time = st.start_time;
	if (x->noted && !p->runs)
		p->runs = x->tid;
	return x->noted;
}

static void note_process(struct threads *t, struct process *p)
{
	p->instruction = tracee_instruction(p->pid);
	tracee_mappings(p->pid, note_code, p);
	if (p->code_at && !tracee_read(p->pid, p->code_at, p->code, CODE_MAX))
		p->code_at = 0;
	p->first_fd = t->n_fds;
	p->n_fds = leftovers_note(p->pid, t->fds + t->n_fds, DESCRIPTORS_MAX - t->n_fds);
	if (p->n_fds > 0)
		t->n_fds += (size_t)p->n_fds;
}

static bool stops(struct threads *t, pid_t tid, int *left_ms)
{
	struct proc_stat st;

	for (; *left_ms > 0; *left_ms -= STOPS_SOON_MS) {
		int soon_ms = STOPS_SOON_MS;
		if (tracee_wait(tid, &soon_ms) >= 0)
			return true;
		if (is_living(tid, &st) && st.state == 'D') {
			t->waits = tid;
			return false;
		}
	}
	return false;
}

static void note(struct threads *t, const pid_t *pids, size_t n)
{
	struct err ignored = ERR_INIT;
	int left_ms = STOPS_WITHIN_MS;
	char path[32];

	t->missed = n > THREADS_MAX;
	for (size_t i = 0; i < n && i < THREADS_MAX; i++) {
		t->processes[t->n_processes++] = (struct process){ .pid = pids[i] };
		snprintf(path, sizeof(path), "/proc/%d/task", (int)pids[i]);
		cleanup_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir >= 0)
			dir_each(dir, seize, t, &ignored);
	}
	for (size_t i = 0; i < t->n && !t->waits; i++)
		if (!stops(t, t->threads[i].tid, &left_ms) || !note_thread(t, &t->threads[i]))
			t->missed = true;
	for (size_t i = 0; i < t->n_processes; i++)
		note_process(t, &t->processes[i]);
}

/* ---- traps ---- */

typedef void each_process(pid_t pid, pid_t tid, uint64_t instruction);

/* With all of them held: in a thawed cgroup they go only where they are told to. */
static bool have_each(const struct threads *t, int cgroup, each_process *each, bool frozen_after)
{
	struct err e = ERR_INIT;

	if (cgroup >= 0 && cgroup_freeze(cgroup, false, &e) < 0)
		return false;
	for (size_t i = 0; i < t->n_processes; i++) {
		const struct process *p = &t->processes[i];
		if (p->runs && p->instruction)
			each(p->pid, p->runs, p->instruction);
	}
	return cgroup < 0 || !frozen_after || cgroup_freeze(cgroup, true, &e) == 0;
}

/* In a process of its own, with whose end the kernel lets go of them. */
static int note_apart(struct threads *t, int cgroup, const pid_t *pids, size_t n, each_process *each, bool frozen_after,
		      struct err *e)
{
	bool done = true;
	pid_t pid = fork();

	if (pid < 0)
		return err_set(e, errno, "fork");
	if (pid == 0) {
		daemon_title("ferry: guard", "ferry-guard");
		note(t, pids, n);
		if (!t->missed && !t->waits)
			done = have_each(t, cgroup, each, frozen_after);
		for (size_t i = 0; i < t->n_processes; i++)
			t->processes[i].runs = 0;
		_exit(!done);
	}
	return proc_reap(pid) == 0 ? 0 : err_say(e, ECHILD, "what held the container's processes ended unexpectedly");
}

int threads_note(struct threads *t, int cgroup, const pid_t *pids, size_t n, pid_t *ret_waits, struct err *e)
{
	t->n = t->n_processes = t->n_fds = 0;
	t->waits = 0;
	if (note_apart(t, cgroup, pids, n, traps_catch, true, e) < 0)
		return -e->code;
	*ret_waits = t->waits;
	if (!t->waits)
		atomic_store(&t->state, NOTED);
	return 0;
}

static int release(int cgroup, bool frozen_after, struct arena *a, struct err *e)
{
	struct threads *t = threads_new();
	pid_t *pids;
	size_t n;

	if (!t)
		return err_set(e, ENOMEM, "note the container's processes");
	int r = cgroup_freeze(cgroup, true, e);
	if (r == 0)
		r = cgroup_pids(cgroup, a, &pids, &n, e);
	if (r == 0)
		r = note_apart(t, cgroup, pids, n, traps_release, frozen_after, e);
	threads_free(t);
	return r;
}

int threads_release(int cgroup, bool frozen_after, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct err why = ERR_INIT;
	bool caught = false;
	pid_t *pids;
	size_t n;

	if (cgroup_pids(cgroup, &a, &pids, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n && !caught; i++)
		caught = traps_are_caught(pids[i]);
	if (caught && release(cgroup, frozen_after, &a, &why) < 0)
		log_warn("SIGTRAP stays caught: %s", why.msg);
	return cgroup_freeze(cgroup, frozen_after, e);
}

enum threads_claim threads_claim(struct threads *t)
{
	int was = NOTED;

	if (atomic_compare_exchange_strong(&t->state, &was, CLAIMED))
		return THREADS_MINE;
	return was == NEW ? THREADS_NOT_NOTED : THREADS_OTHERS;
}

/* ---- holding ---- */

/* False: it is there, but could not be stopped. */
static bool hold(struct threads *t, struct thread *x, int *let_go_ms, int *stop_ms)
{
	struct process *p = &t->processes[x->process];
	struct proc_stat st;

	if (!x->noted || !is_living(x->tid, &st) || st.start_time != x->start_time)
		return true;
	/* CRIU has ended, but the kernel may be at it. */
	while (ptrace(PTRACE_SEIZE, x->tid, NULL, NULL) < 0 && errno == EPERM && (*let_go_ms)-- > 0)
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	if (ptrace(PTRACE_INTERRUPT, x->tid, NULL, NULL) == 0)
		x->stop = tracee_wait(x->tid, stop_ms);
	if (x->stop >= 0 && !p->runs)
		p->runs = x->tid;
	return x->stop >= 0;
}

/* What it must call to be rid of what is CRIU's. */
static size_t leftovers(const struct threads *t, const struct process *p, struct tracee_call *calls)
{
	if (!p->runs || !p->instruction || p->n_fds < 0)
		return 0;
	return leftovers_find(p->pid, t->fds + p->first_fd, (size_t)p->n_fds, calls);
}

static bool is_clean(const struct threads *t)
{
	struct tracee_call calls[LEFTOVERS_MAX];

	for (size_t i = 0; i < t->n; i++)
		if (t->threads[i].stop >= 0 && tracee_has_trap(t->threads[i].tid))
			return false;
	for (size_t i = 0; i < t->n_processes; i++)
		if (leftovers(t, &t->processes[i], calls) > 0)
			return false;
	return true;
}

bool threads_hold(struct threads *t)
{
	int let_go_ms = LET_GO_WITHIN_MS, stop_ms = STOPS_WITHIN_MS;
	bool all = !t->missed;

	for (size_t i = 0; i < t->n; i++)
		all &= hold(t, &t->threads[i], &let_go_ms, &stop_ms);
	return all && !is_clean(t);
}

/* ---- as it was ---- */

void threads_clean(struct threads *t)
{
	struct tracee_call calls[LEFTOVERS_MAX];
	int64_t answer;

	for (size_t i = 0; i < t->n; i++)
		if (t->threads[i].stop >= 0)
			tracee_drop_trap(t->threads[i].tid);
	for (size_t i = 0; i < t->n_processes; i++) {
		const struct process *p = &t->processes[i];
		size_t n = leftovers(t, p, calls);
		for (size_t k = 0; k < n && tracee_call(p->runs, p->instruction, &calls[k], &answer); k++)
			;
	}
}

static void put_code_back(const struct process *p)
{
	unsigned char now[CODE_MAX];

	/* To write would give it a copy of its own. */
	if (p->runs && p->code_at && tracee_read(p->pid, p->code_at, now, CODE_MAX) && memcmp(now, p->code, CODE_MAX) != 0)
		tracee_write(p->pid, p->code_at, p->code, CODE_MAX);
}

void threads_let_go(struct threads *t)
{
	for (size_t i = 0; i < t->n_processes; i++)
		put_code_back(&t->processes[i]);
	for (size_t i = 0; i < t->n; i++) {
		const struct thread *x = &t->threads[i];
		if (x->stop < 0)
			continue;
		tracee_load(x->tid, &x->state);
		/* A signal that it was about to receive; that of CRIU's own steps was not meant for it. */
		int signal = x->stop >> 16 || WSTOPSIG(x->stop) == SIGTRAP ? 0 : WSTOPSIG(x->stop);
		ptrace(PTRACE_DETACH, x->tid, NULL, (void *)(intptr_t)signal);
	}
}
