#include "netns/netlink.h"

#include "lib/fd.h"
#include "tests/unit/fresh_netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

/* ---- messages as bytes ---- */

static void test_message(void **state)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	const struct ifinfomsg info = { .ifi_index = 7 };

	(void)state;
	nl_begin(&b, RTM_NEWLINK, NLM_F_CREATE, &info, sizeof(info), "make '%s'", "x");
	nl_string(&b, IFLA_IFNAME, "ab");
	size_t outer = nl_nest(&b, IFLA_LINKINFO), inner = nl_nest(&b, IFLA_INFO_DATA);
	nl_u8(&b, 1, 0x12);
	nl_u16_be(&b, 2, 0x1234);
	nl_u32_be(&b, 3, 0x12345678);
	nl_u64_be(&b, 4, 0x123456789abcdef0);
	nl_nest_end(&b, inner);
	nl_flag(&b, 5);
	nl_nest_end(&b, outer);
	nl_begin(&b, RTM_DELLINK, 0, &info, sizeof(info), "remove");

	const struct nlmsghdr *m = (const struct nlmsghdr *)(const void *)b.data.data;
	const struct nlattr *x[IFLA_LINKINFO + 1], *nested[IFLA_INFO_DATA + 1], *numbers[5];
	assert_int_equal(m->nlmsg_type, RTM_NEWLINK);
	assert_int_equal(m->nlmsg_flags, NLM_F_REQUEST | NLM_F_CREATE);
	assert_int_equal(b.data.len, m->nlmsg_len + NLMSG_LENGTH(sizeof(info)));
	assert_true(nl_attributes(m, sizeof(info), x, IFLA_LINKINFO));
	assert_string_equal(nl_attribute_string(x[IFLA_IFNAME]), "ab");
	assert_true(nl_nested(x[IFLA_LINKINFO], nested, IFLA_INFO_DATA));
	assert_true(nl_nested(nested[IFLA_INFO_DATA], numbers, 4));
	assert_memory_equal(nl_attribute_data(numbers[1]), "\x12", 1);
	assert_memory_equal(nl_attribute_data(numbers[2]), "\x12\x34", 2);
	assert_memory_equal(nl_attribute_data(numbers[3]), "\x12\x34\x56\x78", 4);
	assert_memory_equal(nl_attribute_data(numbers[4]), "\x12\x34\x56\x78\x9a\xbc\xde\xf0", 8);
	assert_null(nl_attribute_string(numbers[1]));
	assert_int_equal(nl_attribute_u32(numbers[2], 99), 99);
	assert_int_equal(nl_attribute_u32(NULL, 99), 99);
	assert_null(nl_attribute_string(NULL));
}

static void test_too_long(void **state)
{
	static char much[UINT16_MAX];
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	struct err e = ERR_INIT;
	struct nl s = NL_INIT;

	(void)state;
	nl_begin(&b, 1, 0, NULL, 0, "x");
	nl_bytes(&b, 1, much, sizeof(much));
	assert_int_equal(nl_send(&s, &b, &e), -EMSGSIZE);
	nl_begin(&b, 1, 0, NULL, 0, "x");
	size_t nest = nl_nest(&b, 1);
	nl_bytes(&b, 1, much, sizeof(much) / 2);
	nl_bytes(&b, 1, much, sizeof(much) / 2);
	nl_nest_end(&b, nest);
	assert_int_equal(nl_send(&s, &b, &e), -EMSGSIZE);
}

/* ---- lengths that lie ---- */

static void test_lying_attributes(void **state)
{
	static const struct {
		struct nlattr first, second;
		size_t n;
		bool good, has_first, has_second;
	} cases[] = {
		{ { 4, 1 }, { 4, 2 }, 8, true, true, true },
		{ { 8, 1 }, { 0, 0 }, 8, true, true, false },
		{ { 5, 1 }, { 0, 0 }, 5, true, true, false }, /* the last needs no padding */
		{ { 4, 1 }, { 4, 9 }, 8, true, true, false }, /* an unknown one */
		{ { 4, 1 }, { 4, 2 | NLA_F_NESTED }, 8, true, true, true },
		{ { 4, 1 }, { 3, 2 }, 8, false, true, false },
		{ { 4, 1 }, { 0, 2 }, 8, false, true, false },
		{ { 4, 1 }, { 5, 2 }, 8, false, true, false },
		{ { 9, 1 }, { 4, 2 }, 8, false, false, false },
		{ { 65535, 1 }, { 4, 2 }, 8, false, false, false },
		{ { 4, 1 }, { 4, 2 }, 7, false, true, false },
		{ { 4, 1 }, { 4, 2 }, 3, false, false, false },
		{ { 4, 1 }, { 4, 2 }, 0, true, false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct {
			struct nlmsghdr m;
			struct nlattr x[2];
		} message = { .x = { cases[i].first, cases[i].second } };
		const struct nlattr *ret[3];

		message.m.nlmsg_len = (uint32_t)(sizeof(message.m) + cases[i].n);
		assert_int_equal(nl_attributes(&message.m, 0, ret, 2), cases[i].good);
		assert_null(ret[0]);
		assert_int_equal(ret[1] != NULL, cases[i].has_first);
		assert_int_equal(ret[2] != NULL, cases[i].has_second);
	}
	/* Shorter than its own header. */
	struct nlmsghdr m = { .nlmsg_len = sizeof(m) };
	const struct nlattr *ret[3];
	assert_false(nl_attributes(&m, 16, ret, 2));
}

static int count(const struct nlmsghdr *m, void *arg, struct err *e)
{
	(void)m;
	(void)e;
	++*(int *)arg;
	return 0;
}

struct answer {
	struct nlmsghdr m;
	struct nlmsgerr error;
};

/* What is made of @answer, for a question that has the number 1; the other side then is gone. */
static int ask_other_side(const void *answer, size_t n, int *ret_count, struct err *e)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	cleanup_nl struct nl s = { .fd = pair[0] };
	assert_int_equal(send(pair[1], answer, n, 0), n);
	assert_int_equal(shutdown(pair[1], SHUT_WR), 0);
	nl_begin(&b, 20, 0, NULL, 0, "ask");
	*ret_count = 0;
	int r = nl_ask(&s, &b, count, ret_count, e);
	close(pair[1]);
	return r;
}

static void test_lying_answers(void **state)
{
	static const struct {
		struct answer x;
		size_t n;
		int r, count;
		const char *msg;
	} cases[] = {
		{ { { 16, 20, 0, 1 } }, 16, 0, 1, "" },
		{ { { 17, 20, 0, 1 } }, 16, -EBADMSG, 0, "length" },
		{ { { 15, 20, 0, 1 } }, 16, -EBADMSG, 0, "length" },
		{ { { 0, 20, 0, 1 } }, 16, -EBADMSG, 0, "length" },
		{ { { UINT32_MAX, 20, 0, 1 } }, 36, -EBADMSG, 0, "length" },
		{ { { 16, 20, 0, 1 } }, 15, -EBADMSG, 0, "length" },
		{ { { 16, 20, 0, 2 } }, 16, -ECONNRESET, 0, "no answer" }, /* another's */
		{ { { 16, 20, NLM_F_MULTI, 1 } }, 16, -ECONNRESET, 1, "no answer" },
		{ { { 16, NLMSG_DONE, NLM_F_MULTI, 1 } }, 16, 0, 0, "" },
		{ { { 20, NLMSG_DONE, NLM_F_MULTI, 1 }, { -ENOENT } }, 20, -ENOENT, 0, "ask: No such file" },
		{ { { 16, NLMSG_DONE, NLM_F_MULTI | NLM_F_DUMP_INTR, 1 } }, 16, -EINTR, 0, "meanwhile" },
		{ { { 36, NLMSG_ERROR, 0, 1 }, { -EPERM } }, 36, -EPERM, 0, "ask: Operation not permitted" },
		{ { { 36, NLMSG_ERROR, 0, 1 }, { 0 } }, 36, 0, 0, "" },
		{ { { 36, NLMSG_ERROR, 0, 1 }, { INT32_MIN } }, 36, -EBADMSG, 0, "none" },
		{ { { 36, NLMSG_ERROR, 0, 1 }, { 1 } }, 36, -EBADMSG, 0, "none" },
		{ { { 35, NLMSG_ERROR, 0, 1 }, { -EPERM } }, 36, -EBADMSG, 0, "cut short" },
		/* Words that are not there, or behind a message whose length lies. */
		{ { { 36, NLMSG_ERROR, NLM_F_ACK_TLVS | NLM_F_CAPPED, 1 }, { -EPERM } }, 36, -EPERM, 0, "ask: Op" },
		{ { { 36, NLMSG_ERROR, NLM_F_ACK_TLVS, 1 }, { -EPERM, { UINT32_MAX } } }, 36, -EPERM, 0, "ask: Op" },
		{ { { 36, NLMSG_ERROR, NLM_F_ACK_TLVS, 1 }, { -EPERM, { 3 } } }, 36, -EPERM, 0, "ask: Op" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = ERR_INIT;
		int n;
		assert_int_equal(ask_other_side(&cases[i].x, cases[i].n, &n, &e), cases[i].r);
		assert_int_equal(n, cases[i].count);
		assert_non_null(strstr(e.msg, cases[i].msg));
	}
}

static void test_words(void **state)
{
	struct {
		struct answer answer;
		struct nlattr x;
		char words[8];
	} a = {
		{ { sizeof(a), NLMSG_ERROR, NLM_F_ACK_TLVS | NLM_F_CAPPED, 1 }, { -EINVAL } },
		{ 12, NLMSGERR_ATTR_MSG },
		"is bad!",
	};
	struct err e = ERR_INIT;
	int n;

	(void)state;
	assert_int_equal(ask_other_side(&a, sizeof(a), &n, &e), -EINVAL);
	assert_string_equal(e.msg, "ask: is bad!: Invalid argument");
	a.words[7] = '!';
	assert_int_equal(ask_other_side(&a, sizeof(a), &n, &e), -EINVAL);
	assert_string_equal(e.msg, "ask: Invalid argument");
}

/* ---- the kernel ---- */

static void add_address(struct nl_batch *b, const uint8_t address[4])
{
	const struct ifaddrmsg m = { .ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = 1 };

	nl_begin(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof(m), "add 10.0.0.%u", address[3]);
	nl_bytes(b, IFA_LOCAL, address, 4);
}

static int count_addresses(struct nl *s)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	const struct ifaddrmsg m = { .ifa_family = AF_INET };
	struct err e = ERR_INIT;
	int n = 0;

	nl_begin(&b, RTM_GETADDR, NLM_F_DUMP, &m, sizeof(m), "list addresses");
	assert_int_equal(nl_ask(s, &b, count, &n, &e), 0);
	return n;
}

static void test_batch(void **state)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	cleanup_nl struct nl s = NL_INIT;
	struct err e = ERR_INIT;

	(void)state;
	fresh_netns();
	assert_int_equal(nl_open(NETLINK_ROUTE, -1, &s, &e), 0);
	assert_int_equal(nl_send(&s, &b, &e), 0); /* an empty one */
	add_address(&b, (const uint8_t[]){ 10, 0, 0, 1 });
	add_address(&b, (const uint8_t[]){ 10, 0, 0, 2 });
	assert_int_equal(nl_send(&s, &b, &e), 0);
	/* The one that fails is named, the one behind it is tried. */
	add_address(&b, (const uint8_t[]){ 10, 0, 0, 1 });
	nl_tolerate(&b, EEXIST);
	add_address(&b, (const uint8_t[]){ 10, 0, 0, 2 });
	nl_tolerate(&b, ENOENT);
	add_address(&b, (const uint8_t[]){ 10, 0, 0, 3 });
	assert_int_equal(nl_send(&s, &b, &e), -EEXIST);
	assert_non_null(strstr(e.msg, "add 10.0.0.2"));
	assert_int_equal(count_addresses(&s), 3);
	add_address(&b, (const uint8_t[]){ 10, 0, 0, 3 });
	nl_tolerate(&b, EEXIST);
	assert_int_equal(nl_send(&s, &b, &e), 0);
}

static void test_large_batch(void **state)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	cleanup_nl struct nl s = NL_INIT;
	struct err e = ERR_INIT;

	(void)state;
	fresh_netns();
	assert_int_equal(nl_open(NETLINK_ROUTE, -1, &s, &e), 0);
	for (int times = 0; times < 2; times++) {
		/* The second time each is answered, more than a socket holds by itself. */
		for (unsigned i = 0; i < 4000; i++) {
			add_address(&b, (const uint8_t[]){ 10, 0, (uint8_t)(i / 250), (uint8_t)(i % 250 + 1) });
			nl_tolerate(&b, EEXIST);
			if (i % 40 == 0) /* and more than it sends */
				nl_bytes(&b, 999, (char[2000]){ 0 }, 2000);
		}
		assert_int_equal(nl_send(&s, &b, &e), 0);
	}
	assert_int_equal(count_addresses(&s), 4000);
}

static void test_another_namespace(void **state)
{
	cleanup_nl struct nl inside = NL_INIT, outside = NL_INIT;
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	struct err e = ERR_INIT;
	char before[64] = "", after[64] = "";

	(void)state;
	fresh_netns();
	cleanup_close int netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	fresh_netns();
	assert_true(readlink("/proc/self/ns/net", before, sizeof(before) - 1) > 0);
	assert_int_equal(nl_open(NETLINK_ROUTE, netns, &inside, &e), 0);
	assert_true(readlink("/proc/self/ns/net", after, sizeof(after) - 1) > 0);
	assert_string_equal(before, after);
	assert_int_equal(nl_open(NETLINK_ROUTE, -1, &outside, &e), 0);
	add_address(&b, (const uint8_t[]){ 10, 0, 0, 1 });
	assert_int_equal(nl_send(&inside, &b, &e), 0);
	assert_int_equal(count_addresses(&inside), 1);
	assert_int_equal(count_addresses(&outside), 0);
	/* No namespace of this kind. */
	cleanup_close int other = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
	cleanup_nl struct nl none = NL_INIT;
	assert_int_equal(nl_open(NETLINK_ROUTE, other, &none, &e), -EINVAL);
	assert_int_equal(none.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_message),		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_lying_attributes), cmocka_unit_test(test_lying_answers),
		cmocka_unit_test(test_words),		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_large_batch),	cmocka_unit_test(test_another_namespace),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
