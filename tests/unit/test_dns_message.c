#include "netns/dns/message.h"

#include <arpa/inet.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the four above. */
#include <cmocka.h>

/* A question as a client writes it: a header with RD and one question, then the name's labels, type and class. */
static size_t ask(uint8_t *out, const char *name, uint16_t type)
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
	out[n++] = 0;
	out[n++] = (uint8_t)(type >> 8);
	out[n++] = (uint8_t)type;
	out[n++] = 0;
	out[n++] = DNS_CLASS_IN;
	return n;
}

static size_t add_opt(uint8_t *data, size_t n, uint16_t room)
{
	const uint8_t opt[] = { 0, 0, DNS_OPT, (uint8_t)(room >> 8), (uint8_t)room, 0, 0, 0, 0, 0, 0 };

	data[11] = 1;
	memcpy(data + n, opt, sizeof(opt));
	return n + sizeof(opt);
}

static void reads_a_question(void **state)
{
	uint8_t data[600];
	struct dns_question q;
	enum dns_rcode rcode;

	(void)state;
	size_t n = ask(data, "Web_1.Example", DNS_AAAA);
	assert_true(dns_parse(data, n, &q, &rcode));
	assert_int_equal(rcode, DNS_OK);
	assert_string_equal(q.name, "web_1.example");
	assert_int_equal(q.type, DNS_AAAA);
	assert_int_equal(q.id, 0x1234);
	assert_int_equal(q.end, n);
	assert_int_equal(q.room, 512);
	assert_false(q.edns);

	size_t longer = add_opt(data, n, 1000);
	assert_true(dns_parse(data, longer, &q, &rcode));
	assert_int_equal(rcode, DNS_OK);
	assert_int_equal(q.end, n);
	assert_int_equal(q.room, 1000);
	assert_true(q.edns);
	add_opt(data, n, 100);
	assert_true(dns_parse(data, longer, &q, &rcode) && q.room == 512);
	add_opt(data, n, 65535);
	assert_true(dns_parse(data, longer, &q, &rcode) && q.room == DNS_EDNS_MAX);

	/* What would be a path, or another name, is neither. */
	n = ask(data, "a/b", DNS_A);
	assert_true(dns_parse(data, n, &q, &rcode));
	assert_string_equal(q.name, "a?b");
	memcpy(data + DNS_HEADER, "\2..", 3);
	n = DNS_HEADER + 3;
	memcpy(data + n, "\0\0\1\0\1", 5);
	assert_true(dns_parse(data, n + 5, &q, &rcode));
	assert_int_equal(rcode, DNS_OK);
	assert_string_equal(q.name, "??");
	n = ask(data, "", DNS_A);
	assert_true(dns_parse(data, n, &q, &rcode));
	assert_int_equal(rcode, DNS_OK);
	assert_string_equal(q.name, "");
}

static void refuses_what_is_no_question(void **state)
{
	uint8_t data[600];
	struct dns_question q;
	enum dns_rcode rcode;

	(void)state;
	size_t n = ask(data, "web", DNS_A);
	for (size_t i = 0; i < DNS_HEADER; i++)
		assert_false(dns_parse(data, i, &q, &rcode));
	for (size_t i = DNS_HEADER; i < n; i++) {
		assert_true(dns_parse(data, i, &q, &rcode));
		assert_int_equal(rcode, DNS_FORMERR);
		assert_int_equal(q.end, 0);
	}
	data[2] |= 0x80; /* an answer: one to it could go round for ever */
	assert_false(dns_parse(data, n, &q, &rcode));

	n = ask(data, "web", DNS_A);
	data[2] = 0x28; /* an update */
	assert_true(dns_parse(data, n, &q, &rcode));
	assert_int_equal(rcode, DNS_NOTIMP);
	n = ask(data, "web", DNS_A);
	data[n - 1] = 3; /* of Chaosnet */
	assert_true(dns_parse(data, n, &q, &rcode));
	assert_int_equal(rcode, DNS_NOTIMP);
	n = ask(data, "web", DNS_A);
	data[5] = 2;
	assert_true(dns_parse(data, n, &q, &rcode));
	assert_int_equal(rcode, DNS_FORMERR);
	n = ask(data, "web", DNS_A);
	data[11] = 1; /* a record that is not there */
	assert_true(dns_parse(data, n, &q, &rcode));
	assert_int_equal(rcode, DNS_FORMERR);
	n = ask(data, "web", DNS_A);
	data[DNS_HEADER] = 0xc0; /* a name that leads to itself */
	data[DNS_HEADER + 1] = DNS_HEADER;
	assert_true(dns_parse(data, n, &q, &rcode));
	assert_int_equal(rcode, DNS_FORMERR);

	/* Longer than any name is. */
	char name[300];
	memset(name, 'x', sizeof(name));
	for (size_t i = 60; i < sizeof(name); i += 60)
		name[i] = '.';
	name[254] = '\0';
	n = ask(data, name, DNS_A);
	assert_true(dns_parse(data, n, &q, &rcode));
	assert_int_equal(rcode, DNS_FORMERR);
	name[253] = '\0';
	n = ask(data, name, DNS_A);
	assert_true(dns_parse(data, n, &q, &rcode));
	assert_int_equal(rcode, DNS_OK);
	assert_string_equal(q.name, name);
}

static void assert_pointer(const char *name, const char *address)
{
	struct net_address x, want;
	struct err e = ERR_INIT;

	assert_true(dns_pointer(name, &x));
	assert_int_equal(net_address_parse(address, false, &want, &e), 0);
	assert_true(net_address_equal(&x, &want));
	assert_int_equal(x.prefix, x.family == AF_INET ? 32 : 128);
}

static void reads_reversed_addresses(void **state)
{
	static const char *const bad[] = {
		"", "in-addr.arpa", "3.2.1.in-addr.arpa", "5.4.3.2.1.in-addr.arpa", "256.2.1.10.in-addr.arpa",
		"4..2.1.in-addr.arpa", "04.3.2.1.in-addr.arpa", "4.3.2.1.in-addr.arpa.x", "4.3.2.1", "4.3.2.1.ip6.arpa",
		"a.3.2.1.in-addr.arpa",
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.ip6.arpa",
		"10.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa",
		"g.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa",
	};
	struct net_address x;

	(void)state;
	assert_pointer("4.30.200.10.in-addr.arpa", "10.200.30.4");
	assert_pointer("0.0.0.0.in-addr.arpa", "0.0.0.0");
	assert_pointer("2.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.a.0.0.0.0.d.f.ip6.arpa", "fd00:ab::12");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(dns_pointer(bad[i], &x));
}

static void answers_with_addresses(void **state)
{
	static const uint8_t expected[] = {
		0x12, 0x34, 0x85, 0x80, 0, 1, 0, 2, 0, 0, 0, 0,
		3, 'W', 'e', 'b', 0, 0, 1, 0, 1,
		0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 10, 1, 2, 3,
		0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 10, 1, 2, 4,
	};
	struct net_address x[100];
	uint8_t data[600];
	struct dns_question q;
	enum dns_rcode rcode;
	cleanup_buf struct buf b = BUF_INIT;

	(void)state;
	for (uint8_t i = 0; i < 100; i++)
		x[i] = (struct net_address){ .family = AF_INET, .prefix = 24, .bytes = { 10, 1, 2, i + 3 } };
	size_t n = ask(data, "Web", DNS_A);
	assert_true(dns_parse(data, n, &q, &rcode));
	dns_answer_addresses(data, &q, x, 2, q.room, &b);
	assert_int_equal(b.len, sizeof(expected));
	assert_memory_equal(b.data, expected, b.len);
	assert_true(dns_answers(data, n, (uint8_t *)b.data, b.len));

	/* What does not fit is left out, and the answer says so; EDNS is answered, within the room. */
	n = add_opt(data, n, 600);
	assert_true(dns_parse(data, n, &q, &rcode));
	b.len = 0;
	dns_answer_addresses(data, &q, x, 100, q.room, &b);
	assert_int_equal(b.len, 21 + 35 * 16 + 11);
	assert_int_equal(b.data[2] & 2, 2);
	assert_int_equal(b.data[7], 35);
	assert_int_equal(b.data[11], 1);
	b.len = 0;
	dns_answer_addresses(data, &q, x, 100, DNS_TCP_MAX, &b);
	assert_int_equal(b.len, 21 + 100 * 16 + 11);
	assert_int_equal(b.data[2] & 2, 0);

	x[0] = (struct net_address){ .family = AF_INET6, .prefix = 64, .bytes = { 0xfd, [15] = 7 } };
	n = ask(data, "web", DNS_AAAA);
	assert_true(dns_parse(data, n, &q, &rcode));
	b.len = 0;
	dns_answer_addresses(data, &q, x, 1, q.room, &b);
	assert_int_equal(b.len, 21 + 28);
	assert_memory_equal(b.data + 21 + 12, x[0].bytes, 16);
}

static void answers_with_names_and_errors(void **state)
{
	static const uint8_t name[] = { 3, 'd', 'b', '1', 1, 'x', 0 };
	char many[300];
	uint8_t data[600];
	struct dns_question q;
	enum dns_rcode rcode;
	cleanup_buf struct buf b = BUF_INIT;

	(void)state;
	size_t n = ask(data, "2.0.89.10.in-addr.arpa", DNS_PTR);
	assert_true(dns_parse(data, n, &q, &rcode));
	assert_true(dns_answer_pointer(data, &q, "db1.x", &b));
	assert_int_equal(b.len, n + 12 + sizeof(name));
	assert_memory_equal(b.data + n + 12, name, sizeof(name));
	memset(many, 'a', sizeof(many));
	many[64] = '\0';
	b.len = 0;
	assert_false(dns_answer_pointer(data, &q, many, &b));
	assert_false(dns_answer_pointer(data, &q, "", &b));
	assert_false(dns_answer_pointer(data, &q, "a..b", &b));
	for (size_t i = 1; i < sizeof(many); i += 2)
		many[i] = '.';
	many[299] = '\0';
	assert_false(dns_answer_pointer(data, &q, many, &b));
	assert_int_equal(b.len, 0);

	dns_answer_none(data, &q, DNS_NXDOMAIN, &b);
	assert_int_equal(b.len, n);
	assert_int_equal(b.data[3] & 15, DNS_NXDOMAIN);
	assert_int_equal(b.data[5], 1);

	/* Without a question that could be repeated: the header alone. */
	assert_true(dns_parse(data, DNS_HEADER, &q, &rcode));
	b.len = 0;
	dns_answer_none(data, &q, rcode, &b);
	assert_int_equal(b.len, DNS_HEADER);
	assert_int_equal(b.data[3] & 15, DNS_FORMERR);
	assert_int_equal(b.data[5], 0);
}

static void knows_its_answer(void **state)
{
	uint8_t data[600], answer[600];

	(void)state;
	size_t n = ask(data, "web.example", DNS_A);
	ask(answer, "WEB.example", DNS_A);
	assert_false(dns_answers(data, n, answer, n)); /* is a question itself */
	answer[2] |= 0x80;
	assert_true(dns_answers(data, n, answer, n));
	for (size_t i = 0; i < n; i++)
		assert_false(dns_answers(data, n, answer, i));
	dns_set_id(answer, 0x4321);
	assert_false(dns_answers(data, n, answer, n));
	dns_set_id(answer, 0x1234);
	answer[n - 3] = DNS_AAAA;
	assert_false(dns_answers(data, n, answer, n));
	answer[n - 3] = DNS_A;
	answer[DNS_HEADER + 1] = 'v';
	assert_false(dns_answers(data, n, answer, n));

	/* A server that understood nothing repeats nothing; but it cannot have found, or not found, the name. */
	answer[5] = 0;
	answer[3] = DNS_FORMERR;
	assert_true(dns_answers(data, n, answer, DNS_HEADER));
	answer[3] = DNS_NXDOMAIN;
	assert_false(dns_answers(data, n, answer, DNS_HEADER));
	answer[3] = DNS_OK;
	assert_false(dns_answers(data, n, answer, DNS_HEADER));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_a_question),
		cmocka_unit_test(refuses_what_is_no_question),
		cmocka_unit_test(reads_reversed_addresses),
		cmocka_unit_test(answers_with_addresses),
		cmocka_unit_test(answers_with_names_and_errors),
		cmocka_unit_test(knows_its_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
