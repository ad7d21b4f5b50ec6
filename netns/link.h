/*
 * Interfaces, addresses and routes, as messages of a batch (netlink.h). Nothing is sent here but where it says so.
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

/* 1: there is a bridge, a tunnel, or another interface that is neither hardware nor loopback; 0: there is none. Asks. */
int link_any_virtual(struct nl *s, struct err *e);

/*
 * The kernel's number for another network namespace, which stays as long as that does. -1: it gives none. None of this waits
 * for those who change interfaces, as everything else here does. Asks.
 */
int link_netns_number(struct nl *s, int netns, int *ret, struct err *e);
/* 1: it has ended, and the kernel removes what is in it, and other ends of pairs; 0: it has not, or this is another's now. */
int link_netns_ended(struct nl *s, int number, struct err *e);

/*
 * A bridge that is up. @mac: its own for good, or it would change with its ports; NULL: it may. @vlan: it filters by VLAN, and
 * all of its ports are of that one; 0: none. What is meant for the bridge alone (LLDP and the like) teaches it no address.
 */
void link_add_bridge(struct nl_batch *b, const char *name, const uint8_t *mac, unsigned mtu, unsigned vlan);

/*
 * A pair: its one end a port of @bridge (an index) and up, the other, still down, in the network namespace @netns with its
 * final name and hardware address.
 */
struct link_veth {
	const char *host_name, *name;
	int bridge, netns;
	const uint8_t *mac;
	unsigned mtu; /* 0: the kernel's own */
	bool hairpin; /* what comes in by the port may go out by it again */
};
void link_add_veth(struct nl_batch *b, const struct link_veth *v);

/*
 * macvlan or ipvlan on the interface @parent (an index), made in the network namespace @netns. @name: one that is free on
 * both sides, since older kernels look for it on this one; link_rename is for the final one.
 */
struct link_stacked {
	enum net_driver driver;
	const char *name, *mode; /* mode: NULL the usual one */
	int parent, netns;
	const uint8_t *mac; /* NULL: the parent's, as ipvlan has it */
	unsigned mtu;
};
void link_add_stacked(struct nl_batch *b, const struct link_stacked *s);

/* What link_add_veth made of its end here, for another bridge. One that is gone is no error. */
void link_set_master(struct nl_batch *b, const char *name, int bridge, bool hairpin);
void link_rename(struct nl_batch *b, int index, const char *name); /* one that is down */
void link_add_name(struct nl_batch *b, int index, const char *name); /* by which it is found, too, whatever it is renamed to */
/*
 * An interface that is down (by its index, or when that is 0 by its name) makes itself no IPv6 address once it is up. A kernel
 * that has no IPv6 is no error.
 */
void link_without_ipv6(struct nl_batch *b, int index, const char *name);
void link_set_up(struct nl_batch *b, int index, const char *name);
void link_remove(struct nl_batch *b, const char *name); /* one that is gone is no error */
/* In the network namespace of that number (link_netns_number); that it has ended is no error either. */
void link_remove_within(struct nl_batch *b, int number, const char *name);

/* With the prefix length; one that it has is no error. IPv6: without duplicate address detection, to be used at once. */
void link_add_address(struct nl_batch *b, int index, const struct net_address *x);

/* Of several default routes the one with the least metric is used. */
void link_add_default_route(struct nl_batch *b, int index, const struct net_address *gateway, unsigned metric);

/*
 * What an interface sends is shaped: tbf (or, to delay or lose, netem) at its root. -ENOTSUP names what the kernel does not
 * have. Sends. Nothing asked for: nothing is sent.
 */
int link_shape(struct nl *s, const char *name, int index, const struct net_shaping *x, struct err *e);

/* Every subnet that a route of this machine leads to but the default ones; for choosing a free one. Asks. */
int link_routed(struct nl *s, struct arena *a, struct net_address **ret, size_t *ret_n, struct err *e);

#endif
