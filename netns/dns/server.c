/* The resolver's loop. */
#include "netns/dns/server.h"

#include "lib/clock.h"
#include "lib/daemon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 64, SHRINK_AFTER_MS = 1000 };

int server_watch(struct resolver *r, int fd, uint32_t events, enum watched what, size_t index, bool again)
{
	struct epoll_event event = { .events = events, .data.u64 = (uint64_t)what << 32 | index };

	return epoll_ctl(r->epoll, again ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
}

int server_place(const int *fds, size_t stride, size_t *n, size_t max)
{
	for (size_t i = 0; i < *n; i++)
		if (*(const int *)((const char *)fds + i * stride) < 0)
			return (int)i;
	return *n < max ? (int)(*n)++ : -1;
}

int server_network(const struct resolver *r, const char *name)
{
	for (size_t i = 0; i < r->n_networks; i++)
		if (strcmp(r->networks[i].name, name) == 0)
			return (int)i;
	return -1;
}

void server_sockaddr(const struct net_address *x, uint32_t scope, uint16_t port, struct endpoint_address *ret)
{
	struct sockaddr_in *in = (struct sockaddr_in *)&ret->sa;

	*ret = (struct endpoint_address){ .len = sizeof(ret->sa) };
	if (x->family == AF_INET6) {
		ret->sa = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port),
						 .sin6_scope_id = scope };
		memcpy(&ret->sa.sin6_addr, x->bytes, sizeof(ret->sa.sin6_addr));
		return;
	}
	ret->len = sizeof(*in);
	in->sin_family = AF_INET;
	in->sin_port = htons(port);
	memcpy(&in->sin_addr, x->bytes, sizeof(in->sin_addr));
}

struct net_address server_address(const struct endpoint_address *x)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&x->sa;
	struct net_address a = { .family = (uint8_t)x->sa.sin6_family };

	if (a.family == AF_INET6)
		memcpy(a.bytes, &x->sa.sin6_addr, sizeof(x->sa.sin6_addr));
	else
		memcpy(a.bytes, &in->sin_addr, sizeof(in->sin_addr));
	a.prefix = a.family == AF_INET6 ? 128 : 32;
	return a;
}

static void handle(struct resolver *r, const struct epoll_event *event)
{
	size_t i = (uint32_t)event->data.u64;

	/* What an event before this one closed has no descriptor; a place that was taken anew has nothing to say. */
	switch ((enum watched)(event->data.u64 >> 32)) {
	case WATCH_CONTROL:
		control_accept(r);
		break;
	case WATCH_PEER:
		if (r->peers[i].fd >= 0)
			control_read(r, i);
		break;
	case WATCH_LISTENER:
		if (r->listeners[i].fd < 0)
			break;
		if (r->listeners[i].stream)
			connection_accept(r, i);
		else
			question_datagrams(r, i);
		break;
	case WATCH_CONNECTION:
		if (r->connections[i].fd >= 0)
			connection_ready(r, i);
		break;
	case WATCH_QUESTION:
		if (r->questions[i].fd >= 0)
			forward_ready(r, i);
		break;
	}
}

/* How long to wait: for what is due, or, after there was work, until its memory is given back. */
static int until(const struct resolver *r, bool shrunk)
{
	int64_t due = connection_due(r), other = forward_due(r);

	if (other < due)
		due = other;
	if (due == INT64_MAX)
		return shrunk ? -1 : SHRINK_AFTER_MS;
	int64_t ms = due - clock_ms();
	return ms < 0 ? 0 : ms > INT_MAX ? INT_MAX : (int)ms + 1;
}

_Noreturn void server_run(struct resolver *r)
{
	struct epoll_event events[EVENTS];
	bool shrunk = false;

	while (!r->done) {
		int n = epoll_wait(r->epoll, events, EVENTS, until(r, shrunk));
		if (n < 0 && errno != EINTR)
			_exit(1);
		r->now = clock_ms();
		for (int i = 0; i < n; i++)
			handle(r, &events[i]);
		forward_timers(r);
		connection_timers(r);
		if (n == 0 && !shrunk)
			daemon_shrink();
		shrunk = n == 0;
	}
	_exit(0);
}
