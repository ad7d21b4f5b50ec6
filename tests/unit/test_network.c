/* Definitions of networks: read, checked, written; and which subnets are free. */
#include "lib/arena.h"
#include "netns/network.h"
#include "netns/network_check.h"
#include "netns/subnet.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

static const char example[] =
	"{\n"
	"  \"name\": \"web\",\n"
	"  \"driver\": \"bridge\",\n"
	"  \"network_interface\": \"ferry1\",\n"
	"  \"created\": \"2026-01-31T12:00:00Z\",\n"
	"  \"subnets\": [\n"
	"    {\n"
	"      \"subnet\": \"10.89.1.0/24\",\n"
	"      \"gateway\": \"10.89.1.1\",\n"
	"      \"lease_range\": {\n"
	"        \"start_ip\": \"10.89.1.128\",\n"
	"        \"end_ip\": \"10.89.1.254\"\n"
	"      }\n"
	"    },\n"
	"    {\n"
	"      \"subnet\": \"fd00:1::/64\",\n"
	"      \"gateway\": \"fd00:1::1\"\n"
	"    }\n"
	"  ],\n"
	"  \"ipv6_enabled\": true,\n"
	"  \"internal\": false,\n"
	"  \"dns_enabled\": true,\n"
	"  \"network_dns_servers\": [\n"
	"    \"192.0.2.1\"\n"
	"  ],\n"
	"  \"labels\": {\n"
	"    \"a\": \"b\"\n"
	"  },\n"
	"  \"options\": {\n"
	"    \"mtu\": \"1400\",\n"
	"    \"vlan\": \"7\",\n"
	"    \"isolate\": \"true\"\n"
	"  }\n"
	"}\n";

static struct net_address address(const char *text)
{
	struct net_address x;
	struct err e = ERR_INIT;

	if (net_address_parse(text, strchr(text, '/') != NULL, &x, &e) < 0)
		fail_msg("%s", e.msg);
	return x;
}

static void assert_address(const struct net_address *x, const char *text)
{
	char out[NET_ADDRESS_TEXT];

	assert_string_equal(strchr(text, '/') ? net_address_cidr(x, out) : net_address_text(x, out), text);
}

static void a_definition_is_read_and_written_again(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_buf struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	struct network x;

	(void)state;
	if (network_parse(example, strlen(example), &a, &x, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(x.name, "web");
	assert_string_equal(x.interface, "ferry1");
	assert_int_equal(x.driver, NET_BRIDGE);
	assert_int_equal(x.mtu, 1400);
	assert_int_equal(x.vlan, 7);
	assert_true(x.isolate && x.dns && !x.internal && !x.mode);
	assert_int_equal(x.n_subnets, 2);
	assert_address(&x.subnets[0].first, "10.89.1.128/24");
	assert_address(&x.subnets[1].first, "fd00:1::1/64");
	assert_address(&x.subnets[1].last, "fd00:1::ffff:ffff:ffff:ffff/64");
	network_write(&x, &out);
	assert_string_equal(buf_text(&out), example);
}

static void the_least_of_a_definition(void **state)
{
	static const char text[] = "{\"name\":\"m\",\"driver\":\"macvlan\",\"network_interface\":\"eth0\",\"unknown\":[1]}";
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct network x;

	(void)state;
	if (network_parse(text, strlen(text), &a, &x, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(x.mode, "bridge");
	assert_int_equal(x.n_subnets, 0);
	assert_int_equal(x.mtu, 0);
}

/* Members that take the place of, or stand beside, those of a definition that is right. */
static const struct {
	const char *members, *error;
} bad[] = {
	{ "\"name\": \"a/b\"", "name: invalid name \"a/b\"" },
	{ "\"name\": \"-a\"", "name: invalid name \"-a\": it must begin with" },
	{ "\"name\": \"host\"", "name: invalid name \"host\": it means something else" },
	{ "\"name\": \"\"", "name: missing" },
	{ "\"driver\": \"overlay\"", "driver: unknown driver \"overlay\": use bridge, macvlan or ipvlan" },
	{ "\"driver\": \"host\"", "driver: \"host\" is no network that is created: launch containers with --network host" },
	{ "\"network_interface\": \"a/b\"", "network_interface: " },
	{ "\"network_interface\": \"sixteen-letters-\"", "network_interface: " },
	{ "\"internal\": \"yes\"", "internal: expected a boolean, got a string" },
	{ "\"routes\": [ {} ]", "routes: not supported" },
	{ "\"options\": { \"mtu\": \"67\" }", "options.mtu: invalid value \"67\": expected 68 to 65535" },
	{ "\"options\": { \"mtu\": \"65536\" }", "options.mtu: invalid value \"65536\"" },
	{ "\"options\": { \"mtu\": \"99999999999999999999\" }", "options.mtu: invalid value" },
	{ "\"options\": { \"mtu\": \"1e3\" }", "options.mtu: invalid value" },
	{ "\"options\": { \"mtu\": \"\" }", "options.mtu: invalid value" },
	{ "\"options\": { \"mtu\": 1500 }", "options.mtu: expected a string" },
	{ "\"options\": { \"mtu\": \"1279\" }, \"subnets\": [ { \"subnet\": \"fd00::/64\" } ]",
	  "options.mtu: invalid value \"1279\": expected 1280 to 65535" },
	{ "\"options\": { \"mtu\": \"1400\", \"com.docker.network.driver.mtu\": \"1500\" }",
	  "options.com.docker.network.driver.mtu: invalid value \"1500\": expected 68 to 65535, and the same" },
	{ "\"options\": { \"vlan\": \"4095\" }", "options.vlan: invalid value \"4095\": expected 1 to 4094" },
	{ "\"options\": { \"vlan\": \"0\" }", "options.vlan: invalid value \"0\"" },
	{ "\"options\": { \"isolate\": \"maybe\" }", "options.isolate: invalid value \"maybe\": expected true or false" },
	{ "\"options\": { \"mut\": \"1400\" }", "options.mut: unknown option: did you mean \"mtu\"?" },
	{ "\"options\": { \"zzzzzz\": \"\" }", "options.zzzzzz: unknown option: there are mtu, vlan" },
	{ "\"options\": { \"mode\": \"l2\" }", "options.mode: a network of the driver bridge has no such option" },
	{ "\"driver\": \"macvlan\", \"options\": { \"mode\": \"l2\" }",
	  "options.mode: invalid mode \"l2\": macvlan has bridge, private, vepa and passthru" },
	{ "\"driver\": \"ipvlan\", \"options\": { \"vlan\": \"1\" }", "options.vlan: a network of the driver ipvlan" },
	{ "\"driver\": \"macvlan\", \"dns_enabled\": true", "dns_enabled: names are resolved on" },
	{ "\"network_dns_servers\": [ \"dns.example\" ]", "network_dns_servers: 'dns.example' is no IP address" },
	{ "\"subnets\": [ {} ]", "subnets[0].subnet: missing" },
	{ "\"subnets\": [ { \"subnet\": \"10.0.0.0\" } ]", "subnets[0].subnet: '10.0.0.0': expected an address with" },
	{ "\"subnets\": [ { \"subnet\": \"10.0.0.0/33\" } ]", "subnets[0].subnet: " },
	{ "\"subnets\": [ { \"subnet\": \"0.0.0.0/0\" } ]", "subnets[0].subnet: 0.0.0.0/0 cannot be a container's" },
	{ "\"subnets\": [ { \"subnet\": \"127.0.0.0/24\" } ]", "127.0.0.0/8 is the loopback's" },
	{ "\"subnets\": [ { \"subnet\": \"fe80::/64\" } ]", "fe80::/10 is of each link alone" },
	{ "\"subnets\": [ { \"subnet\": \"::/0\" } ]", "cannot be a container's" },
	{ "\"subnets\": [ { \"subnet\": \"10.0.0.0/24\", \"gateway\": \"10.0.1.1\" } ]",
	  "subnets[0].gateway: gateway 10.0.1.1 is outside of the subnet 10.0.0.0/24" },
	{ "\"subnets\": [ { \"subnet\": \"10.0.0.0/24\", \"gateway\": \"fd00::1\" } ]", "subnets[0].gateway: gateway fd00::1" },
	{ "\"subnets\": [ { \"subnet\": \"10.0.0.0/24\", \"gateway\": \"10.0.0.0\" } ]",
	  "subnets[0].gateway: gateway 10.0.0.0 is the network's own address" },
	{ "\"subnets\": [ { \"subnet\": \"10.0.0.0/24\", \"gateway\": \"10.0.0.255\" } ]",
	  "subnets[0].gateway: gateway 10.0.0.255 is the broadcast address" },
	{ "\"subnets\": [ { \"subnet\": \"10.0.0.0/24\", \"lease_range\": { \"start_ip\": \"10.0.1.0\" } } ]",
	  "subnets[0].lease_range: the range's begin 10.0.1.0 is outside" },
	{ "\"subnets\": [ { \"subnet\": \"10.0.0.0/24\", \"lease_range\": { \"start_ip\": \"10.0.0.9\", \"end_ip\": "
	  "\"10.0.0.8\" } } ]", "subnets[0].lease_range: the range begins at 10.0.0.9, behind its end 10.0.0.8" },
	{ "\"subnets\": [ { \"subnet\": \"10.0.0.0/24\", \"lease_range\": { \"end_ip\": \"x\" } } ]",
	  "subnets[0].lease_range.end_ip: 'x' is no IP address" },
	{ "\"subnets\": [ { \"subnet\": \"10.0.0.1/32\", \"gateway\": \"10.0.0.1\" } ]",
	  "besides the gateway, no address of 10.0.0.1/32 is left" },
	{ "\"subnets\": [ { \"subnet\": \"10.0.0.0/24\" }, { \"subnet\": \"10.0.1.0/24\" } ]",
	  "subnets: more than one subnet of IPv4" },
};

static void a_bad_definition_is_refused_with_its_path(void **state)
{
	static const char *const rest[][2] = {
		{ "\"name\"", "\"web\"" }, { "\"driver\"", "\"bridge\"" }, { "\"network_interface\"", "\"ferry1\"" }
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		cleanup_arena struct arena a = ARENA_INIT;
		cleanup_buf struct buf text = BUF_INIT;
		struct err e = ERR_INIT;
		struct network x = { .mtu = 12345 };

		buf_printf(&text, "{ %s", bad[i].members);
		for (size_t k = 0; k < 3; k++)
			if (!strstr(bad[i].members, rest[k][0]))
				buf_printf(&text, ", %s: %s", rest[k][0], rest[k][1]);
		buf_str(&text, " }");
		assert_int_equal(network_parse(text.data, text.len, &a, &x, &e), -EINVAL);
		if (!strstr(e.msg, bad[i].error))
			fail_msg("%s: '%s', not '%s'", bad[i].members, e.msg, bad[i].error);
		assert_int_equal(x.mtu, 12345);
	}
}

static void what_links_may_have_of_a_subnet(void **state)
{
	static const struct {
		const char *subnet, *first, *last;
	} t[] = {
		{ "10.0.0.77/24", "10.0.0.1/24", "10.0.0.254/24" },
		{ "10.0.0.4/30", "10.0.0.5/30", "10.0.0.6/30" },
		{ "10.0.0.4/31", "10.0.0.4/31", "10.0.0.5/31" },
		{ "10.0.0.4/32", "10.0.0.4/32", "10.0.0.4/32" },
		{ "10.0.0.0/9", "10.0.0.1/9", "10.127.255.254/9" },
		{ "fd00::/64", "fd00::1/64", "fd00::ffff:ffff:ffff:ffff/64" },
		{ "fd00::/126", "fd00::1/126", "fd00::3/126" },
		{ "fd00::2/127", "fd00::2/127", "fd00::3/127" },
		{ "fd00::2/128", "fd00::2/128", "fd00::2/128" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct net_address subnet = address(t[i].subnet), first, last;
		subnet_usable(&subnet, &first, &last);
		assert_address(&first, t[i].first);
		assert_address(&last, t[i].last);
	}
}

static void host_bits_are_cleared_and_ranges_filled(void **state)
{
	struct net_subnet x = { .subnet = address("10.0.0.9/24"), .gateway = address("10.0.0.1") };
	const char *member;
	struct err e = ERR_INIT;

	(void)state;
	x.last = address("10.0.0.99");
	assert_int_equal(subnet_check(&x, &member, &e), 0);
	assert_address(&x.subnet, "10.0.0.0/24");
	assert_address(&x.gateway, "10.0.0.1/24");
	assert_address(&x.first, "10.0.0.1/24");
	assert_address(&x.last, "10.0.0.99/24");
}

static void ranges_that_are_leased(void **state)
{
	static const struct {
		const char *subnet, *text, *first, *last;
	} t[] = {
		{ "10.0.0.0/24", "10.0.0.0/24", "10.0.0.1", "10.0.0.254" },
		{ "10.0.0.0/24", "10.0.0.128/25", "10.0.0.128", "10.0.0.254" },
		{ "10.0.0.0/24", "10.0.0.77/26", "10.0.0.64", "10.0.0.127" },
		{ "10.0.0.0/24", "10.0.0.10-10.0.0.20", "10.0.0.10", "10.0.0.20" },
		{ "fd00::/64", "fd00::/120", "fd00::1", "fd00::ff" },
		{ "10.0.0.0/24", "10.0.0.0/23", NULL, NULL },
		{ "10.0.0.0/24", "10.0.1.0/25", NULL, NULL },
		{ "10.0.0.0/24", "10.0.0.10-10.0.1.20", NULL, NULL },
		{ "10.0.0.0/24", "fd00::/120", NULL, NULL },
		{ "10.0.0.0/24", "10.0.0.10", NULL, NULL },
		{ "10.0.0.0/24", "-", NULL, NULL },
		{ "10.0.0.0/24", "", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct net_subnet x = { .subnet = address(t[i].subnet) };
		struct err e = ERR_INIT;
		assert_int_equal(net_range_parse(t[i].text, &x, &e), t[i].first ? 0 : -EINVAL);
		if (!t[i].first)
			continue;
		assert_address(&x.first, t[i].first);
		assert_address(&x.last, t[i].last);
	}
}

static void the_first_free_subnet(void **state)
{
	static const struct {
		const char *taken[4], *free;
	} t[] = {
		{ { NULL }, "10.89.0.0/24" },
		{ { "10.89.0.0/24" }, "10.89.1.0/24" },
		{ { "10.89.1.0/24", "10.89.0.128/25" }, "10.89.2.0/24" },
		{ { "10.89.0.0/16", "10.90.0.7/32" }, "10.90.1.0/24" },
		{ { "10.0.0.0/8" }, NULL },
		{ { "fd00::/8" }, "10.89.0.0/24" },
		{ { "10.88.0.0/13", "10.96.0.0/11", "10.128.0.0/10", "10.192.0.0/11" }, "10.224.0.0/24" },
		{ { "10.64.0.0/10", "10.128.0.0/9" }, NULL },
	};
	struct net_address first = address("10.89.0.0/24"), last = address("10.255.255.0/24");

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		struct net_address taken[4], got;
		size_t n = 0;
		while (n < 4 && t[i].taken[n]) {
			taken[n] = address(t[i].taken[n]);
			n++;
		}
		assert_int_equal(subnet_free(&first, &last, taken, n, &got), t[i].free != NULL);
		if (t[i].free)
			assert_address(&got, t[i].free);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_definition_is_read_and_written_again),
		cmocka_unit_test(the_least_of_a_definition),
		cmocka_unit_test(a_bad_definition_is_refused_with_its_path),
		cmocka_unit_test(what_links_may_have_of_a_subnet),
		cmocka_unit_test(host_bits_are_cleared_and_ranges_filled),
		cmocka_unit_test(ranges_that_are_leased),
		cmocka_unit_test(the_first_free_subnet),
	};
	return cmocka_run_group_tests_name("network", tests, NULL, NULL);
}
