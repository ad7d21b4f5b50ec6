/* Those who are connected to the supervisor: what they ask for, and what they get. */
#include "lib/fd.h"
#include "lib/message.h"
#include "runtime/supervise/supervisor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int clients_listen(struct supervisor *s, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	/* The directory may be deeper than a socket address is long. */
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/supervisor", fd_path(s->dir).path);
	unlinkat(s->dir, "supervisor", 0);
	s->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->listener < 0 || bind(s->listener, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(s->listener, 64) < 0)
		return err_set(e, errno, "make the supervisor's socket");
	return 0;
}

static void drop(struct supervisor *s, struct client *c)
{
	bool behind = c->behind;

	close_fd(&c->fd);
	*c = (struct client){ .fd = -1 };
	if (behind)
		clients_catch_up(s);
}

void clients_accept(struct supervisor *s)
{
	cleanup_close int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
	struct err full = ERR_INIT;

	if (fd < 0)
		return;
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (s->clients[i].fd < 0) {
			s->clients[i] = (struct client){ .fd = take_fd(&fd) };
			return;
		}
	err_say(&full, EBUSY, "%d others are connected to the container already", CLIENTS_MAX);
	message_send_error(fd, &full);
}

static void answer(struct supervisor *s, struct client *c, int result, const struct err *e)
{
	struct err gone = ERR_INIT;

	if (result < 0)
		message_send_error(c->fd, e);
	if (result < 0 || message_send(c->fd, ANSWER, result, NULL, 0, &gone) < 0)
		drop(s, c);
}

/* The first packet. */
static void read_request(struct supervisor *s, struct client *c)
{
	struct err e = ERR_INIT;
	int64_t number = 0;
	int r = message_receive(c->fd, &number, NULL, &e);

	switch (r) {
	case REQUEST_ATTACH:
		c->kind = CLIENT_ATTACHED;
		c->input = number & ATTACH_INPUT;
		return answer(s, c, 0, &e);
	case REQUEST_WAIT:
		c->kind = CLIENT_WAITING;
		return;
	case REQUEST_STOP:
		c->kind = CLIENT_WAITING;
		r = life_stop(s, STOP_SIGNAL(number), STOP_TIMEOUT_MS(number), false, &e);
		if (r < 0)
			answer(s, c, r, &e);
		return;
	case REQUEST_RESTART:
		c->kind = CLIENT_LAUNCHER;
		r = life_stop(s, STOP_SIGNAL(number), STOP_TIMEOUT_MS(number), true, &e);
		if (r < 0)
			answer(s, c, r, &e);
		return;
	case REQUEST_SIGNAL:
		return answer(s, c, life_signal(s, (int)number, &e), &e);
	case REQUEST_RESIZE:
		return answer(s, c, streams_resize(s, number, &e), &e);
	default:
		drop(s, c);
	}
}

static void read_input(struct supervisor *s, struct client *c)
{
	ssize_t n = recv(c->fd, s->input, sizeof(*s->input), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0)
		return drop(s, c);
	if (s->input->stream != STREAM_STDIN || !c->input)
		return;
	s->input_len = (size_t)n - 1;
	if (s->input_len == 0)
		streams_end_input(s);
	else
		streams_write(s);
}

void clients_read(struct supervisor *s, struct client *c)
{
	if (c->kind == CLIENT_NEW)
		read_request(s, c);
	else if (c->kind == CLIENT_ATTACHED)
		read_input(s, c);
	else
		drop(s, c); /* they have nothing more to say: it has gone */
}

static bool send_chunk(struct supervisor *s, struct client *c)
{
	ssize_t n;

	do
		n = send(c->fd, s->chunk, s->chunk_len + 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	c->behind = n < 0 && errno == EAGAIN && c->waited_for;
	return n >= 0 || c->behind;
}

void clients_catch_up(struct supervisor *s)
{
	bool pending = false;

	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &s->clients[i];
		if (c->behind && !send_chunk(s, c)) {
			c->behind = false;
			drop(s, c);
		}
		pending = pending || c->behind;
	}
	s->chunk_pending = pending;
}

void clients_send_chunk(struct supervisor *s)
{
	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &s->clients[i];
		if (c->fd >= 0 && c->kind == CLIENT_ATTACHED && !send_chunk(s, c))
			drop(s, c);
		s->chunk_pending = s->chunk_pending || c->behind;
	}
}

void clients_let_go(struct supervisor *s)
{
	for (int i = 0; i < CLIENTS_MAX; i++)
		s->clients[i].waited_for = s->clients[i].behind = false;
	s->chunk_pending = false;
}

void clients_started(struct supervisor *s)
{
	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &s->clients[i];
		if (c->fd < 0 || c->kind != CLIENT_LAUNCHER)
			continue;
		bool attach = c->attach;
		c->kind = CLIENT_ATTACHED;
		c->input = c->waited_for = attach;
		answer(s, c, 0, &(struct err){ 0 });
		if (!attach)
			drop(s, c);
	}
}

void clients_failed(struct supervisor *s, const struct err *why)
{
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (s->clients[i].fd >= 0 && s->clients[i].kind == CLIENT_LAUNCHER)
			answer(s, &s->clients[i], -why->code, why);
}

/* Those that are waited for come last: they may take their time. */
void clients_ended(struct supervisor *s, int exit_code)
{
	struct stream_packet end = { .stream = STREAM_END };

	memcpy(end.bytes, &exit_code, sizeof(exit_code));
	for (int i = 0; i < 2 * CLIENTS_MAX; i++) {
		struct client *c = &s->clients[i % CLIENTS_MAX];
		bool last = i >= CLIENTS_MAX;
		if (c->fd < 0 || (c->waited_for && !last))
			continue;
		if (c->kind == CLIENT_WAITING)
			answer(s, c, exit_code, &(struct err){ 0 });
		else if (c->kind == CLIENT_ATTACHED)
			send(c->fd, &end, 1 + sizeof(exit_code), MSG_NOSIGNAL | (last ? 0 : MSG_DONTWAIT));
		close_fd(&c->fd);
	}
}
