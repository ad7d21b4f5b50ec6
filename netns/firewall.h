/*
 * The rules, in tables of ferry's own: `inet ferry` for NAT, published ports and what may reach what, `bridge ferry` against
 * spoofed addresses. Rules are made once, with the tables, and are few; networks and containers are elements of sets and
 * maps, so that a packet costs the same however many there are. What others have in nftables is never touched.
 *
 * The ruleset is written out, as nft(8) prints it, in firewall_rules.c; above each message that is built by hand stands the
 * line that it equals.
 *
 * What holds:
 *  - out of a network: masquerade, but not between containers of one network; not at all out of an internal one
 *  - published ports: one map element for each, DNAT for what comes in, for what this machine itself sends (also to
 *    127.0.0.1), and for containers themselves (hairpin); the source address is kept, but where the answer would not find
 *    its way back (hairpin, 127.0.0.1)
 *  - networks do not reach each other; through a published port they may, unless one of the two is isolated
 *  - the host reaches all; containers reach no address of 127.0.0.0/8 or ::1 of the host's, whatever route_localnet says
 *  - of an internal network's containers the host answers the resolver's port alone
 *  - what enters a bridge from a container has the container's own hardware and IP addresses, ARP and ND too, or is dropped
 */
#ifndef NETNS_FIREWALL_H
#define NETNS_FIREWALL_H

#include "netns/netlink.h"
#include "netns/netns.h"

/*
 * Each of these is one transaction: all of it or nothing. @s: NETLINK_NETFILTER. Elements that are there already, or are
 * gone already, are no error, so that all of them can be repeated. -ENOENT of the first six: the tables are not there (somebody
 * has flushed the ruleset); then firewall_rebuild is called for.
 */
int firewall_add_network(struct nl *s, const struct network *x, struct err *e);
int firewall_remove_network(struct nl *s, const struct network *x, struct err *e);

/*
 * A range of ports is one element for each. Who publishes them, in each family, is the first link that has a gateway there.
 */
int firewall_add_endpoint(struct nl *s, const struct net_endpoint *x, struct err *e);
int firewall_remove_endpoint(struct nl *s, const struct net_endpoint *x, struct err *e);
int firewall_remove_ports(struct nl *s, const struct net_endpoint *x, struct err *e); /* the ports alone */
int firewall_change_endpoint(struct nl *s, const struct net_endpoint *before, const struct net_endpoint *after,
			     struct err *e);

/* Everything anew, in one transaction: what is not in the lists is gone afterwards. Also makes the tables the first time. */
struct firewall_all {
	const struct network *networks;
	size_t n_networks;
	const struct net_endpoint *endpoints;
	size_t n_endpoints;
};
int firewall_rebuild(struct nl *s, const struct firewall_all *all, struct err *e);

/* Both tables, with all that is in them. None there is no error. */
int firewall_remove(struct nl *s, struct err *e);

/*
 * What the rules need of the kernel besides: forwarding of both families, and for 127.0.0.1 route_localnet of the bridge. Only
 * what is not so yet is written, and before that what it was, below @state (-1: nowhere). The second makes it so again, where nobody has
 * changed it since: for when nobody is in a network any more, and no others rely on it.
 */
int firewall_sysctls(int state, const struct network *x, struct err *e);
int firewall_restore_sysctls(int state, struct err *e);

#endif
