/*
 * Fuzzing of networks' definitions, and of addresses and ranges.
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -ffunction-sections -Wl,--gc-sections -std=c11 -D_GNU_SOURCE -I. \
 *		tests/fuzz/fuzz_network.c netns/address.c netns/subnet.c netns/network.c netns/network_check.c netns/link.c \
 *		netns/netlink*.c spec/decode.c lib/[abefjn]*.c -lyajl_s -o fuzz_network && ./fuzz_network CORPUS
 *
 * With -DREPLAY as in replay.h. Definitions, by hand or of the unit tests, are the corpus.
 */
#include "lib/buf.h"
#include "netns/network.h"
#include "netns/subnet.h"
#include "tests/fuzz/replay.h"

#include <stdlib.h>
#include <string.h>

static void check_subnet(const struct net_subnet *s)
{
	struct net_address first, last;

	subnet_usable(&s->subnet, &first, &last);
	if (!net_address_within(&s->first, &s->subnet) || !net_address_within(&s->last, &s->subnet) ||
	    net_address_compare(&s->first, &first) < 0 || net_address_compare(&s->last, &last) > 0 ||
	    net_address_compare(&s->first, &s->last) > 0)
		abort();
	if (s->gateway.family && !net_address_within(&s->gateway, &s->subnet))
		abort();
}

/* What has been read is written so that it is read as the same. */
static void check_network(const struct network *x, struct arena *a)
{
	struct buf once = BUF_INIT, twice = BUF_INIT;
	struct err e = ERR_INIT;
	struct network again;

	if (strchr(x->name, '/') || strchr(x->interface, '/') || x->mtu > 65535 || x->vlan > 4094 || x->n_subnets > 2)
		abort();
	for (size_t i = 0; i < x->n_subnets; i++)
		check_subnet(&x->subnets[i]);
	network_write(x, &once);
	if (network_parse(once.data, once.len, a, &again, &e) < 0)
		abort();
	network_write(&again, &twice);
	if (strcmp(once.data, twice.data) != 0)
		abort();
	buf_finish(&once);
	buf_finish(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct net_subnet subnets[] = {
		{ .subnet = { .family = 2, .prefix = 24, .bytes = { 10 } } },
		{ .subnet = { .family = 10, .prefix = 64, .bytes = { 0xfd } } },
	};
	struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct network x = { 0 };
	char *text = arena_alloc(&a, size + 1);

	memcpy(text, data, size);
	for (size_t i = 0; i < 2; i++) {
		struct net_subnet s = subnets[i];
		if (net_range_parse(text, &s, &e) == 0 &&
		    (!net_address_within(&s.first, &s.subnet) || !net_address_within(&s.last, &s.subnet)))
			abort();
	}
	if (network_parse(text, size, &a, &x, &e) == 0)
		check_network(&x, &a);
	arena_finish(&a);
	return 0;
}
