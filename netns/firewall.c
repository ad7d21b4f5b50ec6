/* Networks and endpoints as elements of the tables in firewall_rules.c. */
#include "netns/firewall.h"

#include "lib/arena.h"
#include "netns/conntrack.h"
#include "netns/firewall_rules.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

struct elements {
	struct arena *arena;
	struct nft_element *items;
	size_t n;
};

/* ---- one element ---- */

static struct nft_element *new_element(struct elements *l, const struct nft_table *t, const char *set)
{
	struct nft_element *x = arena_push(l->arena, &l->items, &l->n);

	x->table = t;
	x->set = nft_find_set(t, set);
	return x;
}

static void key_bytes(struct nft_element *x, size_t field, const void *data, size_t n)
{
	memcpy(x->key + nft_offset(x->set->key, field), data, n);
}

static void key_name(struct nft_element *x, size_t field, const char *name)
{
	key_bytes(x, field, name, strlen(name));
}

static void key_address(struct nft_element *x, size_t field, const struct net_address *a)
{
	key_bytes(x, field, a->bytes, net_address_size(a));
}

static void key_port(struct nft_element *x, size_t field, uint8_t protocol, unsigned port)
{
	const uint16_t be = htons((uint16_t)port);

	key_bytes(x, field, &protocol, sizeof(protocol));
	key_bytes(x, field + 1, &be, sizeof(be));
}

static void data_socket(struct nft_element *x, const struct net_address *a, unsigned port)
{
	const uint16_t be = htons((uint16_t)port);

	memcpy(x->data, a->bytes, net_address_size(a));
	memcpy(x->data + nft_offset(x->set->data, 1), &be, sizeof(be));
}

static const char *by_family(const struct net_address *a, const char *ipv4, const char *ipv6)
{
	return a->family == AF_INET ? ipv4 : ipv6;
}

/* ---- a network ---- */

static void list_bridge(struct elements *l, const char *set, const char *bridge)
{
	key_name(new_element(l, &firewall_inet, set), 0, bridge);
}

/* The subnet's first address and its last one. */
static void list_hairpin(struct elements *l, const struct net_address *subnet)
{
	const struct net_address first = net_address_network(subnet);
	struct net_address last = first;

	for (size_t bit = subnet->prefix; bit < net_address_size(subnet) * 8; bit++)
		last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	struct nft_element *x = new_element(l, &firewall_inet, by_family(subnet, "hairpin4", "hairpin6"));
	for (size_t field = 0; field < 2; field++) {
		key_address(x, field, &first);
		memcpy(x->end + nft_offset(x->set->key, field), last.bytes, net_address_size(&last));
	}
}

static void list_network(struct elements *l, const struct network *x)
{
	if (x->driver != NET_BRIDGE)
		return;
	list_bridge(l, "networks", x->interface);
	struct nft_element *within = new_element(l, &firewall_inet, "within");
	key_name(within, 0, x->interface);
	key_name(within, 1, x->interface);
	if (x->internal)
		list_bridge(l, "internal", x->interface);
	if (x->isolate)
		list_bridge(l, "isolated", x->interface);
	for (size_t i = 0; i < x->n_subnets; i++)
		list_hairpin(l, &x->subnets[i].subnet);
}

/* ---- an endpoint ---- */

static void list_source(struct elements *l, const struct net_link *link, const struct net_address *a)
{
	struct nft_element *x = new_element(l, &firewall_bridge, by_family(a, "sources4", "sources6"));

	key_name(x, 0, link->host_link);
	key_bytes(x, 1, link->mac, sizeof(link->mac));
	key_address(x, 2, a);
}

/* What an interface has besides, as soon as it speaks IPv6 (RFC 4291, appendix A). */
static struct net_address link_local(const uint8_t mac[6])
{
	return (struct net_address){
		.family = AF_INET6,
		.bytes = { 0xfe, 0x80, [8] = mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5] },
	};
}

/* A link without addresses of ours gets them elsewhere: nobody can say what they are. */
static void list_link(struct elements *l, const struct net_link *link)
{
	const struct net_address local = link_local(link->mac);
	bool any = false;

	if (!link->host_link)
		return;
	for (size_t i = 0; i < 2; i++) {
		if (!link->addresses[i].family)
			continue;
		any = true;
		list_source(l, link, &link->addresses[i]);
		if (link->addresses[i].family == AF_INET6)
			list_source(l, link, &local);
	}
	if (any)
		key_name(new_element(l, &firewall_bridge, "links"), 0, link->host_link);
}

/* Whom a port of the host leads to: without a gateway nothing would find its way back. */
static const struct net_address *find_target(const struct net_endpoint *x, uint8_t family)
{
	for (size_t i = 0; i < x->n_links; i++)
		for (size_t j = 0; j < 2; j++)
			if (x->links[i].host_link && x->links[i].gateways[j].family == family &&
			    x->links[i].addresses[j].family == family)
				return &x->links[i].addresses[j];
	return NULL;
}

static bool is_every(const struct net_address *a)
{
	static const struct net_address none = { 0 };

	return !a->family || memcmp(a->bytes, none.bytes, sizeof(none.bytes)) == 0;
}

static void list_port(struct elements *l, const struct net_port *p, const struct net_address *target)
{
	bool every = is_every(&p->host);
	const char *map = every ? by_family(target, "ports4", "ports6") : by_family(target, "ports4_at", "ports6_at");

	for (unsigned i = 0; i < p->count; i++) {
		struct nft_element *x = new_element(l, &firewall_inet, map);
		if (!every)
			key_address(x, 0, &p->host);
		key_port(x, every ? 0 : 1, p->protocol, p->host_port + i);
		data_socket(x, target, p->container_port + i);
	}
}

static void list_ports(struct elements *l, const struct net_endpoint *x)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };

	for (size_t f = 0; f < 2; f++) {
		const struct net_address *target = find_target(x, families[f]);
		for (size_t i = 0; target && i < x->n_ports; i++)
			if (!x->ports[i].host.family || x->ports[i].host.family == families[f])
				list_port(l, &x->ports[i], target);
	}
}

static void list_endpoint(struct elements *l, const struct net_endpoint *x)
{
	for (size_t i = 0; i < x->n_links; i++)
		list_link(l, &x->links[i]);
	list_ports(l, x);
}

/* ---- transactions ---- */

static int change(struct nl *s, const struct elements *before, const struct elements *after, struct err *e)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;

	if (before->n + after->n == 0)
		return 0;
	nft_begin(&b);
	nft_remove_elements(&b, before->items, before->n);
	nft_add_elements(&b, after->items, after->n);
	nft_commit(&b);
	return nl_send(s, &b, e);
}

static int change_network(struct nl *s, const struct network *before, const struct network *after, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct elements old = { .arena = &a }, new = { .arena = &a };

	if (before)
		list_network(&old, before);
	if (after)
		list_network(&new, after);
	return change(s, &old, &new, e);
}

int firewall_add_network(struct nl *s, const struct network *x, struct err *e)
{
	/* A transaction that fails has the kernel wait for all processors. */
	return nft_find_table(s, &firewall_inet, e) < 0 ? -e->code : change_network(s, NULL, x, e);
}

int firewall_remove_network(struct nl *s, const struct network *x, struct err *e)
{
	return change_network(s, x, NULL, e);
}

int firewall_change_endpoint(struct nl *s, const struct net_endpoint *before, const struct net_endpoint *after,
			     struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct elements old = { .arena = &a }, new = { .arena = &a };

	if (before)
		list_endpoint(&old, before);
	if (after)
		list_endpoint(&new, after);
	if (change(s, &old, &new, e) < 0)
		return -e->code;
	const struct net_endpoint *x = after ? after : before;
	return conntrack_forget(s, x->ports, x->n_ports, e);
}

int firewall_add_endpoint(struct nl *s, const struct net_endpoint *x, struct err *e)
{
	return firewall_change_endpoint(s, NULL, x, e);
}

int firewall_remove_endpoint(struct nl *s, const struct net_endpoint *x, struct err *e)
{
	return firewall_change_endpoint(s, x, NULL, e);
}

int firewall_remove_ports(struct nl *s, const struct net_endpoint *x, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct elements old = { .arena = &a }, new = { .arena = &a };

	list_ports(&old, x);
	return change(s, &old, &new, e) < 0 ? -e->code : conntrack_forget(s, x->ports, x->n_ports, e);
}

/* ---- everything ---- */

static int rebuild(struct nl *s, const struct elements *l, bool remove, struct err *e)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;

	nft_begin(&b);
	if (remove) {
		nft_remove_table(&b, &firewall_inet);
		nft_remove_table(&b, &firewall_bridge);
	}
	nft_add_table(&b, &firewall_inet);
	nft_add_table(&b, &firewall_bridge);
	nft_add_elements(&b, l->items, l->n);
	nft_commit(&b);
	return nl_send(s, &b, e);
}

int firewall_rebuild(struct nl *s, const struct firewall_all *all, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct elements l = { .arena = &a };
	struct err other;

	for (size_t i = 0; i < all->n_networks; i++)
		list_network(&l, &all->networks[i]);
	for (size_t i = 0; i < all->n_endpoints; i++)
		list_endpoint(&l, &all->endpoints[i]);
	/* Tables of another ferry's, or that somebody has changed, are made anew from the ground up. */
	return rebuild(s, &l, false, &other) == 0 ? 0 : rebuild(s, &l, true, e);
}

int firewall_remove(struct nl *s, struct err *e)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;

	nft_begin(&b);
	nft_remove_table(&b, &firewall_inet);
	nft_remove_table(&b, &firewall_bridge);
	nft_commit(&b);
	return nl_send(s, &b, e);
}
