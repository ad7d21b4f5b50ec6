/* What ferry tells the resolver: whose questions to answer. */
#include "netns/dns/resolver.h"

#include "lib/fd.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "netns/bridge.h"
#include "netns/dns/server.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DNS_PORT = 53, BACKLOG = 64, TRIES = 50, BETWEEN_TRIES_MS = 20, END_WITHIN_MS = 5000 };

/* False: nobody can be answered in it. */
static bool describe(const struct network *x, struct resolver_network *ret)
{
	size_t n = 0;

	*ret = (struct resolver_network){ .internal = x->internal };
	if (!x->dns || x->driver != NET_BRIDGE || strlen(x->name) >= sizeof(ret->name))
		return false;
	strcpy(ret->name, x->name);
	for (size_t i = 0; i < x->n_subnets && n < RESOLVER_GATEWAYS; i++)
		if (x->subnets[i].gateway.family) {
			ret->gateways[n] = x->subnets[i].gateway;
			ret->gateways[n++].prefix = x->subnets[i].subnet.prefix;
		}
	struct err ignored = ERR_INIT;
	for (size_t i = 0, s = 0; i < x->n_dns_servers && s < RESOLVER_SERVERS; i++)
		s += net_address_parse(x->dns_servers[i], false, &ret->servers[s], &ignored) == 0;
	return n > 0;
}

/* The number of its answer. -ECONNRESET: it ended meanwhile, as it does without networks. */
static int tell(int sock, enum resolver_message kind, const struct resolver_network *x, const int *fds, size_t n_fds,
		struct err *e)
{
	int64_t number = 0;
	int r = message_send_data(sock, kind, x, sizeof(*x), fds, n_fds, e);

	if (r == 0)
		r = message_receive(sock, &number, NULL, e);
	if (r == 0 || r == -EPIPE)
		return err_say(e, ECONNRESET, "the resolver ended");
	if (r == -EAGAIN)
		return err_say(e, ETIMEDOUT, "the resolver does not answer");
	return r < 0 ? r : (int)number;
}

/* ---- sockets ---- */

static int bind_gateway(const struct net_address *gateway, int type, struct err *e)
{
	static const int on = 1;
	struct endpoint_address to;
	char text[NET_ADDRESS_TEXT];

	server_sockaddr(gateway, 0, DNS_PORT, &to);
	cleanup_close int sock = socket(gateway->family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0)
		return err_set(e, errno, "socket");
	/* Connections of the one before may be lingering. Not of datagrams: two could bind that. */
	if (type == SOCK_STREAM)
		setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(sock, (const struct sockaddr *)&to.sa, to.len) == 0 &&
	    (type == SOCK_DGRAM || listen(sock, BACKLOG) == 0))
		return take_fd(&sock);
	net_address_text(gateway, text);
	if (errno == EADDRINUSE)
		return err_say(e, EADDRINUSE, "port 53 of %s is in use: a name server of this machine listens at all "
			       "addresses, and should at its own; or create the network with --disable-dns", text);
	return err_set(e, errno, "bind port 53 of %s", text);
}

/* Gives the resolver one gateway's two sockets. */
static int hand_over(int sock, struct resolver_network *x, size_t which, struct err *e)
{
	int fds[2] = { bind_gateway(&x->gateways[which], SOCK_DGRAM, e), -1 };

	if (fds[0] < 0)
		return fds[0];
	fds[1] = bind_gateway(&x->gateways[which], SOCK_STREAM, e);
	x->which = (uint8_t)which;
	int r = fds[1] < 0 ? fds[1] : tell(sock, RESOLVER_LISTEN, x, fds, 2, e);
	close_fd(&fds[0]);
	close_fd(&fds[1]);
	return r;
}

/* Whoever else is at the same network may be a little ahead, and have the port before the resolver has it. */
static int hand_over_missing(int sock, struct resolver_network *x, struct err *e)
{
	for (int tries = 0;; tries++) {
		int missing = tell(sock, RESOLVER_ASK, x, NULL, 0, e), r = missing;
		for (size_t i = 0; i < RESOLVER_GATEWAYS && r >= 0 && missing > 0; i++)
			if (missing & 1 << i)
				r = hand_over(sock, x, i, e);
		if (r >= 0)
			return 0;
		if (r != -EADDRINUSE || tries == TRIES)
			return r;
		nanosleep(&(struct timespec){ .tv_nsec = BETWEEN_TRIES_MS * 1000000L }, NULL);
	}
}

/*
 * The one before may have been killed, or who started this one: all other networks. One whose bridge is not there
 * cannot be bound, and need not; one that has been handed over already cannot be, either.
 */
static void hand_over_others(const struct net *n, int sock, const char *but)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct err ignored = ERR_INIT;
	struct resolver_network x;
	struct network *list;
	size_t count;

	if (bridge_list_attached(n, &a, &list, &count, &ignored) < 0)
		return;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i].name, but) == 0 || !describe(&list[i], &x))
			continue;
		for (size_t g = 0; g < RESOLVER_GATEWAYS; g++)
			if (x.gateways[g].family)
				hand_over(sock, &x, g, &ignored);
	}
}

/* ---- the face ---- */

int resolver_serve(const struct net *n, const struct network *x, struct err *e)
{
	struct resolver_network d;

	if (!describe(x, &d))
		return 0;
	for (int tries = 0;; tries++) {
		bool whole = resolver_lives(n);
		cleanup_close int sock = resolver_start(n, e);
		int r = sock;
		if (sock >= 0)
			r = hand_over_missing(sock, &d, e);
		if (r >= 0 && !whole) {
			hand_over_others(n, sock, d.name);
			r = tell(sock, RESOLVER_WHOLE, &d, NULL, 0, e);
		}
		if (r >= 0)
			return 0;
		/* It hangs, or is another ferry's and does not understand; or it has just ended. */
		struct err ignored = ERR_INIT;
		if ((r == -ETIMEDOUT && tries == 0) || (r == -ECONNRESET && tries == TRIES / 2))
			resolver_stop(n, &ignored);
		else if ((r != -ECONNRESET && r != -ECONNREFUSED) || tries == TRIES)
			return err_wrap(e, "names of the network \"%s\"", x->name);
	}
}

int resolver_keep(const struct net *n, const struct network *x, struct err *e)
{
	return x->dns && !resolver_lives(n) ? resolver_serve(n, x, e) : 0;
}

int resolver_leave(const struct net *n, const char *network, struct err *e)
{
	struct resolver_network d = { 0 };

	cleanup_close int sock = resolver_connect(n, e);
	if (sock < 0)
		return sock == -ECONNREFUSED ? 0 : err_wrap(e, "names of the network \"%s\"", network);
	strncpy(d.name, network, sizeof(d.name) - 1);
	int r = tell(sock, RESOLVER_LEAVE, &d, NULL, 0, e);
	if (r == -ETIMEDOUT)
		return resolver_stop(n, e); /* it hangs: the others have it started anew when they need it */
	return r >= 0 || r == -ECONNRESET ? 0 : err_wrap(e, "names of the network \"%s\"", network);
}

/* Who listens; 0: nobody. */
static int find_resolver(const struct net *n, pid_t *ret, struct err *e)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	cleanup_close int sock = resolver_connect(n, e);
	*ret = 0;
	if (sock < 0)
		return sock == -ECONNREFUSED ? 0 : sock;
	if (getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return err_set(e, errno, "ask who the resolver is");
	*ret = peer.pid;
	return 0;
}

int resolver_stop(const struct net *n, struct err *e)
{
	pid_t pid, again;

	if (find_resolver(n, &pid, e) < 0)
		return -e->code;
	cleanup_close int pidfd = pid ? pidfd_open(pid, 0) : -1;
	if (pidfd < 0)
		return 0; /* there is none, or not any more */
	/* If it listens still, the number was not another's meanwhile. */
	if (find_resolver(n, &again, e) < 0)
		return -e->code;
	if (again != pid)
		return 0;
	if (pidfd_send_signal(pidfd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
		return err_set(e, errno, "end the resolver");
	int r = proc_wait_end(pidfd, END_WITHIN_MS, e);
	return r > 0 ? 0 : r < 0 ? r : err_say(e, ETIMEDOUT, "the resolver does not end");
}
