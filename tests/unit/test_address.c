#include "netns/address.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
/* cmocka wants the four above. */
#include <cmocka.h>

static struct net_address address(const char *text)
{
	struct net_address x;
	struct err e = ERR_INIT;

	assert_int_equal(net_address_parse(text, strchr(text, '/') != NULL, &x, &e), 0);
	return x;
}

static void assert_text(struct net_address x, const char *text)
{
	char out[NET_ADDRESS_TEXT];

	assert_string_equal(strchr(text, '/') ? net_address_cidr(&x, out) : net_address_text(&x, out), text);
}

static void test_parse(void **state)
{
	(void)state;
	static const char *const same[] = {
		"10.89.0.2", "0.0.0.0", "255.255.255.255", "::", "fd00::2", "10.89.0.1/24",
		"10.0.0.0/0", "10.0.0.1/32", "fd00::/64", "fd00::1/128", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/127",
	};
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		assert_text(address(same[i]), same[i]);
	assert_text(address("FD00:0:0::2"), "fd00::2");
	assert_int_equal(address("10.89.0.2").family, AF_INET);
	assert_int_equal(address("10.89.0.2").prefix, 32);
	assert_int_equal(address("fd00::2").family, AF_INET6);
	assert_int_equal(address("fd00::2").prefix, 128);
	assert_int_equal(address("::ffff:1.2.3.4").family, AF_INET6);
}

static void test_parse_refused(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool prefix;
	} bad[] = {
		{ "", false },		  { "10.89.0", false },	      { "10.89.0.256", false },	  { "10.89.0.2 ", false },
		{ " 10.89.0.2", false },  { "010.89.0.2", false },    { "10.89.0.2/24", false },  { "fd00::2%eth0", false },
		{ "fd00:::2", false },	  { "web", false },	      { "1:2:3:4:5:6:7:8:9", false },
		{ "10.89.0.0", true },	  { "10.89.0.0/", true },     { "10.89.0.0/33", true },	  { "10.89.0.0/-1", true },
		{ "10.89.0.0/+8", true }, { "10.89.0.0/08", true },   { "10.89.0.0/8x", true },	  { "10.89.0.0/8/8", true },
		{ "/24", true },	  { "fd00::/129", true },     { "10.89.0.0/99999999999999999999", true },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/64", true },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = ERR_INIT;
		struct net_address x = { .family = 77 };
		assert_int_equal(net_address_parse(bad[i].text, bad[i].prefix, &x, &e), -EINVAL);
		assert_non_null(strstr(e.msg, bad[i].text));
		assert_int_equal(x.family, 77);
	}
}

static void test_networks(void **state)
{
	struct net_address x = address("10.89.3.77/20"), y = address("fd00::1234:5/100");

	(void)state;
	assert_text(net_address_network(&x), "10.89.0.0/20");
	assert_text(net_address_network(&y), "fd00::1000:0/100");
	x = address("10.1.2.3/0");
	assert_text(net_address_network(&x), "0.0.0.0/0");
	x = address("10.1.2.3/32");
	assert_text(net_address_network(&x), "10.1.2.3/32");

	static const struct {
		const char *x, *y;
		bool within, overlap;
	} cases[] = {
		{ "10.89.0.2", "10.89.0.0/24", true, true },
		{ "10.89.1.2", "10.89.0.0/24", false, false },
		{ "10.89.0.0/16", "10.89.4.0/24", false, true },
		{ "10.89.4.0/24", "10.89.0.0/16", true, true },
		{ "10.89.0.0/25", "10.89.0.128/25", false, false },
		{ "10.89.0.0", "::/0", false, false },
		{ "fd00::5", "fd00::/64", true, true },
		{ "fd00:0:0:1::5", "fd00::/64", false, false },
		{ "1.2.3.4", "0.0.0.0/0", true, true },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		x = address(cases[i].x);
		y = address(cases[i].y);
		if (x.prefix >= y.prefix)
			assert_int_equal(net_address_within(&x, &y), cases[i].within);
		assert_int_equal(net_networks_overlap(&x, &y), cases[i].overlap);
		assert_int_equal(net_networks_overlap(&y, &x), cases[i].overlap);
	}
}

static void test_numbers(void **state)
{
	static const struct {
		const char *x;
		int64_t n;
		const char *sum; /* NULL: there is none */
	} cases[] = {
		{ "10.89.0.2/24", 1, "10.89.0.3/24" },
		{ "10.89.0.255", 1, "10.89.1.0" },
		{ "10.89.1.0", -1, "10.89.0.255" },
		{ "10.89.1.0", -257, "10.88.255.255" },
		{ "255.255.255.255", 1, NULL },
		{ "0.0.0.0", -1, NULL },
		{ "0.0.0.0", 4294967295, "255.255.255.255" },
		{ "0.0.0.0", 4294967296, NULL },
		{ "255.255.255.255", -4294967295, "0.0.0.0" },
		{ "fd00::ffff:ffff:ffff:ffff", 1, "fd00:0:0:1::" },
		{ "fd00::", -1, "fcff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
		{ "::", INT64_MAX, "::7fff:ffff:ffff:ffff" },
		{ "0:0:0:1::", INT64_MIN, "::8000:0:0:0" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 1, NULL },
	};
	char out[NET_ADDRESS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct net_address x = address(cases[i].x), sum = { .family = 77 };
		assert_int_equal(net_address_add(&x, cases[i].n, &sum), cases[i].sum != NULL);
		if (cases[i].sum)
			assert_text(sum, cases[i].sum);
		else
			assert_int_equal(sum.family, 77);
	}
	struct net_address x = address("10.89.0.255"), y = address("10.89.1.0/24"), z = address("10.89.1.0");
	assert_true(net_address_compare(&x, &y) < 0 && net_address_compare(&y, &x) > 0);
	assert_true(net_address_equal(&y, &z) && !net_address_equal(&x, &y));
	x = address("::");
	y = address("0.0.0.0");
	assert_false(net_address_equal(&x, &y));
	assert_string_equal(net_address_text(&(struct net_address){ 0 }, out), "");
}

static void test_mac(void **state)
{
	static const char *const bad[] = {
		"", "02:11:22:33:44", "02:11:22:33:44:5", "02:11:22:33:44:555", "02:11:22:33:44:55:", "02-11-22-33-44-55",
		"00:00:00:00:00:00", "01:11:22:33:44:55", "ff:ff:ff:ff:ff:ff", "02:11:22:33:44:gg", " 02:11:22:33:44:55",
	};
	struct err e = ERR_INIT;
	char out[NET_ADDRESS_TEXT];
	uint8_t mac[6];

	(void)state;
	assert_int_equal(net_mac_parse("02:aA:22:33:44:5f", mac, &e), 0);
	assert_string_equal(net_mac_text(mac, out), "02:aa:22:33:44:5f");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(net_mac_parse(bad[i], mac, &e), -EINVAL);
		assert_non_null(strstr(e.msg, bad[i]));
		assert_string_equal(net_mac_text(mac, out), "02:aa:22:33:44:5f");
	}
	struct net_address x = address("10.89.0.2"), y = address("10.89.1.2");
	net_mac_of(&x, mac);
	assert_string_equal(net_mac_text(mac, out), "02:00:0a:59:00:02");
	net_mac_of(&y, mac);
	assert_string_equal(net_mac_text(mac, out), "02:00:0a:59:01:02");
	x = address("fd00::2");
	net_mac_of(&x, mac);
	assert_string_equal(net_mac_text(mac, out), "06:00:00:00:00:ff");
	x = address("fd00::1:2:3");
	net_mac_of(&x, mac);
	assert_string_equal(net_mac_text(mac, out), "06:01:00:02:00:fe");
	/* What it makes can be given, too. */
	assert_int_equal(net_mac_parse(net_mac_text(mac, out), mac, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),	cmocka_unit_test(test_parse_refused), cmocka_unit_test(test_networks),
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_mac),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
