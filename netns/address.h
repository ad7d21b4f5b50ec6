/* IP and hardware addresses, and networks of them, as values. */
#ifndef NETNS_ADDRESS_H
#define NETNS_ADDRESS_H

#include "lib/arena.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct net_address {
	uint8_t family; /* AF_INET, AF_INET6; 0: none */
	uint8_t prefix; /* length in bits: 32 or 128 where there is no network */
	uint8_t bytes[16]; /* network order, the first 4 or all */
};

enum { NET_ADDRESS_TEXT = 64 };

/* "10.89.0.2", "fd00::2"; with @prefix also "10.89.0.0/24", which then must have one. -EINVAL with the text. */
int net_address_parse(const char *text, bool prefix, struct net_address *ret, struct err *e);

/* The text without and with the prefix length. Return @out. */
const char *net_address_text(const struct net_address *x, char out[NET_ADDRESS_TEXT]);
const char *net_address_cidr(const struct net_address *x, char out[NET_ADDRESS_TEXT]);

size_t net_address_size(const struct net_address *x); /* 4 or 16 */
bool net_address_equal(const struct net_address *x, const struct net_address *y); /* without the prefix length */
int net_address_compare(const struct net_address *x, const struct net_address *y); /* of one family, as numbers */

/* The network that an address is of: the bits behind the prefix cleared. */
struct net_address net_address_network(const struct net_address *x);
bool net_address_within(const struct net_address *x, const struct net_address *network);
bool net_networks_overlap(const struct net_address *x, const struct net_address *y);

/* @x + @n, which may be negative; false when that leaves the family. */
bool net_address_add(const struct net_address *x, int64_t n, struct net_address *ret);

/* "02:11:22:33:44:55". -EINVAL: also for group and all-zero addresses. */
int net_mac_parse(const char *text, uint8_t ret[6], struct err *e);
/* A locally administered one that goes with the address: the same address always has the same. */
void net_mac_of(const struct net_address *x, uint8_t ret[6]);
const char *net_mac_text(const uint8_t mac[6], char out[NET_ADDRESS_TEXT]);

#endif
