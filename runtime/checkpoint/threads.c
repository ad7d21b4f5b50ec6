#include "runtime/checkpoint/threads.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/proc.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { THREADS_MAX = 4096, REGISTERS_MAX = 16384, CODE_MAX = 256, STOPS_WITHIN_MS = 1000, LET_GO_WITHIN_MS = 2000 };

/* An architecture has some of these; what is in the latter is in the former too. */
static const int sets[] = { NT_PRFPREG, NT_X86_XSTATE, NT_PRSTATUS };
enum { SETS = sizeof(sets) / sizeof(sets[0]) };

struct thread {
	pid_t pid, tid;
	uint64_t start_time;
	bool noted, held;
	uint64_t blocked; /* signals */
	uint64_t code_at; /* of the process: its first executable mapping, where CRIU puts its instructions; 0: not known */
	unsigned char code[CODE_MAX];
	size_t len[SETS];
	unsigned char registers[SETS][REGISTERS_MAX];
};

/* Shared; only what is used of it is there. */
struct threads {
	size_t n;
	struct thread threads[THREADS_MAX];
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

/* ---- one thread ---- */

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

/* The wait status with which it stopped; -1: it does not. */
static int wait_for_stop(pid_t tid, int *left_ms)
{
	int status;

	for (int spins = 0;; spins++) {
		pid_t r = waitpid(tid, &status, __WALL | WNOHANG);
		if (r == tid)
			return WIFSTOPPED(status) ? status : -1;
		if ((r < 0 && errno != EINTR) || *left_ms <= 0)
			return -1;
		if (spins > 100) { /* mostly it has stopped by now */
			nap();
			(*left_ms)--;
		}
	}
}

static bool read_code(pid_t pid, uint64_t at, unsigned char code[CODE_MAX])
{
	const struct iovec to = { code, CODE_MAX }, from = { (void *)(uintptr_t)at, CODE_MAX };

	return process_vm_readv(pid, &to, 1, &from, 1, 0) == CODE_MAX;
}

static uint64_t first_executable(pid_t pid)
{
	char path[32], line[256], rights[5];
	uint64_t at, found = 0;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	FILE *f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		if (sscanf(line, "%" SCNx64 "-%*x %4s", &at, rights) == 2 && rights[2] == 'x')
			found = at;
	if (f)
		fclose(f);
	return found;
}

static bool get_registers(struct thread *t)
{
	for (int i = 0; i < SETS; i++) {
		struct iovec v = { t->registers[i], REGISTERS_MAX };
		bool got = ptrace(PTRACE_GETREGSET, t->tid, (void *)(intptr_t)sets[i], &v) == 0;
		if (!got && sets[i] == NT_PRSTATUS)
			return false;
		t->len[i] = got ? v.iov_len : 0;
	}
	return true;
}

/* While it is stopped. */
static void take(struct thread *t)
{
	struct err ignored = ERR_INIT;
	struct proc_stat st;

	if (proc_stat(t->tid, &st, &ignored) < 0 || !get_registers(t) ||
	    ptrace(PTRACE_GETSIGMASK, t->tid, (void *)sizeof(t->blocked), &t->blocked) < 0)
		return;
	t->start_time = st.start_time;
	t->noted = true;
	if (t->tid != t->pid)
		return;
	t->code_at = first_executable(t->pid);
	if (t->code_at && !read_code(t->pid, t->code_at, t->code))
		t->code_at = 0;
}

static void put_code_back(const struct thread *t)
{
	unsigned char now[CODE_MAX];
	char path[32];

	/* To write would give it a copy of its own. */
	if (!t->code_at || !read_code(t->pid, t->code_at, now) || memcmp(now, t->code, CODE_MAX) == 0)
		return;
	snprintf(path, sizeof(path), "/proc/%d/mem", (int)t->pid);
	cleanup_close int mem = open(path, O_WRONLY | O_CLOEXEC);
	if (mem >= 0 && pwrite(mem, t->code, CODE_MAX, (off_t)t->code_at) < 0)
		return;
}

static void put_back(const struct thread *t)
{
	int left_ms = STOPS_WITHIN_MS;
	int status = ptrace(PTRACE_INTERRUPT, t->tid, NULL, NULL) < 0 ? -1 : wait_for_stop(t->tid, &left_ms);

	if (status < 0)
		return;
	for (int i = 0; i < SETS; i++) {
		struct iovec v = { (void *)t->registers[i], t->len[i] };
		if (t->len[i])
			ptrace(PTRACE_SETREGSET, t->tid, (void *)(intptr_t)sets[i], &v);
	}
	ptrace(PTRACE_SETSIGMASK, t->tid, (void *)sizeof(t->blocked), (void *)&t->blocked);
	put_code_back(t);
	/* A signal that it was about to receive; that of CRIU's own steps was not meant for it. */
	int signal = status >> 16 || WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
	ptrace(PTRACE_DETACH, t->tid, NULL, (void *)(intptr_t)signal);
}

/* ---- all of them ---- */

struct process {
	struct threads *threads;
	pid_t pid;
};

static int seize(int fd, const char *name, unsigned char type, void *data, struct err *e)
{
	const struct process *p = data;
	pid_t tid = (pid_t)atoi(name);

	(void)fd, (void)type, (void)e;
	if (p->threads->n < THREADS_MAX && ptrace(PTRACE_SEIZE, tid, NULL, NULL) == 0 &&
	    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0) {
		struct thread *t = &p->threads->threads[p->threads->n++];
		t->pid = p->pid;
		t->tid = tid;
	}
	return 0;
}

/* In a process of its own, with whose end the kernel lets go of them. */
static void note(struct threads *t, const pid_t *pids, size_t n)
{
	struct err ignored = ERR_INIT;
	int left_ms = STOPS_WITHIN_MS;
	char path[32];

	for (size_t i = 0; i < n; i++) {
		struct process p = { t, pids[i] };
		snprintf(path, sizeof(path), "/proc/%d/task", (int)pids[i]);
		cleanup_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir >= 0)
			dir_each(dir, seize, &p, &ignored);
	}
	for (size_t i = 0; i < t->n; i++)
		if (wait_for_stop(t->threads[i].tid, &left_ms) >= 0)
			take(&t->threads[i]);
}

int threads_note(struct threads *t, const pid_t *pids, size_t n, struct err *e)
{
	pid_t pid = fork();

	if (pid < 0)
		return err_set(e, errno, "fork");
	if (pid == 0) {
		note(t, pids, n);
		_exit(0);
	}
	proc_reap(pid);
	return 0;
}

void threads_find_held(struct threads *t)
{
	struct err ignored = ERR_INIT;
	struct proc_stat st;

	for (size_t i = 0; i < t->n; i++) {
		struct thread *x = &t->threads[i];
		x->held = x->noted && proc_stat(x->tid, &st, &ignored) == 0 && st.start_time == x->start_time && st.state == 't';
	}
}

void threads_put_back(const struct threads *t)
{
	int left_ms = LET_GO_WITHIN_MS;
	struct err ignored = ERR_INIT;
	struct proc_stat st;

	for (size_t i = 0; i < t->n; i++) {
		const struct thread *x = &t->threads[i];
		if (!x->held || proc_stat(x->tid, &st, &ignored) < 0 || st.start_time != x->start_time)
			continue;
		while (ptrace(PTRACE_SEIZE, x->tid, NULL, NULL) < 0 && errno == EPERM && left_ms-- > 0)
			nap();
		put_back(x);
	}
}
