/* What launch's options of networks come to: as values. */
#include "runtime/cli/shaping.h"
#include "runtime/launch/plan.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define LIST(...) { (const char *[]){ __VA_ARGS__ }, sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(const char *) }

struct fixture {
	struct arena arena;
	struct launch_facts facts;
	struct image_config image;
	struct launched_network n;
	struct err e;
};

static struct fixture x;

static int set_up(void **state)
{
	(void)state;
	x = (struct fixture){ 0 };
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_finish(&x.arena);
	return 0;
}

static int plan(const struct launch_options *o)
{
	x.n = (struct launched_network){ 0 };
	x.e = ERR_INIT;
	return launch_plan_network(o, &x.facts, &x.image, &x.arena, &x.n, &x.e);
}

#define planned(...)                                                                                                   \
	do {                                                                                                           \
		const struct launch_options planned_o = { __VA_ARGS__ };                                               \
		if (plan(&planned_o) < 0)                                                                              \
			fail_msg("%s", x.e.msg);                                                                       \
	} while (0)

#define refused(word, ...)                                                                                             \
	do {                                                                                                           \
		const struct launch_options refused_o = { __VA_ARGS__ };                                               \
		assert_true(plan(&refused_o) < 0);                                                                     \
		if (!strstr(x.e.msg, word))                                                                            \
			fail_msg("no \"%s\" in \"%s\"", word, x.e.msg);                                                \
	} while (0)

static void is_list(const char **v, size_t n, const char *expected)
{
	const char *text = "";

	for (size_t i = 0; i < n; i++)
		text = arena_printf(&x.arena, "%s%s%s", text, i ? " " : "", v[i]);
	assert_string_equal(text, expected);
}

/* ---- ports ---- */

static void ports_and_their_texts(void **state)
{
	static const struct {
		const char *text, *whole;
		uint16_t host, container, count;
		uint8_t protocol;
	} good[] = {
		{ "80", "80/tcp", 0, 80, 1, IPPROTO_TCP },
		{ "8080:80", "8080:80/tcp", 8080, 80, 1, IPPROTO_TCP },
		{ "0:80", "80/tcp", 0, 80, 1, IPPROTO_TCP },
		{ "53:53/udp", "53:53/udp", 53, 53, 1, IPPROTO_UDP },
		{ "9:9/sctp", "9:9/sctp", 9, 9, 1, IPPROTO_SCTP },
		{ "8000-8009:80-89", "8000-8009:80-89/tcp", 8000, 80, 10, IPPROTO_TCP },
		{ "127.0.0.1:8080:80", "127.0.0.1:8080:80/tcp", 8080, 80, 1, IPPROTO_TCP },
		{ "127.0.0.1::80", "127.0.0.1::80/tcp", 0, 80, 1, IPPROTO_TCP },
		{ "[::1]:8080:80", "[::1]:8080:80/tcp", 8080, 80, 1, IPPROTO_TCP },
		{ "[fd00::1]::80-81/udp", "[fd00::1]::80-81/udp", 0, 80, 2, IPPROTO_UDP },
		{ "65535:65535", "65535:65535/tcp", 65535, 65535, 1, IPPROTO_TCP },
	};
	static const char *const bad[] = {
		"", "0", "65536", "80/", "80/icmp", "a:80", "80:", "80-79", "1-3:1-2", "1-65536", "::1:80:80", "x:80:80",
		"[::1:80:80", "1.2.3:80:80", "+80", " 80", "80 ", "8080:80:", "-80", "80-", "127.0.0.1:80:80:80", "[]:1:1",
		"000080", "1:0",
	};
	struct net_port p, again;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (launch_port_parse(good[i].text, &x.arena, &p, &x.e) < 0)
			fail_msg("%s", x.e.msg);
		assert_int_equal(p.host_port, good[i].host);
		assert_int_equal(p.container_port, good[i].container);
		assert_int_equal(p.count, good[i].count);
		assert_int_equal(p.protocol, good[i].protocol);
		assert_string_equal(launch_port_text(&p, &x.arena), good[i].whole);
		assert_int_equal(launch_port_parse(good[i].whole, &x.arena, &again, &x.e), 0);
		assert_memory_equal(&p, &again, sizeof(p));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (launch_port_parse(bad[i], &x.arena, &p, &x.e) == 0)
			fail_msg("'%s' was taken", bad[i]);
}

static void published_and_exposed(void **state)
{
	(void)state;
	x.image.exposed_ports = (const char *[]){ "80/tcp", "443", "53/udp", "80" };
	x.image.n_exposed_ports = 4;
	planned(.command = NULL);
	assert_int_equal(x.n.mode, NETWORK_ATTACHED);
	assert_int_equal(x.n.n_ports, 0);
	is_list(x.n.exposed, x.n.n_exposed, "80/tcp 443/tcp 53/udp");
	planned(.publish = LIST("8080:80", "10000-10001:7000-7001/udp"), .expose = LIST("90-91"), .publish_all = true);
	assert_int_equal(x.n.mode, NETWORK_ATTACHED);
	assert_string_equal(x.n.attachments[0].network, "ferry");
	is_list(x.n.ports, x.n.n_ports, "8080:80/tcp 10000-10001:7000-7001/udp 443/tcp 53/udp 90/tcp 91/tcp");
	planned(.publish = LIST("127.0.0.1::80-82"));
	is_list(x.n.ports, x.n.n_ports, "127.0.0.1::80/tcp 127.0.0.1::81/tcp 127.0.0.1::82/tcp");
	planned(.publish = LIST("127.0.0.1:80:80", "127.0.0.2:80:80", "80:80/udp", "81-89:81-89"));
	refused("'8080:80/tcp' already", .publish = LIST("8080:80", "8080:81"));
	refused("'8080-8090:80-90/tcp' already", .publish = LIST("8080-8090:80-90", "127.0.0.1:8085:1"));
	refused("--publish: 'x'", .publish = LIST("x"));
	refused("'[::1]:80:80': nothing that is sent to ::1", .publish = LIST("[::1]:80:80"));
	refused("--expose '1:2'", .expose = LIST("1:2"));
	refused("--expose", .expose = LIST("no"));
}

/* ---- networks ---- */

static void networks_and_what_they_are_asked_for(void **state)
{
	const struct launched_attachment *a;

	(void)state;
	planned(.networks = LIST("web:ip=10.1.0.7,ip6=fd00::7,mac=02:00:00:00:00:01,alias=a,alias=b,interface=net0", "db"),
		.network_aliases = LIST("both"));
	assert_int_equal(x.n.mode, NETWORK_ATTACHED);
	assert_int_equal(x.n.n_attachments, 2);
	a = &x.n.attachments[0];
	assert_string_equal(a->network, "web");
	assert_string_equal(a->ip, "10.1.0.7");
	assert_string_equal(a->ip6, "fd00::7");
	assert_string_equal(a->mac, "02:00:00:00:00:01");
	assert_string_equal(a->interface, "net0");
	is_list(a->aliases, a->n_aliases, "a b both");
	is_list(x.n.attachments[1].aliases, x.n.attachments[1].n_aliases, "both");
	planned(.networks = LIST("web:ip=fd00::9"), .ip = "10.1.0.9", .mac_address = "02:00:00:00:00:02");
	assert_string_equal(x.n.attachments[0].ip6, "fd00::9");
	assert_string_equal(x.n.attachments[0].ip, "10.1.0.9");
	assert_string_equal(x.n.attachments[0].mac, "02:00:00:00:00:02");
	static const char *const others[] = { "private", "bridge", "default", "ferry" };
	for (size_t i = 0; i < 4; i++) {
		planned(.networks = LIST(others[i]));
		assert_string_equal(x.n.attachments[0].network, "ferry");
	}
	planned(.networks = LIST("hosting"));
	assert_int_equal(x.n.mode, NETWORK_ATTACHED);
}

static void other_modes(void **state)
{
	(void)state;
	planned(.networks = LIST("none"));
	assert_int_equal(x.n.mode, NETWORK_NONE);
	planned(.networks = LIST("host"));
	assert_int_equal(x.n.mode, NETWORK_HOST);
	planned(.networks = LIST("container:db"));
	assert_int_equal(x.n.mode, NETWORK_CONTAINER);
	assert_string_equal(x.n.of, "db");
	planned(.networks = LIST("ns:/run/netns/a"));
	assert_int_equal(x.n.mode, NETWORK_PATH);
	assert_string_equal(x.n.of, "/run/netns/a");
	x.facts.rootless = true;
	planned(.networks = LIST("pasta"), .publish = LIST("8080:80", "[::1]:8081:80"));
	assert_int_equal(x.n.mode, NETWORK_PASTA);
	is_list(x.n.ports, x.n.n_ports, "8080:80/tcp [::1]:8081:80/tcp");
}

static void contradictions(void **state)
{
	(void)state;
	refused("'web' and --network 'host' contradict", .networks = LIST("web", "host"));
	refused("'host' and --network 'web' contradict", .networks = LIST("host", "web"));
	refused("'none' and --network 'none' contradict", .networks = LIST("none", "none"));
	refused("'web' is there twice", .networks = LIST("web", "web:ip=10.0.0.1"));
	refused("--publish and --network host contradict", .networks = LIST("host"), .publish = LIST("80:80"));
	refused("--ip and --network none contradict", .networks = LIST("none"), .ip = "10.0.0.1");
	refused("--network-alias and --network container:x contradict", .networks = LIST("container:x"),
		.network_aliases = LIST("a"));
	refused("--network-rate and --network none", .networks = LIST("none"), .shaping = { .rate_bps = 1 });
	refused("--ip: there are 2 networks", .networks = LIST("a", "b"), .ip = "10.0.0.1");
	refused("'10.0.0.2' already", .networks = LIST("a:ip=10.0.0.2"), .ip = "10.0.0.1");
	refused("--network-burst", .shaping = { .burst_bytes = 1 });
	refused("--network-jitter", .shaping = { .jitter_us = 1 });
	refused("--network-jitter", .shaping = { .delay_us = 1, .jitter_us = 2 });
	refused("no network of ferry's", .networks = LIST("pasta"), .ip = "10.0.0.1");
	refused("--add-host 'x:host-gateway'", .add_hosts = LIST("x:host-gateway"), .networks = LIST("none"));
	refused("say --network pasta", .networks = LIST("slirp4netns"));
	refused("say --network pasta", .networks = LIST("slirp4netns:mtu=1500"));
	x.facts.rootless = true;
	refused("--network: networks are made with root's rights", .networks = LIST("web"));
	refused("--publish: networks are made with root's rights", .publish = LIST("80"));
}

static void without_options(void **state)
{
	(void)state;
	planned(.command = NULL);
	assert_int_equal(x.n.mode, NETWORK_ATTACHED);
	assert_int_equal(x.n.n_attachments, 1);
	assert_string_equal(x.n.attachments[0].network, "ferry");
	x.facts.rootless = true;
	planned(.command = NULL);
	assert_int_equal(x.n.mode, NETWORK_NONE);
	x.facts.pasta = true;
	planned(.command = NULL);
	assert_int_equal(x.n.mode, NETWORK_PASTA);
	assert_true(x.n.if_possible);
	planned(.publish = LIST("8080:80"));
	assert_int_equal(x.n.mode, NETWORK_PASTA);
	assert_false(x.n.if_possible);
	planned(.networks = LIST("none"));
	assert_int_equal(x.n.mode, NETWORK_NONE);
	planned(.networks = LIST("pasta"));
	assert_false(x.n.if_possible);
	refused("--ip: networks are made with root's rights", .ip = "10.0.0.1");
}

static void nonsense(void **state)
{
	static const char *const networks[] = {
		"", "web:ip=x", "web:ip=", "web:ip6=10.0.0.1", "web:mac=1", "web:mac=01:00:00:00:00:01", "web:alias=",
		"web:alias=a b", "web:alias=-a", "web:color=red", "web:ip", "web:interface=", "web:interface=a/b",
		"web:interface=abcdefghijklmnop", "container:", "container", "ns:", "ns:relative", "host:x", "none:", "pasta:x",
		"web:ip=10.0.0.1,ip=10.0.0.2",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(networks) / sizeof(networks[0]); i++)
		refused("--network '", .networks = LIST(networks[i]));
	refused("--ip", .ip = "fd00::1");
	refused("--ip6", .ip6 = "10.0.0.1");
	refused("--mac-address", .mac_address = "x");
	refused("--network-alias", .network_aliases = LIST("a.b c"));
	refused("--dns", .dns = LIST("here"));
	refused("--dns-search", .dns_search = LIST("a b"));
	refused("--dns-option", .dns_options = LIST(""));
	refused("--add-host", .add_hosts = LIST("x"));
	refused("--add-host", .add_hosts = LIST("x:y"));
	refused("--add-host", .add_hosts = LIST("a b:10.0.0.1"));
}

static void shaping(void **state)
{
	struct net_shaping s;
	static const struct cli_shaping bad[] = {
		{ .rate = "x" }, { .rate = "0" }, { .rate = "-1" }, { .rate = "1mb" }, { .rate = "1e9" }, { .rate = "" },
		{ .rate = "inf" }, { .burst = "0" }, { .burst = "-1" }, { .burst = "9g" }, { .delay = "5" }, { .delay = "2m" },
		{ .delay = "61s" }, { .jitter = "x" }, { .loss = "101%" }, { .loss = "-1%" }, { .loss = "%" },
	};

	(void)state;
	assert_int_equal(cli_shaping(&(struct cli_shaping){ "10mbit", "64k", "20ms", "500us", "0.5%" }, &s, &x.e), 0);
	assert_int_equal(s.rate_bps, 10000000);
	assert_int_equal(s.burst_bytes, 65536);
	assert_int_equal(s.delay_us, 20000);
	assert_int_equal(s.jitter_us, 500);
	assert_int_equal(s.loss_ppm, 5000);
	assert_int_equal(cli_shaping(&(struct cli_shaping){ .rate = "1.5Gbit" }, &s, &x.e), 0);
	assert_int_equal(s.rate_bps, 1500000000);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (cli_shaping(&bad[i], &s, &x.e) == 0)
			fail_msg("bad %zu was taken", i);
}

/* ---- files ---- */

static struct net_endpoint endpoint(struct net_link *links)
{
	links[0] = (struct net_link){ .network = "web" };
	links[1] = (struct net_link){ .network = "db" };
	assert_int_equal(net_address_parse("10.1.0.2/24", true, &links[0].addresses[0], &x.e), 0);
	assert_int_equal(net_address_parse("fd01::2/64", true, &links[0].addresses[1], &x.e), 0);
	assert_int_equal(net_address_parse("10.2.0.2/24", true, &links[1].addresses[0], &x.e), 0);
	assert_int_equal(net_address_parse("10.1.0.1", false, &links[0].gateways[0], &x.e), 0);
	return (struct net_endpoint){ .links = links, .n_links = 2 };
}

static void hosts(void **state)
{
	const char *more[] = { "db:10.9.9.9", "me:host-gateway" };
	struct launched_network n = { .mode = NETWORK_ATTACHED, .hosts = more, .n_hosts = 2 };
	struct net_link links[2];
	const struct net_endpoint both = endpoint(links), none = { 0 };
	cleanup_buf struct buf out = BUF_INIT, without = BUF_INIT;

	(void)state;
	assert_int_equal(launch_hosts(&n, "box", &both, &out, &x.e), 0);
	assert_string_equal(buf_text(&out),
			    "127.0.0.1\tlocalhost\n10.1.0.2\tbox\nfd01::2\tbox\n10.2.0.2\tbox\n"
			    "::1\tlocalhost ip6-localhost ip6-loopback\n10.9.9.9\tdb\n10.1.0.1\tme\n");
	assert_int_equal(launch_hosts(&n, "box", &none, &without, &x.e), 0);
	assert_string_equal(buf_text(&without), "127.0.0.1\tlocalhost\n127.0.1.1\tbox\n"
						"::1\tlocalhost ip6-localhost ip6-loopback\n10.9.9.9\tdb\n");
}

static void resolv_conf(void **state)
{
	const char *dns[] = { "10.9.9.9", "fd00::9" }, *search[] = { "a.example", "b.example" }, *options[] = { "ndots:2" };
	const char *nothing[] = { "." };
	struct launched_network n = { .mode = NETWORK_ATTACHED, .dns = dns, .n_dns = 2, .dns_search = search,
				      .n_dns_search = 2, .dns_options = options, .n_dns_options = 1 };
	struct net_link links[2];
	const struct net_endpoint both = endpoint(links);
	cleanup_buf struct buf own = BUF_INIT, given = BUF_INIT;

	(void)state;
	assert_int_equal(launch_resolv_conf(&n, both.links[0].gateways, 1, &own, &x.e), 0);
	assert_string_equal(buf_text(&own), "nameserver 10.1.0.1\nsearch ferry.internal a.example b.example\n"
					  "options ndots:2\n");
	n.dns_search = nothing;
	n.n_dns_search = 1;
	assert_int_equal(launch_resolv_conf(&n, NULL, 0, &given, &x.e), 0);
	assert_string_equal(buf_text(&given), "nameserver 10.9.9.9\nnameserver fd00::9\noptions ndots:2\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ports_and_their_texts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(published_and_exposed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(networks_and_what_they_are_asked_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(without_options, set_up, tear_down),
		cmocka_unit_test_setup_teardown(other_modes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(contradictions, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nonsense, set_up, tear_down),
		cmocka_unit_test_setup_teardown(shaping, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hosts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(resolv_conf, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
