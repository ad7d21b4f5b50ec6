/* Packets against the rules that firewall_rules.c makes: who reaches whom, seen as whom. */
#include "tests/unit/firewall_machines.h"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TCP = 1, UDP = 2, BOTH = TCP | UDP };

struct check {
	enum machine from;
	int by;
	const char *to;
	uint16_t port;
	enum machine reached;
	const char *as; /* what the other one sees; NULL: anything */
};

static const char *const names[] = { "the host", "outside", "web", "web2", "other", "lab", "data", "data2", "nobody" };

static const struct check checks[] = {
	/* Out, as the host. */
	{ WEB, BOTH, "192.0.2.2", 80, OUTSIDE, "192.0.2.1" },
	{ WEB, BOTH, "2001:db8::2", 80, OUTSIDE, "2001:db8::1" },
	{ LAB, BOTH, "192.0.2.2", 80, OUTSIDE, "192.0.2.1" },
	/* Within one network, as oneself. */
	{ WEB, BOTH, "10.89.0.3", 80, WEB2, "10.89.0.2" },
	{ WEB, BOTH, "fd00:89::3", 80, WEB2, "fd00:89::2" },
	{ DATA, BOTH, "10.89.3.3", 80, DATA2, "10.89.3.2" },
	{ DATA, BOTH, "fd00:89:3::3", 80, DATA2, "fd00:89:3::2" },
	/* The host reaches all. */
	{ HOST, BOTH, "10.89.0.2", 80, WEB, "10.89.0.1" },
	{ HOST, BOTH, "fd00:89:2::2", 80, LAB, "fd00:89:2::1" },
	{ HOST, BOTH, "10.89.3.2", 80, DATA, "10.89.3.1" },
	{ HOST, BOTH, "fd00:89:3::2", 80, DATA, "fd00:89:3::1" },
	/* Published, from outside: the client's address is kept. */
	{ OUTSIDE, BOTH, "192.0.2.1", 8080, WEB, "192.0.2.2" },
	{ OUTSIDE, BOTH, "192.0.2.1", 8081, WEB, "192.0.2.2" },
	{ OUTSIDE, BOTH, "192.0.2.1", 8082, WEB, "192.0.2.2" },
	{ OUTSIDE, BOTH, "2001:db8::1", 8080, WEB, "2001:db8::2" },
	{ OUTSIDE, BOTH, "192.0.2.1", 8090, LAB, "192.0.2.2" },
	{ OUTSIDE, TCP, "192.0.2.1", 9001, WEB, "192.0.2.2" },
	{ OUTSIDE, TCP, "2001:db8::1", 9001, WEB, "2001:db8::2" },
	/* From the host itself. */
	{ HOST, BOTH, "192.0.2.1", 8080, WEB, "192.0.2.1" },
	{ HOST, BOTH, "2001:db8::1", 8080, WEB, "2001:db8::1" },
	{ HOST, BOTH, "10.89.1.1", 8080, WEB, NULL },
	{ HOST, BOTH, "127.0.0.1", 8080, WEB, "10.89.0.1" },
	{ HOST, BOTH, "127.0.0.1", 9000, WEB, "10.89.0.1" },
	{ HOST, TCP, "192.0.2.1", 9001, WEB, "192.0.2.1" },
	/* From the neighbour, and from the container itself. */
	{ WEB2, BOTH, "192.0.2.1", 8080, WEB, NULL },
	{ WEB2, BOTH, "10.89.0.1", 8080, WEB, NULL },
	{ WEB2, BOTH, "2001:db8::1", 8080, WEB, NULL },
	{ WEB, BOTH, "192.0.2.1", 8080, WEB, "10.89.0.1" },
	{ WEB, BOTH, "10.89.0.1", 8080, WEB, "10.89.0.1" },
	{ WEB, BOTH, "2001:db8::1", 8080, WEB, "fd00:89::1" },
	{ LAB, BOTH, "192.0.2.1", 8090, LAB, "10.89.2.1" },
	/* From another network: by a published port alone, and not where one is isolated. */
	{ OTHER, BOTH, "192.0.2.1", 8080, WEB, "10.89.1.2" },
	{ OTHER, BOTH, "2001:db8::1", 8080, WEB, "fd00:89:1::2" },
	{ OTHER, BOTH, "10.89.0.2", 80, NOBODY, NULL },
	{ OTHER, BOTH, "fd00:89::2", 80, NOBODY, NULL },
	{ WEB, BOTH, "10.89.1.2", 80, NOBODY, NULL },
	{ LAB, BOTH, "10.89.0.2", 80, NOBODY, NULL },
	{ LAB, BOTH, "192.0.2.1", 8080, NOBODY, NULL },
	{ LAB, BOTH, "2001:db8::1", 8080, NOBODY, NULL },
	{ WEB, BOTH, "192.0.2.1", 8090, NOBODY, NULL },
	{ WEB, BOTH, "10.89.2.2", 80, NOBODY, NULL },
	/* From outside nothing but what is published, there. */
	{ OUTSIDE, BOTH, "10.89.0.2", 80, NOBODY, NULL },
	{ OUTSIDE, BOTH, "fd00:89::2", 80, NOBODY, NULL },
	{ OUTSIDE, BOTH, "10.89.3.2", 80, NOBODY, NULL },
	{ OUTSIDE, BOTH, "192.0.2.1", 9000, NOBODY, NULL },
	{ WEB2, TCP, "10.89.0.1", 9001, NOBODY, NULL },
	/* Internal: no way out, and of the host its resolver alone. */
	{ DATA, BOTH, "192.0.2.2", 80, NOBODY, NULL },
	{ DATA, BOTH, "2001:db8::2", 80, NOBODY, NULL },
	{ DATA, BOTH, "10.89.0.2", 80, NOBODY, NULL },
	{ DATA, BOTH, "10.89.3.1", 8080, NOBODY, NULL },
	{ DATA, BOTH, "192.0.2.1", 8080, NOBODY, NULL },
	{ DATA, BOTH, "10.89.3.1", 53, HOST, "10.89.3.2" },
	{ DATA, BOTH, "fd00:89:3::1", 53, HOST, "fd00:89:3::2" },
	{ DATA, BOTH, "10.89.3.1", 22, NOBODY, NULL },
	{ DATA, BOTH, "fd00:89:3::1", 22, NOBODY, NULL },
	{ DATA, BOTH, "192.0.2.1", 53, NOBODY, NULL },
	{ DATA, BOTH, "10.89.0.1", 53, NOBODY, NULL },
	{ WEB, BOTH, "10.89.3.2", 80, NOBODY, NULL },
	/* The host answers others as before, and itself. */
	{ WEB, BOTH, "10.89.0.1", 22, HOST, "10.89.0.2" },
	{ HOST, BOTH, "127.0.0.1", 6000, HOST, "127.0.0.1" },
	{ HOST, BOTH, "::1", 8080, NOBODY, NULL },
};

static void run_check(const struct machines *m, const struct check *c, bool tcp)
{
	struct heard h = reach(m, c->from, tcp, c->to, c->port, c->reached == NOBODY ? CLOSED_MS : OPEN_MS);

	if (h.who != c->reached || (c->as && strcmp(h.peer, c->as) != 0))
		fail_msg("%s to %s port %u/%s reached %s as %s; should be %s as %s", names[c->from], c->to, c->port,
			 tcp ? "tcp" : "udp", names[h.who], h.peer, names[c->reached], c->as ? c->as : "anything");
	if (h.who != NOBODY && !h.answered)
		fail_msg("%s to %s port %u/%s: no answer", names[c->from], c->to, c->port, tcp ? "tcp" : "udp");
	/* A range leads to a range. */
	if (c->port >= 8080 && c->port <= 8082 && h.who == WEB)
		assert_int_equal(h.port, c->port - 8000);
}

static void run_checks(const struct machines *m)
{
	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
		for (int by = TCP; by <= UDP; by++)
			if (checks[i].by & by)
				run_check(m, &checks[i], by == TCP);
}

/* False: the kernel does not have it. */
static bool filter_bridged(bool on)
{
	static const char *const paths[] = { "/proc/sys/net/bridge/bridge-nf-call-iptables",
					     "/proc/sys/net/bridge/bridge-nf-call-ip6tables",
					     "/proc/sys/net/bridge/bridge-nf-call-arptables" };
	struct err e = ERR_INIT;

	for (size_t i = 0; i < 3; i++)
		if (file_write_at(AT_FDCWD, paths[i], on ? "1" : "0", &e) < 0)
			return false;
	return true;
}

static void test_reach(void **state)
{
	struct machines m;

	(void)state;
	machines_make(&m);
	filter_bridged(false);
	run_checks(&m);
	machines_end(&m);
}

/* With br_netfilter, what goes from one port of a bridge to another passes the rules of forwarded packets, too. */
static void test_reach_bridged(void **state)
{
	struct machines m;

	(void)state;
	machines_make(&m);
	if (!filter_bridged(true)) {
		machines_end(&m);
		print_message("skipped: the kernel has no br_netfilter\n");
		skip();
	}
	run_checks(&m);
	machines_end(&m);
}

/* ---- connections that UDP does not have ---- */

static bool answered(int fd, long patience_ms)
{
	struct pollfd p = { fd, POLLIN, 0 };
	char byte;

	/* An error tells of what was sent before. */
	for (long end = now_ms() + patience_ms; now_ms() < end; poll(&p, 1, (int)(end - now_ms()) + 1))
		if (recv(fd, &byte, 1, 0) == 1)
			return true;
	return recv(fd, &byte, 1, 0) == 1;
}

static enum machine ask_again(struct machines *m, int fd, long patience_ms)
{
	struct heard h = { .who = NOBODY };

	if (send(fd, "x", 1, 0) < 0) /* what was not there the last time */
		assert_int_equal(send(fd, "x", 1, 0), 1);
	for (long end = now_ms() + patience_ms; h.who == NOBODY && now_ms() < end; poll(NULL, 0, 1))
		for (size_t i = 0; i < m->n_listeners; i++)
			if (!m->listeners[i].tcp)
				serve(&m->listeners[i], &h);
	assert_int_equal(answered(fd, patience_ms), h.who != NOBODY);
	return h.who;
}

/* A client that goes on sending from the same port reaches what is published meanwhile, and what takes its place. */
static void test_udp_goes_on(void **state)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(7000) };
	struct net_port port = { IPPROTO_UDP, .host_port = 7000, .container_port = 80, .count = 1 };
	const struct net_address host = address("192.0.2.1");
	struct err e = ERR_INIT;
	struct machines m;

	(void)state;
	machines_make(&m);
	cleanup_close int fd = socket_of(&m, OUTSIDE, AF_INET, SOCK_DGRAM, 0);
	memcpy(&to.sin_addr, host.bytes, 4);
	assert_int_equal(connect(fd, (void *)&to, sizeof(to)), 0);
	assert_int_equal(ask_again(&m, fd, CLOSED_MS), NOBODY);

	struct net_endpoint first = { .links = &m.links[WEB2], .n_links = 1, .ports = &port, .n_ports = 1 }, second = first;
	second.links = &m.links[OTHER];
	assert_ok(firewall_add_endpoint(&m.nft, &first, &e), &e);
	assert_int_equal(ask_again(&m, fd, OPEN_MS), WEB2);
	assert_ok(firewall_remove_endpoint(&m.nft, &first, &e), &e);
	assert_int_equal(ask_again(&m, fd, CLOSED_MS), NOBODY);
	assert_ok(firewall_add_endpoint(&m.nft, &second, &e), &e);
	assert_int_equal(ask_again(&m, fd, OPEN_MS), OTHER);
	machines_end(&m);
}

/* ---- 127.0.0.1 of the host ---- */

/* As somebody who may configure his own network: his 127.0.0.1 is sent out, to the gateway. */
static void send_loopback_out(const struct machines *m, enum machine who)
{
	char command[512];

	enter_netns(m, who);
	snprintf(command, sizeof(command),
		 "sysctl -qw net.ipv4.conf.all.route_localnet=1; ip addr flush dev lo; ip route add 127.0.0.0/8 via %.*s",
		 (int)strcspn(networks_made[machines_made[who].network].gateway4, "/"),
		 networks_made[machines_made[who].network].gateway4);
	assert_int_equal(system(command), 0);
	enter_netns(m, HOST);
}

static const enum machine loopback_senders[] = { OUTSIDE, WEB, OTHER, DATA };
enum { SENDERS = sizeof(loopback_senders) / sizeof(loopback_senders[0]) };

static void check_loopback(const struct machines *m)
{
	static const uint16_t ports[] = { 6000, 22, 53, 80, 8080, 9000 };

	for (size_t i = 0; i < SENDERS; i++)
		for (size_t j = 0; j < sizeof(ports) / sizeof(ports[0]); j++)
			for (int by = TCP; by <= UDP; by++)
				run_check(m, &(struct check){ loopback_senders[i], by, "127.0.0.1", ports[j], NOBODY, NULL },
					  by == TCP);
}

static void test_loopback(void **state)
{
	struct machines m;

	(void)state;
	machines_make(&m);
	for (size_t i = 0; i < SENDERS; i++)
		send_loopback_out(&m, loopback_senders[i]);
	check_loopback(&m);
	/* What others translate is not theirs either, and what others do not track is no connection. */
	assert_int_equal(system("nft 'table ip other { chain translate { type nat hook prerouting priority dstnat;"
				" ip daddr 127.0.0.1 dnat to 10.89.0.2; }; }'"), 0);
	check_loopback(&m);
	assert_int_equal(system("nft 'table ip other { chain ignore { type filter hook prerouting priority raw;"
				" iifname != \"lo\" ip daddr 127.0.0.1 notrack; }; }'"), 0);
	check_loopback(&m);
	machines_end(&m);
}

/* ---- every port ---- */

enum { AT_ONCE = 400 };

struct scan {
	enum machine from;
	const char *to;
	uint16_t open[7];
	const char *host; /* where the host answers at host_port whoever scans */
	uint16_t host_port;
};

static bool shall_be_open(const struct scan *s, unsigned port)
{
	for (size_t i = 0; i < sizeof(s->open) / sizeof(s->open[0]); i++)
		if (s->open[i] == port)
			return true;
	return false;
}

/* Connects to AT_ONCE ports at once, and appends those that answer and should not. */
static void knock(const struct machines *m, const struct scan *s, unsigned first, struct buf *wrong)
{
	const struct net_address to = address(s->to);
	struct pollfd fds[AT_ONCE];

	for (unsigned i = 0; i < AT_ONCE; i++) {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)(first + i)) };
		memcpy(&in.sin_addr, to.bytes, 4);
		fds[i] = (struct pollfd){ socket_of(m, s->from, AF_INET, SOCK_STREAM, 0), POLLOUT, 0 };
		assert_true(connect(fds[i].fd, (void *)&in, sizeof(in)) < 0 && errno == EINPROGRESS);
	}
	/* What came behind them by the same link has its answer: so have they, however slow this machine is. */
	assert_true(reach(m, s->from, true, s->host, s->host_port, OPEN_MS).answered);
	for (long end = now_ms() + CLOSED_MS; now_ms() < end;)
		poll(NULL, 0, (int)(end - now_ms()));
	poll(fds, AT_ONCE, 0);
	for (unsigned i = 0; i < AT_ONCE; i++) {
		if ((fds[i].revents & (POLLOUT | POLLERR | POLLHUP)) == POLLOUT && !shall_be_open(s, first + i))
			buf_printf(wrong, " %u", first + i);
		close(fds[i].fd);
	}
	forget_arrivals(m);
}

/* From outside, and from an internal network: of all ports the published ones answer, and the resolver's. */
static void test_scan(void **state)
{
	static const struct scan scans[] = {
		{ OUTSIDE, "192.0.2.1", { 22, 53, 8080, 8081, 8082, 8090, 9001 }, "192.0.2.1", 22 },
		{ OUTSIDE, "10.89.0.2", { 0 }, "192.0.2.1", 22 },
		{ DATA, "10.89.3.1", { 53 }, "10.89.3.1", 53 },
		{ OTHER, "10.89.0.2", { 0 }, "10.89.1.1", 22 },
	};
	struct machines m;

	(void)state;
	machines_make(&m);
	for (const struct scan *s = scans; s < scans + sizeof(scans) / sizeof(scans[0]); s++) {
		cleanup_buf struct buf wrong = BUF_INIT;
		for (size_t i = 0; i < sizeof(s->open) / sizeof(s->open[0]) && s->open[i]; i++)
			if (!reach(&m, s->from, true, s->to, s->open[i], OPEN_MS).answered)
				fail_msg("%s to %s port %u: no answer", names[s->from], s->to, s->open[i]);
		for (unsigned first = 1; first <= 10000; first += AT_ONCE)
			knock(&m, s, first, &wrong);
		assert_string_equal(buf_text(&wrong), "");
	}
	machines_end(&m);
}

/* ---- frames that a container makes itself ---- */

static const uint8_t mac_web[6] = { 2, 0, 0, 0, 0, WEB }, mac_web2[6] = { 2, 0, 0, 0, 0, WEB2 };

struct frame {
	uint8_t bytes[128];
	size_t len;
};

static void put(struct frame *f, const void *data, size_t n)
{
	memcpy(f->bytes + f->len, data, n);
	f->len += n;
}

#define PUT(f, ...) put((f), (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static struct frame ethernet(const uint8_t from[6], uint16_t type)
{
	struct frame f = { .len = 0 };

	put(&f, mac_web2, 6);
	put(&f, from, 6);
	PUT(&f, type >> 8, type & 0xff);
	return f;
}

static void put_address(struct frame *f, const char *text)
{
	const struct net_address x = address(text);

	put(f, x.bytes, net_address_size(&x));
}

static void put_ipv4(struct frame *f, const char *from)
{
	PUT(f, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, IPPROTO_UDP, 0, 0);
	put_address(f, from);
	put_address(f, "10.89.0.3");
	PUT(f, 0, 99, 0, 99, 0, 8, 0, 0);
}

static struct frame ipv4(const uint8_t mac[6], const char *from)
{
	struct frame f = ethernet(mac, ETHERTYPE_IP);

	put_ipv4(&f, from);
	return f;
}

static struct frame tagged(uint16_t vlan)
{
	struct frame f = ethernet(mac_web, ETHERTYPE_VLAN);

	PUT(&f, vlan >> 8, vlan & 0xff, 8, 0);
	put_ipv4(&f, "10.89.0.2");
	return f;
}

static struct frame arp(const uint8_t mac[6], const uint8_t sender_mac[6], const char *sender)
{
	struct frame f = ethernet(mac, ETHERTYPE_ARP);

	PUT(&f, 0, 1, 8, 0, 6, 4, 0, 2);
	put(&f, sender_mac, 6);
	put_address(&f, sender);
	put(&f, mac_web2, 6);
	put_address(&f, "10.89.0.3");
	return f;
}

/* An ICMPv6 message with an address behind its first 8 bytes, as ND has it. */
static struct frame icmpv6(const char *from, uint8_t type, const char *target)
{
	struct frame f = ethernet(mac_web, ETHERTYPE_IPV6);

	PUT(&f, 0x60, 0, 0, 0, 0, 24, IPPROTO_ICMPV6, 255);
	put_address(&f, from);
	put_address(&f, "fd00:89::3");
	PUT(&f, type, 0, 0, 0, 0, 0, 0, 0);
	put_address(&f, target);
	return f;
}

/* Whether the neighbour gets it. */
static bool passes(const struct machines *m, const struct frame *f, long patience_ms)
{
	const int outgoing = 1;
	cleanup_close int sender = socket_of(m, WEB, AF_PACKET, SOCK_RAW, 0);
	cleanup_close int receiver = socket_of(m, WEB2, AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_halen = 6 };
	const long end = now_ms() + patience_ms;
	uint8_t got[2048];

	setsockopt(receiver, SOL_PACKET, PACKET_IGNORE_OUTGOING, &outgoing, sizeof(outgoing));
	enter_netns(m, WEB);
	to.sll_ifindex = (int)if_nametoindex("eth0");
	enter_netns(m, HOST);
	assert_int_equal(sendto(sender, f->bytes, f->len, 0, (void *)&to, sizeof(to)), f->len);
	while (now_ms() < end) {
		struct pollfd p = { receiver, POLLIN, 0 };
		poll(&p, 1, (int)(end - now_ms()) + 1);
		for (ssize_t n; (n = recv(receiver, got, sizeof(got), 0)) > 0;)
			/* A tag is taken off on the way. */
			if ((size_t)n >= f->len - 4 && memcmp(got, f->bytes, 12) == 0 &&
			    memcmp(got + n - 24, f->bytes + f->len - 24, 24) == 0)
				return true;
	}
	return false;
}

static void test_spoofed(void **state)
{
	enum { NS = 135, NA = 136, RA = 134, REDIRECT = 137, ECHO = 128, MLD = 143 };
	const struct {
		const char *what;
		struct frame frame;
		bool passes;
	} frames[] = {
		{ "IPv4, its own", ipv4(mac_web, "10.89.0.2"), true },
		{ "IPv4, its neighbour's address", ipv4(mac_web, "10.89.0.3"), false },
		{ "IPv4, the gateway's address", ipv4(mac_web, "10.89.0.1"), false },
		{ "IPv4, 127.0.0.1", ipv4(mac_web, "127.0.0.1"), false },
		{ "IPv4, no address", ipv4(mac_web, "0.0.0.0"), false },
		{ "IPv4, its neighbour's hardware address", ipv4(mac_web2, "10.89.0.2"), false },
		{ "IPv4, its neighbour's both", ipv4(mac_web2, "10.89.0.3"), false },
		{ "IPv4 in VLAN 0", tagged(0), false },
		{ "IPv4 in VLAN 1", tagged(1), false },
		{ "ARP, its own", arp(mac_web, mac_web, "10.89.0.2"), true },
		{ "ARP, its neighbour's address", arp(mac_web, mac_web, "10.89.0.3"), false },
		{ "ARP, the gateway's address", arp(mac_web, mac_web, "10.89.0.1"), false },
		{ "ARP, another hardware address within", arp(mac_web, mac_web2, "10.89.0.2"), false },
		{ "ARP, another hardware address without", arp(mac_web2, mac_web, "10.89.0.2"), false },
		{ "IPv6, its own", icmpv6("fd00:89::2", ECHO, "::"), true },
		{ "IPv6, of its link", icmpv6("fe80::ff:fe00:2", ECHO, "::"), true },
		{ "IPv6, another one of the link", icmpv6("fe80::ff:fe00:3", ECHO, "::"), false },
		{ "IPv6, its neighbour's address", icmpv6("fd00:89::3", ECHO, "::"), false },
		{ "IPv6, no address", icmpv6("::", NS, "fd00:89::3"), false },
		{ "multicast listener, its own", icmpv6("fe80::ff:fe00:2", MLD, "::"), true },
		{ "solicitation", icmpv6("fd00:89::2", NS, "fd00:89::3"), true },
		{ "advertisement of its own address", icmpv6("fd00:89::2", NA, "fd00:89::2"), true },
		{ "advertisement of its link's address", icmpv6("fd00:89::2", NA, "fe80::ff:fe00:2"), true },
		{ "advertisement of another address", icmpv6("fd00:89::2", NA, "fd00:89::1"), false },
		{ "router advertisement", icmpv6("fe80::ff:fe00:2", RA, "::"), false },
		{ "redirect", icmpv6("fe80::ff:fe00:2", REDIRECT, "fd00:89::1"), false },
		{ "no protocol that is known", ethernet(mac_web, 0x88cc), false },
	};
	struct machines m;

	(void)state;
	machines_make(&m);
	filter_bridged(false); /* which mends frames, and drops those it cannot */
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
		struct frame f = frames[i].frame;
		f.len += f.len < 60 ? 60 - f.len : 0;
		memset(f.bytes + f.len, (int)(i + 1), 24);
		f.len += 24;
		if (passes(&m, &f, frames[i].passes ? OPEN_MS : CLOSED_MS) != frames[i].passes)
			fail_msg("%s: %s", frames[i].what, frames[i].passes ? "is dropped" : "passes");
	}
	machines_end(&m);
}

/* What goes to the bridge alone passes no rule, and must not tell it that somebody has moved. */
static void test_spoofed_to_bridge(void **state)
{
	struct frame f = { .len = 0 };
	struct machines m;

	(void)state;
	machines_make(&m);
	run_check(&m, &(struct check){ HOST, UDP, "10.89.0.3", 80, WEB2, "10.89.0.1" }, false);
	PUT(&f, 0x01, 0x80, 0xc2, 0, 0, 0x0e);
	put(&f, mac_web2, 6);
	PUT(&f, 0x88, 0xcc, 0, 0);
	f.len = 84;
	assert_false(passes(&m, &f, CLOSED_MS));
	run_check(&m, &(struct check){ HOST, UDP, "10.89.0.3", 80, WEB2, "10.89.0.1" }, false);
	machines_end(&m);
}

/* ---- rebuilding ---- */

/* Nothing gets through in between, and what is open goes on. */
static void test_rebuild(void **state)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(80) };
	const struct net_address web = address("10.89.0.2");
	struct err e = ERR_INIT;
	struct machines m;
	char byte;

	(void)state;
	machines_make(&m);
	struct frame spoofed = ipv4(mac_web, "10.89.0.1");
	cleanup_close int sender = socket_of(&m, OTHER, AF_INET, SOCK_DGRAM, 0);
	memcpy(&to.sin_addr, web.bytes, 4);
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 60; i++)
			if (firewall_rebuild(&m.nft, &m.all, &e) < 0)
				_exit(1);
		_exit(0);
	}
	int status, rounds = 0;
	while (waitpid(pid, &status, WNOHANG) == 0) {
		for (int i = 0; i < 500; i++)
			sendto(sender, "x", 1, MSG_DONTWAIT, (void *)&to, sizeof(to));
		if (rounds++ % 8 == 0 && passes(&m, &spoofed, 1))
			fail_msg("a spoofed frame passes while rules are rebuilt");
		for (size_t i = 0; i < m.n_listeners; i++)
			if (m.listeners[i].machine == WEB && !m.listeners[i].tcp && recv(m.listeners[i].fd, &byte, 1, 0) == 1)
				fail_msg("another network is reached while rules are rebuilt");
	}
	assert_int_equal(status, 0);
	run_checks(&m);
	machines_end(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reach),	cmocka_unit_test(test_reach_bridged),
		cmocka_unit_test(test_udp_goes_on),
		cmocka_unit_test(test_loopback), cmocka_unit_test(test_scan),
		cmocka_unit_test(test_spoofed), cmocka_unit_test(test_spoofed_to_bridge),
		cmocka_unit_test(test_rebuild),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
