/* What a process does of breakpoints while others set them, and afterwards. */
#include "runtime/checkpoint/traps.h"

#include "lib/proc.h"
#include "runtime/checkpoint/tracee.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { HANDLED = 31, PASSED = 32 };

static void handle(int signal)
{
	(void)signal;
	_exit(HANDLED);
}

struct seen {
	bool before, meanwhile, after;
	int status; /* of who then sends itself the signal */
};

/* Of a process that has set this for SIGTRAP. False: it cannot be traced here. */
static bool see(void (*handler)(int), struct seen *ret)
{
	int ready[2], go[2], left_ms = 60000;
	char c = 0;

	assert_int_equal(pipe(ready) | pipe(go), 0);
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGTRAP, handler);
		prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0);
		if (write(ready[1], &c, 1) == 1 && read(go[0], &c, 1) == 1)
			raise(SIGTRAP);
		_exit(PASSED);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	bool held = ptrace(PTRACE_SEIZE, pid, NULL, NULL) == 0 && ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == 0 &&
		    tracee_wait(pid, &left_ms) >= 0;
	if (held) {
		uint64_t at = tracee_instruction(pid);
		ret->before = traps_are_caught(pid);
		traps_catch(pid, pid, at);
		ret->meanwhile = traps_are_caught(pid);
		traps_release(pid, pid, at);
		ret->after = traps_are_caught(pid);
		ptrace(PTRACE_DETACH, pid, NULL, NULL);
	}
	assert_int_equal(write(go[1], &c, 1), 1);
	ret->status = proc_reap(pid);
	return held;
}

static void nothing_set(void **state)
{
	struct seen s;

	(void)state;
	if (!see(SIG_DFL, &s))
		skip();
	assert_false(s.before);
	assert_true(s.meanwhile);
	assert_false(s.after);
	assert_true(WIFSIGNALED(s.status));
	assert_int_equal(WTERMSIG(s.status), SIGTRAP);
}

static void ignored(void **state)
{
	struct seen s;

	(void)state;
	if (!see(SIG_IGN, &s))
		skip();
	assert_false(s.before);
	assert_true(s.meanwhile);
	assert_false(s.after);
	assert_int_equal(proc_exit_code(s.status), PASSED);
}

static void a_handler_stays(void **state)
{
	struct seen s;

	(void)state;
	if (!see(handle, &s))
		skip();
	assert_true(s.before && s.meanwhile && s.after);
	assert_int_equal(proc_exit_code(s.status), HANDLED);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_set),
		cmocka_unit_test(ignored),
		cmocka_unit_test(a_handler_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
