/*
 * A network's definition: a small JSON file with podman's members, so that it reads the same by hand.
 *
 *	{ "name": "web", "driver": "bridge", "network_interface": "ferry1", "created": "2026-01-31T12:00:00Z",
 *	  "subnets": [ { "subnet": "10.89.1.0/24", "gateway": "10.89.1.1",
 *	                 "lease_range": { "start_ip": "10.89.1.128", "end_ip": "10.89.1.254" } } ],
 *	  "ipv6_enabled": false, "internal": false, "dns_enabled": true, "network_dns_servers": [],
 *	  "labels": {}, "options": { "mtu": "1400", "vlan": "7", "isolate": "true" } }
 *
 * One that people wrote themselves is checked as one that `network create` is asked for.
 */
#ifndef NETNS_NETWORK_H
#define NETNS_NETWORK_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "netns/address.h"
#include "spec/spec.h"

#include <stdbool.h>
#include <stddef.h>

enum net_driver { NET_BRIDGE, NET_MACVLAN, NET_IPVLAN };

/* Addresses have the subnet's prefix length, all of them. */
struct net_subnet {
	struct net_address subnet; /* the network's own address */
	struct net_address gateway; /* family 0: none */
	struct net_address first, last; /* of the leases: without what is reserved; the gateway may be among them */
	bool any; /* for network_create: a free one of subnet.family */
};

struct network {
	const char *name;
	enum net_driver driver;
	const char *interface; /* the bridge; of macvlan and ipvlan the parent */
	const char *mode; /* macvlan: "bridge", "private", "vepa", "passthru"; ipvlan: "l2", "l3", "l3s"; bridge: NULL */
	const char *created; /* RFC 3339 */
	struct net_subnet *subnets; /* at most one of each family; none: links get no addresses */
	size_t n_subnets;
	bool internal; /* no way out, no gateway but for names */
	bool isolate; /* nothing from other networks, even from those that are not isolated themselves */
	bool dns; /* names are resolved */
	unsigned mtu; /* 0: the kernel's own */
	unsigned vlan; /* of the bridge's ports; 0: none */
	const char **dns_servers; /* whom the resolver asks; none: the host's */
	size_t n_dns_servers;
	struct spec_pair *labels, *options; /* options: as given; mtu, vlan, isolate and mode come from here alone */
	size_t n_labels, n_options;
};

const char *net_driver_name(enum net_driver d);
/* -EINVAL names those that there are. */
int net_driver_parse(const char *text, enum net_driver *ret, struct err *e);

/*
 * "10.89.1.128/25", or "10.89.1.10-10.89.1.20": which addresses of x->subnet are leased, in x->first and x->last. What
 * is reserved at the ends of a network is left out.
 */
int net_range_parse(const char *text, struct net_subnet *x, struct err *e);

/* The definition <-> text. What is read is checked whole: -EINVAL with the JSON path, unknown members are passed over. */
int network_parse(const char *text, size_t len, struct arena *a, struct network *ret, struct err *e);
void network_write(const struct network *x, struct buf *out);

/* ---- definitions on the machine: network_store.c ---- */

struct net;

/*
 * By name. "ferry" is the default network, made on first use: bridge ferry0, a free private subnet. -ENOENT, with the
 * names that are nearly like it; -ENOSPC: no subnet is free for the default one, which then is not in the list either.
 * The list is in the order of names.
 */
#define NETWORK_DEFAULT "ferry"
int network_load(const struct net *n, const char *name, struct arena *a, struct network *ret, struct err *e);
int network_list(const struct net *n, struct arena *a, struct network **ret, size_t *ret_n, struct err *e);

/*
 * With the lock alone. Fills what was left open: interface, subnets (free ones: of no other network and of no route of
 * this machine; a bridge without any gets one of IPv4), gateways, ranges. -EEXIST: the name or the interface; -EINVAL:
 * overlapping subnets, and whose; -ENODEV: no such parent.
 */
int network_create(struct net *n, struct network *x, struct arena *a, struct err *e);

/* With the lock alone. -EBUSY: names the containers that are in it. -ENOENT. The bridge goes too. */
int network_remove(struct net *n, const char *name, struct arena *a, struct err *e);

#endif
