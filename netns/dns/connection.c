/* Those who ask by TCP: one question at a time, each with its length before it (RFC 1035, section 4.2.2). */
#include "netns/dns/server.h"

#include "lib/fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { PATIENCE_MS = 5000, LENGTH = 2 };

/* ---- coming and going ---- */

static bool admit(const struct resolver *r, const struct origin *o)
{
	const struct net_address client = server_address(&o->client);
	size_t of_client = 0, of_network = 0;

	for (size_t i = 0; i < r->n_connections; i++) {
		const struct connection *c = &r->connections[i];
		if (c->fd < 0)
			continue;
		const struct net_address other = server_address(&c->origin.client);
		of_client += net_address_equal(&client, &other);
		of_network += r->listeners[c->origin.listener].network == r->listeners[o->listener].network;
	}
	return of_client < CONNECTIONS_OF_CLIENT && of_network < CONNECTIONS_OF_NETWORK &&
	       question_from_network(&r->listeners[o->listener], &o->client);
}

/* One that is too many is closed at once: its client asks again. */
void connection_accept(struct resolver *r, size_t listener)
{
	struct origin o = { .listener = (uint16_t)listener, .client.len = sizeof(o.client.sa) };
	cleanup_close int fd = accept4(r->listeners[listener].fd, (struct sockaddr *)&o.client.sa, &o.client.len,
				       SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0 || !admit(r, &o))
		return;
	int i = server_place(&r->connections[0].fd, sizeof(r->connections[0]), &r->n_connections, CONNECTIONS_MAX);
	if (i < 0)
		return;
	o.connection = (int16_t)i;
	r->connections[i] = (struct connection){ .fd = -1, .origin = o, .due = r->now + PATIENCE_MS };
	if (server_watch(r, fd, EPOLLIN, WATCH_CONNECTION, (size_t)i, false) == 0)
		r->connections[i].fd = take_fd(&fd);
}

void connection_close(struct resolver *r, size_t connection)
{
	struct connection *c = &r->connections[connection];

	if (c->waiting)
		forward_forget_connection(r, (int)connection);
	free(c->in);
	free(c->out);
	c->in = c->out = NULL;
	close_fd(&c->fd);
}

/* ---- its questions ---- */

/* Goes on when all of it is there: returns false until then, and when there will be none. */
static bool read_on(struct resolver *r, struct connection *c, uint8_t *to, size_t from, size_t len)
{
	ssize_t n = recv(c->fd, to + (c->in_have - from), len - (c->in_have - from), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		connection_close(r, (size_t)c->origin.connection);
		return false;
	}
	c->in_have += (size_t)n;
	return c->in_have - from == len;
}

static void read_question(struct resolver *r, struct connection *c)
{
	const size_t i = (size_t)c->origin.connection;

	if (c->in_have < LENGTH) {
		if (!read_on(r, c, c->head, 0, LENGTH))
			return;
		c->in_len = (size_t)c->head[0] << 8 | c->head[1];
		c->in = c->in_len >= DNS_HEADER && c->in_len <= QUESTION_SIZE_MAX ? malloc(c->in_len) : NULL;
		if (!c->in) {
			connection_close(r, i);
			return;
		}
	}
	if (!read_on(r, c, c->in, LENGTH, c->in_len))
		return;
	uint8_t *data = c->in;
	c->in = NULL;
	c->in_have = 0;
	/* Nothing more is read before this one is answered. */
	c->waiting = true;
	c->due = INT64_MAX;
	server_watch(r, c->fd, 0, WATCH_CONNECTION, i, true);
	question_received(r, &c->origin, data, c->in_len);
	free(data);
}

/* ---- its answers ---- */

static void write_answer(struct resolver *r, struct connection *c)
{
	const size_t i = (size_t)c->origin.connection;
	ssize_t n = send(c->fd, c->out + c->out_at, c->out_len - c->out_at, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0 && errno != EAGAIN) {
		connection_close(r, i);
		return;
	}
	if (n > 0)
		c->out_at += (size_t)n;
	const bool done = c->out_at == c->out_len;
	if (done) {
		free(c->out);
		c->out = NULL;
		c->due = r->now + PATIENCE_MS;
	}
	server_watch(r, c->fd, done ? EPOLLIN : EPOLLOUT, WATCH_CONNECTION, i, true);
}

void connection_answer(struct resolver *r, size_t connection, const uint8_t *data, size_t n)
{
	struct connection *c = &r->connections[connection];

	c->waiting = false;
	c->out = malloc(LENGTH + n);
	if (!c->out) {
		connection_close(r, connection);
		return;
	}
	c->out[0] = (uint8_t)(n >> 8);
	c->out[1] = (uint8_t)n;
	memcpy(c->out + LENGTH, data, n);
	c->out_at = 0;
	c->out_len = LENGTH + n;
	c->due = r->now + PATIENCE_MS;
	write_answer(r, c);
}

void connection_ready(struct resolver *r, size_t connection)
{
	struct connection *c = &r->connections[connection];

	if (c->waiting)
		connection_close(r, connection); /* it has hung up: nothing else is waited for */
	else if (c->out)
		write_answer(r, c);
	else
		read_question(r, c);
}

void connection_timers(struct resolver *r)
{
	for (size_t i = 0; i < r->n_connections; i++)
		if (r->connections[i].fd >= 0 && r->connections[i].due <= r->now)
			connection_close(r, i);
}

int64_t connection_due(const struct resolver *r)
{
	int64_t due = INT64_MAX;

	for (size_t i = 0; i < r->n_connections; i++)
		if (r->connections[i].fd >= 0 && r->connections[i].due < due)
			due = r->connections[i].due;
	return due;
}
