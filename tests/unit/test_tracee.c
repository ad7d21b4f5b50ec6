/* A thread that another has make system calls, and that goes on as if it had not. */
#include "runtime/checkpoint/tracee.h"

#include "lib/proc.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

enum { ANSWER = 23 };

static void it_calls_and_goes_on(void **state)
{
	const uint64_t at = tracee_instruction(getpid());
	int go[2], come[2], left_ms = 60000;
	int64_t answer = -1, refused = 0;
	char c = 0;

	(void)state;
	assert_int_not_equal(at, 0);
	assert_int_equal(pipe(go) | pipe(come), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(go[1]);
		close(come[0]);
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
		ssize_t n = write(come[1], "r", 1) + read(go[0], &c, 1);
		_exit(n == 2 && c == 'g' ? ANSWER : 1);
	}
	close(come[1]);
	assert_int_equal(read(come[0], &c, 1), 1);
	if (ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0) {
		kill(pid, SIGKILL);
		proc_reap(pid);
		skip();
	}
	const struct tracee_call call = { SYS_close, { (uint64_t)come[1] } };
	bool done = ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == 0 && tracee_wait(pid, &left_ms) >= 0 && !tracee_has_trap(pid) &&
		    tracee_call(pid, at, &call, &answer) && tracee_call(pid, at, &call, &refused) &&
		    ptrace(PTRACE_DETACH, pid, NULL, NULL) == 0;
	/* Nobody has the other end any more. */
	ssize_t end = done ? read(come[0], &c, 1) : -1;
	ssize_t told = write(go[1], "g", 1);
	if (!done)
		kill(pid, SIGKILL);
	int status = proc_reap(pid);
	assert_int_equal(told, 1);
	assert_true(done);
	assert_int_equal(answer, 0);
	assert_int_equal(refused, -EBADF);
	assert_int_equal(end, 0);
	assert_int_equal(proc_exit_code(status), ANSWER);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_calls_and_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
