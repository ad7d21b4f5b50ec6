/* Who has which address, name and port. */
#include "tests/unit/fixture_dir.h"

#include "netns/lease.h"

#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

static struct net_address address(const char *text)
{
	struct net_address x;
	struct err e = ERR_INIT;

	if (net_address_parse(text, strchr(text, '/') != NULL, &x, &e) < 0)
		fail_msg("%s", e.msg);
	return x;
}

/* A network of one subnet; NULL: without. */
struct example {
	struct fixture_dir dir;
	struct net n;
	struct net_subnet subnet;
	struct network network;
};

static void example_finish(struct example *x)
{
	x->n = NET_INIT;
	fixture_dir_finish(&x->dir);
}
#define cleanup_example __attribute__((cleanup(example_finish)))

static void example_init(struct example *x, const char *subnet, const char *gateway, const char *first,
			 const char *last)
{
	*x = (struct example){ .dir = fixture_dir_in("/dev/shm"), .n = NET_INIT };
	x->n.state = x->dir.fd;
	x->subnet = (struct net_subnet){ .subnet = address(subnet), .first = address(first), .last = address(last) };
	if (gateway)
		x->subnet.gateway = address(gateway);
	x->subnet.first.prefix = x->subnet.last.prefix = x->subnet.subnet.prefix;
	x->network = (struct network){ .name = "web", .subnets = &x->subnet, .n_subnets = 1 };
}

static int take(struct example *x, const char *wanted, const char *key, char ret[NET_ADDRESS_TEXT], struct err *e)
{
	struct net_address want = { 0 }, got;

	if (wanted)
		want = address(wanted);
	int r = lease_take(&x->n, &x->network, &x->subnet, &want, key, &got, e);
	if (r == 0)
		net_address_cidr(&got, ret);
	return r;
}

static void assert_gets(struct example *x, const char *wanted, const char *key, const char *expected)
{
	char got[NET_ADDRESS_TEXT];
	struct err e = ERR_INIT;

	if (take(x, wanted, key, got, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(got, expected);
}

static void assert_refused(struct example *x, const char *wanted, const char *key, int code, const char *text)
{
	char got[NET_ADDRESS_TEXT];
	struct err e = ERR_INIT;

	assert_int_equal(take(x, wanted, key, got, &e), -code);
	if (!strstr(e.msg, text))
		fail_msg("'%s', not '%s'", e.msg, text);
}

static void release(struct example *x, const char *text, const char *key)
{
	struct net_address a = address(text);
	struct err e = ERR_INIT;

	assert_int_equal(lease_release(&x->n, "web", &a, key, &e), 0);
}

/* How many entries a directory has; 0 when there is none. */
static size_t count(struct example *x, const char *path)
{
	int fd = openat(x->dir.fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	size_t n = 0;

	if (!d)
		return 0;
	for (struct dirent *ent; (ent = readdir(d));)
		n += ent->d_name[0] != '.';
	closedir(d);
	return n;
}

static void assert_link(struct example *x, const char *path, const char *expected)
{
	char target[256];
	ssize_t n = readlinkat(x->dir.fd, path, target, sizeof(target) - 1);

	assert_int_equal(n < 0 ? -1 : n, expected ? (ssize_t)strlen(expected) : -1);
	if (expected)
		assert_memory_equal(target, expected, strlen(expected));
}

/* ---- addresses ---- */

static void addresses_are_given_in_order_and_not_again_at_once(void **state)
{
	cleanup_example struct example x;

	(void)state;
	example_init(&x, "10.0.0.0/29", "10.0.0.3", "10.0.0.1", "10.0.0.6");
	assert_gets(&x, NULL, "a", "10.0.0.1/29");
	assert_gets(&x, NULL, "b", "10.0.0.2/29");
	assert_gets(&x, NULL, "c", "10.0.0.4/29");
	release(&x, "10.0.0.2", "b");
	assert_gets(&x, NULL, "d", "10.0.0.5/29");
	assert_gets(&x, NULL, "e", "10.0.0.6/29");
	assert_gets(&x, NULL, "f", "10.0.0.2/29");
	assert_link(&x, "networks/web/leases/10.0.0.2", "f");
	assert_refused(&x, NULL, "g", ENOSPC, "the network \"web\" has no address left: all from 10.0.0.1 to 10.0.0.6");
	release(&x, "10.0.0.4", "another");
	assert_refused(&x, NULL, "g", ENOSPC, "no address left");
	release(&x, "10.0.0.4", "c");
	release(&x, "10.0.0.4", "c");
	assert_gets(&x, NULL, "g", "10.0.0.4/29");
}

static void addresses_that_are_asked_for(void **state)
{
	cleanup_example struct example x;

	(void)state;
	example_init(&x, "10.0.0.0/24", "10.0.0.1", "10.0.0.100", "10.0.0.101");
	assert_gets(&x, "10.0.0.100", "a", "10.0.0.100/24");
	assert_gets(&x, "10.0.0.100", "a", "10.0.0.100/24");
	assert_gets(&x, "10.0.0.9", "b", "10.0.0.9/24");
	assert_refused(&x, "10.0.0.9", "c", EADDRINUSE, "the address 10.0.0.9 of the network \"web\" is taken by");
	assert_refused(&x, "10.0.1.9", "c", EINVAL, "network \"web\": the address 10.0.1.9 is outside of the subnet 10.0.0.0/24");
	assert_refused(&x, "fd00::1", "c", EINVAL, "outside of the subnet");
	assert_refused(&x, "10.0.0.0", "c", EINVAL, "is reserved");
	assert_refused(&x, "10.0.0.255", "c", EINVAL, "is reserved");
	assert_refused(&x, "10.0.0.1", "c", EINVAL, "is the gateway");
	assert_gets(&x, NULL, "c", "10.0.0.101/24");
	assert_refused(&x, NULL, "d", ENOSPC, "all from 10.0.0.100 to 10.0.0.101 are taken");
	assert_int_equal(count(&x, "networks/web/leases"), 3);
}

static void small_and_large_subnets(void **state)
{
	static const struct {
		const char *subnet, *gateway, *first, *last, *got[4];
	} t[] = {
		{ "10.0.0.0/30", "10.0.0.1", "10.0.0.1", "10.0.0.2", { "10.0.0.2/30" } },
		{ "10.0.0.0/31", "10.0.0.0", "10.0.0.0", "10.0.0.1", { "10.0.0.1/31" } },
		{ "10.0.0.0/31", NULL, "10.0.0.0", "10.0.0.1", { "10.0.0.0/31", "10.0.0.1/31" } },
		{ "10.0.0.7/32", NULL, "10.0.0.7", "10.0.0.7", { "10.0.0.7/32" } },
		{ "fd00::/126", "fd00::1", "fd00::1", "fd00::3", { "fd00::2/126", "fd00::3/126" } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		cleanup_example struct example x;
		example_init(&x, t[i].subnet, t[i].gateway, t[i].first, t[i].last);
		for (size_t k = 0; t[i].got[k]; k++)
			assert_gets(&x, NULL, "a", t[i].got[k]);
		assert_refused(&x, NULL, "b", ENOSPC, "no address left");
	}
	cleanup_example struct example x;
	example_init(&x, "fd00::/64", "fd00::1", "fd00::1", "fd00::ffff:ffff:ffff:ffff");
	assert_gets(&x, NULL, "a", "fd00::2/64");
	assert_gets(&x, "fd00::ffff:ffff:ffff:ffff", "a", "fd00::ffff:ffff:ffff:ffff/64");
	assert_gets(&x, NULL, "a", "fd00::3/64");
	assert_gets(&x, "fd00::4", "b", "fd00::4/64");
	assert_gets(&x, NULL, "c", "fd00::5/64");
	assert_refused(&x, "fd00::", "c", EINVAL, "is reserved");
}

/* The hint where to begin may say anything. */
static void a_hint_that_makes_no_sense(void **state)
{
	static const char *const hints[] = { "", "x", "\xff\xff\xff\xff", "\x0a\x00\x00", "longer than an address is" };
	cleanup_example struct example x;

	(void)state;
	example_init(&x, "10.0.0.0/24", "10.0.0.1", "10.0.0.1", "10.0.0.254");
	assert_gets(&x, NULL, "a", "10.0.0.2/24");
	for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++) {
		release(&x, "10.0.0.2", "a");
		fixture_file(&x.dir, "networks/web/last.4", hints[i]);
		assert_gets(&x, NULL, "a", "10.0.0.2/24");
	}
}

/* LEASE_CYCLES=1000000 for the whole of it. */
static void taking_and_releasing_leaves_nothing(void **state)
{
	const char *cycles = getenv("LEASE_CYCLES");
	char got[NET_ADDRESS_TEXT];
	struct err e = ERR_INIT;
	cleanup_example struct example x;
	struct stat before, after;

	(void)state;
	example_init(&x, "10.0.0.0/24", "10.0.0.1", "10.0.0.1", "10.0.0.254");
	assert_gets(&x, NULL, "resident", "10.0.0.2/24");
	assert_int_equal(fstat(x.dir.fd, &before), 0);
	for (long i = cycles ? atol(cycles) : 50000; i > 0; i--) {
		if (take(&x, NULL, "0123456789ab", got, &e) < 0)
			fail_msg("%s", e.msg);
		*strchr(got, '/') = '\0';
		assert_string_not_equal(got, "10.0.0.2");
		release(&x, got, "0123456789ab");
	}
	assert_int_equal(fstat(x.dir.fd, &after), 0);
	assert_int_equal(count(&x, "networks/web/leases"), 1);
	assert_int_equal(count(&x, "networks/web"), 2);
	assert_int_equal(before.st_nlink, after.st_nlink);
}

enum { CROWD = 32 };

/* Runs @work in many processes at once; returns the sum of what they return. */
static int crowd(struct example *x, int (*work)(struct example *x, const char *key))
{
	pid_t pids[CROWD];
	int begin[2], status, sum = 0;
	char key[16], go;

	assert_int_equal(pipe(begin), 0);
	for (int i = 0; i < CROWD; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (pids[i] > 0)
			continue;
		close(begin[1]);
		snprintf(key, sizeof(key), "%012x", i);
		_exit(read(begin[0], &go, 1) == 0 ? work(x, key) : 100);
	}
	close(begin[0]);
	close(begin[1]);
	for (int i = 0; i < CROWD; i++) {
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_true(WIFEXITED(status));
		sum += WEXITSTATUS(status);
	}
	return sum;
}

enum { EACH = 25 };

/* Takes some, and releases every second of a few more. */
static int take_many(struct example *x, const char *key)
{
	char got[NET_ADDRESS_TEXT];
	struct err e = ERR_INIT;
	int taken = 0;

	for (int i = 0; i < 2 * EACH; i++) {
		if (take(x, NULL, key, got, &e) < 0)
			return 0;
		if (i % 2 == 0) {
			taken++;
			continue;
		}
		*strchr(got, '/') = '\0';
		struct net_address a = address(got);
		if (lease_release(&x->n, "web", &a, key, &e) < 0)
			return 0;
	}
	return taken;
}

static void many_take_at_once(void **state)
{
	cleanup_example struct example x;

	(void)state;
	example_init(&x, "10.0.0.0/21", "10.0.0.1", "10.0.0.1", "10.0.7.254");
	assert_int_equal(crowd(&x, take_many), CROWD * EACH);
	assert_int_equal(count(&x, "networks/web/leases"), CROWD * EACH);
}

static int take_until_none(struct example *x, const char *key)
{
	char got[NET_ADDRESS_TEXT];
	struct err e = ERR_INIT;
	int n = 0;

	while (take(x, NULL, key, got, &e) == 0)
		n++;
	return e.code == ENOSPC ? n : 200;
}

static void many_exhaust_it_together(void **state)
{
	cleanup_example struct example x;

	(void)state;
	example_init(&x, "10.0.0.0/24", "10.0.0.1", "10.0.0.1", "10.0.0.254");
	assert_int_equal(crowd(&x, take_until_none), 253);
	assert_int_equal(count(&x, "networks/web/leases"), 253);
}

/* ---- names ---- */

static void names_and_aliases(void **state)
{
	const char *aliases[] = { "DB", "shared.example" };
	struct net_link l = { .addresses = { address("10.0.0.2"), address("fd00::2") }, .aliases = aliases, .n_aliases = 2 };
	struct net_link other = { .addresses = { address("10.0.0.3") }, .aliases = aliases, .n_aliases = 2 };
	cleanup_example struct example x;
	struct err e = ERR_INIT;

	(void)state;
	example_init(&x, "10.0.0.0/24", "10.0.0.1", "10.0.0.1", "10.0.0.254");
	assert_int_equal(names_add(&x.n, "web", "Front", &l, "a", &e), 0);
	assert_int_equal(names_add(&x.n, "web", "Front", &l, "a", &e), 0);
	assert_int_equal(names_add(&x.n, "web", NULL, &other, "b", &e), 0);
	assert_link(&x, "networks/web/names/front/10.0.0.2", "a");
	assert_link(&x, "networks/web/names/front/fd00::2", "a");
	assert_link(&x, "networks/web/names/db/10.0.0.2", "a");
	assert_link(&x, "networks/web/names/db/10.0.0.3", "b");
	assert_link(&x, "networks/web/pointers/10.0.0.2", "front");
	assert_link(&x, "networks/web/pointers/10.0.0.3", "db");
	assert_int_equal(names_remove(&x.n, "web", "Front", &l, "a", &e), 0);
	assert_int_equal(count(&x, "networks/web/names"), 2);
	assert_int_equal(count(&x, "networks/web/pointers"), 1);
	assert_int_equal(names_remove(&x.n, "web", NULL, &other, "another", &e), 0);
	assert_int_equal(count(&x, "networks/web/names/db"), 1);
	assert_int_equal(names_remove(&x.n, "web", NULL, &other, "b", &e), 0);
	assert_int_equal(names_remove(&x.n, "web", NULL, &other, "b", &e), 0);
	assert_int_equal(count(&x, "networks/web/names"), 0);
	assert_int_equal(count(&x, "networks/web/pointers"), 0);
}

/* Whoever has the address now has its names. */
static void names_of_the_one_before(void **state)
{
	struct net_link l = { .addresses = { address("10.0.0.2") } };
	cleanup_example struct example x;
	struct err e = ERR_INIT;

	(void)state;
	example_init(&x, "10.0.0.0/24", "10.0.0.1", "10.0.0.1", "10.0.0.254");
	assert_int_equal(names_add(&x.n, "web", "front", &l, "gone", &e), 0);
	assert_int_equal(names_add(&x.n, "web", "front", &l, "a", &e), 0);
	assert_link(&x, "networks/web/names/front/10.0.0.2", "a");
}

static void what_is_no_name(void **state)
{
	static const char *const bad[] = { "", ".", "..", "a..b", "a/b", ".a", "a.", "a b", "a\nb", "*", "\xc3\xa4" };
	struct net_link l = { .addresses = { address("10.0.0.2") } };
	cleanup_example struct example x;
	char text[300];

	(void)state;
	example_init(&x, "10.0.0.0/24", "10.0.0.1", "10.0.0.1", "10.0.0.254");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct err e = ERR_INIT;
		assert_int_equal(names_add(&x.n, "web", bad[i], &l, "a", &e), -EINVAL);
		assert_non_null(strstr(e.msg, "is no name that can be resolved"));
	}
	for (size_t label = 63; label <= 64; label++) {
		struct err e = ERR_INIT;
		memset(text, 'a', label);
		text[label] = '\0';
		assert_int_equal(names_add(&x.n, "web", text, &l, "a", &e), label == 63 ? 0 : -EINVAL);
	}
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 10 == 9 ? '.' : 'a';
	text[254] = '\0';
	struct err e = ERR_INIT;
	assert_int_equal(names_add(&x.n, "web", text, &l, "a", &e), -EINVAL);
	text[253] = '\0';
	assert_int_equal(names_add(&x.n, "web", text, &l, "a", &e), 0);
	assert_int_equal(count(&x, "networks/web/names"), 2);
}

/* ---- ports ---- */

static struct net_port port(uint8_t protocol, const char *host, unsigned first, unsigned n)
{
	struct net_port p = { .protocol = protocol, .host_port = (uint16_t)first, .container_port = 80, .count = (uint16_t)n };

	if (host)
		p.host = address(host);
	return p;
}

static void ports_that_clash(void **state)
{
	static const struct {
		const char *one, *other;
		bool clash;
	} t[] = {
		{ NULL, NULL, true },	       { NULL, "127.0.0.1", true },  { NULL, "::1", true },
		{ NULL, "0.0.0.0", true },     { "0.0.0.0", "::", false },   { "0.0.0.0", "127.0.0.1", true },
		{ "0.0.0.0", "::1", false },   { "::", "::1", true },	     { "::", "127.0.0.1", false },
		{ "127.0.0.1", "::1", false }, { "127.0.0.1", "127.0.0.2", false },
	};
	cleanup_example struct example x;

	(void)state;
	example_init(&x, "10.0.0.0/24", "10.0.0.1", "10.0.0.1", "10.0.0.254");
	for (size_t i = 0; i < 2 * sizeof(t) / sizeof(*t); i++) {
		const char *one = i % 2 ? t[i / 2].other : t[i / 2].one, *other = i % 2 ? t[i / 2].one : t[i / 2].other;
		struct net_port p = port(IPPROTO_TCP, one, 8080, 1), q = port(IPPROTO_TCP, other, 8080, 1),
				udp = port(IPPROTO_UDP, other, 8080, 1);
		struct err e = ERR_INIT;
		if (ports_take(&x.n, &p, "a", &e) < 0)
			fail_msg("%s", e.msg);
		assert_int_equal(ports_take(&x.n, &q, "b", &e), t[i / 2].clash ? -EADDRINUSE : 0);
		if (t[i / 2].clash)
			assert_non_null(strstr(e.msg, "port 8080/tcp is published by a container"));
		assert_int_equal(ports_take(&x.n, &udp, "b", &e), 0);
		assert_int_equal(ports_release(&x.n, &p, "a", &e), 0);
		assert_int_equal(ports_release(&x.n, &q, "b", &e), 0);
		assert_int_equal(ports_release(&x.n, &udp, "b", &e), 0);
		assert_int_equal(count(&x, "ports"), 0);
	}
}

static void ranges_of_ports_are_taken_whole(void **state)
{
	struct net_port p = port(IPPROTO_TCP, NULL, 8000, 10), q = port(IPPROTO_TCP, NULL, 8005, 10);
	cleanup_example struct example x;
	struct err e = ERR_INIT;

	(void)state;
	example_init(&x, "10.0.0.0/24", "10.0.0.1", "10.0.0.1", "10.0.0.254");
	assert_int_equal(ports_take(&x.n, &p, "a", &e), 0);
	assert_int_equal(count(&x, "ports"), 10);
	assert_int_equal(ports_take(&x.n, &q, "b", &e), -EADDRINUSE);
	q.host_port = 7995;
	assert_int_equal(ports_take(&x.n, &q, "b", &e), -EADDRINUSE);
	assert_int_equal(count(&x, "ports"), 10);
	assert_int_equal(ports_release(&x.n, &p, "another", &e), 0);
	assert_int_equal(count(&x, "ports"), 10);
	q.host_port = 65530;
	assert_int_equal(ports_take(&x.n, &q, "b", &e), -EINVAL);
	assert_int_equal(ports_release(&x.n, &p, "a", &e), 0);
	assert_int_equal(count(&x, "ports"), 0);
}

static int listener(int type, const char *text, uint16_t at, int only_v6)
{
	struct net_address a = address(text);
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(at) };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(at) };
	int fd = socket(a.family, type | SOCK_CLOEXEC, 0), on = 1;

	assert_true(fd >= 0);
	memcpy(a.family == AF_INET6 ? (void *)&in6.sin6_addr : (void *)&in.sin_addr, a.bytes, net_address_size(&a));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (a.family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only_v6, sizeof(only_v6));
	assert_int_equal(a.family == AF_INET6 ? bind(fd, (void *)&in6, sizeof(in6)) : bind(fd, (void *)&in, sizeof(in)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void programs_that_listen(void **state)
{
	static const struct {
		int type, only_v6;
		const char *listens, *wanted;
		bool clash;
	} t[] = {
		{ SOCK_STREAM, 0, "127.0.0.1", NULL, true },	   { SOCK_STREAM, 0, "127.0.0.1", "127.0.0.1", true },
		{ SOCK_STREAM, 0, "127.0.0.1", "127.0.0.2", false }, { SOCK_STREAM, 0, "127.0.0.1", "::", false },
		{ SOCK_STREAM, 1, "::1", NULL, true },		   { SOCK_STREAM, 0, "::", "127.0.0.1", true },
		{ SOCK_STREAM, 1, "::", "127.0.0.1", false },	   { SOCK_DGRAM, 0, "0.0.0.0", "127.0.0.1", true },
		{ SOCK_DGRAM, 1, "::1", "0.0.0.0", false },	   { SOCK_DGRAM, 0, "127.0.0.1", NULL, true },
	};
	cleanup_example struct example x;

	(void)state;
	example_init(&x, "10.0.0.0/24", "10.0.0.1", "10.0.0.1", "10.0.0.254");
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		bool udp = t[i].type == SOCK_DGRAM;
		struct net_port same = port(udp ? IPPROTO_UDP : IPPROTO_TCP, t[i].wanted, 8080, 1),
				other = port(udp ? IPPROTO_TCP : IPPROTO_UDP, t[i].wanted, 8080, 1);
		struct err e = ERR_INIT;
		cleanup_close int fd = listener(t[i].type, t[i].listens, 8080, t[i].only_v6);
		assert_true(fd >= 0);
		assert_int_equal(ports_take(&x.n, &same, "a", &e), t[i].clash ? -EADDRINUSE : 0);
		if (t[i].clash)
			assert_non_null(strstr(e.msg, udp ? "the program \"test_lease\" (pid " :
								  ") listens on port 8080/tcp already"));
		assert_int_equal(ports_take(&x.n, &other, "a", &e), 0);
		assert_int_equal(ports_release(&x.n, &same, "a", &e), 0);
		assert_int_equal(ports_release(&x.n, &other, "a", &e), 0);
		assert_int_equal(count(&x, "ports"), 0);
	}
	struct net_port far = port(IPPROTO_TCP, "192.0.2.1", 8080, 1);
	struct err e = ERR_INIT;
	assert_int_equal(ports_take(&x.n, &far, "a", &e), -EADDRNOTAVAIL);
	assert_non_null(strstr(e.msg, "this machine has no address 192.0.2.1"));
}

static void ports_that_are_chosen(void **state)
{
	cleanup_example struct example x;
	struct err e = ERR_INIT;
	uint16_t first;

	(void)state;
	example_init(&x, "10.0.0.0/24", "10.0.0.1", "10.0.0.1", "10.0.0.254");
	struct net_port p = port(IPPROTO_TCP, NULL, NET_PORT_ANY, 1), q = p, range = port(IPPROTO_TCP, NULL, NET_PORT_ANY, 5);
	assert_int_equal(ports_take(&x.n, &p, "0123456789ab", &e), 0);
	assert_in_range(p.host_port, 32768, 60999);
	first = p.host_port;
	assert_int_equal(ports_take(&x.n, &q, "0123456789ab", &e), 0);
	assert_int_not_equal(q.host_port, first);
	assert_int_equal(ports_take(&x.n, &range, "fedcba987654", &e), 0);
	assert_in_range(range.host_port, 32768, 60995);
	assert_int_equal(count(&x, "ports"), 7);
	assert_int_equal(ports_release(&x.n, &p, "0123456789ab", &e), 0);
	p.host_port = NET_PORT_ANY;
	assert_int_equal(ports_take(&x.n, &p, "0123456789ab", &e), 0);
	assert_int_equal(p.host_port, first);
}

static int take_a_port(struct example *x, const char *key)
{
	struct net_port p = port(IPPROTO_TCP, key[11] % 2 ? NULL : "127.0.0.1", 8080, 1);
	struct err e = ERR_INIT;

	return ports_take(&x->n, &p, key, &e) == 0 ? 1 : e.code == EADDRINUSE ? 0 : 100;
}

static int take_and_release_ports(struct example *x, const char *key)
{
	for (int i = 0; i < 100; i++) {
		struct net_port p = port(IPPROTO_UDP, NULL, 8080, 1);
		struct err e = ERR_INIT;
		int r = ports_take(&x->n, &p, key, &e);
		if (r < 0 && r != -EADDRINUSE)
			return 1;
		if (r == 0 && ports_release(&x->n, &p, key, &e) < 0)
			return 1;
	}
	return 0;
}

static void many_want_one_port(void **state)
{
	cleanup_example struct example x;

	(void)state;
	example_init(&x, "10.0.0.0/24", "10.0.0.1", "10.0.0.1", "10.0.0.254");
	assert_int_equal(crowd(&x, take_a_port), 1);
	assert_int_equal(count(&x, "ports/tcp,8080"), 1);
	assert_int_equal(crowd(&x, take_and_release_ports), 0);
	assert_int_equal(count(&x, "ports"), 1);
}

/* ---- sweeping ---- */

static void make_all(struct example *x, const char *key, const char *ip, unsigned first_port)
{
	const char *aliases[] = { "shared" };
	struct net_link l = { .addresses = { address(ip) }, .aliases = aliases, .n_aliases = 1 };
	struct net_port p = port(IPPROTO_TCP, NULL, first_port, 2);
	struct err e = ERR_INIT;
	char cidr[NET_ADDRESS_TEXT];

	snprintf(cidr, sizeof(cidr), "%s/24", ip);
	assert_gets(x, ip, key, cidr);
	assert_int_equal(names_add(&x->n, "web", key, &l, key, &e), 0);
	assert_int_equal(ports_take(&x->n, &p, key, &e), 0);
}

static void what_has_no_record_is_swept(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_example struct example x;
	struct err e = ERR_INIT;

	(void)state;
	example_init(&x, "10.0.0.0/24", "10.0.0.1", "10.0.0.1", "10.0.0.254");
	assert_int_equal(leases_sweep(&x.n, NULL, &a, &e), 0);
	make_all(&x, "aaaaaaaaaaaa", "10.0.0.2", 8000);
	make_all(&x, "bbbbbbbbbbbb", "10.0.0.3", 8100);
	make_all(&x, "cccccccccccc", "10.0.0.4", 8200);
	assert_int_equal(mkdirat(x.dir.fd, "endpoints", 0700), 0);
	fixture_file(&x.dir, "endpoints/aaaaaaaaaaaa.json", "{}");
	fixture_file(&x.dir, "endpoints/bbbbbbbbbbbb.json", "{}");
	assert_int_equal(leases_sweep(&x.n, NULL, &a, &e), 0);
	assert_int_equal(count(&x, "networks/web/leases"), 2);
	assert_int_equal(count(&x, "networks/web/names"), 3);
	assert_int_equal(count(&x, "networks/web/names/shared"), 2);
	assert_int_equal(count(&x, "networks/web/pointers"), 2);
	assert_int_equal(count(&x, "ports"), 4);
	assert_int_equal(leases_sweep(&x.n, "bbbbbbbbbbbb", &a, &e), 0);
	assert_link(&x, "networks/web/leases/10.0.0.2", "aaaaaaaaaaaa");
	assert_int_equal(count(&x, "networks/web/leases"), 1);
	assert_int_equal(count(&x, "networks/web/names"), 2);
	assert_int_equal(count(&x, "networks/web/pointers"), 1);
	assert_int_equal(count(&x, "ports"), 2);
}

/* A network namespace of the test's own, with its loopback: what listens on the machine is not to be seen. */
static int enter_netns(void **state)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	(void)state;
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return -1;
	cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return ioctl(fd, SIOCSIFFLAGS, &lo);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_given_in_order_and_not_again_at_once),
		cmocka_unit_test(addresses_that_are_asked_for),
		cmocka_unit_test(small_and_large_subnets),
		cmocka_unit_test(a_hint_that_makes_no_sense),
		cmocka_unit_test(taking_and_releasing_leaves_nothing),
		cmocka_unit_test(many_take_at_once),
		cmocka_unit_test(many_exhaust_it_together),
		cmocka_unit_test(names_and_aliases),
		cmocka_unit_test(names_of_the_one_before),
		cmocka_unit_test(what_is_no_name),
		cmocka_unit_test(ports_that_clash),
		cmocka_unit_test(ranges_of_ports_are_taken_whole),
		cmocka_unit_test(programs_that_listen),
		cmocka_unit_test(ports_that_are_chosen),
		cmocka_unit_test(many_want_one_port),
		cmocka_unit_test(what_has_no_record_is_swept),
	};
	return cmocka_run_group_tests_name("lease", tests, enter_netns, NULL);
}
