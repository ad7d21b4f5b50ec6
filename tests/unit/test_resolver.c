/* The resolver as a process, in a network namespace of the test's own, with name servers that the test is itself. */
#include "lib/fd.h"
#include "netns/claim.h"
#include "netns/dns/message.h"
#include "netns/dns/resolver.h"
#include "netns/dns/server.h"
#include "netns/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/fixture_dir.h"
#include "tests/unit/fresh_netns.h"

#define FORGED "192.0.2.66"

enum { PATIENCE_MS = 120000, AGAIN_MS = 5000, CHILDREN = 4 };

struct machine {
	struct fixture_dir dir;
	struct net net;
	struct net_subnet subnets[3];
	struct network web, db;
	pid_t servers[CHILDREN];
	size_t n_servers;
};

static struct net_address address(const char *text)
{
	struct net_address x;
	struct err e = ERR_INIT;

	if (net_address_parse(text, strchr(text, '/') != NULL, &x, &e) < 0)
		fail_msg("%s", e.msg);
	return x;
}

static void succeed(int r, const struct err *e)
{
	if (r < 0)
		fail_msg("%s", e->msg);
}

/* ---- a machine: addresses of two networks, all on the loopback ---- */

static void add_addresses(void)
{
	static const char *const own[] = { "10.1.0.1/24", "10.1.0.2/24", "10.1.0.3/24", "10.2.0.1/24", "10.2.0.2/24",
					   "fd00:1::1/64", "fd00:1::2/64" };
	struct err e = ERR_INIT;
	cleanup_nl struct nl s = NL_INIT;
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;

	succeed(nl_open(NETLINK_ROUTE, -1, &s, &e), &e);
	link_set_up(&b, LINK_LOOPBACK, "lo");
	for (size_t i = 0; i < sizeof(own) / sizeof(*own); i++) {
		struct net_address x = address(own[i]);
		link_add_address(&b, LINK_LOOPBACK, &x);
	}
	succeed(nl_send(&s, &b, &e), &e);
}

static struct net_subnet subnet(const char *gateway)
{
	struct net_address x = address(gateway);

	return (struct net_subnet){ .subnet = net_address_network(&x), .gateway = x };
}

static int machine_up(void **state)
{
	struct machine *m = calloc(1, sizeof(*m));
	char definitions[100], path[100];
	struct err e = ERR_INIT;

	*state = m;
	m->dir = fixture_dir_new();
	m->net = NET_INIT;
	m->subnets[0] = subnet("10.1.0.1/24");
	m->subnets[1] = subnet("fd00:1::1/64");
	m->subnets[2] = subnet("10.2.0.1/24");
	m->web = m->db = (struct network){ .name = "web", .driver = NET_BRIDGE, .dns = true, .subnets = m->subnets };
	m->web.n_subnets = 2;
	m->db.name = "db";
	m->db.subnets = m->subnets + 2;
	m->db.n_subnets = 1;
	snprintf(definitions, sizeof(definitions), "%s/definitions", m->dir.path);
	snprintf(path, sizeof(path), "%s/state", m->dir.path);
	return net_open(definitions, path, false, &m->net, &e);
}

static int machine_down(void **state)
{
	struct machine *m = *state;
	struct err e = ERR_INIT;

	resolver_stop(&m->net, &e);
	for (size_t i = 0; i < m->n_servers; i++) {
		kill(m->servers[i], SIGKILL);
		waitpid(m->servers[i], NULL, 0);
	}
	net_close(&m->net);
	fixture_dir_finish(&m->dir);
	free(m);
	return 0;
}

/* "networks/web/names/db/10.1.0.2", "KEY" */
static void put(struct machine *m, const char *path, const char *target)
{
	struct err e = ERR_INIT;

	succeed(claim_make(m->net.state, path, target, &e), &e);
}

static void take(struct machine *m, const char *path)
{
	assert_int_equal(unlinkat(m->net.state, path, 0), 0);
}

static void serve(struct machine *m, const struct network *x)
{
	struct err e = ERR_INIT;

	succeed(resolver_serve(&m->net, x, &e), &e);
}

/* ---- messages ---- */

static size_t question(uint8_t *out, const char *name, uint16_t type)
{
	static const uint8_t head[DNS_HEADER] = { 0x12, 0x34, 0x01, 0x00, 0, 1 };
	size_t n = sizeof(head);

	memcpy(out, head, n);
	for (const char *dot; *name; name = *dot ? dot + 1 : dot) {
		dot = strchrnul(name, '.');
		out[n++] = (uint8_t)(dot - name);
		memcpy(out + n, name, (size_t)(dot - name));
		n += (size_t)(dot - name);
	}
	const uint8_t rest[] = { 0, (uint8_t)(type >> 8), (uint8_t)type, 0, DNS_CLASS_IN };
	memcpy(out + n, rest, sizeof(rest));
	return n + sizeof(rest);
}

static int open_socket(const char *from, int type)
{
	struct net_address x = address(from);
	struct endpoint_address sa;
	int on = 1, fd = socket(x.family, type | SOCK_CLOEXEC, 0);

	server_sockaddr(&x, 0, 0, &sa);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa.sa, sa.len) < 0)
		fail_msg("bind %s: %s", from, strerror(errno));
	return fd;
}

/* "NOERROR 10.1.0.2 10.1.0.3", in the order of numbers; the code alone; "TRUNCATED". */
static const char *describe(const uint8_t *data, size_t n, const uint8_t *asked, size_t len)
{
	static const char *const codes[] = { "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED" };
	static char text[1000];
	char one[NET_ADDRESS_TEXT];
	struct net_address found[16], x;
	size_t n_found = 0, at = len;

	assert_true(dns_answers(asked, len, data, n));
	if (data[2] & 2)
		return "TRUNCATED";
	assert_in_range(data[3] & 15, 0, 5);
	for (unsigned i = 0; i < data[7]; i++) {
		size_t size = data[at + 11];
		x = (struct net_address){ .family = size == 4 ? AF_INET : AF_INET6 };
		at += 12;
		assert_true(at + size <= n);
		if (asked[len - 3] == DNS_PTR) {
			snprintf(text, sizeof(text), "NOERROR %.*s", data[at], (const char *)data + at + 1);
			return text;
		}
		memcpy(x.bytes, data + at, size);
		size_t j = n_found++;
		for (; j > 0 && net_address_compare(&x, &found[j - 1]) < 0; j--)
			found[j] = found[j - 1];
		found[j] = x;
		at += size;
	}
	size_t used = (size_t)snprintf(text, sizeof(text), "%s", codes[data[3] & 15]);
	for (size_t i = 0; i < n_found; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, " %s", net_address_text(&found[i], one));
	return text;
}

static const char *ask_of_type(const char *from, const char *at, const char *name, uint16_t type)
{
	uint8_t asked[600], data[4096];
	struct endpoint_address to;
	struct net_address x = address(at);
	size_t len = question(asked, name, type);

	server_sockaddr(&x, 0, 53, &to);
	cleanup_close int fd = open_socket(from, SOCK_DGRAM);
	/* As others do: what is sent to one who is busy may be lost. */
	for (int waited_ms = 0; waited_ms < PATIENCE_MS; waited_ms += AGAIN_MS) {
		assert_int_equal(sendto(fd, asked, len, 0, (struct sockaddr *)&to.sa, to.len), len);
		if (poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, AGAIN_MS) == 1)
			return describe(data, (size_t)recv(fd, data, sizeof(data), 0), asked, len);
	}
	return "nothing";
}

static const char *ask(const char *from, const char *at, const char *name)
{
	return ask_of_type(from, at, name, DNS_A);
}

static const char *ask_by_stream(const char *from, const char *at, const char *name)
{
	uint8_t asked[600], data[4096];
	struct endpoint_address to;
	struct net_address x = address(at);
	size_t len = question(asked + 2, name, DNS_A);

	server_sockaddr(&x, 0, 53, &to);
	cleanup_close int fd = open_socket(from, SOCK_STREAM);
	asked[0] = (uint8_t)(len >> 8);
	asked[1] = (uint8_t)len;
	assert_int_equal(connect(fd, (struct sockaddr *)&to.sa, to.len), 0);
	/* Not all at once, and a second question before the first is answered. */
	assert_int_equal(send(fd, asked, 5, 0), 5);
	assert_int_equal(send(fd, asked + 5, len + 2 - 5, 0), len + 2 - 5);
	assert_int_equal(send(fd, asked, len + 2, 0), len + 2);
	ssize_t n = 0;
	for (int i = 0; i < 2; i++) {
		if (recv(fd, data, 2, MSG_WAITALL) != 2)
			return "nothing";
		n = recv(fd, data, (size_t)data[0] << 8 | data[1], MSG_WAITALL);
		assert_true(n > 0);
	}
	return describe(data, (size_t)n, asked + 2, len);
}

/* What a name server says that is passed over for a while when it is slow to answer, as on a busy machine. */
static void assert_hears(const char *(*way)(const char *, const char *, const char *), const char *from, const char *name,
			 const char *expected)
{
	const char *heard = way(from, "10.1.0.1", name);

	for (int waited_ms = 0; waited_ms < PATIENCE_MS && strcmp(heard, expected) != 0; waited_ms += AGAIN_MS) {
		poll(NULL, 0, AGAIN_MS);
		assert_null(strstr(heard, FORGED));
		heard = way(from, "10.1.0.1", name);
	}
	assert_string_equal(heard, expected);
}

/* ---- name servers ---- */

static void reply(int fd, const uint8_t *data, size_t n, const struct net_address *self, const struct sockaddr *to,
		  socklen_t len)
{
	struct dns_question q;
	enum dns_rcode rcode;
	cleanup_buf struct buf b = BUF_INIT;
	struct net_address x = { .family = AF_INET, .bytes = { 192, 0, 2, self->bytes[3] } };
	uint8_t head[2];

	if (!dns_parse(data, n, &q, &rcode) || strncmp(q.name, "silent", 6) == 0)
		return;
	if (strcmp(q.name, "nosuch.example") == 0)
		dns_answer_none(data, &q, DNS_NXDOMAIN, &b);
	else if (strcmp(q.name, "refused.example") == 0 && self->bytes[3] == 7)
		dns_answer_none(data, &q, DNS_REFUSED, &b);
	else
		dns_answer_addresses(data, &q, &x, 1, DNS_TCP_MAX, &b);
	if (strcmp(q.name, "big.example") == 0 && to)
		b.data[2] |= 2;
	if (to && strcmp(q.name, "forged.example") == 0) {
		b.data[b.len - 1] = 66;
		dns_set_id((uint8_t *)b.data, (uint16_t)(q.id + 1));
		sendto(fd, b.data, b.len, 0, to, len);
		b.data[b.len - 1] = (char)self->bytes[3];
		dns_set_id((uint8_t *)b.data, q.id);
	}
	head[0] = (uint8_t)(b.len >> 8);
	head[1] = (uint8_t)b.len;
	if (to)
		sendto(fd, b.data, b.len, 0, to, len);
	else if (send(fd, head, 2, 0) == 2)
		send(fd, b.data, b.len, 0);
}

static void serve_names(int datagrams, int connections, const struct net_address *self)
{
	struct pollfd p[2] = { { .fd = datagrams, .events = POLLIN }, { .fd = connections, .events = POLLIN } };
	uint8_t data[4096];

	while (poll(p, 2, -1) > 0) {
		struct endpoint_address from = { .len = sizeof(from.sa) };
		if (p[0].revents) {
			ssize_t n = recvfrom(datagrams, data, sizeof(data), 0, (struct sockaddr *)&from.sa, &from.len);
			if (n > 0)
				reply(datagrams, data, (size_t)n, self, (struct sockaddr *)&from.sa, from.len);
		}
		if (p[1].revents) {
			int fd = accept(connections, NULL, NULL);
			if (recv(fd, data, 2, MSG_WAITALL) == 2) {
				ssize_t n = recv(fd, data, (size_t)data[0] << 8 | data[1], MSG_WAITALL);
				if (n > 0)
					reply(fd, data, (size_t)n, self, NULL, 0);
			}
			close(fd);
		}
	}
	_exit(0);
}

static int bind_port(const char *at, int type)
{
	struct net_address x = address(at);
	struct endpoint_address sa;
	int on = 1, fd = socket(x.family, type | SOCK_CLOEXEC, 0);

	server_sockaddr(&x, 0, 53, &sa);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&sa.sa, sa.len) < 0 || (type == SOCK_STREAM && listen(fd, 16) < 0))
		fail_msg("bind %s: %s", at, strerror(errno));
	return fd;
}

/* Says 192.0.2.N of every name, N being the last number of its own address. */
static void name_server(struct machine *m, const char *at)
{
	struct net_address self = address(at);
	int datagrams = bind_port(at, SOCK_DGRAM), connections = bind_port(at, SOCK_STREAM);
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve_names(datagrams, connections, &self);
	}
	close(datagrams);
	close(connections);
	m->servers[m->n_servers++] = pid;
}

/* ---- the resolver's process ---- */

static pid_t resolver_pid(struct machine *m)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	struct err e = ERR_INIT;

	cleanup_close int sock = resolver_connect(&m->net, &e);
	if (sock < 0)
		return sock == -ECONNREFUSED ? 0 : -1;
	assert_int_equal(getsockopt(sock, SOL_SOCKET, SO_PEERCRED, &peer, &len), 0);
	return peer.pid;
}

static void assert_ends(struct machine *m)
{
	for (int i = 0; i < 24000 && resolver_pid(m) != 0; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	assert_int_equal(resolver_pid(m), 0);
}

static void assert_status(pid_t pid, const char *line)
{
	char path[64];
	cleanup_buf struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	succeed(file_read_at(AT_FDCWD, path, 1 << 16, &b, &e), &e);
	if (!strstr(buf_text(&b), line))
		fail_msg("no '%s' in:\n%s", line, buf_text(&b));
}

/* ---- tests ---- */

static void reads_lists_of_servers(void **state)
{
	struct server s[RESOLVER_SERVERS];
	char text[NET_ADDRESS_TEXT];

	(void)state;
	assert_int_equal(servers_parse_conf("", s), 0);
	assert_int_equal(servers_parse_conf("# nameserver 1.1.1.1\nsearch example\nnameserver\nnameserver x\n"
					    "nameservers 1.1.1.1\n nameserver 1.1.1.1\n", s), 0);
	assert_int_equal(servers_parse_conf("search a\r\nnameserver 192.0.2.1\r\nnameserver\t2001:db8::1 # the other\n"
					    "nameserver  fe80::1%lo\nnameserver 192.0.2.4", s), 3);
	assert_string_equal(net_address_text(&s[0].address, text), "192.0.2.1");
	assert_string_equal(net_address_text(&s[1].address, text), "2001:db8::1");
	assert_string_equal(net_address_text(&s[2].address, text), "fe80::1");
	assert_int_equal(s[0].scope, 0);
	assert_int_equal(s[2].scope, LINK_LOOPBACK);
	assert_int_equal(servers_parse_list("", s), 0);
	assert_int_equal(servers_parse_list("192.0.2.1,,x,192.0.2.2", s), 2);
	assert_string_equal(net_address_text(&s[1].address, text), "192.0.2.2");
	assert_int_equal(servers_parse_list("192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4", s), 3);
}

static void containers(struct machine *m)
{
	fresh_netns();
	add_addresses();
	put(m, "networks/web/leases/10.1.0.2", "key1");
	put(m, "networks/web/names/one/10.1.0.2", "key1");
	put(m, "networks/web/names/one/fd00:1::2", "key1");
	put(m, "networks/web/names/all.of_them/10.1.0.2", "key1");
	put(m, "networks/web/pointers/10.1.0.2", "one");
	put(m, "networks/web/pointers/fd00:1::2", "one");
	put(m, "networks/web/leases/10.1.0.3", "key2");
	put(m, "networks/web/names/two/10.1.0.3", "key2");
	put(m, "networks/web/names/all.of_them/10.1.0.3", "key2");
	put(m, "networks/db/leases/10.2.0.2", "key3");
	put(m, "networks/db/names/one/10.2.0.2", "key3");
	put(m, "networks/db/names/three/10.2.0.2", "key3");
	put(m, "endpoints/key1", "web ");
}

static void finds_names(void **state)
{
	struct machine *m = *state;

	containers(m);
	serve(m, &m->web);
	serve(m, &m->db);
	assert_string_equal(ask("10.1.0.2", "10.1.0.1", "two"), "NOERROR 10.1.0.3");
	assert_string_equal(ask("10.1.0.2", "10.1.0.1", "TWO.Ferry.Internal"), "NOERROR 10.1.0.3");
	assert_string_equal(ask("10.1.0.2", "10.1.0.1", "all.of_them"), "NOERROR 10.1.0.2 10.1.0.3");
	assert_string_equal(ask_of_type("fd00:1::2", "fd00:1::1", "one", DNS_AAAA), "NOERROR fd00:1::2");
	assert_string_equal(ask_of_type("10.1.0.2", "10.1.0.1", "two", DNS_AAAA), "NOERROR");
	assert_string_equal(ask_of_type("10.1.0.2", "10.1.0.1", "two", 16), "NOERROR");
	assert_string_equal(ask("10.1.0.2", "10.1.0.1", "three.ferry.internal"), "NXDOMAIN");
	assert_string_equal(ask("10.1.0.2", "10.1.0.1", "ferry.internal"), "NOERROR");
	assert_string_equal(ask_of_type("10.1.0.2", "10.1.0.1", "2.0.1.10.in-addr.arpa", DNS_PTR), "NOERROR one");
	assert_string_equal(ask_of_type("10.1.0.2", "10.1.0.1",
		"2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa", DNS_PTR), "NOERROR one");
	assert_string_equal(ask_of_type("10.1.0.2", "10.1.0.1", "9.0.1.10.in-addr.arpa", DNS_PTR), "NXDOMAIN");

	/* Each network has names of its own, and those who are in both have both. */
	assert_string_equal(ask("10.1.0.2", "10.1.0.1", "one"), "NOERROR 10.1.0.2");
	assert_string_equal(ask("10.2.0.2", "10.2.0.1", "one"), "NOERROR 10.2.0.2");
	take(m, "endpoints/key1");
	put(m, "endpoints/key1", "web,db 127.0.0.9");
	assert_string_equal(ask("10.1.0.2", "10.1.0.1", "three.ferry.internal"), "NOERROR 10.2.0.2");
	assert_string_equal(ask("10.1.0.2", "10.1.0.1", "one"), "NOERROR 10.1.0.2");

	/* Gone is gone at once, also when the directory stays. */
	take(m, "networks/web/names/two/10.1.0.3");
	assert_string_equal(ask("10.1.0.3", "10.1.0.1", "two.ferry.internal"), "NXDOMAIN");
}

static void passes_on(void **state)
{
	struct machine *m = *state;

	containers(m);
	m->web.dns_servers = (const char *[]){ "127.0.0.7", "127.0.0.8" };
	m->web.n_dns_servers = 2;
	name_server(m, "127.0.0.7");
	name_server(m, "127.0.0.8");
	name_server(m, "127.0.0.9");
	serve(m, &m->web);
	assert_hears(ask, "10.1.0.2", "www.example", "NOERROR 192.0.2.7");
	assert_hears(ask, "10.1.0.2", "nosuch.example", "NXDOMAIN");
	assert_hears(ask, "10.1.0.2", "forged.example", "NOERROR 192.0.2.7");
	assert_hears(ask, "10.1.0.2", "refused.example", "NOERROR 192.0.2.8");
	assert_hears(ask, "10.1.0.2", "big.example", "TRUNCATED");
	assert_hears(ask_by_stream, "10.1.0.2", "big.example", "NOERROR 192.0.2.7");
	assert_string_equal(ask_by_stream("10.1.0.2", "10.1.0.1", "one"), "NOERROR 10.1.0.2");
	assert_hears(ask, "10.1.0.2", "4.3.2.1.in-addr.arpa", "NOERROR 192.0.2.7");

	/* The container's own come first. */
	take(m, "endpoints/key1");
	put(m, "endpoints/key1", "web 127.0.0.9");
	assert_hears(ask, "10.1.0.2", "www.example", "NOERROR 192.0.2.9");
	assert_hears(ask, "10.1.0.3", "www.example", "NOERROR 192.0.2.7");
}

static void passes_over_who_does_not_answer(void **state)
{
	struct machine *m = *state;

	containers(m);
	/* Nobody listens; the resolver itself; does not answer; answers. */
	m->web.dns_servers = (const char *[]){ "127.0.0.5", "10.1.0.1", "127.0.0.8" };
	m->web.n_dns_servers = 3;
	serve(m, &m->web);
	assert_string_equal(ask("10.1.0.2", "10.1.0.1", "www.example"), "SERVFAIL");
	assert_string_equal(ask_by_stream("10.1.0.2", "10.1.0.1", "www.example"), "SERVFAIL");
	name_server(m, "127.0.0.8");
	assert_hears(ask, "10.1.0.2", "www.example", "NOERROR 192.0.2.8");
	assert_hears(ask_by_stream, "10.1.0.2", "www.example", "NOERROR 192.0.2.8");

	cleanup_close int silent = bind_port("127.0.0.5", SOCK_DGRAM);
	assert_true(silent >= 0);
	assert_hears(ask, "10.1.0.2", "www.example", "NOERROR 192.0.2.8");
	m->web.n_dns_servers = 1;
	serve(m, &m->web);
	assert_string_equal(ask("10.1.0.2", "10.1.0.1", "www.example"), "SERVFAIL");
}

static void passes_nothing_on_from_inside(void **state)
{
	struct machine *m = *state;

	containers(m);
	m->web.internal = true;
	m->web.dns_servers = m->db.dns_servers = (const char *[]){ "127.0.0.7" };
	m->web.n_dns_servers = m->db.n_dns_servers = 1;
	name_server(m, "127.0.0.7");
	name_server(m, "127.0.0.9");
	serve(m, &m->web);
	serve(m, &m->db);
	take(m, "endpoints/key1");
	put(m, "endpoints/key1", "web 127.0.0.9");
	assert_string_equal(ask("10.1.0.2", "10.1.0.1", "two"), "NOERROR 10.1.0.3");
	assert_string_equal(ask("10.1.0.2", "10.1.0.1", "www.example"), "NXDOMAIN");
	assert_string_equal(ask_by_stream("10.1.0.2", "10.1.0.1", "www.example"), "NXDOMAIN");
	/* One that is in another network, too, asks from there. */
	take(m, "endpoints/key1");
	put(m, "endpoints/key1", "web,db ");
	assert_hears(ask, "10.1.0.2", "www.example", "NOERROR 192.0.2.7");
}

static void comes_and_goes(void **state)
{
	struct machine *m = *state;
	struct err e = ERR_INIT;

	containers(m);
	assert_int_equal(resolver_leave(&m->net, "web", &e), 0);
	assert_int_equal(resolver_stop(&m->net, &e), 0);
	serve(m, &m->web);
	serve(m, &m->db);
	pid_t first = resolver_pid(m);
	assert_true(first > 0);
	serve(m, &m->web);
	assert_int_equal(resolver_pid(m), first);
	assert_status(first, "Name:\tferry-resolver");
	assert_status(first, "CapEff:\t0000000000000000");
	assert_status(first, "CapPrm:\t0000000000000000");
	assert_status(first, "NoNewPrivs:\t1");
	assert_status(first, "Seccomp:\t2");

	/* Killed, it comes back with the next who needs it; with both networks, since these are known to be there. */
	succeed(resolver_keep(&m->net, &m->web, &e), &e);
	assert_int_equal(resolver_pid(m), first);
	assert_int_equal(kill(first, SIGKILL), 0);
	assert_ends(m);
	assert_false(resolver_lives(&m->net));
	succeed(resolver_keep(&m->net, &m->web, &e), &e);
	assert_true(resolver_lives(&m->net));
	assert_string_equal(ask("10.1.0.2", "10.1.0.1", "two"), "NOERROR 10.1.0.3");
	assert_int_not_equal(resolver_pid(m), first);

	/* Who started it was killed before he had said all. */
	succeed(resolver_stop(&m->net, &e), &e);
	cleanup_close int starter = resolver_start(&m->net, &e);
	succeed(starter, &e);
	assert_false(resolver_lives(&m->net));
	first = resolver_pid(m);
	succeed(resolver_keep(&m->net, &m->web, &e), &e);
	assert_true(resolver_lives(&m->net));
	assert_int_equal(resolver_pid(m), first);
	close_fd(&starter);

	/* One that hangs is ended, too. */
	kill(resolver_pid(m), SIGSTOP);
	succeed(resolver_stop(&m->net, &e), &e);
	assert_int_equal(resolver_pid(m), 0);
	serve(m, &m->web);
	first = resolver_pid(m);
	kill(first, SIGSTOP);
	serve(m, &m->web);
	assert_int_not_equal(resolver_pid(m), first);

	serve(m, &m->db);
	succeed(resolver_leave(&m->net, "web", &e), &e);
	assert_true(resolver_pid(m) > 0);
	serve(m, &m->web);
	succeed(resolver_leave(&m->net, "web", &e), &e);
	assert_string_equal(ask("10.2.0.2", "10.2.0.1", "three"), "NOERROR 10.2.0.2");
	succeed(resolver_leave(&m->net, "db", &e), &e);
	assert_ends(m);
}

static void is_but_one(void **state)
{
	enum { AT_ONCE = 8 };
	struct machine *m = *state;
	struct err e = ERR_INIT;
	pid_t pids[AT_ONCE];
	int status;

	containers(m);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < AT_ONCE; i++)
			if ((pids[i] = fork()) == 0)
				_exit(resolver_serve(&m->net, i % 2 ? &m->web : &m->db, &e) < 0);
		for (int i = 0; i < AT_ONCE; i++) {
			assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
			assert_int_equal(status, 0);
		}
		/* A second one could not have bound the same ports. */
		assert_string_equal(ask("10.1.0.2", "10.1.0.1", "two"), "NOERROR 10.1.0.3");
		assert_string_equal(ask("10.2.0.2", "10.2.0.1", "three"), "NOERROR 10.2.0.2");
		succeed(resolver_leave(&m->net, "web", &e), &e);
		succeed(resolver_leave(&m->net, "db", &e), &e);
		if (round % 2)
			assert_ends(m);
	}
}

/* One that takes connections, and then knows nothing of what it is told: as of a ferry that was replaced. */
static void replaces_one_that_does_not_understand(void **state)
{
	struct machine *m = *state;
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int status;

	containers(m);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/state/resolver", m->dir.path);
	pid_t pid = fork();
	if (pid == 0) {
		int sock = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (bind(sock, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(sock, 8) < 0)
			_exit(1);
		for (;;)
			close(accept(sock, NULL, NULL));
	}
	for (int i = 0; i < 24000 && resolver_pid(m) != pid; i++)
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	serve(m, &m->web);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, SIGKILL);
	assert_string_equal(ask("10.1.0.2", "10.1.0.1", "two"), "NOERROR 10.1.0.3");
}

static void says_who_has_the_port(void **state)
{
	struct machine *m = *state;
	struct err e = ERR_INIT;

	containers(m);
	cleanup_close int other = bind_port("10.1.0.1", SOCK_STREAM);
	assert_true(other >= 0);
	assert_int_equal(resolver_serve(&m->net, &m->web, &e), -EADDRINUSE);
	assert_non_null(strstr(e.msg, "port 53 of 10.1.0.1 is in use"));
	assert_ends(m);
	/* Without names, or without an address, there is nothing to serve. */
	m->db.dns = false;
	serve(m, &m->db);
	m->db.dns = true;
	m->db.n_subnets = 0;
	serve(m, &m->db);
	assert_int_equal(resolver_pid(m), 0);
}

/* Anything at all, from all sides; then it still answers, and has not grown. */
static void survives_garbage(void **state)
{
	struct machine *m = *state;
	struct endpoint_address to;
	struct net_address gateway = address("10.1.0.1");
	uint8_t data[700];

	containers(m);
	m->web.dns_servers = (const char *[]){ "127.0.0.7" };
	m->web.n_dns_servers = 1;
	cleanup_close int silent = bind_port("127.0.0.7", SOCK_DGRAM);
	assert_true(silent >= 0);
	serve(m, &m->web);
	pid_t pid = resolver_pid(m);
	server_sockaddr(&gateway, 0, 53, &to);
	srandom(1);
	cleanup_close int fd = open_socket("10.1.0.3", SOCK_DGRAM);
	for (int i = 0; i < 20000; i++) {
		size_t n = i % 3 ? question(data, "silent.example", DNS_A) : (size_t)random() % sizeof(data);
		for (size_t j = 0; j < n; j++)
			if (i % 3 == 0 || random() % 40 == 0)
				data[j] = (uint8_t)random();
		sendto(fd, data, n, MSG_DONTWAIT, (struct sockaddr *)&to.sa, to.len);
	}
	int streams[100];
	for (int i = 0; i < 100; i++) {
		streams[i] = open_socket("10.1.0.3", SOCK_STREAM);
		assert_int_equal(connect(streams[i], (struct sockaddr *)&to.sa, to.len), 0);
		send(streams[i], data, (size_t)random() % sizeof(data), MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	assert_string_equal(ask("10.1.0.2", "10.1.0.1", "two"), "NOERROR 10.1.0.3");
	assert_string_equal(ask_by_stream("10.1.0.2", "10.1.0.1", "two"), "NOERROR 10.1.0.3");
	for (int i = 0; i < 100; i++)
		close(streams[i]);
	assert_int_equal(resolver_pid(m), pid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_lists_of_servers),
		cmocka_unit_test_setup_teardown(finds_names, machine_up, machine_down),
		cmocka_unit_test_setup_teardown(passes_on, machine_up, machine_down),
		cmocka_unit_test_setup_teardown(passes_over_who_does_not_answer, machine_up, machine_down),
		cmocka_unit_test_setup_teardown(passes_nothing_on_from_inside, machine_up, machine_down),
		cmocka_unit_test_setup_teardown(comes_and_goes, machine_up, machine_down),
		cmocka_unit_test_setup_teardown(is_but_one, machine_up, machine_down),
		cmocka_unit_test_setup_teardown(replaces_one_that_does_not_understand, machine_up, machine_down),
		cmocka_unit_test_setup_teardown(says_who_has_the_port, machine_up, machine_down),
		cmocka_unit_test_setup_teardown(survives_garbage, machine_up, machine_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
