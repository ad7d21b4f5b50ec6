#include "checkpoint/preflight/sockets.h"
#include "checkpoint/preflight/proc_text.h"

#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	const struct preflight_socket *x = a, *y = b;

	return x->inode < y->inode ? -1 : x->inode > y->inode;
}

void preflight_sockets_sort(struct preflight_sockets *s)
{
	size_t n = 0;

	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), compare);
	for (size_t i = 0; i < s->n; i++)
		if (i == 0 || s->v[i].inode != s->v[n - 1].inode)
			s->v[n++] = s->v[i];
	s->n = n;
}

static const struct preflight_socket *find(const struct preflight_sockets *s, uint64_t inode)
{
	const struct preflight_socket key = { .inode = inode };

	return s->n ? bsearch(&key, s->v, s->n, sizeof(*s->v), compare) : NULL;
}

/* ---- protocols ---- */

static bool is_known(const char *protocol)
{
	static const char *const known[] = { "TCP", "TCPv6", "UDP", "UDPv6", "UDP-Lite", "UDPLITEv6", "RAW", "RAWv6",
					     "UNIX", "UNIX-STREAM", "PACKET", "NETLINK" };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(protocol, known[i]) == 0)
			return true;
	return !*protocol;
}

static bool is_inet(const char *protocol)
{
	return strncmp(protocol, "TCP", 3) == 0 || strncmp(protocol, "UDP", 3) == 0 || strncmp(protocol, "RAW", 3) == 0;
}

void preflight_sockets_kinds(struct preflight *p, const struct preflight_sockets *s)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct preflight_socket *x = &s->v[i];
		p->inet_sockets |= is_inet(x->protocol);
		if (strncmp(x->protocol, "MPTCP", 5) == 0)
			preflight_add(p, PREFLIGHT_MPTCP, x->subject,
				      "has a socket of multipath TCP, which criu does not know");
		else if (!is_known(x->protocol))
			preflight_add(p, PREFLIGHT_SOCKET, x->subject,
				      "has a socket of a protocol that criu does not know, %s", x->protocol);
	}
}

/* ---- TCP ---- */

/* What one process has of a kind: findings name the first, and how many there are. */
struct count {
	const char *subject;
	size_t n;
	struct proc_tcp first;
};

static struct count *count_of(struct count *counts, size_t n, const char *subject)
{
	for (size_t i = 0; i < n; i++)
		if (counts[i].subject == subject)
			return &counts[i];
	return NULL;
}

static void add_connections(struct preflight *p, const struct count *c)
{
	if (c->n == 1)
		preflight_add(p, PREFLIGHT_TCP, c->subject, "has an established TCP connection, %s to %s", c->first.local,
			      c->first.remote);
	else
		preflight_add(p, PREFLIGHT_TCP, c->subject, "has %zu established TCP connections, one of them %s to %s",
			      c->n, c->first.local, c->first.remote);
}

void preflight_sockets_tcp(struct preflight *p, const struct preflight_options *o, const struct preflight_sockets *s,
			   uint64_t netns, const char *text)
{
	char *copy = strdup(text), *rest = copy, *line;
	struct count *counts = NULL;
	struct proc_tcp t;
	size_t n = 0;

	while ((line = proc_text_line(&rest))) {
		const struct preflight_socket *x = proc_text_tcp(line, &t) && t.inode ? find(s, t.inode) : NULL;
		if (!x || x->netns != netns)
			continue;
		if (t.state == TCP_LISTEN && t.waiting && !o->tcp_skip_in_flight)
			preflight_add(p, PREFLIGHT_TCP_IN_FLIGHT, x->subject,
				      "has not accepted %u TCP connections that came in at %s", t.waiting, t.local);
		if (o->tcp_established || !proc_tcp_is_connected(t.state))
			continue;
		struct count *c = count_of(counts, n, x->subject);
		if (!c) {
			c = arena_push(p->arena, &counts, &n);
			*c = (struct count){ .subject = x->subject, .first = t };
		}
		c->n++;
	}
	for (size_t i = 0; i < n; i++)
		add_connections(p, &counts[i]);
	free(copy);
}

/* ---- unix sockets ---- */

static bool is_named(const struct preflight_container *c, uint32_t inode)
{
	for (size_t i = 0; i < c->n_unix_sockets; i++)
		if (c->unix_sockets[i].inode == inode)
			return c->unix_sockets[i].named;
	return false;
}

void preflight_sockets_unix(struct preflight *p, const struct preflight_container *c, const struct preflight_sockets *s,
			    uint64_t netns)
{
	for (size_t i = 0; c->unix_sockets && i < c->n_unix_sockets; i++) {
		const struct preflight_unix *u = &c->unix_sockets[i];
		const struct preflight_socket *x = find(s, u->inode);

		if (!x || x->netns != netns)
			continue;
		/* criu connects it again, but does not see what is on its way. */
		if (u->in_flight && u->unread_bytes)
			preflight_add(p, PREFLIGHT_UNIX_IN_FLIGHT, x->subject,
				      "has sent data by a unix socket to one that listens and has not accepted the connection");
		if (!u->peer || find(s, u->peer))
			continue;
		/* criu keeps the end of a datagram socket whose peer it can name; that of a stream it cannot. */
		if (!u->datagram || !is_named(c, u->peer))
			preflight_add(p, PREFLIGHT_UNIX, x->subject,
				      "has a unix %s socket that is connected to %s outside of the container",
				      u->datagram ? "datagram" : "stream", u->datagram ? "one without a name" : "a process");
		else if (!c->options.ext_unix_sk)
			preflight_add(p, PREFLIGHT_EXT_UNIX, x->subject,
				      "has a unix datagram socket that is connected to a process outside of the container");
	}
}
