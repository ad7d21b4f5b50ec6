/* Threads that are not lost when the one that had them run something else is killed. */
#include "runtime/checkpoint/threads.h"

#include "lib/proc.h"
#include "lib/sys.h"

#include <elf.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#if defined(__x86_64__)
#define BREAKPOINT "int3"
#else
#define BREAKPOINT "brk #0"
#endif

enum { ASKED = 7, ANSWER = 8, TAKE = 100, LOOK, GONE, THERE, PAGE = 4096 };

/*
 * Adds one to what comes, until that ends; as CRIU would find it, in a system call. What CRIU's code would have open and mapped
 * it takes when it is told to.
 */
static _Noreturn void serve(int come, int go)
{
	volatile int fd = -1;
	void *volatile map = NULL;
	double sum = 0.5;
	char c;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	while (read(come, &c, 1) == 1) {
		if (c == TAKE) {
			fd = memfd_create("CRIUMFD", 0);
			map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
		} else if (c == LOOK) {
			c = fcntl(fd, F_GETFD) < 0 && msync(map, PAGE, MS_ASYNC) < 0 ? GONE : THERE;
		} else {
			sum += c;
			c = (char)(sum + 1);
		}
		if (write(go, &c, 1) != 1)
			break;
	}
	_exit(0);
}

static char ask(int go, int come, char c)
{
	assert_int_equal(write(go, &c, 1), 1);
	assert_int_equal(read(come, &c, 1), 1);
	return c;
}

/* Holds it with registers that lead nowhere and all signals blocked, as CRIU does, until it is killed. */
static _Noreturn void disturb(pid_t pid, int ready)
{
	unsigned char nowhere[1024] = { 0 };
	struct iovec v = { nowhere, sizeof(nowhere) };
	uint64_t all = ~0ull;
	int status;

	bool held = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0 && ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == 0 &&
		    waitpid(pid, &status, __WALL) == pid &&
		    ptrace(PTRACE_GETREGSET, pid, (void *)(intptr_t)NT_PRFPREG, &v) == 0;
	memset(nowhere, 0, v.iov_len);
	held = held && ptrace(PTRACE_SETREGSET, pid, (void *)(intptr_t)NT_PRFPREG, &v) == 0;
	v.iov_len = sizeof(nowhere);
	held = held && ptrace(PTRACE_GETREGSET, pid, (void *)(intptr_t)NT_PRSTATUS, &v) == 0;
	/* The rest, segments and flags, is as it was. */
	memset(nowhere, 0, 16 * sizeof(long));
	held = held && ptrace(PTRACE_SETREGSET, pid, (void *)(intptr_t)NT_PRSTATUS, &v) == 0 &&
	       ptrace(PTRACE_SETSIGMASK, pid, (void *)sizeof(all), &all) == 0;
	char c = held ? 'y' : 'n';
	if (write(ready, &c, 1) == 1)
		pause();
	_exit(1);
}

static void wait_for_state(pid_t pid, char state)
{
	struct err e = ERR_INIT;
	struct proc_stat st = { 0 };

	while (proc_stat(pid, &st, &e) == 0 && st.state != state && st.state != 'Z')
		usleep(1000);
}

/* In place of a frozen cgroup. */
static void stop(pid_t pid, pid_t tracer)
{
	kill(pid, SIGSTOP);
	if (tracer > 0) {
		kill(tracer, SIGKILL);
		proc_reap(tracer);
	}
	wait_for_state(pid, 'T');
}

struct victim {
	pid_t pid;
	int go[2], come[2], ready[2];
};

static void start(struct victim *v)
{
	assert_int_equal(pipe(v->go) | pipe(v->come) | pipe(v->ready), 0);
	v->pid = fork();
	if (v->pid == 0) {
		close(v->go[1]);
		serve(v->go[0], v->come[1]);
	}
	assert_int_equal(ask(v->go[1], v->come[0], ASKED), ASKED + 1);
	wait_for_state(v->pid, 'S');
}

__asm__(".text\n\t.balign 16\nbreakpoint:\n\t" BREAKPOINT "\n");
extern const char breakpoint[];

/* Has it come to a breakpoint, and does not hear of it. */
static _Noreturn void trap(pid_t pid, int ready)
{
	static const struct sys_call_layout layout = SYS_CALL_LAYOUT;
	uint64_t words[64];
	struct iovec v = { words, sizeof(words) };
	int status;

	bool held = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0 && ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == 0 &&
		    waitpid(pid, &status, __WALL) == pid &&
		    ptrace(PTRACE_GETREGSET, pid, (void *)(intptr_t)NT_PRSTATUS, &v) == 0;
	words[layout.next] = (uint64_t)(uintptr_t)breakpoint;
	if (layout.again >= 0)
		words[layout.again] = UINT64_MAX;
	held = held && ptrace(PTRACE_SETREGSET, pid, (void *)(intptr_t)NT_PRSTATUS, &v) == 0 &&
	       ptrace(PTRACE_CONT, pid, NULL, NULL) == 0;
	if (held)
		wait_for_state(pid, 't');
	char c = held ? 'y' : 'n';
	if (write(ready, &c, 1) == 1)
		pause();
	_exit(1);
}

static void goes_on(void (*disturbed)(pid_t pid, int ready))
{
	struct threads *t = threads_new();
	struct err e = ERR_INIT;
	struct victim v;
	pid_t waits;
	char ready = 'n';

	assert_non_null(t);
	start(&v);
	assert_int_equal(threads_note(t, -1, &v.pid, 1, &waits, &e), 0);
	assert_int_equal(waits, 0);
	assert_int_equal(ask(v.go[1], v.come[0], TAKE), TAKE);
	assert_int_equal(ask(v.go[1], v.come[0], LOOK), THERE);
	/* What it was about to do was the same then. */
	wait_for_state(v.pid, 'S');
	pid_t tracer = fork();
	if (tracer == 0)
		disturbed(v.pid, v.ready[1]);
	assert_int_equal(read(v.ready[0], &ready, 1), 1);
	stop(v.pid, tracer);
	if (ready == 'y') {
		bool dirty = threads_hold(t);
		threads_clean(t);
		threads_let_go(t);
		kill(v.pid, SIGCONT);
		assert_int_equal(ask(v.go[1], v.come[0], ANSWER), ASKED + ANSWER + 1);
		assert_true(dirty);
		assert_int_equal(ask(v.go[1], v.come[0], LOOK), GONE);
	}
	close(v.go[1]);
	kill(v.pid, SIGCONT);
	int status = proc_reap(v.pid);
	threads_free(t);
	if (ready != 'y')
		skip();
	assert_int_equal(status, 0);
}

static void goes_on_where_it_was(void **state)
{
	(void)state;
	goes_on(disturb);
}

static void goes_on_from_a_breakpoint(void **state)
{
	(void)state;
	goes_on(trap);
}

static void what_nobody_disturbed_is_clean(void **state)
{
	struct threads *t = threads_new();
	struct err e = ERR_INIT;
	struct victim v;
	pid_t waits;

	(void)state;
	start(&v);
	assert_int_equal(threads_note(t, -1, &v.pid, 1, &waits, &e), 0);
	assert_int_equal(waits, 0);
	stop(v.pid, -1);
	bool dirty = threads_hold(t);
	threads_let_go(t);
	kill(v.pid, SIGCONT);
	assert_false(dirty);
	assert_int_equal(ask(v.go[1], v.come[0], ANSWER), ASKED + ANSWER + 1);
	close(v.go[1]);
	assert_int_equal(proc_reap(v.pid), 0);
	threads_free(t);
}

/* A child in vfork(2), until it is told to end. */
static void who_waits_is_named(void **state)
{
	struct threads *t = threads_new();
	struct err e = ERR_INIT;
	int go[2];
	pid_t waits = 0;
	char c;

	(void)state;
	assert_int_equal(pipe(go), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(go[1]);
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
		if (vfork() == 0)
			_exit(read(go[0], &c, 1) < 0);
		_exit(0);
	}
	wait_for_state(pid, 'D');
	int r = threads_note(t, -1, &pid, 1, &waits, &e);
	close(go[0]);
	close(go[1]);
	assert_int_equal(proc_reap(pid), 0);
	assert_int_equal(r, 0);
	assert_int_equal(waits, pid);
	assert_int_equal(threads_claim(t), THREADS_NOT_NOTED);
	threads_free(t);
}

static void one_has_them(void **state)
{
	struct threads *t = threads_new();
	struct err e = ERR_INIT;
	struct victim v;
	pid_t waits;

	(void)state;
	start(&v);
	assert_int_equal(threads_claim(t), THREADS_NOT_NOTED);
	assert_int_equal(threads_note(t, -1, &v.pid, 1, &waits, &e), 0);
	assert_int_equal(waits, 0);
	assert_int_equal(threads_claim(t), THREADS_MINE);
	assert_int_equal(threads_claim(t), THREADS_OTHERS);
	close(v.go[1]);
	assert_int_equal(proc_reap(v.pid), 0);
	threads_free(t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_on_where_it_was),
		cmocka_unit_test(goes_on_from_a_breakpoint),
		cmocka_unit_test(what_nobody_disturbed_is_clean),
		cmocka_unit_test(who_waits_is_named),
		cmocka_unit_test(one_has_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
