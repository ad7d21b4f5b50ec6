/*
 * Between ferry and the resolver, at STATE/resolver: packets of lib/message.h, each with a struct resolver_network,
 * each answered by one with a number, or an error.
 */
#ifndef NETNS_DNS_PROTOCOL_H
#define NETNS_DNS_PROTOCOL_H

#include "netns/address.h"

#include <stdbool.h>
#include <stdint.h>

enum { RESOLVER_NAME_MAX = 129, RESOLVER_GATEWAYS = 2, RESOLVER_SERVERS = 3 };

enum resolver_message {
	RESOLVER_ASK = 1, /* this is the network; the answer has a bit for each gateway that nobody listens at */
	RESOLVER_LISTEN, /* with two sockets of gateways[which]: datagrams, connections */
	RESOLVER_LEAVE, /* the network of that name */
	RESOLVER_WHOLE, /* it has all networks; until it hears so, whoever looks takes it for none (resolver_lives) */
	RESOLVER_ANSWER,
};

struct resolver_network {
	char name[RESOLVER_NAME_MAX];
	bool internal;
	uint8_t which;
	struct net_address gateways[RESOLVER_GATEWAYS]; /* with prefix lengths; family 0: none */
	struct net_address servers[RESOLVER_SERVERS]; /* likewise; none: the host's */
};

#endif
