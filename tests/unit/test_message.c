#include "lib/fd.h"
#include "lib/message.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the four above. */
#include <cmocka.h>

static void test_values(void **state)
{
	struct err e = ERR_INIT;
	int pair[2], fd = -1;
	int64_t number = 0;

	(void)state;
	assert_int_equal(message_pair(pair, &e), 0);
	assert_true(fcntl(pair[0], F_GETFD) & FD_CLOEXEC);
	assert_int_equal(message_send(pair[0], 3, -7, NULL, 0, &e), 0);
	assert_int_equal(message_receive(pair[1], &number, &fd, &e), 3);
	assert_int_equal(number, -7);
	assert_int_equal(fd, -1);

	cleanup_close int sent = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(message_send(pair[0], 4, 0, &sent, 1, &e), 0);
	assert_int_equal(message_receive(pair[1], NULL, &fd, &e), 4);
	assert_true(fd >= 0 && fd != sent);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close_fd(&fd);

	close(pair[0]);
	assert_int_equal(message_receive(pair[1], NULL, NULL, &e), 0);
	assert_int_equal(message_send(pair[1], 1, 0, NULL, 0, &e), -EPIPE);
	close(pair[1]);
}

/* Each side has its own end alone: so the other's end is seen. */
static void test_fork(void **state)
{
	struct err e = ERR_INIT;
	int sock = -1, status;
	int64_t number = 0;

	(void)state;
	pid_t pid = message_fork(&sock, &e);
	if (pid == 0) {
		int r = message_receive(sock, &number, NULL, &e);
		if (r == 3)
			message_send(sock, 4, number + 1, NULL, 0, &e);
		_exit(message_receive(sock, NULL, NULL, &e) == 0 ? 7 : 1);
	}
	assert_true(pid > 0);
	assert_int_equal(message_send(sock, 3, 41, NULL, 0, &e), 0);
	assert_int_equal(message_receive(sock, &number, NULL, &e), 4);
	assert_int_equal(number, 42);
	close(sock);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 7);
}

static void test_data(void **state)
{
	struct err e = ERR_INIT;
	char sent[MESSAGE_DATA_MAX] = "abc", got[MESSAGE_DATA_MAX] = "";
	int pair[2], fds[2] = { 7, 7 };

	(void)state;
	assert_int_equal(message_pair(pair, &e), 0);
	cleanup_close int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(message_send_data(pair[0], 5, sent, sizeof(sent), &file, 1, &e), 0);
	assert_int_equal(message_receive_data(pair[1], got, sizeof(got), fds, 2, &e), 5);
	assert_string_equal(got, "abc");
	assert_true(fds[0] >= 0 && fds[0] != file);
	assert_int_equal(fds[1], -1);
	close_fd(&fds[0]);

	assert_int_equal(message_send_data(pair[0], 5, sent, 3, NULL, 0, &e), 0);
	assert_int_equal(message_receive_data(pair[1], got, 4, NULL, 0, &e), -EPROTO);
	assert_int_equal(message_send_data(pair[0], 5, sent, sizeof(sent) + 1, NULL, 0, &e), -EMSGSIZE);
	message_send_error(pair[0], &(struct err){ .code = ENOSPC, .exec = true, .msg = "no room" });
	assert_int_equal(message_receive_data(pair[1], got, 4, fds, 2, &e), -ENOSPC);
	assert_string_equal(e.msg, "no room");
	assert_true(e.exec);
	close(pair[0]);
	assert_int_equal(message_receive_data(pair[1], got, 4, fds, 2, &e), 0);
	close(pair[1]);
}

static void test_errors(void **state)
{
	struct err e = ERR_INIT, sent = ERR_INIT;
	int pair[2];

	(void)state;
	assert_int_equal(message_pair(pair, &e), 0);
	err_say(&sent, ENOSPC, "no room");
	message_send_error(pair[1], &sent);
	assert_int_equal(message_receive(pair[0], NULL, NULL, &e), -ENOSPC);
	assert_string_equal(e.msg, "no room");
	/* The longest one still is one packet. */
	memset(sent.msg, 'x', sizeof(sent.msg));
	message_send_error(pair[1], &sent);
	assert_int_equal(message_receive(pair[0], NULL, NULL, &e), -ENOSPC);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	assert_int_equal(send(pair[1], "abc", 3, 0), 3);
	assert_int_equal(message_receive(pair[0], NULL, NULL, &e), -EPROTO);
	close(pair[0]);
	close(pair[1]);
}

/* The other side may fail before it has read what was sent to it. Its error must not be taken for a mere end. */
static void test_error_from_a_side_that_did_not_read(void **state)
{
	struct err e = ERR_INIT, sent = ERR_INIT;
	int pair[2];

	(void)state;
	assert_int_equal(message_pair(pair, &e), 0);
	assert_int_equal(message_send(pair[0], 1, 0, NULL, 0, &e), 0);
	err_say(&sent, ENOENT, "no such program");
	message_send_error(pair[1], &sent);
	close(pair[1]);
	assert_int_equal(message_receive(pair[0], NULL, NULL, &e), -ENOENT);
	assert_string_equal(e.msg, "no such program");
	assert_int_equal(message_receive(pair[0], NULL, NULL, &e), 0);
	close(pair[0]);
}

static void test_bytes(void **state)
{
	static char sent[100000];
	cleanup_buf struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	int pair[2];

	(void)state;
	memset(sent, 'x', sizeof(sent));
	assert_int_equal(message_pair(pair, &e), 0);
	assert_int_equal(message_send_bytes(pair[0], "a\0b", 3, &e), 0);
	assert_int_equal(message_send_bytes(pair[0], sent, sizeof(sent), &e), 0);
	assert_int_equal(message_receive_bytes(pair[1], 3, &b, &e), 1);
	assert_int_equal(message_receive_bytes(pair[1], sizeof(sent) - 1, &b, &e), -EMSGSIZE);
	assert_int_equal(message_receive_bytes(pair[1], sizeof(sent), &b, &e), 1);
	assert_int_equal(b.len, 3 + sizeof(sent));
	assert_memory_equal(b.data, "a\0b", 3);
	assert_memory_equal(b.data + 3, sent, sizeof(sent));
	close(pair[0]);
	assert_int_equal(message_receive_bytes(pair[1], 3, &b, &e), 0);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_fork),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_error_from_a_side_that_did_not_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
