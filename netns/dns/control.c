/* What ferry tells the resolver. Whoever can connect is root. */
#include "netns/dns/server.h"

#include "lib/fd.h"
#include "lib/message.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

/* ---- networks ---- */

static bool listens_at(const struct resolver *r, size_t network, const struct net_address *gateway)
{
	for (size_t i = 0; i < r->n_listeners; i++) {
		const struct listener *l = &r->listeners[i];
		if (l->fd >= 0 && l->network == network && net_address_equal(&l->gateway, gateway))
			return true;
	}
	return false;
}

static bool has_gateway(const struct resolver_network *x, const struct net_address *gateway)
{
	for (size_t i = 0; i < RESOLVER_GATEWAYS; i++)
		if (x->gateways[i].family && net_address_equal(&x->gateways[i], gateway))
			return true;
	return false;
}

/* Those of a network that are none of its gateways'; all of one that has left. */
static void close_listeners(struct resolver *r, size_t network)
{
	for (size_t i = 0; i < r->n_listeners; i++) {
		struct listener *l = &r->listeners[i];
		if (l->fd < 0 || l->network != network || has_gateway(&r->networks[network], &l->gateway))
			continue;
		forward_forget_listener(r, i);
		for (size_t c = 0; c < r->n_connections; c++)
			if (r->connections[c].fd >= 0 && r->connections[c].origin.listener == i)
				connection_close(r, c);
		close_fd(&l->fd);
	}
}

/* Returns its number. */
static int know_network(struct resolver *r, const struct resolver_network *x, struct err *e)
{
	int i = server_network(r, x->name);

	if (i < 0)
		i = server_network(r, "");
	if (i < 0 && r->n_networks < NETWORKS_MAX)
		i = (int)r->n_networks++;
	if (i < 0)
		return err_say(e, ENOSPC, "the resolver serves %d networks already", NETWORKS_MAX);
	r->networks[i] = *x;
	close_listeners(r, (size_t)i);
	return i;
}

/* A bit for each; none of a network that has left. */
static int missing_gateways(const struct resolver *r, int network)
{
	int mask = 0;

	for (size_t i = 0; i < RESOLVER_GATEWAYS && network >= 0; i++) {
		const struct net_address *gateway = &r->networks[network].gateways[i];
		if (gateway->family && !listens_at(r, (size_t)network, gateway))
			mask |= 1 << i;
	}
	return mask;
}

static void leave(struct resolver *r, const char *name)
{
	int i = server_network(r, name);

	if (i < 0)
		return;
	r->networks[i] = (struct resolver_network){ 0 };
	close_listeners(r, (size_t)i);
}

static int add_listener(struct resolver *r, size_t network, const struct net_address *gateway, int *fd, bool stream,
			struct err *e)
{
	int i = server_place(&r->listeners[0].fd, sizeof(r->listeners[0]), &r->n_listeners, LISTENERS_MAX);

	if (i < 0)
		return err_say(e, ENOSPC, "the resolver listens at %d sockets already", LISTENERS_MAX);
	r->listeners[i] = (struct listener){ .fd = take_fd(fd), .stream = stream, .network = (uint16_t)network,
					     .gateway = *gateway };
	if (server_watch(r, r->listeners[i].fd, EPOLLIN, WATCH_LISTENER, (size_t)i, false) < 0) {
		close_fd(&r->listeners[i].fd);
		return err_set(e, errno, "epoll_ctl");
	}
	return 0;
}

static int listen_at(struct resolver *r, const struct resolver_network *x, int fds[2], struct err *e)
{
	int network = know_network(r, x, e);

	if (network < 0)
		return network;
	if (fds[0] < 0 || fds[1] < 0 || x->which >= RESOLVER_GATEWAYS)
		return err_say(e, EPROTO, "a gateway without its two sockets");
	/* Somebody else was faster: one is enough. */
	if (listens_at(r, (size_t)network, &x->gateways[x->which]))
		return 0;
	if (add_listener(r, (size_t)network, &x->gateways[x->which], &fds[0], false, e) < 0)
		return -e->code;
	return add_listener(r, (size_t)network, &x->gateways[x->which], &fds[1], true, e);
}

/* ---- who tells ---- */

/* As long as there is no place for another, whoever connects waits. */
static void pause_control(struct resolver *r, bool pause)
{
	if (pause != r->control_paused && server_watch(r, r->control, pause ? 0 : EPOLLIN, WATCH_CONTROL, 0, true) == 0)
		r->control_paused = pause;
}

void control_accept(struct resolver *r)
{
	int i = server_place(&r->peers[0].fd, sizeof(r->peers[0]), &r->n_peers, PEERS_MAX);

	if (i < 0) {
		pause_control(r, true);
		return;
	}
	r->peers[i].fd = accept4(r->control, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (r->peers[i].fd >= 0 && server_watch(r, r->peers[i].fd, EPOLLIN, WATCH_PEER, (size_t)i, false) < 0)
		close_fd(&r->peers[i].fd);
}

/* Without a network, and with nobody left who could have one for it, the resolver ends. */
static void let_go(struct resolver *r, size_t peer)
{
	close_fd(&r->peers[peer].fd);
	pause_control(r, false);
	for (size_t i = 0; i < r->n_peers; i++)
		if (r->peers[i].fd >= 0)
			return;
	for (size_t i = 0; i < r->n_listeners; i++)
		if (r->listeners[i].fd >= 0)
			return;
	r->done = true;
}

static int be_seen(const struct resolver *r, struct err *e)
{
	const struct flock all = { .l_type = F_RDLCK, .l_whence = SEEK_SET };

	return fcntl(r->lock, F_SETLK, &all) < 0 ? err_set(e, errno, "lock") : 0;
}

static int obey(struct resolver *r, int kind, const struct resolver_network *x, int fds[2], struct err *e)
{
	if (memchr(x->name, '\0', sizeof(x->name)) == NULL || !*x->name)
		return err_say(e, EPROTO, "a network without a name");
	if (kind == RESOLVER_ASK)
		return know_network(r, x, e);
	if (kind == RESOLVER_LISTEN)
		return listen_at(r, x, fds, e);
	if (kind == RESOLVER_WHOLE)
		return be_seen(r, e);
	if (kind != RESOLVER_LEAVE)
		return err_say(e, EPROTO, "a message that the resolver does not know");
	leave(r, x->name);
	return 0;
}

void control_read(struct resolver *r, size_t peer)
{
	struct resolver_network x;
	struct err e = ERR_INIT;
	int fds[2] = { -1, -1 }, sock = r->peers[peer].fd;
	int kind = message_receive_data(sock, &x, sizeof(x), fds, 2, &e);

	if (kind == -EAGAIN)
		return;
	if (kind <= 0) {
		let_go(r, peer);
		return;
	}
	if (obey(r, kind, &x, fds, &e) < 0)
		message_send_error(sock, &e);
	else
		message_send(sock, RESOLVER_ANSWER, missing_gateways(r, server_network(r, x.name)), NULL, 0, &e);
	close_fd(&fds[0]);
	close_fd(&fds[1]);
}
