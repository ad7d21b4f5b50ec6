#include "netns/link.h"

#include "lib/fd.h"
#include "tests/unit/fresh_netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct net_address address(const char *text)
{
	struct net_address x;
	struct err e = ERR_INIT;

	assert_int_equal(net_address_parse(text, strchr(text, '/') != NULL, &x, &e), 0);
	return x;
}

static void test_names(void **state)
{
	static const char *const good[] = { "eth0", "a", "ferry-web.1", "fifteen-letters" };
	static const char *const bad[] = { "", "sixteen-letters-", ".", "..", "a/b", "a b", "a:b", "a\n", "eth%d" };
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_int_equal(link_check_name(good[i], &e), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(link_check_name(bad[i], &e), -EINVAL);
}

/* Two fresh namespaces: the test is in the outer one, a container's is a descriptor. */
struct two {
	int netns;
	struct nl outer, inner;
};

static void two_open(struct two *t)
{
	struct err e = ERR_INIT;

	fresh_netns();
	t->netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	fresh_netns();
	assert_int_equal(nl_open(NETLINK_ROUTE, -1, &t->outer, &e), 0);
	assert_int_equal(nl_open(NETLINK_ROUTE, t->netns, &t->inner, &e), 0);
}

static void two_close(struct two *t)
{
	nl_close(&t->outer);
	nl_close(&t->inner);
	close_fd(&t->netns);
}

static void assert_sent(struct nl *s, struct nl_batch *b)
{
	struct err e = ERR_INIT;

	if (nl_send(s, b, &e) < 0)
		fail_msg("%s", e.msg);
}

static struct link_facts found(struct nl *s, const char *name)
{
	struct link_facts f = { 0 };
	struct err e = ERR_INIT;

	if (link_find(s, name, &f, &e) < 0)
		fail_msg("%s", e.msg);
	return f;
}

static void test_veth(void **state)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	const uint8_t bridge_mac[6] = { 2, 1, 1, 1, 1, 1 }, mac[6] = { 2, 0, 0, 0, 0, 5 };
	struct err e = ERR_INIT;
	struct link_facts f;
	struct two t;

	(void)state;
	two_open(&t);
	assert_int_equal(link_find(&t.outer, "br0", &f, &e), -ENODEV);
	assert_non_null(strstr(e.msg, "interface 'br0'"));
	link_add_bridge(&b, "br0", bridge_mac, 1400, 0);
	assert_sent(&t.outer, &b);
	struct link_facts bridge = found(&t.outer, "br0");
	assert_string_equal(bridge.kind, "bridge");
	assert_true(bridge.up);
	assert_int_equal(bridge.mtu, 1400);
	assert_memory_equal(bridge.mac, bridge_mac, 6);

	link_add_veth(&b, &(struct link_veth){ .host_name = "fv0", .name = "eth0", .bridge = bridge.index,
					       .netns = t.netns, .mac = mac, .mtu = 1400 });
	assert_sent(&t.outer, &b);
	f = found(&t.outer, "fv0");
	assert_string_equal(f.kind, "veth");
	assert_int_equal(f.master, bridge.index);
	assert_int_equal(f.mtu, 1400);
	assert_true(f.up);
	f = found(&t.inner, "eth0");
	assert_memory_equal(f.mac, mac, 6);
	assert_int_equal(f.mtu, 1400);
	assert_int_equal(f.master, 0);
	assert_false(f.up);
	link_set_up(&b, f.index, "eth0");
	assert_sent(&t.inner, &b);
	assert_true(found(&t.inner, "eth0").up);
	/* The bridge's own stays, whatever its ports have. */
	assert_memory_equal(found(&t.outer, "br0").mac, bridge_mac, 6);

	link_add_bridge(&b, "br0", NULL, 0, 0);
	assert_int_equal(nl_send(&t.outer, &b, &e), -EEXIST);
	assert_non_null(strstr(e.msg, "make bridge 'br0'"));
	link_remove(&b, "fv0");
	link_remove(&b, "fv0");
	link_remove(&b, "br0");
	assert_sent(&t.outer, &b);
	assert_int_equal(link_find(&t.inner, "eth0", &f, &e), -ENODEV);
	assert_int_equal(link_find(&t.outer, "br0", &f, &e), -ENODEV);
	two_close(&t);
}

static void test_netns_ended(void **state)
{
	struct err e = ERR_INIT;
	int number = -1, again = -1, ended = 0;
	struct two t;

	(void)state;
	two_open(&t);
	assert_int_equal(link_netns_number(&t.outer, t.netns, &number, &e), 0);
	assert_int_equal(link_netns_number(&t.outer, t.netns, &again, &e), 0);
	assert_true(number >= 0);
	assert_int_equal(again, number);
	assert_int_equal(link_netns_ended(&t.outer, number, &e), 0);
	nl_close(&t.inner);
	close_fd(&t.netns);
	/* The kernel keeps a socket's namespace for a while. */
	for (int tries = 0; tries < 12000 && ended == 0; tries++) {
		usleep(10000);
		ended = link_netns_ended(&t.outer, number, &e);
	}
	assert_int_equal(ended, 1);
	two_close(&t);
}

static int find_flags(const struct nlmsghdr *m, void *arg, struct err *e)
{
	const struct nlattr *x[IFA_FLAGS + 1];
	struct {
		struct net_address wanted;
		uint32_t flags;
		bool found;
	} *f = arg;

	(void)e;
	assert_true(nl_attributes(m, sizeof(struct ifaddrmsg), x, IFA_FLAGS));
	if (x[IFA_ADDRESS] && nl_attribute_size(x[IFA_ADDRESS]) == net_address_size(&f->wanted) &&
	    memcmp(nl_attribute_data(x[IFA_ADDRESS]), f->wanted.bytes, net_address_size(&f->wanted)) == 0) {
		f->flags = nl_attribute_u32(x[IFA_FLAGS], 0);
		f->found = true;
	}
	return 0;
}

static void assert_address(struct nl *s, const char *text)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	struct {
		struct net_address wanted;
		uint32_t flags;
		bool found;
	} f = { .wanted = address(text) };
	const struct ifaddrmsg m = { .ifa_family = f.wanted.family };
	struct err e = ERR_INIT;

	nl_begin(&b, RTM_GETADDR, NLM_F_DUMP, &m, sizeof(m), "list addresses");
	assert_int_equal(nl_ask(s, &b, find_flags, &f, &e), 0);
	assert_true(f.found);
	assert_int_equal(f.flags & IFA_F_TENTATIVE, 0);
}

static bool is_routed(struct nl *s, const char *text)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct net_address wanted = address(text), *routed;
	struct err e = ERR_INIT;
	size_t n;

	assert_int_equal(link_routed(s, &a, &routed, &n, &e), 0);
	for (size_t i = 0; i < n; i++)
		if (net_address_equal(&routed[i], &wanted) && routed[i].prefix == wanted.prefix)
			return true;
	return false;
}

static void test_addresses(void **state)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	struct net_address ip4 = address("10.89.0.2/24"), ip6 = address("fd00::2/64"), gateway4 = address("10.89.0.1"),
			   gateway6 = address("fd00::1");
	struct err e = ERR_INIT;
	struct two t;

	(void)state;
	two_open(&t);
	link_add_bridge(&b, "br0", NULL, 0, 0);
	assert_sent(&t.outer, &b);
	link_add_veth(&b, &(struct link_veth){ .host_name = "fv0", .name = "eth0", .netns = t.netns,
					       .bridge = found(&t.outer, "br0").index });
	assert_sent(&t.outer, &b);
	int eth0 = found(&t.inner, "eth0").index;
	assert_false(is_routed(&t.inner, "10.89.0.0/24"));
	link_set_up(&b, eth0, "eth0");
	for (int times = 0; times < 2; times++) {
		link_add_address(&b, eth0, &ip4);
		link_add_address(&b, eth0, &ip6);
	}
	link_set_up(&b, LINK_LOOPBACK, "lo");
	link_add_default_route(&b, eth0, &gateway4, 100);
	link_add_default_route(&b, eth0, &gateway6, 100);
	link_add_default_route(&b, eth0, &gateway4, 101);
	assert_sent(&t.inner, &b);
	assert_address(&t.inner, "10.89.0.2");
	assert_address(&t.inner, "fd00::2");
	assert_address(&t.inner, "127.0.0.1");
	assert_true(is_routed(&t.inner, "10.89.0.0/24"));
	assert_true(is_routed(&t.inner, "fd00::/64"));
	assert_false(is_routed(&t.inner, "0.0.0.0/0"));
	assert_false(is_routed(&t.outer, "10.89.0.0/24"));

	/* A gateway that nothing leads to, and the kernel's words. */
	gateway4 = address("10.90.0.1");
	link_add_default_route(&b, eth0, &gateway4, 102);
	assert_true(nl_send(&t.inner, &b, &e) < 0);
	assert_non_null(strstr(e.msg, "add the default route by 10.90.0.1: "));
	two_close(&t);
}

static void test_stacked(void **state)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	const uint8_t mac[6] = { 2, 0, 0, 0, 0, 5 };
	struct err e = ERR_INIT;
	struct two t;

	(void)state;
	two_open(&t);
	/* The name that it will have inside is taken outside. */
	link_add_bridge(&b, "eth0", NULL, 0, 0);
	assert_sent(&t.outer, &b);
	int parent = found(&t.outer, "eth0").index;
	link_add_stacked(&b, &(struct link_stacked){ .driver = NET_MACVLAN, .name = "fv0", .parent = parent,
						     .netns = t.netns, .mac = mac, .mode = "private" });
	int r = nl_send(&t.outer, &b, &e);
	if (r == -EOPNOTSUPP) {
		nl_batch_finish(&b);
		two_close(&t);
		print_message("skipped: %s\n", e.msg);
		skip();
	}
	assert_int_equal(r, 0);
	int index = found(&t.inner, "fv0").index;
	link_rename(&b, index, "eth0");
	link_set_up(&b, index, "eth0");
	assert_sent(&t.inner, &b);
	struct link_facts f = found(&t.inner, "eth0");
	assert_string_equal(f.kind, "macvlan");
	assert_memory_equal(f.mac, mac, 6);
	assert_true(f.up);
	two_close(&t);
}

static int find_kind(const struct nlmsghdr *m, void *arg, struct err *e)
{
	const struct nlattr *x[TCA_KIND + 1];
	const struct tcmsg *header = NLMSG_DATA(m);

	(void)e;
	assert_true(nl_attributes(m, sizeof(*header), x, TCA_KIND));
	if (header->tcm_parent == TC_H_ROOT && header->tcm_ifindex == LINK_LOOPBACK)
		snprintf(arg, 16, "%s", nl_attribute_string(x[TCA_KIND]));
	return 0;
}

static void assert_root_qdisc(struct nl *s, const char *kind)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	const struct tcmsg m = { 0 };
	struct err e = ERR_INIT;
	char is[16] = "";

	nl_begin(&b, RTM_GETQDISC, NLM_F_DUMP, &m, sizeof(m), "list qdiscs");
	assert_int_equal(nl_ask(s, &b, find_kind, is, &e), 0);
	assert_string_equal(is, kind);
}

static void test_shape(void **state)
{
	cleanup_nl struct nl s = NL_INIT;
	struct err e = ERR_INIT;

	(void)state;
	fresh_netns();
	assert_int_equal(nl_open(NETLINK_ROUTE, -1, &s, &e), 0);
	assert_int_equal(link_shape(&s, "lo", LINK_LOOPBACK, &(struct net_shaping){ 0 }, &e), 0);
	static const struct {
		struct net_shaping x;
		const char *kind, *missing;
	} cases[] = {
		{ { .rate_bps = 10000000 }, "tbf", "no tbf" },
		{ { .rate_bps = 1000, .burst_bytes = 9000 }, "tbf", "no tbf" },
		{ { .rate_bps = 100000000000 }, "tbf", "no tbf" },
		{ { .delay_us = 5000, .jitter_us = 10, .loss_ppm = 1000000, .rate_bps = 1000000 }, "netem", "no netem" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int r = link_shape(&s, "lo", LINK_LOOPBACK, &cases[i].x, &e);
		if (r == -ENOTSUP) {
			assert_non_null(strstr(e.msg, cases[i].missing));
			continue;
		}
		assert_int_equal(r, 0);
		assert_root_qdisc(&s, cases[i].kind);
	}
}

static void test_vlan(void **state)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	struct err e = ERR_INIT;
	struct two t;

	(void)state;
	two_open(&t);
	link_add_bridge(&b, "br0", NULL, 0, 7);
	int r = nl_send(&t.outer, &b, &e);
	if (r == -EOPNOTSUPP) {
		nl_batch_finish(&b);
		two_close(&t);
		print_message("skipped: %s\n", e.msg);
		skip();
	}
	assert_int_equal(r, 0);
	assert_string_equal(found(&t.outer, "br0").kind, "bridge");
	two_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),	cmocka_unit_test(test_veth),  cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_netns_ended),
		cmocka_unit_test(test_stacked), cmocka_unit_test(test_shape), cmocka_unit_test(test_vlan),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
