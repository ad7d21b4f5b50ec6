#include "runtime/checkpoint/tracee.h"

#include "lib/buf.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/sys.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CALL_WITHIN_MS = 1000, SPINS = 100, STOPS_MAX = 16, WORDS_MAX = 64, SIGNALS_SEEN = 16, VDSO_MAX = 8192, RED_ZONE = 128 };

/* An architecture has some of these; what is in the latter is in the former too. */
static const int sets[TRACEE_SETS] = { NT_PRFPREG, NT_X86_XSTATE, NT_PRSTATUS };

static const struct sys_call_layout layout = SYS_CALL_LAYOUT;

bool tracee_status(pid_t pid, struct proc_status *ret)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err ignored = ERR_INIT;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	return file_read_once_at(AT_FDCWD, path, &b, &ignored) == 0 && proc_text_status(buf_text(&b), ret);
}

void tracee_mappings(pid_t pid, bool (*each)(const struct tracee_mapping *m, void *data), void *data)
{
	char path[32], line[LINE_MAX], rights[5];
	struct tracee_mapping m;
	bool more = true;
	int name;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	FILE *f = fopen(path, "re");
	while (f && more && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*s %*s %*s %n", &m.from, &m.to, rights, &name) != 3)
			continue;
		m.executable = rights[2] == 'x';
		m.name = line + name;
		more = each(&m, data);
	}
	if (f)
		fclose(f);
}

bool tracee_save(pid_t tid, struct tracee_state *ret)
{
	for (int i = 0; i < TRACEE_SETS; i++) {
		struct iovec v = { ret->registers[i], TRACEE_SET_MAX };
		bool got = ptrace(PTRACE_GETREGSET, tid, (void *)(intptr_t)sets[i], &v) == 0;
		if (!got && sets[i] == NT_PRSTATUS)
			return false;
		ret->len[i] = got ? v.iov_len : 0;
	}
	return ptrace(PTRACE_GETSIGMASK, tid, (void *)sizeof(ret->blocked), &ret->blocked) == 0;
}

void tracee_load(pid_t tid, const struct tracee_state *s)
{
	for (int i = 0; i < TRACEE_SETS; i++) {
		struct iovec v = { (void *)s->registers[i], s->len[i] };
		if (s->len[i])
			ptrace(PTRACE_SETREGSET, tid, (void *)(intptr_t)sets[i], &v);
	}
	ptrace(PTRACE_SETSIGMASK, tid, (void *)sizeof(s->blocked), (void *)&s->blocked);
}

int tracee_wait(pid_t tid, int *left_ms)
{
	int status;

	for (int spins = 0;; spins++) {
		pid_t r = waitpid(tid, &status, __WALL | WNOHANG);
		if (r == tid)
			return WIFSTOPPED(status) ? status : -1;
		if ((r < 0 && errno != EINTR) || *left_ms <= 0)
			return -1;
		if (spins > SPINS) { /* mostly it has stopped by now */
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
			(*left_ms)--;
		}
	}
}

/* ---- breakpoints ---- */

static bool block(pid_t tid, uint64_t blocked)
{
	return ptrace(PTRACE_SETSIGMASK, tid, (void *)sizeof(blocked), &blocked) == 0;
}

bool tracee_has_trap(pid_t tid)
{
	struct __ptrace_peeksiginfo_args all = { .nr = SIGNALS_SEEN };
	siginfo_t seen[SIGNALS_SEEN];
	long n = ptrace(PTRACE_PEEKSIGINFO, tid, &all, seen);

	for (long i = 0; i < n; i++)
		if (seen[i].si_signo == SIGTRAP && seen[i].si_code > 0)
			return true;
	return false;
}

void tracee_drop_trap(pid_t tid)
{
	int left_ms = CALL_WITHIN_MS;

	/* It is about to receive it, before it does anything else, but never does. Those of the container's own are others; they wait. */
	for (int stops = 0; stops < STOPS_MAX && tracee_has_trap(tid); stops++)
		if (!block(tid, ~(1ull << (SIGTRAP - 1))) || ptrace(PTRACE_CONT, tid, NULL, NULL) < 0 ||
		    tracee_wait(tid, &left_ms) < 0)
			return;
}

/* ---- system calls ---- */

static bool get_words(pid_t tid, uint64_t words[WORDS_MAX])
{
	struct iovec v = { words, WORDS_MAX * sizeof(*words) };

	/* One of another size belongs to a program of another kind. */
	return layout.words && ptrace(PTRACE_GETREGSET, tid, (void *)(intptr_t)NT_PRSTATUS, &v) == 0 &&
	       v.iov_len == (size_t)layout.words * sizeof(*words);
}

static bool set_words(pid_t tid, uint64_t words[WORDS_MAX])
{
	struct iovec v = { words, (size_t)layout.words * sizeof(*words) };

	return ptrace(PTRACE_SETREGSET, tid, (void *)(intptr_t)NT_PRSTATUS, &v) == 0;
}

static bool at_call(int status)
{
	return WSTOPSIG(status) == (SIGTRAP | 0x80);
}

static bool at_interrupt(int status)
{
	return status >> 16 == PTRACE_EVENT_STOP;
}

/* It may stop for other reasons before. */
static bool go(pid_t tid, int how, bool (*until)(int status))
{
	int left_ms = CALL_WITHIN_MS;

	for (int stops = 0; stops < STOPS_MAX; stops++) {
		if (ptrace(how, tid, NULL, NULL) < 0)
			return false;
		int status = tracee_wait(tid, &left_ms);
		if (status < 0 || until(status))
			return status >= 0;
	}
	return false;
}

/* A tracer that ends at such a stop leaves nothing that would end the thread, unlike with single steps. */
static bool make(pid_t tid, uint64_t words[WORDS_MAX], int64_t *ret)
{
	/* Whatever filter it has is for what it does itself. */
	if (ptrace(PTRACE_SETOPTIONS, tid, NULL, (void *)(intptr_t)(PTRACE_O_TRACESYSGOOD | PTRACE_O_SUSPEND_SECCOMP)) < 0 &&
	    ptrace(PTRACE_SETOPTIONS, tid, NULL, (void *)(intptr_t)PTRACE_O_TRACESYSGOOD) < 0)
		return false;
	if (!set_words(tid, words) || !go(tid, PTRACE_SYSCALL, at_call) || !go(tid, PTRACE_SYSCALL, at_call) ||
	    !get_words(tid, words))
		return false;
	*ret = (int64_t)words[layout.result];
	/* Where the kernel looks whether a call that was interrupted is to be made again. */
	return ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0 && go(tid, PTRACE_CONT, at_interrupt);
}

bool tracee_call(pid_t tid, uint64_t instruction_at, const struct tracee_call *c, int64_t *ret)
{
	uint64_t was[WORDS_MAX], words[WORDS_MAX], blocked;

	if (!get_words(tid, was) || ptrace(PTRACE_GETSIGMASK, tid, (void *)sizeof(blocked), &blocked) < 0 || !block(tid, ~0ull))
		return false;
	memcpy(words, was, sizeof(words));
	words[layout.number] = (uint64_t)c->number;
	for (int i = 0; i < 4; i++)
		words[layout.arguments[i]] = c->arguments[i];
	words[layout.next] = instruction_at;
	if (layout.again >= 0)
		words[layout.again] = UINT64_MAX;
	bool made = make(tid, words, ret);
	return set_words(tid, was) && block(tid, blocked) && made;
}

static uint64_t find_instruction(pid_t pid, uint64_t from, uint64_t to)
{
	const size_t len = to - from < VDSO_MAX ? (size_t)(to - from) : VDSO_MAX, step = layout.instruction_len == 4 ? 4 : 1;
	unsigned char code[VDSO_MAX];

	if (!layout.words || !tracee_read(pid, from, code, len))
		return 0;
	for (size_t i = 0; i + layout.instruction_len <= len; i += step)
		if (memcmp(code + i, layout.instruction, layout.instruction_len) == 0)
			return from + i;
	return 0;
}

struct instruction {
	pid_t pid;
	uint64_t at;
};

static bool look_at_vdso(const struct tracee_mapping *m, void *data)
{
	struct instruction *x = data;

	if (strcmp(m->name, "[vdso]") != 0)
		return true;
	x->at = find_instruction(x->pid, m->from, m->to);
	return false;
}

uint64_t tracee_instruction(pid_t pid)
{
	struct instruction x = { .pid = pid };

	tracee_mappings(pid, look_at_vdso, &x);
	return x.at;
}

uint64_t tracee_stack(pid_t tid)
{
	uint64_t words[WORDS_MAX];

	return get_words(tid, words) ? words[layout.stack] - RED_ZONE : 0;
}

/* ---- memory ---- */

bool tracee_read(pid_t pid, uint64_t at, void *ret, size_t len)
{
	const struct iovec to = { ret, len }, from = { (void *)(uintptr_t)at, len };

	return process_vm_readv(pid, &to, 1, &from, 1, 0) == (ssize_t)len;
}

bool tracee_write(pid_t pid, uint64_t at, const void *data, size_t len)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	cleanup_close int mem = open(path, O_WRONLY | O_CLOEXEC);
	return mem >= 0 && pwrite(mem, data, len, (off_t)at) == (ssize_t)len;
}
