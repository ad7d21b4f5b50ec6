/* Networks and containers for the tests of the firewall, as values. */
#ifndef TESTS_UNIT_FIREWALL_EXAMPLE_H
#define TESTS_UNIT_FIREWALL_EXAMPLE_H

#include "netns/firewall.h"
#include "tests/unit/fresh_netns.h"

#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

static inline struct net_address address(const char *text)
{
	struct net_address x;
	struct err e = ERR_INIT;

	if (net_address_parse(text, strchr(text, '/') != NULL, &x, &e) < 0)
		fail_msg("%s", e.msg);
	return x;
}

enum { EXAMPLE_SUBNETS = 2 };

static inline struct network example_network(const char *name, const char *bridge, struct net_subnet *subnets,
					     const char *ipv4, const char *ipv6)
{
	struct network x = { .name = name, .driver = NET_BRIDGE, .interface = bridge, .subnets = subnets };

	if (ipv4)
		subnets[x.n_subnets++].subnet = address(ipv4);
	if (ipv6)
		subnets[x.n_subnets++].subnet = address(ipv6);
	return x;
}

static inline struct net_link example_link(const char *network, const char *host_link, uint8_t last_of_mac,
					   const char *ipv4, const char *ipv6)
{
	struct net_link x = { .network = network, .interface = "eth0", .host_link = host_link, .mac = { 2, 0, 0, 0, 0 } };

	x.mac[5] = last_of_mac;
	if (ipv4)
		x.addresses[0] = address(ipv4);
	if (ipv6)
		x.addresses[1] = address(ipv6);
	return x;
}

static inline void open_nft(struct nl *ret)
{
	struct err e = ERR_INIT;

	if (nl_open(NETLINK_NETFILTER, -1, ret, &e) < 0)
		fail_msg("%s", e.msg);
}

#endif
