/* NOTIFY_SOCKET: what the container gets, and what of its messages reaches the service manager. */
#include "lib/file.h"
#include "lib/fd.h"
#include "lib/sys.h"
#include "runtime/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

static void nothing_without_a_manager(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct spec_process p = { .n_env = 0 };
	struct spec s = { .process = &p };
	struct err e = ERR_INIT;

	(void)state;
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(notify_plan(&s, &a, "/run/x", &e), 0);
	assert_int_equal(s.n_mounts, 0);
	assert_int_equal(p.n_env, 0);
	assert_int_equal(notify_make_dir(AT_FDCWD, &e), 0);
	assert_int_equal(notify_open(AT_FDCWD, &e), -1);
	assert_int_equal(e.code, 0);
	assert_int_equal(notify_relay(-1, -1, 0, &e), 0);
}

static void the_plan(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	const char *env[] = { "A=1", NULL };
	struct spec_process p = { .env = env, .n_env = 1 };
	struct spec s = { .process = &p };
	struct err e = ERR_INIT;

	(void)state;
	setenv("NOTIFY_SOCKET", "/host/socket", 1);
	assert_int_equal(notify_plan(&s, &a, "/run/x", &e), 0);
	assert_int_equal(s.n_mounts, 1);
	assert_string_equal(s.mounts[0].destination, "/run/notify");
	assert_string_equal(s.mounts[0].source, "/run/x/notify");
	assert_int_equal(p.n_env, 2);
	assert_string_equal(p.env[0], "A=1");
	assert_string_equal(p.env[1], "NOTIFY_SOCKET=/run/notify/notify.sock");
	assert_null(p.env[2]);
}

static int datagram(const char *path, bool bound)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	assert_int_equal((bound ? bind : connect)(sock, (struct sockaddr *)&a, sizeof(a)), 0);
	return sock;
}

static void ready_is_passed_on(void **state)
{
	char root[] = "/tmp/ferry-notify-XXXXXX", path[64], text[256] = "";
	struct err e = ERR_INIT;
	int status;

	(void)state;
	assert_non_null(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/host", root);
	cleanup_close int host = datagram(path, true);
	setenv("NOTIFY_SOCKET", path, 1);
	cleanup_close int dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(notify_make_dir(dir, &e), 0);
	assert_true(close(notify_open(dir, &e)) == 0); /* one that was left is replaced */
	int sock = notify_open(dir, &e);
	assert_true(sock >= 0);

	pid_t container = fork();
	if (container == 0) {
		pause();
		_exit(0);
	}
	cleanup_close int pidfd = pidfd_open(container, 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(notify_relay(sock, pidfd, 4711, &e) < 0);
	close(sock);
	snprintf(path, sizeof(path), "%s/notify/notify.sock", root);
	struct stat st;
	assert_true(stat(path, &st) == 0 && (st.st_mode & 0777) == 0777);
	cleanup_close int inside = datagram(path, false);
	assert_int_equal(send(inside, "STATUS=no\nMAINPID=1", 19, 0), 19);
	assert_int_equal(send(inside, "STATUS=yes\nREADY=1\n", 19, 0), 19);
	assert_true(recv(host, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, "MAINPID=4711\nREADY=1");
	memset(text, 0, sizeof(text));
	/* Received without room for the descriptor, which is thereby closed: the barrier falls. */
	assert_true(recv(host, text, sizeof(text) - 1, 0) > 0);
	assert_string_equal(text, "BARRIER=1");
	waitpid(pid, &status, 0);
	assert_int_equal(status, 0);

	/* A container that ends without a word. */
	sock = notify_open(dir, &e);
	kill(container, SIGKILL);
	assert_int_equal(notify_relay(sock, pidfd, 0, &e), 0);
	waitpid(container, &status, 0);
	assert_int_equal(remove_tree_at(AT_FDCWD, root, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_without_a_manager),
		cmocka_unit_test(the_plan),
		cmocka_unit_test(ready_is_passed_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
