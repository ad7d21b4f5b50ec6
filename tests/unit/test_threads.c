/* Threads that are not lost when the one that had them run something else is killed. */
#include "runtime/checkpoint/threads.h"

#include "lib/proc.h"

#include <elf.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { ASKED = 7, ANSWER = 8 };

/* Adds one to what comes, until that ends; as CRIU would find it, in a system call. */
static _Noreturn void serve(int come, int go)
{
	double sum = 0.5;
	char c;

	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
	while (read(come, &c, 1) == 1) {
		sum += c;
		c = (char)(sum + 1);
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
}

static void goes_on_where_it_was(void **state)
{
	struct threads *t = threads_new();
	struct err e = ERR_INIT;
	struct victim v;
	char ready = 'n';

	(void)state;
	assert_non_null(t);
	start(&v);
	assert_int_equal(threads_note(t, &v.pid, 1, &e), 0);
	pid_t tracer = fork();
	if (tracer == 0)
		disturb(v.pid, v.ready[1]);
	assert_int_equal(read(v.ready[0], &ready, 1), 1);
	threads_find_held(t);
	/* In place of a frozen cgroup. */
	kill(v.pid, SIGSTOP);
	kill(tracer, SIGKILL);
	proc_reap(tracer);
	if (ready == 'y') {
		threads_put_back(t);
		kill(v.pid, SIGCONT);
		assert_int_equal(ask(v.go[1], v.come[0], ANSWER), ASKED + ANSWER + 1);
	}
	close(v.go[1]);
	kill(v.pid, SIGCONT);
	int status = proc_reap(v.pid);
	threads_free(t);
	if (ready != 'y')
		skip();
	assert_int_equal(status, 0);
}

static void whom_nobody_held_is_left_alone(void **state)
{
	struct threads *t = threads_new();
	struct err e = ERR_INIT;
	struct victim v;

	(void)state;
	start(&v);
	assert_int_equal(threads_note(t, &v.pid, 1, &e), 0);
	assert_int_equal(ask(v.go[1], v.come[0], ANSWER), ASKED + ANSWER + 1);
	threads_find_held(t);
	threads_put_back(t);
	assert_int_equal(ask(v.go[1], v.come[0], ANSWER), ASKED + 2 * ANSWER + 1);
	close(v.go[1]);
	assert_int_equal(proc_reap(v.pid), 0);
	threads_free(t);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_on_where_it_was),
		cmocka_unit_test(whom_nobody_held_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
