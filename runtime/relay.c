#include "runtime/pty.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

int relay_begin(struct relay *r, struct err *e)
{
	sigset_t all;

	/* Ignored, as some callers leave it, it would never come and the exit status would be lost. */
	signal(SIGCHLD, SIG_DFL);
	sigfillset(&all);
	if (sigprocmask(SIG_BLOCK, &all, &r->old_mask) < 0)
		return err_set(e, errno, "block signals");
	r->signals = signalfd(-1, &all, SFD_CLOEXEC);
	return r->signals >= 0 ? 0 : err_set(e, errno, "signalfd");
}

void relay_end(struct relay *r)
{
	close_fd(&r->signals);
	sigprocmask(SIG_SETMASK, &r->old_mask, NULL);
}

/* One direction of a terminal. Its buffer keeps a side that does not read from stopping the other direction. */
struct channel {
	int from, to; /* from: -1 once at its end */
	size_t n;
	char data[4096];
};

static bool would_block(void)
{
	return errno == EAGAIN || errno == EINTR;
}

static void fill(struct channel *c)
{
	ssize_t n = read(c->from, c->data, sizeof(c->data));

	if (n > 0)
		c->n = (size_t)n;
	else if (n == 0 || !would_block())
		c->from = -1;
}

static void drain(struct channel *c)
{
	ssize_t n = write(c->to, c->data, c->n);

	if (n < 0 && would_block())
		return;
	if (n < 0) {
		c->n = 0; /* nobody there to read it */
		return;
	}
	memmove(c->data, c->data + n, c->n - (size_t)n);
	c->n -= (size_t)n;
}

/* Collects the children that have ended, up to the one that matters: true when that was @pid. */
static bool reap(pid_t pid, int *ret_wait_status)
{
	int status;

	for (pid_t got; (got = waitpid(-1, &status, WNOHANG)) > 0;) {
		if (got == pid) {
			*ret_wait_status = status;
			return true;
		}
	}
	return false;
}

/* One signal of ours. Returns true when the process has ended. */
static bool handle_signal(struct relay *r, pid_t pid, int pidfd, int master, int *ret_wait_status)
{
	struct signalfd_siginfo info;

	if (read(r->signals, &info, sizeof(info)) != sizeof(info))
		return false;
	switch (info.ssi_signo) {
	case SIGCHLD:
		return reap(pid, ret_wait_status);
	case SIGURG:
	case SIGPIPE:
		return false;
	case SIGWINCH:
		if (master >= 0) {
			pty_copy_size(master);
			return false;
		}
		break;
	default:
		break;
	}
	pidfd_send_signal(pidfd, (int)info.ssi_signo, NULL, 0);
	return false;
}

void terminal_make_raw(struct own_terminal *t)
{
	struct termios raw;

	if (tcgetattr(pty_own(), &t->saved) < 0)
		return;
	raw = t->saved;
	cfmakeraw(&raw);
	t->raw = tcsetattr(pty_own(), TCSANOW, &raw) == 0;
}

void terminal_restore(struct own_terminal *t)
{
	if (t->raw)
		tcsetattr(pty_own(), TCSANOW, &t->saved);
}

static int relay_terminal(struct relay *r, pid_t pid, int pidfd, int master, int *ret_wait_status, struct err *e)
{
	struct channel in = { .from = STDIN_FILENO, .to = master }, out = { .from = master, .to = STDOUT_FILENO };
	bool ended = false, told_end = false;

	for (;;) {
		/* After the end what the terminal still holds is shown; an empty one says EIO. */
		if (ended && out.from < 0 && out.n == 0)
			return 0;
		struct pollfd p[] = {
			{ .fd = ended ? -1 : r->signals, .events = POLLIN },
			{ .fd = in.n || ended ? -1 : in.from, .events = POLLIN },
			{ .fd = in.n && !ended ? master : -1, .events = POLLOUT },
			{ .fd = out.n ? -1 : out.from, .events = POLLIN },
			{ .fd = out.n ? out.to : -1, .events = POLLOUT },
		};
		int n = poll(p, 5, ended ? 100 : -1);
		if (n < 0 && errno != EINTR)
			return err_set(e, errno, "poll");
		if (n == 0 && ended)
			return 0; /* somebody outlived the process and holds the terminal open */
		if (n <= 0)
			continue;
		if (p[0].revents)
			ended = handle_signal(r, pid, pidfd, master, ret_wait_status);
		if (p[1].revents)
			fill(&in);
		if (in.from < 0 && !told_end && in.n == 0) {
			/* What typing control-D would send. */
			in.data[in.n++] = 4;
			told_end = true;
		}
		if (p[2].revents)
			drain(&in);
		if (p[3].revents)
			fill(&out);
		if (p[4].revents)
			drain(&out);
	}
}

int relay_run(struct relay *r, pid_t pid, int pidfd, int master, int *ret_wait_status, struct err *e)
{
	if (master < 0) {
		while (!handle_signal(r, pid, pidfd, master, ret_wait_status))
			;
		return 0;
	}
	struct own_terminal t = { 0 };
	/* A program that reads nothing must not stop what it writes. The description is ours alone. */
	if (fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
		return err_set(e, errno, "make the terminal non-blocking");
	terminal_make_raw(&t);
	int result = relay_terminal(r, pid, pidfd, master, ret_wait_status, e);
	terminal_restore(&t);
	return result;
}
