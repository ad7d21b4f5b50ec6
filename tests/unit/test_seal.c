/* The program runs from a copy that nobody can write. This test executes itself, to be sealed. */
#include "lib/fd.h"
#include "runtime/seal.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Says "NAME ARGUMENT VARIABLE" once it is sealed, and stays until it is killed. */
static int be_sealed(char **argv)
{
	struct err e = ERR_INIT;
	char name[32] = "";
	int fd;

	if (seal_self(argv, &e) < 0) {
		dprintf(1, "%s\n", e.msg);
		return 1;
	}
	fd = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, name, sizeof(name) - 1) <= 0)
		return 1;
	dprintf(1, "%.*s %s %s\n", (int)strcspn(name, "\n"), name, argv[2], getenv("SEAL_TEST"));
	pause();
	return 0;
}

static pid_t start_sealed(char *ret, size_t size)
{
	int out[2];
	char self[] = "/proc/self/exe", be[] = "be-sealed", argument[] = "an-argument";
	char variable[] = "SEAL_TEST=a-variable";
	char *argv[] = { self, be, argument, NULL }, *env[] = { variable, NULL };

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		dup2(out[1], 1);
		execve(self, argv, env);
		_exit(127);
	}
	close(out[1]);
	ssize_t n = read(out[0], ret, size - 1);
	ret[n > 0 ? n : 0] = '\0';
	close(out[0]);
	return pid;
}

static void its_file_cannot_be_written(void **state)
{
	char said[256], path[64];
	struct stat before, after;
	int status;

	(void)state;
	if (geteuid() != 0) {
		print_message("an ordinary user needs no sealing\n");
		skip();
	}
	assert_int_equal(stat("/proc/self/exe", &before), 0);
	pid_t pid = start_sealed(said, sizeof(said));
	assert_string_equal(said, "ferry an-argument a-variable\n");

	/* As a process inside would: holds the file until it is not busy any more. */
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	cleanup_close int held = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(held >= 0);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	struct stat running;
	assert_int_equal(fstat(held, &running), 0);
	assert_false(running.st_dev == before.st_dev && running.st_ino == before.st_ino);
	assert_true(running.st_size <= before.st_size);

	cleanup_close int writer = open(fd_path(held).path, O_WRONLY | O_CLOEXEC);
	assert_true(writer >= 0);
	assert_int_equal(write(writer, "x", 1), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(writer, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(stat("/proc/self/exe", &after), 0);
	assert_int_equal(before.st_mtime, after.st_mtime);
	assert_int_equal(before.st_size, after.st_size);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(its_file_cannot_be_written),
	};

	if (argc > 2 && strcmp(argv[1], "be-sealed") == 0)
		return be_sealed(argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
