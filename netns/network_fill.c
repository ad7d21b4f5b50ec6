#include "netns/network_fill.h"

#include "netns/link.h"
#include "netns/network_check.h"
#include "netns/subnet.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

/*
 * Where free subnets are looked for, one pool after the other: where all of 10.0.0.0/8 leads to a VPN, the others are
 * left (RFC 1918). The default network is for more than 253 containers.
 */
enum { POOLS = 3 };
static const struct pool {
	const char *first, *last;
} pools[POOLS] = {
	{ "10.89.0.0/24", "10.255.255.0/24" },
	{ "172.16.0.0/24", "172.31.255.0/24" },
	{ "192.168.0.0/24", "192.168.255.0/24" },
}, default_pools[POOLS] = {
	{ "10.88.0.0/16", "10.255.0.0/16" },
	{ "172.16.0.0/16", "172.31.0.0/16" },
	{ "192.168.0.0/20", "192.168.240.0/20" },
};

struct taken {
	struct net_address *subnets;
	size_t n;
};

/* ---- the interface ---- */

static const struct network *interface_owner(const char *interface, const struct network *others, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (others[i].driver == NET_BRIDGE && strcmp(others[i].interface, interface) == 0)
			return &others[i];
	return NULL;
}

static int choose_bridge(struct nl *s, struct network *x, const struct network *others, size_t n, struct arena *a,
			 struct err *e)
{
	struct link_facts facts;

	for (unsigned i = strcmp(x->name, NETWORK_DEFAULT) == 0 ? 0 : 1;; i++) {
		x->interface = arena_printf(a, "ferry%u", i);
		if (interface_owner(x->interface, others, n))
			continue;
		int r = link_find(s, x->interface, &facts, e);
		if (r == -ENODEV)
			return 0;
		if (r < 0)
			return r;
	}
}

static int check_bridge(struct nl *s, const struct network *x, const struct network *others, size_t n, struct err *e)
{
	const struct network *owner = interface_owner(x->interface, others, n);
	struct link_facts facts;

	if (owner)
		return err_say(e, EEXIST, "the interface \"%s\" is of the network \"%s\" already", x->interface,
			       owner->name);
	int r = link_find(s, x->interface, &facts, e);
	if (r >= 0)
		return err_say(e, EEXIST, "this machine has an interface \"%s\" already: choose another name for the "
			       "bridge", x->interface);
	return r == -ENODEV ? 0 : r;
}

static int fill_interface(struct nl *s, struct network *x, const struct network *others, size_t n, struct arena *a,
			  struct err *e)
{
	struct link_facts facts;

	if (x->driver == NET_BRIDGE)
		return x->interface ? check_bridge(s, x, others, n, e) : choose_bridge(s, x, others, n, a, e);
	if (link_find(s, x->interface, &facts, e) == -ENODEV)
		return err_say(e, ENODEV, "this machine has no interface \"%s\" for parent", x->interface);
	return 0;
}

/* ---- subnets ---- */

/* Of bridges: where a parent leads, the machine's own routes do, too. */
static const struct network *subnet_owner(const struct net_address *subnet, const struct network *others, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; others[i].driver == NET_BRIDGE && k < others[i].n_subnets; k++)
			if (net_networks_overlap(subnet, &others[i].subnets[k].subnet))
				return &others[i];
	return NULL;
}

static int check_free(const struct net_address *subnet, const struct network *others, size_t n,
		      const struct taken *routed, struct err *e)
{
	const struct network *owner = subnet_owner(subnet, others, n);
	char text[2][NET_ADDRESS_TEXT];

	net_address_cidr(subnet, text[0]);
	if (owner)
		return err_say(e, EINVAL, "the subnet %s overlaps that of the network \"%s\"", text[0], owner->name);
	for (size_t i = 0; i < routed->n; i++)
		if (net_networks_overlap(subnet, &routed->subnets[i]))
			return err_say(e, EINVAL, "the subnet %s overlaps %s, which this machine has a route to",
				       text[0], net_address_cidr(&routed->subnets[i], text[1]));
	return 0;
}

static int choose_ipv4(const struct network *x, const struct taken *taken, struct net_address *ret, struct err *e)
{
	const struct pool *pool = strcmp(x->name, NETWORK_DEFAULT) == 0 ? default_pools : pools;
	struct net_address first, last;

	for (int i = 0; i < POOLS; i++, pool++) {
		if (net_address_parse(pool->first, true, &first, e) < 0 ||
		    net_address_parse(pool->last, true, &last, e) < 0)
			return -e->code;
		if (subnet_free(&first, &last, taken->subnets, taken->n, ret))
			return 0;
	}
	return err_say(e, ENOSPC, "no private IPv4 subnet is free: 'ferry network create %s --subnet' says which to "
		       "use", x->name);
}

/* A /64 with a random global id (RFC 4193). */
static int choose_ipv6(const struct taken *taken, struct net_address *ret, struct err *e)
{
	struct net_address x = { .family = AF_INET6, .prefix = 64, .bytes = { 0xfd } };

	for (int tries = 0; tries < 1000; tries++) {
		if (getrandom(x.bytes + 1, 5, 0) != 5)
			return err_set(e, errno, "getrandom");
		if (subnet_free(&x, &x, taken->subnets, taken->n, ret))
			return 0;
	}
	return err_say(e, ENOSPC, "no subnet of fd00::/8 is free: say --subnet");
}

/* The first address, but where the way out is no neighbour. */
static void fill_gateway(const struct network *x, struct net_subnet *s)
{
	struct net_address last;
	bool routed = x->mode && strncmp(x->mode, "l3", 2) == 0;

	if (!s->gateway.family && !routed && (x->driver == NET_BRIDGE || !x->internal))
		subnet_usable(&s->subnet, &s->gateway, &last);
}

static int fill_subnets(struct network *x, const struct network *others, size_t n, const struct taken *routed,
			struct arena *a, struct err *e)
{
	struct taken taken = { 0 };

	for (size_t i = 0; i < routed->n; i++)
		*arena_push(a, &taken.subnets, &taken.n) = routed->subnets[i];
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < others[i].n_subnets; k++)
			*arena_push(a, &taken.subnets, &taken.n) = others[i].subnets[k].subnet;
	for (struct net_subnet *s = x->subnets; s < x->subnets + x->n_subnets; s++) {
		int r = 0;
		if (s->any)
			r = s->subnet.family == AF_INET ? choose_ipv4(x, &taken, &s->subnet, e) :
							  choose_ipv6(&taken, &s->subnet, e);
		else if (x->driver == NET_BRIDGE)
			r = check_free(&s->subnet, others, n, routed, e);
		if (r < 0)
			return r;
		s->any = false;
		fill_gateway(x, s);
		*arena_push(a, &taken.subnets, &taken.n) = s->subnet;
	}
	return 0;
}

/* Of options the path says which; the other texts are whole. */
static int check(struct network *x, struct arena *a, struct err *e)
{
	const char *member;
	int r = network_check(x, a, &member, e);

	return r < 0 && strncmp(member, "options.", 8) == 0 ? err_wrap(e, "option %s", member + 8) : r;
}

int network_fill(struct network *x, const struct network *others, size_t n, struct arena *a, struct err *e)
{
	cleanup_nl struct nl s = NL_INIT;
	struct taken routed = { 0 };

	if (check(x, a, e) < 0 || nl_open(NETLINK_ROUTE, -1, &s, e) < 0 || fill_interface(&s, x, others, n, a, e) < 0 ||
	    link_routed(&s, a, &routed.subnets, &routed.n, e) < 0)
		return -e->code;
	if (x->driver == NET_BRIDGE && x->n_subnets == 0)
		*arena_push(a, &x->subnets, &x->n_subnets) =
			(struct net_subnet){ .subnet.family = AF_INET, .any = true };
	return fill_subnets(x, others, n, &routed, a, e) < 0 ? -e->code : check(x, a, e);
}
