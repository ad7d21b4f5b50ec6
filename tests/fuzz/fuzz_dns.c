/*
 * Fuzzing of DNS messages, questions of containers and answers of name servers; and of lists of name servers.
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -std=c11 -D_GNU_SOURCE -I. tests/fuzz/fuzz_dns.c \
 *		netns/dns/message.c netns/dns/servers.c netns/address.c lib/[abef]*.c -o fuzz_dns && ./fuzz_dns CORPUS
 *
 * With -DREPLAY as in replay.h.
 */
#include "netns/dns/message.h"
#include "netns/dns/server.h"
#include "tests/fuzz/replay.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* Whatever is answered can be read as an answer, and keeps to its room. */
static void check_answer(const uint8_t *data, size_t size, const struct dns_question *q, size_t room, struct buf *b)
{
	if (b->len > room || (q->end && b->len < q->end))
		abort();
	if (q->end && !dns_answers(data, size, (const uint8_t *)b->data, b->len))
		abort();
	b->len = 0;
}

static void read_servers(const uint8_t *data, size_t size)
{
	struct server servers[RESOLVER_SERVERS];
	char *text = strndup((const char *)data, size);

	for (size_t i = servers_parse_conf(text, servers); i > 0; i--)
		if (!servers[i - 1].address.family)
			abort();
	for (size_t i = servers_parse_list(text, servers); i > 0; i--)
		if (!servers[i - 1].address.family)
			abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct net_address x[40] = { 0 };
	struct dns_question q;
	enum dns_rcode rcode;
	struct buf b = BUF_INIT;

	read_servers(data, size);
	if (size > 2)
		dns_answers(data, size / 2, data + size / 2, size - size / 2);
	if (!dns_parse(data, size, &q, &rcode))
		return 0;
	if (strlen(q.name) >= sizeof(q.name) || strchr(q.name, '/') || strstr(q.name, "..") || q.end > size)
		abort();
	dns_pointer(q.name, &x[0]);
	dns_answer_none(data, &q, rcode == DNS_OK ? DNS_NXDOMAIN : rcode, &b);
	check_answer(data, size, &q, DNS_TCP_MAX, &b);
	if (rcode == DNS_OK) {
		for (size_t i = 0; i < 40; i++)
			x[i].family = q.type == DNS_AAAA ? AF_INET6 : AF_INET;
		dns_answer_addresses(data, &q, x, 40, q.room, &b);
		check_answer(data, size, &q, q.room, &b);
		if (dns_answer_pointer(data, &q, q.name, &b))
			check_answer(data, size, &q, DNS_TCP_MAX, &b);
	}
	buf_finish(&b);
	return 0;
}
