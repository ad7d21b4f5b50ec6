/* Which addresses of a subnet are for whom, and which subnets are free. */
#ifndef NETNS_SUBNET_H
#define NETNS_SUBNET_H

#include "netns/network.h"

/*
 * What links may have: without the network's own address and IPv4's broadcast. All of those that are too small for such
 * (RFC 3021, RFC 6164).
 */
void subnet_usable(const struct net_address *subnet, struct net_address *ret_first, struct net_address *ret_last);

/*
 * Clears the host bits of the subnet and fills in the range's missing ends. -EINVAL: it is no subnet for containers,
 * the gateway or the range are not within it, or leave nothing; *ret_member is which member of the JSON is wrong.
 */
int subnet_check(struct net_subnet *x, const char **ret_member, struct err *e);

/* The first of @first's size, from @first to @last, that overlaps none of the others. False: there is none. */
bool subnet_free(const struct net_address *first, const struct net_address *last, const struct net_address *others,
		 size_t n, struct net_address *ret);

#endif
