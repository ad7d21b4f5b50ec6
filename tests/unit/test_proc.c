#include "lib/fd.h"
#include "lib/proc.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the four above. */
#include <cmocka.h>

static void test_itself(void **state)
{
	struct err e = ERR_INIT;
	struct proc_stat st;

	(void)state;
	assert_int_equal(proc_stat(getpid(), &st, &e), 0);
	assert_int_equal(st.ppid, getppid());
	assert_int_equal(st.state, 'R');
	cleanup_close int fd = proc_open(getpid(), st.start_time, &e);
	assert_true(fd >= 0);
	assert_int_equal(proc_wait_end(fd, 0, &e), 0);
	/* Another start time means that the pid has been given away since. */
	assert_int_equal(proc_open(getpid(), st.start_time + 1, &e), -ESRCH);
	assert_int_equal(proc_open(0, 0, &e), -ESRCH);
	assert_int_equal(proc_open(-1, 0, &e), -ESRCH);
}

static void test_child(void **state)
{
	struct err e = ERR_INIT;
	struct proc_stat st;
	int status;

	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	assert_int_equal(proc_stat(pid, &st, &e), 0);
	cleanup_close int fd = proc_open(pid, st.start_time, &e);
	assert_true(fd >= 0);
	kill(pid, SIGTERM);
	assert_int_equal(proc_wait_end(fd, 120000, &e), 1);
	/* A zombie is gone, for all that asks. */
	assert_int_equal(proc_open(pid, st.start_time, &e), -ESRCH);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(proc_exit_code(status), 128 + SIGTERM);
	assert_int_equal(proc_exit_code(3 << 8), 3);
	assert_int_equal(proc_stat(pid, &st, &e), -ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_itself),
		cmocka_unit_test(test_child),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
