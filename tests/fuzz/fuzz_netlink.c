/*
 * Fuzzing of netlink answers: the first byte says what was asked, the rest is what is received.
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -std=c11 -D_GNU_SOURCE -I. tests/fuzz/fuzz_netlink.c \
 *		netns/netlink.c netns/netlink_message.c lib/[abef]*.c -o fuzz_netlink && ./fuzz_netlink CORPUS
 *
 * With -DREPLAY as in replay.h.
 */
#include "netns/netlink.h"
#include "tests/fuzz/replay.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { TYPES = 16, DEPTH = 3 };

/* All of it is read: what lies outside of the message is the sanitizer's to see. */
static void read_all(const struct nlattr *const *x, int depth)
{
	for (unsigned i = 0; i <= TYPES; i++) {
		const struct nlattr *nested[TYPES + 1];
		if (!x[i])
			continue;
		const uint8_t *data = nl_attribute_data(x[i]);
		unsigned sum = nl_attribute_u32(x[i], 0);
		for (size_t n = 0; n < nl_attribute_size(x[i]); n++)
			sum += data[n];
		const char *text = nl_attribute_string(x[i]);
		if (text && strlen(text) >= nl_attribute_size(x[i]))
			abort();
		nl_nested(x[i], nested, TYPES);
		if (depth < DEPTH)
			read_all(nested, depth + 1);
		if (sum == 0xfffffffe)
			abort();
	}
}

static int each(const struct nlmsghdr *m, void *arg, struct err *e)
{
	const struct nlattr *x[TYPES + 1];

	(void)e;
	nl_attributes(m, *(size_t *)arg, x, TYPES);
	read_all(x, 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nl_batch b = NL_BATCH_INIT;
	struct err e = ERR_INIT;
	struct nl s = NL_INIT;
	int pair[2];

	if (size < 2 || size > 32768 || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
		return 0;
	s.fd = pair[0];
	size_t header = data[0] % 32;
	if (send(pair[1], data + 1, size - 1, 0) < 0)
		abort();
	shutdown(pair[1], SHUT_WR);
	nl_begin(&b, 20, 0, NULL, 0, "one");
	if (data[0] & 0x80) {
		nl_tolerate(&b, 17);
		nl_begin(&b, 20, 0, NULL, 0, "two");
		nl_send(&s, &b, &e);
	} else
		nl_ask(&s, &b, each, &header, &e);
	if (strlen(e.msg) >= sizeof(e.msg))
		abort();

	/* What is received has the rest of a buffer behind it; this copy has nothing. */
	struct nlmsghdr *m = malloc(sizeof(*m) + size - 1);
	*m = (struct nlmsghdr){ .nlmsg_len = (uint32_t)(sizeof(*m) + size - 1) };
	memcpy(m + 1, data + 1, size - 1);
	each(m, &header, &e);
	free(m);
	nl_batch_finish(&b);
	nl_close(&s);
	close(pair[1]);
	return 0;
}
