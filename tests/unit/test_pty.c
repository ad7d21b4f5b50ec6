/* Descriptors handed to other programs, and the foreground: signals passed on, a terminal relayed. */
#include "lib/fd.h"
#include "lib/sys.h"
#include "runtime/pty.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void open_pty(int *ret_master, int *ret_slave)
{
	char name[64];

	*ret_master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(*ret_master >= 0);
	assert_int_equal(grantpt(*ret_master), 0);
	assert_int_equal(unlockpt(*ret_master), 0);
	assert_int_equal(ptsname_r(*ret_master, name, sizeof(name)), 0);
	*ret_slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(*ret_slave >= 0);
}

static void send_to_a_console_socket(void **state)
{
	char dir[] = "/tmp/ferry-pty-XXXXXX", text[64] = "";
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { text, sizeof(text) - 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	cleanup_close int master = -1, slave = -1, got = -1;
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/s", dir);
	cleanup_close int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(bind(listener, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(listener, 1) == 0);
	cleanup_close int sock = pty_connect(a.sun_path, &e);
	assert_true(sock >= 0);
	open_pty(&master, &slave);
	assert_int_equal(pty_send(sock, master, &e), 0);

	cleanup_close int other = accept(listener, NULL, NULL);
	assert_true(recvmsg(other, &msg, MSG_CMSG_CLOEXEC) > 0);
	assert_string_equal(text, "/dev/ptmx");
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(got));
	assert_int_equal(write(slave, "x", 1), 1);
	assert_int_equal(read(got, text, 1), 1);
	unlink(a.sun_path);
	rmdir(dir);
	assert_int_equal(pty_connect(a.sun_path, &e), -ENOENT);
}

/* What `run` does in the foreground, in a process of its own, whose end of the row is @child. */
struct foreground {
	int in, out, master; /* -1: as they are, no terminal */
	void (*child)(void);
	bool sigchld_ignored;
};

static pid_t start(const struct foreground *f)
{
	fflush(NULL);
	pid_t outer = fork();

	if (outer != 0)
		return outer;
	struct relay relay;
	struct err e = ERR_INIT;
	int pidfd = -1, wait_status = 0;
	if (f->in >= 0)
		dup2(f->in, 0);
	if (f->out >= 0)
		dup2(f->out, 1);
	if (f->sigchld_ignored)
		signal(SIGCHLD, SIG_IGN);
	if (relay_begin(&relay, &e) < 0)
		_exit(99);
	struct clone_args args = { .flags = CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd, .exit_signal = SIGCHLD };
	pid_t pid = sys_clone3(&args);
	if (pid == 0) {
		sigprocmask(SIG_SETMASK, &relay.old_mask, NULL);
		f->child();
		_exit(0);
	}
	if (f->master >= 0)
		pty_copy_size(f->master);
	if (relay_run(&relay, pid, pidfd, f->master, &wait_status, &e) < 0)
		_exit(98);
	relay_end(&relay);
	_exit(WIFSIGNALED(wait_status) ? 100 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status));
}

static int end_of(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void exit_7(void)
{
	/* An orphan that ends first is not mistaken for it. */
	if (fork() == 0)
		_exit(1);
	usleep(20000);
	_exit(7);
}

static void exit_status(void **state)
{
	struct foreground f = { -1, -1, -1, exit_7, false };

	(void)state;
	assert_int_equal(end_of(start(&f)), 7);
	f.sigchld_ignored = true;
	assert_int_equal(end_of(start(&f)), 7);
}

static int ready[2];

/* Waits for a signal and ends with its number, or with 1 for none that is expected. */
static void wait_for_signal(void)
{
	sigset_t set;
	int got;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGWINCH);
	sigaddset(&set, SIGTSTP);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (write(ready[1], "r", 1) != 1 || sigwait(&set, &got) != 0)
		_exit(1);
	_exit(got);
}

static void signals_are_passed_on(void **state)
{
	static const int signals[] = { SIGTERM, SIGUSR1, SIGHUP, SIGTSTP, SIGWINCH };
	struct foreground f = { -1, -1, -1, wait_for_signal, false };
	char byte;

	(void)state;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
		pid_t pid = start(&f);
		assert_int_equal(read(ready[0], &byte, 1), 1);
		kill(pid, SIGURG); /* not passed on: it would be the runtime's own */
		kill(pid, signals[i]);
		assert_int_equal(end_of(pid), signals[i]);
		close(ready[0]);
		close(ready[1]);
	}
}

static void die(void)
{
	raise(SIGKILL);
}

static void killed_by_a_signal(void **state)
{
	struct foreground f = { -1, -1, -1, die, false };

	(void)state;
	assert_int_equal(end_of(start(&f)), 100 + SIGKILL);
}

/* The terminals: the user's, on which the relay runs, and the container's. */
static int user_master, user_slave, inner_master, inner_slave;

static void read_until(int fd, const char *what, char *text, size_t size)
{
	size_t n = strlen(text);

	while (!strstr(text, what)) {
		ssize_t got = read(fd, text + n, size - 1 - n);
		assert_true(got > 0);
		text[n += (size_t)got] = '\0';
	}
}

static void answer_a_line(void)
{
	char line[64] = "";
	struct winsize size;

	if (dprintf(inner_slave, "ready\n") < 0)
		_exit(1);
	if (read(inner_slave, line, sizeof(line) - 1) <= 0)
		_exit(2);
	while (ioctl(inner_slave, TIOCGWINSZ, &size) == 0 && size.ws_row != 44)
		usleep(1000);
	dprintf(inner_slave, "%dx%d got %slast", size.ws_row, size.ws_col, line);
	_exit(5);
}

static void a_terminal_is_relayed(void **state)
{
	char text[512] = "";
	struct termios before, during, after;
	struct winsize size = { .ws_row = 33, .ws_col = 101 };

	(void)state;
	open_pty(&user_master, &user_slave);
	open_pty(&inner_master, &inner_slave);
	assert_int_equal(ioctl(user_slave, TIOCSWINSZ, &size), 0);
	assert_int_equal(tcgetattr(user_slave, &before), 0);
	struct foreground f = { user_slave, user_slave, inner_master, answer_a_line, false };
	pid_t pid = start(&f);
	close(inner_slave); /* the child has its own */

	read_until(user_master, "ready", text, sizeof(text));
	assert_int_equal(tcgetattr(user_slave, &during), 0);
	assert_false(during.c_lflag & (ICANON | ECHO | ISIG));
	assert_int_equal(ioctl(inner_master, TIOCGWINSZ, &size), 0);
	assert_int_equal(size.ws_row, 33);
	assert_int_equal(size.ws_col, 101);
	size = (struct winsize){ .ws_row = 44, .ws_col = 102 };
	assert_int_equal(ioctl(user_slave, TIOCSWINSZ, &size), 0);
	kill(pid, SIGWINCH); /* the kernel would, was it the controlling terminal */
	assert_int_equal(write(user_master, "hello\r", 6), 6);
	read_until(user_master, "last", text, sizeof(text));
	assert_non_null(strstr(text, "44x102 got hello"));

	close(inner_master);
	assert_int_equal(end_of(pid), 5);
	assert_int_equal(tcgetattr(user_slave, &after), 0);
	assert_int_equal(after.c_lflag, before.c_lflag);
	assert_int_equal(after.c_iflag, before.c_iflag);
	assert_int_equal(after.c_oflag, before.c_oflag);
	close(user_master);
	close(user_slave);
}

static void write_a_lot(void)
{
	char block[1000];

	memset(block, 'x', sizeof(block));
	for (int i = 0; i < 200; i++)
		if (write(inner_slave, block, sizeof(block)) != sizeof(block))
			_exit(1);
	_exit(0);
}

/* All of it arrives, though the writer is gone, and though its input was never read. */
static void output_is_drained(void **state)
{
	static char input[100000];
	int in[2], out[2];
	size_t total = 0;
	char block[4096];
	ssize_t n;

	(void)state;
	open_pty(&inner_master, &inner_slave);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	memset(input, 'i', sizeof(input));
	struct termios raw;
	tcgetattr(inner_slave, &raw);
	cfmakeraw(&raw);
	tcsetattr(inner_slave, TCSANOW, &raw);
	fcntl(in[1], F_SETFL, O_NONBLOCK);
	assert_true(write(in[1], input, sizeof(input)) > 0);
	struct foreground f = { in[0], out[1], inner_master, write_a_lot, false };
	pid_t pid = start(&f);
	close(inner_slave);
	close(inner_master);
	close(out[1]);
	close(in[0]);
	while ((n = read(out[0], block, sizeof(block))) > 0)
		total += (size_t)n;
	assert_int_equal(total, 200000);
	assert_int_equal(end_of(pid), 0);
	close(in[1]);
	close(out[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(send_to_a_console_socket),
		cmocka_unit_test(exit_status),
		cmocka_unit_test(signals_are_passed_on),
		cmocka_unit_test(killed_by_a_signal),
		cmocka_unit_test(a_terminal_is_relayed),
		cmocka_unit_test(output_is_drained),
	};
	alarm(600); /* a relay that hangs fails */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
