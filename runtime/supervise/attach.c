/* The command's end of an attached connection: its standard streams, its terminal, its signals. */
#include "lib/fd.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "runtime/pty.h"
#include "runtime/supervise/client.h"
#include "runtime/supervise/supervise.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

struct attached {
	struct runtime *rt;
	const struct launched *l;
	const struct relay_options *o;
	int sock, signals;
	size_t matched; /* of the detach keys */
	struct stream_packet *in, *out;
	size_t in_len; /* bytes that the supervisor has still to take */
	bool in_pending, in_ended;
	bool detached, ended;
	int exit_code;
	int lost; /* an errno: some of the output could not be written */
};

static void ask(struct attached *t, uint32_t kind, int64_t number)
{
	struct err ignored = ERR_INIT;
	int fd = client_request(t->rt, t->l, kind, number, &ignored);

	if (fd >= 0)
		message_receive(fd, NULL, NULL, &ignored);
	close_fd(&fd);
}

static void tell_size(struct attached *t, int more_rows)
{
	struct winsize size;

	if (ioctl(pty_own(), TIOCGWINSZ, &size) == 0 && size.ws_row)
		ask(t, REQUEST_RESIZE, RESIZE_NUMBER(size.ws_col, size.ws_row + more_rows));
}

static void handle_signal(struct attached *t)
{
	struct signalfd_siginfo info;

	if (read(t->signals, &info, sizeof(info)) != sizeof(info))
		return;
	switch (info.ssi_signo) {
	case SIGCHLD:
	case SIGURG:
	case SIGPIPE:
		return;
	case SIGWINCH:
		if (t->l->terminal)
			return tell_size(t, 0);
		break;
	default:
		break;
	}
	if (t->o->pass_signals)
		ask(t, REQUEST_SIGNAL, info.ssi_signo);
	else if (info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM || info.ssi_signo == SIGHUP ||
		 info.ssi_signo == SIGQUIT)
		t->detached = true;
}

static void send_input(struct attached *t)
{
	ssize_t n = send(t->sock, t->in, t->in_len + 1, MSG_NOSIGNAL | MSG_DONTWAIT);

	t->in_pending = n < 0 && (errno == EAGAIN || errno == EINTR);
}

/* What was typed up to the keys; false once they are complete. They may come in pieces: those are held back. */
static bool watch_keys(struct attached *t, const char *typed, size_t n)
{
	const char *keys = t->o->detach_keys;

	t->in_len = 0;
	for (size_t i = 0; i < n; i++) {
		if (keys && *keys && typed[i] == keys[t->matched]) {
			if (!keys[++t->matched])
				return false;
			continue;
		}
		for (size_t k = 0; k < t->matched; k++)
			t->in->bytes[t->in_len++] = keys[k];
		t->matched = 0;
		if (keys && *keys && typed[i] == keys[0])
			t->matched = 1;
		else
			t->in->bytes[t->in_len++] = typed[i];
	}
	return true;
}

static void read_input(struct attached *t)
{
	char typed[STREAM_BYTES_MAX / 2];
	ssize_t n = read(STDIN_FILENO, typed, sizeof(typed));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		t->in_len = 0;
		t->in_ended = true;
		return send_input(t);
	}
	if (!watch_keys(t, typed, (size_t)n))
		t->detached = true;
	else if (t->in_len > 0)
		send_input(t);
}

static int write_out(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t w = write(fd, data, n);
		if (w < 0 && errno == EAGAIN)
			poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
		else if (w < 0 && errno != EINTR)
			return -errno;
		if (w > 0) {
			data += w;
			n -= (size_t)w;
		}
	}
	return 0;
}

/* 0: go on. The supervisor's end without a word is -ECONNRESET. */
static int read_output(struct attached *t)
{
	ssize_t n = recv(t->sock, t->out, sizeof(*t->out), MSG_DONTWAIT);

	/* ECONNRESET says, once, that something of ours was not read; what was sent to us is still there. */
	if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNRESET))
		return 0;
	if (n <= 0)
		return -ECONNRESET;
	if (t->out->stream == STREAM_END) {
		memcpy(&t->exit_code, t->out->bytes, sizeof(t->exit_code));
		t->ended = true;
		return 0;
	}
	/* Who does not want it any more does not keep the program from running, nor does a lack of room. */
	int r = write_out(t->out->stream == STREAM_STDERR ? STDERR_FILENO : STDOUT_FILENO, t->out->bytes, (size_t)n - 1);
	if (r < 0 && r != -EPIPE && r != -EIO && t->lost == 0)
		t->lost = -r;
	return 0;
}

static int relay(struct attached *t, struct err *e)
{
	int r = 0;

	while (r == 0 && !t->ended && !t->detached) {
		bool reads = t->o->input && !t->in_ended && !t->in_pending;
		struct pollfd p[] = {
			{ .fd = t->signals, .events = POLLIN },
			{ .fd = t->sock, .events = (short)(POLLIN | (t->in_pending ? POLLOUT : 0)) },
			{ .fd = reads ? STDIN_FILENO : -1, .events = POLLIN },
		};
		if (poll(p, 3, -1) < 0) {
			if (errno == EINTR)
				continue;
			return err_set(e, errno, "poll");
		}
		if (p[0].revents)
			handle_signal(t);
		if (p[1].revents & POLLOUT && t->in_pending)
			send_input(t);
		if (p[1].revents & ~POLLOUT)
			r = read_output(t);
		if (p[2].revents)
			read_input(t);
	}
	return r;
}

/* The supervisor was killed: there will be another. Or it is there, and has let us go. */
static int attach_again(struct attached *t, struct err *e)
{
	struct err why = ERR_INIT;
	cleanup_close int lock = launched_lock(t->l, &why);

	close_fd(&t->sock);
	if (lock == -EBUSY && !t->o->waited_for)
		return err_say(e, EPIPE, "container '%s' does not wait for its output to be taken, and goes on "
			       "without: see 'ferry logs'", t->l->name);
	close_fd(&lock);
	int r = supervise_attach(t->rt, t->l, t->o->input, &t->sock, &why);
	if (r == -ESRCH || r == -ENOENT) {
		t->ended = true;
		return supervise_wait(t->rt, t->l, &t->exit_code, e);
	}
	return r < 0 ? (*e = why, r) : 0;
}

int supervise_relay(struct runtime *rt, const struct launched *l, int sock, const struct relay_options *o,
		    int *ret_exit, bool *ret_detached, struct err *e)
{
	struct stream_packet in, out;
	struct attached t = { .rt = rt, .l = l, .o = o, .sock = sock, .in = &in, .out = &out };
	struct own_terminal terminal = { 0 };
	struct relay relayed;

	in.stream = STREAM_STDIN;
	if (relay_begin(&relayed, e) < 0) {
		close_fd(&t.sock);
		return -e->code;
	}
	t.signals = relayed.signals;
	if (l->terminal) {
		/* A program that fills the screen draws it anew when the size changes, which it must even if it is what it was. */
		if (o->redraw)
			tell_size(&t, 1);
		tell_size(&t, 0);
		if (o->input)
			terminal_make_raw(&terminal);
	}
	int r;
	do
		r = relay(&t, e);
	while (r == -ECONNRESET && (r = attach_again(&t, e)) == 0);
	terminal_restore(&terminal);
	relay_end(&relayed);
	close_fd(&t.sock);
	*ret_exit = t.exit_code;
	*ret_detached = t.detached;
	if (r == 0 && t.lost)
		return err_set(e, t.lost, "write what container '%s' has printed", l->name);
	return r;
}
