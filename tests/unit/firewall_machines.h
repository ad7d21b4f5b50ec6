/*
 * A host with four networks and a machine outside, all within network namespaces of the test's own; and whom one reaches from
 * where. One process has sockets in all of them.
 */
#ifndef TESTS_UNIT_FIREWALL_MACHINES_H
#define TESTS_UNIT_FIREWALL_MACHINES_H

#include "tests/unit/firewall_example.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "netns/link.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>

enum machine { HOST, OUTSIDE, WEB, WEB2, OTHER, LAB, DATA, DATA2, MACHINES, NOBODY = MACHINES };
enum { NETWORKS = 4, WITHOUT = NETWORKS, BRIDGES, LISTENERS = 128 };

static const struct {
	const char *name, *bridge, *gateway4, *gateway6, *subnet4, *subnet6;
	bool isolate, internal;
} networks_made[BRIDGES] = {
	{ "ferry", "ferry0", "10.89.0.1/24", "fd00:89::1/64", "10.89.0.0/24", "fd00:89::/64" },
	{ "other", "ferry1", "10.89.1.1/24", "fd00:89:1::1/64", "10.89.1.0/24", "fd00:89:1::/64" },
	{ "lab", "ferry2", "10.89.2.1/24", "fd00:89:2::1/64", "10.89.2.0/24", "fd00:89:2::/64", .isolate = true },
	{ "data", "ferry3", "10.89.3.1/24", "fd00:89:3::1/64", "10.89.3.0/24", "fd00:89:3::/64", .internal = true },
	[WITHOUT] = { "the world", "world", "192.0.2.1/24", "2001:db8::1/64", NULL, NULL },
};

static const struct {
	int network;
	const char *host_link, *ipv4, *ipv6;
} machines_made[MACHINES] = {
	[OUTSIDE] = { WITHOUT, "world0", "192.0.2.2/24", "2001:db8::2/64" },
	[WEB] = { 0, "fv00000000000", "10.89.0.2/24", "fd00:89::2/64" },
	[WEB2] = { 0, "fv00000000010", "10.89.0.3/24", "fd00:89::3/64" },
	[OTHER] = { 1, "fv00000000020", "10.89.1.2/24", "fd00:89:1::2/64" },
	[LAB] = { 2, "fv00000000030", "10.89.2.2/24", "fd00:89:2::2/64" },
	[DATA] = { 3, "fv00000000040", "10.89.3.2/24", "fd00:89:3::2/64" },
	[DATA2] = { 3, "fv00000000050", "10.89.3.3/24", "fd00:89:3::3/64" },
};

struct listener {
	int fd;
	enum machine machine;
	bool tcp;
};

struct machines {
	int netns[MACHINES];
	struct nl nft;
	struct net_subnet subnets[NETWORKS][EXAMPLE_SUBNETS];
	struct network networks[NETWORKS];
	struct net_link links[MACHINES];
	struct net_port web_ports[6], other_ports[2];
	struct net_endpoint endpoints[MACHINES];
	struct firewall_all all;
	struct listener listeners[LISTENERS];
	size_t n_listeners;
};

static inline void assert_ok(int r, const struct err *e)
{
	if (r < 0)
		fail_msg("%s", e->msg);
}

static inline void enter_netns(const struct machines *m, enum machine who)
{
	assert_int_equal(setns(m->netns[who], CLONE_NEWNET), 0);
}

static inline int socket_of(const struct machines *m, enum machine who, int family, int type, int protocol)
{
	enter_netns(m, who);
	int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	enter_netns(m, HOST);
	if (fd < 0)
		fail_msg("socket: %s", strerror(errno));
	return fd;
}

/* ---- making them ---- */

static inline void make_bridges(struct nl *route)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	struct err e = ERR_INIT;

	link_set_up(&b, LINK_LOOPBACK, "lo");
	for (size_t i = 0; i < BRIDGES; i++) {
		const struct net_address gateways[] = { address(networks_made[i].gateway4), address(networks_made[i].gateway6) };
		struct link_facts f;
		uint8_t mac[6];
		net_mac_of(&gateways[0], mac);
		link_add_bridge(&b, networks_made[i].bridge, mac, 0, 0);
		assert_ok(nl_send(route, &b, &e), &e);
		assert_ok(link_find(route, networks_made[i].bridge, &f, &e), &e);
		link_add_address(&b, f.index, &gateways[0]);
		link_add_address(&b, f.index, &gateways[1]);
	}
	assert_ok(nl_send(route, &b, &e), &e);
}

static inline void configure_machine(const struct machines *m, enum machine who)
{
	const char *const gateways[] = { networks_made[machines_made[who].network].gateway4,
					 networks_made[machines_made[who].network].gateway6 };
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	cleanup_nl struct nl inner = NL_INIT;
	struct err e = ERR_INIT;
	struct link_facts f;

	assert_ok(nl_open(NETLINK_ROUTE, m->netns[who], &inner, &e), &e);
	assert_ok(link_find(&inner, "eth0", &f, &e), &e);
	link_set_up(&b, LINK_LOOPBACK, "lo");
	link_set_up(&b, f.index, "eth0");
	for (size_t i = 0; i < 2; i++) {
		const struct net_address gateway = address(gateways[i]);
		link_add_address(&b, f.index, &m->links[who].addresses[i]);
		link_add_default_route(&b, f.index, &gateway, 100);
	}
	assert_ok(nl_send(&inner, &b, &e), &e);
}

static inline void make_machine(struct machines *m, enum machine who, struct nl *route)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	const size_t network = (size_t)machines_made[who].network;
	struct err e = ERR_INIT;
	struct link_facts bridge;

	fresh_netns();
	m->netns[who] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	enter_netns(m, HOST);
	m->links[who] = example_link(networks_made[network].name, machines_made[who].host_link, (uint8_t)who,
				     machines_made[who].ipv4, machines_made[who].ipv6);
	if (network != WITHOUT && !networks_made[network].internal) {
		m->links[who].gateways[0] = address(networks_made[network].gateway4);
		m->links[who].gateways[1] = address(networks_made[network].gateway6);
	}
	assert_ok(link_find(route, networks_made[network].bridge, &bridge, &e), &e);
	link_add_veth(&b, &(struct link_veth){ .host_name = machines_made[who].host_link, .name = "eth0",
					       .bridge = bridge.index, .netns = m->netns[who],
					       .mac = m->links[who].mac, .hairpin = who == WEB || who == LAB });
	assert_ok(nl_send(route, &b, &e), &e);
	configure_machine(m, who);
}

static inline void listen_at(struct machines *m, enum machine who, const char *at, uint16_t port)
{
	const struct net_address x = address(at);
	const int on = 1;

	for (int tcp = 0; tcp < 2; tcp++) {
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
		bool v6 = x.family == AF_INET6;
		int fd = socket_of(m, who, x.family, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
		memcpy(v6 ? (void *)&in6.sin6_addr : (void *)&in.sin_addr, x.bytes, net_address_size(&x));
		if (v6)
			setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
		assert_int_equal(bind(fd, v6 ? (void *)&in6 : (void *)&in, v6 ? sizeof(in6) : sizeof(in)), 0);
		if (tcp)
			assert_int_equal(listen(fd, 64), 0);
		assert_true(m->n_listeners < LISTENERS);
		m->listeners[m->n_listeners++] = (struct listener){ fd, who, tcp };
	}
}

static inline void make_rules(struct machines *m)
{
	size_t n = 0;
	struct err e = ERR_INIT;

	for (size_t i = 0; i < NETWORKS; i++) {
		m->networks[i] = example_network(networks_made[i].name, networks_made[i].bridge, m->subnets[i],
						 networks_made[i].subnet4, networks_made[i].subnet6);
		m->networks[i].isolate = networks_made[i].isolate;
		m->networks[i].internal = networks_made[i].internal;
		assert_ok(firewall_sysctls(-1, &m->networks[i], &e), &e);
	}
	m->web_ports[0] = (struct net_port){ IPPROTO_TCP, .host_port = 8080, .container_port = 80, .count = 3 };
	m->web_ports[1] = (struct net_port){ IPPROTO_UDP, .host_port = 8080, .container_port = 80, .count = 3 };
	m->web_ports[2] = (struct net_port){ IPPROTO_TCP, address("127.0.0.1"), 9000, 80, 1 };
	m->web_ports[3] = (struct net_port){ IPPROTO_UDP, address("127.0.0.1"), 9000, 80, 1 };
	m->web_ports[4] = (struct net_port){ IPPROTO_TCP, address("192.0.2.1"), 9001, 80, 1 };
	m->web_ports[5] = (struct net_port){ IPPROTO_TCP, address("2001:db8::1"), 9001, 80, 1 };
	m->other_ports[0] = (struct net_port){ IPPROTO_TCP, .host_port = 8090, .container_port = 80, .count = 1 };
	m->other_ports[1] = (struct net_port){ IPPROTO_UDP, .host_port = 8090, .container_port = 80, .count = 1 };
	for (enum machine who = WEB; who < MACHINES; who++)
		m->endpoints[n++] = (struct net_endpoint){
			.links = &m->links[who],
			.n_links = 1,
			.ports = who == WEB ? m->web_ports : m->other_ports,
			.n_ports = who == WEB ? 6 : who == LAB ? 2 : 0,
		};
	m->all = (struct firewall_all){ m->networks, NETWORKS, m->endpoints, n };
	open_nft(&m->nft);
	assert_ok(firewall_rebuild(&m->nft, &m->all, &e), &e);
}

static inline void machines_end(struct machines *m)
{
	for (size_t i = 0; i < m->n_listeners; i++)
		close(m->listeners[i].fd);
	for (enum machine who = HOST; who < MACHINES; who++)
		close(m->netns[who]);
	nl_close(&m->nft);
}

/* ---- reaching one another ---- */

/* How long to wait for what must come, and for what must not. */
enum { OPEN_MS = 60000, CLOSED_MS = 50 };

struct heard {
	enum machine who; /* NOBODY: nothing arrived */
	char peer[NET_ADDRESS_TEXT]; /* from whom it came, as who saw it */
	uint16_t port; /* where it arrived */
	bool answered;
};

static inline long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static inline void note_peer(const struct sockaddr_storage *from, struct heard *h)
{
	struct net_address x = { .family = (uint8_t)from->ss_family };

	if (x.family == AF_INET)
		memcpy(x.bytes, &((const struct sockaddr_in *)from)->sin_addr, 4);
	else
		memcpy(x.bytes, &((const struct sockaddr_in6 *)from)->sin6_addr, 16);
	net_address_text(&x, h->peer);
}

/* Takes what waits at a listener, and answers. */
static inline bool serve(const struct listener *l, struct heard *h)
{
	struct sockaddr_storage from = { 0 }, here = { 0 };
	socklen_t size = sizeof(from), here_size = sizeof(here);
	char byte;

	if (l->tcp) {
		int fd = accept4(l->fd, (struct sockaddr *)&from, &size, SOCK_CLOEXEC);
		if (fd < 0)
			return false;
		close(fd);
	} else {
		if (recvfrom(l->fd, &byte, 1, 0, (struct sockaddr *)&from, &size) < 0)
			return false;
		sendto(l->fd, &byte, 1, 0, (struct sockaddr *)&from, size);
	}
	h->who = l->machine;
	note_peer(&from, h);
	getsockname(l->fd, (struct sockaddr *)&here, &here_size);
	h->port = ntohs(here.ss_family == AF_INET ? ((struct sockaddr_in *)&here)->sin_port :
						    ((struct sockaddr_in6 *)&here)->sin6_port);
	return true;
}

/* @patience_ms: how long nothing has to happen to be taken for nothing. */
static inline void wait_for_answer(const struct machines *m, int client, bool tcp, long patience_ms, struct heard *h)
{
	struct pollfd fds[1 + LISTENERS];
	const long end = now_ms() + patience_ms;
	bool arrived = false;
	char byte;

	for (size_t i = 0; i < m->n_listeners; i++)
		fds[i + 1] = (struct pollfd){ m->listeners[i].fd, POLLIN, 0 };
	while (!(arrived && h->answered) && now_ms() < end) {
		fds[0] = (struct pollfd){ h->answered ? -1 : client, tcp ? POLLOUT : POLLIN, 0 };
		if (poll(fds, m->n_listeners + 1, (int)(end - now_ms()) + 1) <= 0)
			continue;
		if (fds[0].revents & (POLLERR | POLLHUP))
			break;
		h->answered |= fds[0].revents && (tcp || recv(client, &byte, 1, 0) == 1);
		for (size_t i = 0; i < m->n_listeners; i++)
			if (fds[i + 1].revents)
				arrived |= serve(&m->listeners[i], h);
	}
	/* A packet that arrives where it should not counts as reached, answered or not. */
	if (!arrived)
		h->who = NOBODY;
}

static inline struct heard reach(const struct machines *m, enum machine from, bool tcp, const char *to, uint16_t port,
				 long patience_ms)
{
	const struct net_address x = address(to);
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	bool v6 = x.family == AF_INET6;
	struct heard h = { .who = NOBODY };

	cleanup_close int fd = socket_of(m, from, x.family, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
	memcpy(v6 ? (void *)&in6.sin6_addr : (void *)&in.sin_addr, x.bytes, net_address_size(&x));
	if (connect(fd, v6 ? (void *)&in6 : (void *)&in, v6 ? sizeof(in6) : sizeof(in)) < 0 && errno != EINPROGRESS)
		return h;
	if (!tcp && send(fd, "x", 1, 0) < 0)
		return h;
	wait_for_answer(m, fd, tcp, patience_ms, &h);
	return h;
}

/* What has arrived, and nobody has looked at. */
static inline void forget_arrivals(const struct machines *m)
{
	struct heard h;

	for (size_t i = 0; i < m->n_listeners; i++)
		while (serve(&m->listeners[i], &h))
			;
}

/* ---- all of it ---- */

/*
 * Until its gateway answers it: a link carries packets some time after it is up, and of those that wait for a neighbour's
 * address not all are kept.
 */
static inline void settle(const struct machines *m, enum machine who)
{
	const char *const gateways[] = { networks_made[machines_made[who].network].gateway4,
					 networks_made[machines_made[who].network].gateway6 };
	const long end = now_ms() + OPEN_MS;

	for (size_t i = 0; i < 2; i++) {
		char to[NET_ADDRESS_TEXT];
		snprintf(to, sizeof(to), "%.*s", (int)strcspn(gateways[i], "/"), gateways[i]);
		while (reach(m, who, true, to, 53, OPEN_MS).who != HOST)
			assert_true(now_ms() < end);
	}
	forget_arrivals(m);
}

static inline void machines_make(struct machines *m)
{
	cleanup_nl struct nl route = NL_INIT;
	struct err e = ERR_INIT;

	memset(m, 0, sizeof(*m));
	fresh_netns();
	m->netns[HOST] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_ok(nl_open(NETLINK_ROUTE, -1, &route, &e), &e);
	make_bridges(&route);
	for (enum machine who = OUTSIDE; who < MACHINES; who++) {
		make_machine(m, who, &route);
		for (uint16_t port = 80; port <= 82; port++) {
			listen_at(m, who, "0.0.0.0", port);
			listen_at(m, who, "::", port);
		}
	}
	make_rules(m);
	listen_at(m, HOST, "0.0.0.0", 22);
	listen_at(m, HOST, "::", 22);
	listen_at(m, HOST, "0.0.0.0", 53);
	listen_at(m, HOST, "::", 53);
	listen_at(m, HOST, "127.0.0.1", 6000);
	for (enum machine who = OUTSIDE; who < MACHINES; who++)
		settle(m, who);
}

#endif
