#include "tests/unit/firewall_example.h"

#include "lib/buf.h"
#include "lib/file.h"
#include "netns/link.h"
#include "tests/unit/fixture_dir.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- nft(8), as a witness ---- */

/* What a command prints; it must succeed. */
static char *output(const char *command)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	FILE *f = popen(command, "r");

	assert_non_null(f);
	assert_int_equal(fd_read_all(fileno(f), 1 << 24, &b, &e), 0);
	if (pclose(f) != 0)
		fail_msg("'%s' failed", command);
	buf_char(&b, '\0');
	return b.data;
}

static void run(const char *command)
{
	free(output(command));
}

/* In the words of nft 1.0.9, whatever its age is; the older of two tables is not the first. */
static char *listing(void)
{
	return output("for f in ip inet bridge; do nft list ruleset $f; done | sed -e 's/@th,64,128/icmpv6 taddr/' "
		      "-e 's/hook output priority -100/hook output priority dstnat/'");
}

static void assert_ruleset(const char *expected)
{
	char *now = listing();

	assert_string_equal(now, expected);
	free(now);
}

static void assert_done(int r, const struct err *e)
{
	if (r < 0)
		fail_msg("%s", e->msg);
}

/* ---- the example ---- */

/* Three networks, of which web's container publishes ports. */
struct example {
	struct net_subnet subnets[3][EXAMPLE_SUBNETS];
	struct network networks[3];
	struct net_link web[2], db[1];
	struct net_port ports[4];
	struct net_endpoint endpoints[2];
	struct firewall_all all;
};

static void example_init(struct example *x)
{
	memset(x, 0, sizeof(*x));
	x->networks[0] = example_network("ferry", "ferry0", x->subnets[0], "10.89.0.0/24", "fd00:89::/64");
	x->networks[1] = example_network("data", "ferry1", x->subnets[1], "10.89.1.0/24", NULL);
	x->networks[1].internal = true;
	x->networks[2] = example_network("lab", "ferry2", x->subnets[2], "10.89.2.0/24", NULL);
	x->networks[2].isolate = true;
	x->web[0] = example_link("data", "fv0a0a0a0a0a0", 1, "10.89.1.2/24", NULL);
	x->web[1] = example_link("ferry", "fv0a0a0a0a0a1", 2, "10.89.0.2/24", "fd00:89::2/64");
	x->web[1].gateways[0] = address("10.89.0.1");
	x->web[1].gateways[1] = address("fd00:89::1");
	x->db[0] = example_link("data", "fv0b0b0b0b0b0", 3, "10.89.1.3/24", NULL);
	x->ports[0] = (struct net_port){ IPPROTO_TCP, .host_port = 8080, .container_port = 80, .count = 2 };
	x->ports[1] = (struct net_port){ IPPROTO_UDP, address("0.0.0.0"), 53, 5353, 1 };
	x->ports[2] = (struct net_port){ IPPROTO_SCTP, address("127.0.0.1"), 9000, 9001, 1 };
	x->ports[3] = (struct net_port){ IPPROTO_TCP, address("2001:db8::1"), 443, 443, 1 };
	x->endpoints[0] = (struct net_endpoint){ .links = x->web, .n_links = 2, .ports = x->ports, .n_ports = 4 };
	x->endpoints[1] = (struct net_endpoint){ .links = x->db, .n_links = 1 };
	x->all = (struct firewall_all){ x->networks, 3, x->endpoints, 2 };
}

static void add_all(struct nl *s, const struct example *x)
{
	struct err e = ERR_INIT;

	for (size_t i = 0; i < 3; i++)
		assert_done(firewall_add_network(s, &x->networks[i], &e), &e);
	assert_done(firewall_add_endpoint(s, &x->endpoints[0], &e), &e);
	assert_done(firewall_add_endpoint(s, &x->endpoints[1], &e), &e);
}

static void remove_all(struct nl *s, const struct example *x)
{
	struct err e = ERR_INIT;

	assert_done(firewall_remove_endpoint(s, &x->endpoints[1], &e), &e);
	assert_done(firewall_remove_endpoint(s, &x->endpoints[0], &e), &e);
	for (size_t i = 3; i-- > 0;)
		assert_done(firewall_remove_network(s, &x->networks[i], &e), &e);
}

static void rebuild(struct nl *s, const struct firewall_all *all)
{
	struct err e = ERR_INIT;

	assert_done(firewall_rebuild(s, all, &e), &e);
}

/* ---- tests ---- */

/* What firewall_rules.c says of itself, element by element. */
static void test_ruleset(void **state)
{
	cleanup_nl struct nl s = NL_INIT;
	cleanup_buf struct buf expected = BUF_INIT;
	struct err e = ERR_INIT;
	struct example x;

	(void)state;
	fresh_netns();
	open_nft(&s);
	example_init(&x);
	assert_done(file_read_at(AT_FDCWD, "tests/unit/firewall.nft", 1 << 16, &expected, &e), &e);
	rebuild(&s, &x.all);
	assert_ruleset(buf_text(&expected));

	/* One by one makes the same; and so does everything twice. */
	rebuild(&s, &(struct firewall_all){ 0 });
	add_all(&s, &x);
	assert_ruleset(buf_text(&expected));
	add_all(&s, &x);
	assert_ruleset(buf_text(&expected));
	rebuild(&s, &x.all);
	assert_ruleset(buf_text(&expected));
}

/* The manual has each line of the chains, as it is. */
static void test_manual(void **state)
{
	cleanup_buf struct buf ruleset = BUF_INIT, page = BUF_INIT;
	struct err e = ERR_INIT;
	bool in_chain = false;
	int lines = 0;

	(void)state;
	assert_done(file_read_at(AT_FDCWD, "tests/unit/firewall.nft", 1 << 16, &ruleset, &e), &e);
	assert_done(file_read_at(AT_FDCWD, "man/ferry-networks.7", 1 << 16, &page, &e), &e);
	for (char *line = strtok(ruleset.data, "\n"); line; line = strtok(NULL, "\n")) {
		in_chain = strchr(line, '}') == line + 1 ? false : in_chain || strncmp(line, "\tchain", 6) == 0;
		if (!in_chain)
			continue;
		lines++;
		if (!strstr(buf_text(&page), line))
			fail_msg("man/ferry-networks.7 lacks '%s'", line);
	}
	assert_true(lines > 40);
}

static void test_remove(void **state)
{
	cleanup_nl struct nl s = NL_INIT;
	struct err e = ERR_INIT;
	struct example x;

	(void)state;
	fresh_netns();
	open_nft(&s);
	example_init(&x);
	rebuild(&s, &(struct firewall_all){ 0 });
	char *empty = listing();
	add_all(&s, &x);
	remove_all(&s, &x);
	assert_ruleset(empty);
	/* What is gone already is no error, and nothing of it stays. */
	remove_all(&s, &x);
	assert_ruleset(empty);

	/* Of what others have there, too. */
	add_all(&s, &x);
	run("nft delete element inet ferry ports4 '{ tcp . 8081 }'");
	run("nft flush set bridge ferry sources4");
	remove_all(&s, &x);
	assert_ruleset(empty);
	free(empty);

	assert_done(firewall_remove(&s, &e), &e);
	assert_ruleset("");
	assert_done(firewall_remove(&s, &e), &e);
	assert_ruleset("");
}

/* After "nft flush ruleset", and when only one of the two tables is gone. */
static void test_missing(void **state)
{
	static const char *const how[] = { "nft flush ruleset", "nft delete table inet ferry",
					   "nft delete table bridge ferry" };
	cleanup_nl struct nl s = NL_INIT;
	struct err e = ERR_INIT;
	struct example x;

	(void)state;
	fresh_netns();
	open_nft(&s);
	example_init(&x);
	rebuild(&s, &x.all);
	char *whole = listing();
	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		run(how[i]);
		assert_int_equal(firewall_add_endpoint(&s, &x.endpoints[0], &e), -ENOENT);
		assert_non_null(strstr(e.msg, "nf_tables: "));
		assert_int_equal(firewall_remove_endpoint(&s, &x.endpoints[0], &e), -ENOENT);
		if (strstr(how[i], "inet") || strstr(how[i], "flush")) {
			assert_int_equal(firewall_add_network(&s, &x.networks[0], &e), -ENOENT);
			assert_int_equal(firewall_remove_network(&s, &x.networks[0], &e), -ENOENT);
		}
		rebuild(&s, &x.all);
		assert_ruleset(whole);
	}
	free(whole);
}

/* Tables that somebody has changed, or that are another ferry's. */
static void test_changed(void **state)
{
	static const char *const how[] = {
		"nft flush table inet ferry; nft add rule bridge ferry neighbours drop",
		"nft flush set bridge ferry links; nft add element inet ferry networks '{ other0 }'",
		"nft add element inet ferry ports4 '{ tcp . 1 : 10.0.0.1 . 1 }'",
		"nft add element inet ferry hairpin4 '{ 10.0.0.0/8 . 10.0.0.0/9 }'",
		"nft delete table inet ferry; nft add table inet ferry '{ map networks { type ifname : verdict; }; }'",
		("nft delete table bridge ferry; nft add table bridge ferry '{ chain prerouting { "
		 "type filter hook prerouting priority 0; }; }'"),
	};
	cleanup_nl struct nl s = NL_INIT;
	struct example x;

	(void)state;
	fresh_netns();
	open_nft(&s);
	example_init(&x);
	rebuild(&s, &x.all);
	char *whole = listing();
	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		run(how[i]);
		char *changed = listing();
		assert_string_not_equal(changed, whole);
		free(changed);
		rebuild(&s, &x.all);
		assert_ruleset(whole);
	}
	free(whole);
}

static void test_others(void **state)
{
	cleanup_nl struct nl s = NL_INIT;
	struct err e = ERR_INIT;
	struct example x;

	(void)state;
	fresh_netns();
	open_nft(&s);
	example_init(&x);
	run("nft 'add table inet other; add chain inet other c { type filter hook input priority 0; };"
	    "add rule inet other c tcp dport 1 drop; add table ip ferry; add set ip ferry networks { type ifname; };"
	    "add element ip ferry networks { a }'");
	char *before = listing();
	rebuild(&s, &x.all);
	remove_all(&s, &x);
	assert_done(firewall_remove(&s, &e), &e);
	assert_ruleset(before);
	free(before);
}

/* A port that leads elsewhere already: nothing of the container is there afterwards. */
static void test_clash(void **state)
{
	cleanup_nl struct nl s = NL_INIT;
	struct err e = ERR_INIT;
	struct example x;

	(void)state;
	fresh_netns();
	open_nft(&s);
	example_init(&x);
	rebuild(&s, &(struct firewall_all){ .networks = x.networks, .n_networks = 3 });
	run("nft add element inet ferry ports4 '{ tcp . 8081 : 10.89.0.9 . 80 }'");
	char *before = listing();
	assert_int_equal(firewall_add_endpoint(&s, &x.endpoints[0], &e), -EEXIST);
	assert_non_null(strstr(e.msg, "'ports4'"));
	assert_ruleset(before);
	free(before);
}

static void test_range(void **state)
{
	cleanup_nl struct nl s = NL_INIT;
	struct err e = ERR_INIT;
	struct example x;

	(void)state;
	fresh_netns();
	open_nft(&s);
	example_init(&x);
	rebuild(&s, &(struct firewall_all){ 0 });
	x.ports[0] = (struct net_port){ IPPROTO_TCP, .host_port = 1, .container_port = 1, .count = 65535 };
	assert_done(firewall_add_endpoint(&s, &x.endpoints[0], &e), &e);
	/* While the kernel still enlarges the map's table, a listing may pass some over. */
	char *count = NULL;
	for (int i = 0; i < 100 && (!count || strcmp(count, "65535\n") != 0); i++) {
		free(count);
		count = output("nft list map inet ferry ports4 | tr , '\\n' | grep -c 'tcp \\. [0-9]* : 10.89.0.2'");
	}
	assert_string_equal(count, "65535\n");
	free(count);
	run("nft get element inet ferry ports6 '{ tcp . 65535 : fd00:89::2 . 65535 }'");
	assert_done(firewall_remove_endpoint(&s, &x.endpoints[0], &e), &e);
	count = output("nft list map inet ferry ports4 | grep -c elements || true");
	assert_string_equal(count, "0\n");
	free(count);
}

/* Of macvlan nothing is known. */
static void test_without_bridge(void **state)
{
	cleanup_nl struct nl s = NL_INIT;
	struct err e = ERR_INIT;
	struct example x;

	(void)state;
	fresh_netns();
	open_nft(&s);
	example_init(&x);
	rebuild(&s, &(struct firewall_all){ 0 });
	char *empty = listing();
	x.networks[0].driver = x.networks[1].driver = NET_MACVLAN;
	x.web[0].host_link = x.web[1].host_link = NULL;
	assert_done(firewall_add_network(&s, &x.networks[0], &e), &e);
	assert_done(firewall_add_endpoint(&s, &x.endpoints[0], &e), &e);
	assert_ruleset(empty);
	free(empty);
}

/* A port leads to the first link that has a gateway, and stays published when that one goes. */
static void test_change(void **state)
{
	cleanup_nl struct nl s = NL_INIT;
	struct err e = ERR_INIT;
	struct example x;

	(void)state;
	fresh_netns();
	open_nft(&s);
	example_init(&x);
	rebuild(&s, &(struct firewall_all){ 0 });
	struct net_endpoint before = x.endpoints[0], after = x.endpoints[0];
	after.n_links = 1;
	x.web[0].gateways[0] = address("10.89.1.1");
	assert_done(firewall_add_endpoint(&s, &before, &e), &e);
	run("nft get element inet ferry ports4 '{ tcp . 8081 : 10.89.1.2 . 81 }'");
	run("nft get element inet ferry ports6 '{ tcp . 8081 : fd00:89::2 . 81 }'");
	x.web[0].gateways[0].family = 0;
	assert_int_equal(firewall_add_endpoint(&s, &before, &e), -EEXIST);
	struct net_link links[2] = { x.web[1], x.web[0] };
	struct net_endpoint turned = before;
	turned.links = links;
	x.web[0].gateways[0].family = AF_INET;
	assert_done(firewall_change_endpoint(&s, &before, &turned, &e), &e);
	run("nft get element inet ferry ports4 '{ tcp . 8081 : 10.89.0.2 . 81 }'");
	assert_done(firewall_change_endpoint(&s, &turned, &after, &e), &e);
	run("nft get element inet ferry ports4 '{ tcp . 8081 : 10.89.1.2 . 81 }'");
	run("! nft get element inet ferry ports6 '{ tcp . 8081 }' 2>/dev/null");
	assert_done(firewall_remove_endpoint(&s, &after, &e), &e);
	run("! nft get element inet ferry ports4 '{ tcp . 8081 }' 2>/dev/null");
}

/* ---- sysctls ---- */

static void assert_setting(const char *path, const char *expected)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	assert_done(file_read_once_at(AT_FDCWD, path, &b, &e), &e);
	if (strcmp(buf_text(&b), expected) != 0)
		fail_msg("%s is %s", path, buf_text(&b));
}

static void test_sysctls(void **state)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	cleanup_nl struct nl s = NL_INIT;
	struct err e = ERR_INIT;
	struct example x;
	cleanup_fixture struct fixture_dir dir = fixture_dir_new();

	(void)state;
	fresh_netns();
	example_init(&x);
	assert_done(nl_open(NETLINK_ROUTE, -1, &s, &e), &e);
	assert_int_equal(link_any_virtual(&s, &e), 0);
	link_add_bridge(&b, "uplink", NULL, 0, 0);
	for (size_t i = 0; i < 3; i++)
		link_add_bridge(&b, x.networks[i].interface, NULL, 0, 0);
	assert_done(nl_send(&s, &b, &e), &e);
	assert_done(file_write_at(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", "0", &e), &e);

	/* Internal: nothing is forwarded. */
	assert_done(firewall_sysctls(dir.fd, &x.networks[1], &e), &e);
	assert_setting("/proc/sys/net/ipv4/ip_forward", "0\n");
	assert_setting("/proc/sys/net/ipv4/conf/ferry1/route_localnet", "0\n");
	assert_setting("/proc/sys/net/ipv6/conf/ferry1/accept_ra", "0\n");
	/* IPv4 alone. */
	assert_done(firewall_sysctls(dir.fd, &x.networks[2], &e), &e);
	assert_setting("/proc/sys/net/ipv4/ip_forward", "1\n");
	assert_setting("/proc/sys/net/ipv4/conf/ferry2/route_localnet", "1\n");
	assert_setting("/proc/sys/net/ipv6/conf/all/forwarding", "0\n");
	assert_setting("/proc/sys/net/ipv6/conf/uplink/accept_ra", "1\n");
	/* Both. The machine's own routes are learned as before. */
	for (size_t twice = 0; twice < 2; twice++) {
		assert_done(firewall_sysctls(dir.fd, &x.networks[0], &e), &e);
		assert_setting("/proc/sys/net/ipv6/conf/all/forwarding", "1\n");
		assert_setting("/proc/sys/net/ipv6/conf/uplink/accept_ra", "2\n");
		assert_setting("/proc/sys/net/ipv6/conf/ferry0/accept_ra", "0\n");
	}
	/* Whoever has switched it off since is not overruled. */
	assert_done(file_write_at(AT_FDCWD, "/proc/sys/net/ipv6/conf/uplink/accept_ra", "1", &e), &e);
	assert_done(firewall_sysctls(dir.fd, &x.networks[0], &e), &e);
	assert_setting("/proc/sys/net/ipv6/conf/uplink/accept_ra", "1\n");

	/* As it was; but what others have set, and interfaces that are gone. */
	assert_done(file_write_at(AT_FDCWD, "/proc/sys/net/ipv4/conf/ferry2/route_localnet", "2", &e), &e);
	link_remove(&b, "ferry1");
	assert_done(nl_send(&s, &b, &e), &e);
	assert_int_equal(link_any_virtual(&s, &e), 1);
	for (size_t twice = 0; twice < 2; twice++) {
		assert_done(firewall_restore_sysctls(dir.fd, &e), &e);
		assert_setting("/proc/sys/net/ipv4/ip_forward", "0\n");
		assert_setting("/proc/sys/net/ipv4/conf/ferry0/route_localnet", "0\n");
		assert_setting("/proc/sys/net/ipv4/conf/ferry2/route_localnet", "2\n");
		assert_setting("/proc/sys/net/ipv6/conf/all/forwarding", "0\n");
		assert_setting("/proc/sys/net/ipv6/conf/uplink/accept_ra", "1\n");
		assert_setting("/proc/sys/net/ipv6/conf/ferry0/accept_ra", "1\n");
	}
	assert_int_equal(unlinkat(dir.fd, "settings", AT_REMOVEDIR), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ruleset), cmocka_unit_test(test_manual), cmocka_unit_test(test_remove),
		cmocka_unit_test(test_missing), cmocka_unit_test(test_changed), cmocka_unit_test(test_others),
		cmocka_unit_test(test_clash),	cmocka_unit_test(test_range),
		cmocka_unit_test(test_without_bridge), cmocka_unit_test(test_change), cmocka_unit_test(test_sysctls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
