/* What a new network gets where nothing was said. */
#ifndef NETNS_NETWORK_FILL_H
#define NETNS_NETWORK_FILL_H

#include "netns/network.h"

/*
 * Fills interface, subnets, gateways and ranges, and checks the whole, against the others and this machine's interfaces
 * and routes. As network_create.
 */
int network_fill(struct network *x, const struct network *others, size_t n, struct arena *a, struct err *e);

#endif
