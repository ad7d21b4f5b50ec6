/* What a process has open and mapped that it had not before. */
#include "runtime/checkpoint/leftovers.h"

#include "lib/proc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

enum { FDS_MAX = 1024, PAGE = 4096 };

/* Has more open and mapped than at first, once it is told to. */
static _Noreturn void change(int go, int done)
{
	char c;

	if (write(done, "1", 1) != 1 || read(go, &c, 1) != 1)
		_exit(1);
	mmap(NULL, PAGE, PROT_READ, MAP_SHARED, dup2(memfd_create("CRIUMFD", 0), 500), 0);
	_exit(write(done, "2", 1) != 1 || read(go, &c, 1) != 0);
}

static void what_is_new_is_found(void **state)
{
	struct tracee_call calls[LEFTOVERS_MAX];
	int fds[FDS_MAX], go[2], done[2];
	char c;

	(void)state;
	assert_int_equal(pipe(go) | pipe(done), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(go[1]);
		change(go[0], done[1]);
	}
	assert_int_equal(read(done[0], &c, 1), 1);
	int n = leftovers_note(pid, fds, FDS_MAX);
	size_t before = leftovers_find(pid, fds, n > 0 ? (size_t)n : 0, calls);
	assert_int_equal(write(go[1], "x", 1) + read(done[0], &c, 1), 2);
	size_t found = leftovers_find(pid, fds, n > 0 ? (size_t)n : 0, calls);
	close(go[1]);
	assert_int_equal(proc_reap(pid), 0);
	assert_int_equal(before, 0);
	assert_int_equal(found, 3);
	assert_true(calls[0].number == SYS_close && calls[0].arguments[0] < 500);
	assert_true(calls[1].number == SYS_close && calls[1].arguments[0] == 500);
	assert_true(calls[2].number == SYS_munmap && calls[2].arguments[1] == PAGE);
}

static void too_many_are_not_known(void **state)
{
	int fds[1];

	(void)state;
	assert_int_equal(leftovers_note(getpid(), fds, 1), -1);
	assert_int_equal(leftovers_note(-1, fds, 1), -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_new_is_found),
		cmocka_unit_test(too_many_are_not_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
