/*
 * Questions that were passed on, each by a socket of its own, so that an answer from elsewhere has to guess the port
 * and the id. A server that does not answer is asked once more after the others.
 */
#include "netns/dns/server.h"

#include "lib/fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>

enum { DNS_PORT = 53, TRY_MS = 1500, STREAM_TRY_MS = 3000, LENGTH = 2, TRIES_OF_ONE = 3, DATAGRAMS_AT_ONCE = 8 };

static bool in_use(const struct question *q)
{
	return q->data != NULL;
}

/* Whatever it was waiting for. */
static void hang_up(struct question *q)
{
	close_fd(&q->fd);
	free(q->answer);
	q->answer = NULL;
	q->answer_have = 0;
	q->sent = false;
}

static void forget(struct question *q)
{
	hang_up(q);
	free(q->data);
	q->data = NULL;
}

static void give_up(struct resolver *r, struct question *q)
{
	struct dns_question parsed;
	enum dns_rcode ignored;
	uint8_t *data = q->data + LENGTH;

	dns_set_id(data, q->id);
	dns_parse(data, q->len, &parsed, &ignored);
	r->answer.len = 0;
	dns_answer_none(data, &parsed, DNS_SERVFAIL, &r->answer);
	const struct origin o = q->origin;
	forget(q);
	question_answer(r, &o, (const uint8_t *)r->answer.data, r->answer.len);
}

/* ---- asking ---- */

static int send_question(struct question *q)
{
	size_t len = q->stream ? q->len + LENGTH : q->len;
	ssize_t n = send(q->fd, q->stream ? q->data : q->data + LENGTH, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return -errno;
	q->sent = true;
	return (size_t)n == len ? 0 : -EIO;
}

/* To the server whose turn it is. The socket is connected: the kernel drops what others send to it. */
static int ask(struct resolver *r, struct question *q)
{
	const struct server *s = &q->servers[q->at];
	struct endpoint_address to;

	server_sockaddr(&s->address, s->scope, DNS_PORT, &to);
	q->due = r->now + (q->stream ? STREAM_TRY_MS : TRY_MS);
	if (q->fd >= 0 && q->n_servers == 1 && !q->stream)
		return send_question(q);
	hang_up(q);
	q->fd = socket(s->address.family, (q->stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (q->fd < 0)
		return -errno;
	if (connect(q->fd, (const struct sockaddr *)&to.sa, to.len) < 0 && errno != EINPROGRESS)
		return -errno;
	const size_t place = (size_t)(q - r->questions);
	if (server_watch(r, q->fd, q->stream ? EPOLLOUT : EPOLLIN, WATCH_QUESTION, place, false) < 0)
		return -errno;
	return q->stream ? 0 : send_question(q);
}

static unsigned tries_of(const struct question *q)
{
	return q->stream ? q->n_servers : q->n_servers == 1 ? TRIES_OF_ONE : q->n_servers * 2u;
}

/* Asks the next server, or the first that can be asked at all. Without one left, the question has failed. */
static void ask_next(struct resolver *r, struct question *q)
{
	while (q->tries < tries_of(q)) {
		q->at = q->tries++ % q->n_servers;
		if (ask(r, q) == 0)
			return;
	}
	give_up(r, q);
}

/* ---- taking a question ---- */

static bool same_client(const struct origin *x, const struct origin *y, bool port)
{
	const struct net_address a = server_address(&x->client), b = server_address(&y->client);

	return net_address_equal(&a, &b) && (!port || x->client.sa.sin6_port == y->client.sa.sin6_port);
}

enum admission { ADMITTED, ASKED_ALREADY, TOO_MANY };

/* Whoever has waited for an answer for a while sends the same once more. */
static bool is_repeated(const struct question *q, const struct origin *o, const uint8_t *data, size_t n)
{
	const size_t id = sizeof(q->id);

	return o->connection < 0 && q->origin.connection < 0 && same_client(o, &q->origin, true) &&
	       q->id == dns_id(data) && q->len == n && memcmp(q->data + LENGTH + id, data + id, n - id) == 0;
}

static enum admission admit(const struct resolver *r, const struct origin *o, const uint8_t *data, size_t n)
{
	const uint16_t network = r->listeners[o->listener].network;
	size_t of_client = 0, of_network = 0;

	for (size_t i = 0; i < r->n_questions; i++) {
		const struct question *q = &r->questions[i];
		if (!in_use(q))
			continue;
		of_network += r->listeners[q->origin.listener].network == network;
		if (!same_client(o, &q->origin, false))
			continue;
		of_client++;
		if (is_repeated(q, o, data, n))
			return ASKED_ALREADY;
	}
	return of_client < QUESTIONS_OF_CLIENT && of_network < QUESTIONS_OF_NETWORK ? ADMITTED : TOO_MANY;
}

/* The resolver itself, by whatever list it came to be there, would be asked for ever. */
static bool is_self(const struct resolver *r, const struct server *s)
{
	for (size_t i = 0; i < r->n_listeners; i++)
		if (r->listeners[i].fd >= 0 && net_address_equal(&r->listeners[i].gateway, &s->address))
			return true;
	return false;
}

/* In their order, but those that were slow lately last. */
static void choose_order(const struct resolver *r, const struct asker *a, struct question *q)
{
	for (int slow = 0; slow < 2; slow++)
		for (size_t i = 0; i < a->n_servers; i++)
			if (servers_are_slow(r, &a->servers[i]) == slow && !is_self(r, &a->servers[i]))
				q->servers[q->n_servers++] = a->servers[i];
}

static struct question *free_place(struct resolver *r)
{
	for (size_t i = 0; i < r->n_questions; i++)
		if (!in_use(&r->questions[i]))
			return &r->questions[i];
	return r->n_questions < QUESTIONS_MAX ? &r->questions[r->n_questions++] : NULL;
}

bool forward(struct resolver *r, const struct origin *o, const struct asker *a, const uint8_t *data, size_t n)
{
	enum admission admission = admit(r, o, data, n);
	struct question new = { .fd = -1, .origin = *o, .stream = o->connection >= 0, .id = dns_id(data), .len = n };
	uint16_t id;

	if (admission != ADMITTED)
		return admission == ASKED_ALREADY;
	choose_order(r, a, &new);
	if (new.n_servers == 0 || getrandom(&id, sizeof(id), 0) != sizeof(id))
		return false;
	struct question *q = free_place(r);
	if (!q || !(new.data = malloc(LENGTH + n)))
		return false;
	new.data[0] = (uint8_t)(n >> 8);
	new.data[1] = (uint8_t)n;
	memcpy(new.data + LENGTH, data, n);
	dns_set_id(new.data + LENGTH, id);
	*q = new;
	ask_next(r, q);
	return true;
}

/* ---- answers ---- */

/* An error that another server may not have. */
static bool is_refusal(const uint8_t *answer)
{
	unsigned rcode = answer[3] & 15;

	return rcode == DNS_SERVFAIL || rcode == DNS_NOTIMP || rcode == DNS_REFUSED;
}

static void answered(struct resolver *r, struct question *q, uint8_t *answer, size_t len)
{
	if (!dns_answers(q->data + LENGTH, q->len, answer, len)) {
		if (q->stream)
			ask_next(r, q);
		return; /* else the right one may still come */
	}
	if (is_refusal(answer) && q->tries < q->n_servers) {
		ask_next(r, q);
		return;
	}
	const struct origin o = q->origin;
	dns_set_id(answer, q->id);
	forget(q);
	question_answer(r, &o, answer, len);
}

static void read_datagrams(struct resolver *r, struct question *q)
{
	const int fd = q->fd;

	for (int i = 0; i < DATAGRAMS_AT_ONCE && in_use(q) && q->fd == fd; i++) {
		ssize_t n = recv(q->fd, r->packet, sizeof(r->packet), MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0)
			ask_next(r, q); /* nobody listens there */
		else
			answered(r, q, r->packet, (size_t)n);
	}
}

/* Reads on until @have is @len. False: not yet, or, with the next server asked, not at all. */
static bool read_on(struct resolver *r, struct question *q, uint8_t *to, size_t from, size_t len)
{
	ssize_t n = recv(q->fd, to + (q->answer_have - from), len - (q->answer_have - from), MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		ask_next(r, q);
		return false;
	}
	q->answer_have += (size_t)n;
	return q->answer_have - from == len;
}

static void read_stream(struct resolver *r, struct question *q)
{
	if (q->answer_have < LENGTH) {
		if (!read_on(r, q, q->head, 0, LENGTH))
			return;
		q->answer_len = (size_t)q->head[0] << 8 | q->head[1];
		q->answer = malloc(q->answer_len + 1);
		if (!q->answer || q->answer_len == 0) {
			ask_next(r, q);
			return;
		}
	}
	if (!read_on(r, q, q->answer, LENGTH, q->answer_len))
		return;
	uint8_t *answer = q->answer;
	const size_t len = q->answer_len;
	q->answer = NULL;
	answered(r, q, answer, len);
	free(answer);
}

void forward_ready(struct resolver *r, size_t question)
{
	struct question *q = &r->questions[question];

	if (!q->stream)
		read_datagrams(r, q);
	else if (q->sent)
		read_stream(r, q);
	else {
		int error = send_question(q);
		if (error == -EAGAIN)
			return;
		if (error < 0 || server_watch(r, q->fd, EPOLLIN, WATCH_QUESTION, question, true) < 0)
			ask_next(r, q);
	}
}

/* ---- what does not come to an end by itself ---- */

void forward_timers(struct resolver *r)
{
	for (size_t i = 0; i < r->n_questions; i++) {
		struct question *q = &r->questions[i];
		if (!in_use(q) || q->due > r->now)
			continue;
		servers_note_slow(r, &q->servers[q->at]);
		ask_next(r, q);
	}
}

int64_t forward_due(const struct resolver *r)
{
	int64_t due = INT64_MAX;

	for (size_t i = 0; i < r->n_questions; i++)
		if (in_use(&r->questions[i]) && r->questions[i].due < due)
			due = r->questions[i].due;
	return due;
}

void forward_forget_connection(struct resolver *r, int connection)
{
	for (size_t i = 0; i < r->n_questions; i++)
		if (in_use(&r->questions[i]) && r->questions[i].origin.connection == connection)
			forget(&r->questions[i]);
}

void forward_forget_listener(struct resolver *r, size_t listener)
{
	for (size_t i = 0; i < r->n_questions; i++)
		if (in_use(&r->questions[i]) && r->questions[i].origin.listener == listener)
			forget(&r->questions[i]);
}
