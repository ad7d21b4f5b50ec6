#include "runtime/keeper.h"

#include "lib/buf.h"
#include "lib/daemon.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/message.h"
#include "lib/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER = 1, NOT_THERE = 127, SAID_MAX = 1000 };

static _Noreturn void execute(const char *const *argv, int standard_error)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(standard_error, 2) >= 0)
		execvp(argv[0], (char *const *)argv);
	_exit(NOT_THERE);
}

/* What a program says last is why it ends. */
static const char *last_line(struct buf *b)
{
	while (b->len > 0 && b->data[b->len - 1] == '\n')
		b->data[--b->len] = '\0';
	const char *newline = strrchr(buf_text(b), '\n');
	return newline ? newline + 1 : buf_text(b);
}

/* Waits until it is in the background, or has failed. */
static int run(const char *const *argv, struct err *e)
{
	cleanup_buf struct buf said = BUF_INIT;
	struct err ignored = ERR_INIT;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, errno, "pipe2");
	pid_t pid = fork();
	if (pid == 0)
		execute(argv, ends[1]);
	int code = errno;
	close_fd(&ends[1]);
	if (pid > 0)
		fd_read_all(ends[0], SAID_MAX, &said, &ignored);
	close_fd(&ends[0]);
	if (pid < 0)
		return err_set(e, code, "fork");
	int status = proc_reap(pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_THERE)
		return err_say(e, ENOENT, "the program '%s' is not installed", argv[0]);
	return err_say(e, EIO, "'%s' failed: %s", argv[0], last_line(&said));
}

static _Noreturn void keeper_main(const char *const *argv, int pidfd, int answer)
{
	const int kept[] = { pidfd, answer };
	struct err e = ERR_INIT;

	/* Neither locks nor the container's streams. */
	daemon_close_others(kept, 2);
	setsid();
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		err_set(&e, errno, "become a subreaper");
	else if (daemon_null(&e) == 0 && run(argv, &e) == 0)
		message_send(answer, ANSWER, 0, NULL, 0, &e);
	if (e.code) {
		message_send_error(answer, &e);
		_exit(1);
	}
	close_fd(&answer);
	daemon_title("ferry: keeper", "ferry-keeper");
	daemon_shrink();
	proc_wait_end(pidfd, -1, &e);
	/* What it left in the background is the keeper's own since nobody is between. */
	proc_kill_children(getpid());
	_exit(0);
}

int keeper_start(const char *const *argv, int pidfd, struct err *e)
{
	cleanup_close int sock = -1;
	pid_t pid = message_fork(&sock, e);

	if (pid < 0)
		return pid;
	if (pid == 0)
		keeper_main(argv, pidfd, sock);
	int r = message_receive(sock, NULL, NULL, e);
	if (r == 0)
		err_say(e, ECHILD, "the process that keeps '%s' ended unexpectedly", argv[0]);
	if (r <= 0)
		proc_reap(pid);
	return r > 0 ? 0 : -e->code;
}
