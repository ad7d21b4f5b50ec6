/*
 * Interfaces, addresses and routes, as messages of a batch (netlink.h). Nothing is sent here but where it says so. An index
 * that is 0 is the kernel's to choose.
 */
#ifndef NETNS_LINK_H
#define NETNS_LINK_H

#include "netns/netlink.h"
#include "netns/netns.h"

#include <stdbool.h>
#include <stdint.h>

enum { LINK_NAME_MAX = 15, LINK_LOOPBACK = 1 };

/* What an interface's name may be in the kernel. -EINVAL. */
int link_check_name(const char *name, struct err *e);

/* Asks the kernel. -ENODEV: there is none. */
struct link_facts {
	int index, master; /* master: 0 without */
	unsigned mtu;
	uint8_t mac[6];
	bool up;
	char kind[16]; /* "bridge", "veth"; "" for hardware */
};
int link_find(struct nl *s, const char *name, struct link_facts *ret, struct err *e);

/* A bridge that is up, with the addresses of the network's gateways. @vlan: it filters by VLAN. */
void link_add_bridge(struct nl_batch *b, const char *name, unsigned mtu, bool vlan);

/*
 * One message: a pair, its one end a port of @bridge (an index) and up, the other in the network namespace @netns with its
 * final name, index and hardware address. @vlan: of the port; 0: none.
 */
struct link_veth {
	const char *host_name, *name;
	int bridge, netns, index; /* index: of the container's end */
	const uint8_t *mac;
	unsigned mtu, vlan;
};
void link_add_veth(struct nl_batch *b, const struct link_veth *v);

/* macvlan or ipvlan on the interface @parent (an index), made in the network namespace @netns. */
struct link_stacked {
	enum net_driver driver;
	const char *name, *mode;
	int parent, netns, index;
	const uint8_t *mac; /* NULL: the parent's, as ipvlan has it */
	unsigned mtu;
};
void link_add_stacked(struct nl_batch *b, const struct link_stacked *s);

void link_set_up(struct nl_batch *b, int index, const char *name);
void link_remove(struct nl_batch *b, const char *name); /* one that is gone is no error */

/* With the prefix length. IPv6: without duplicate address detection, so that it can be used at once. */
void link_add_address(struct nl_batch *b, int index, const struct net_address *x);
void link_add_default_route(struct nl_batch *b, int index, const struct net_address *gateway);

/*
 * What an interface sends is shaped: tbf (or, to delay or lose, netem) at its root. -ENOTSUP names what the kernel does not
 * have. Sends.
 */
int link_shape(struct nl *s, const char *name, int index, const struct net_shaping *x, struct err *e);

/* Every subnet that a route of this machine leads to but the default ones; for choosing a free one. Asks. */
int link_routed(struct nl *s, struct arena *a, struct net_address **ret, size_t *ret_n, struct err *e);

#endif
