#include "netns/attach.h"

#include "netns/bridge.h"
#include "netns/detach.h"
#include "netns/endpoint.h"
#include "netns/lease.h"
#include "netns/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { METRIC = 100 }; /* of default routes: this and the interface's index, so that the first interface's is used */

/* ---- addresses and ports ---- */

/* Of a network without addresses: made of the container. */
static void mac_of_key(const char *key, size_t link, uint8_t ret[6])
{
	unsigned long long n = strtoull(key, NULL, 16);

	for (int i = 5; i > 0; i--, n >>= 8)
		ret[i] = (uint8_t)n;
	ret[0] = 0x0a;
	ret[5] = (uint8_t)(ret[5] + link);
}

static int take_link(const struct attaching *x, size_t i, struct err *e)
{
	struct net_link *l = &x->endpoint->links[x->first + i];
	const struct net_request *r = &x->requests[i];
	const struct network *network = &x->networks[i];

	for (int j = 0; j < 2; j++) {
		const struct net_subnet *s = attach_subnet(network, j ? AF_INET6 : AF_INET);
		if (s && lease_take(x->session->net, network, s, j ? &r->ip6 : &r->ip4, x->endpoint->key, &l->addresses[j],
				    e) < 0)
			return -e->code;
	}
	if (r->mac)
		return net_mac_parse(r->mac, l->mac, e);
	if (network->driver == NET_IPVLAN)
		return 0;
	if (l->addresses[0].family || l->addresses[1].family)
		net_mac_of(&l->addresses[l->addresses[0].family ? 0 : 1], l->mac);
	else
		mac_of_key(x->endpoint->key, x->first + i, l->mac);
	return 0;
}

/* @ports: those that are wanted; the endpoint has those that were taken. */
static int take_all(const struct attaching *x, const struct net_port *ports, size_t n_ports, struct err *e)
{
	struct net_endpoint *endpoint = x->endpoint;

	for (size_t i = 0; i < attach_n(x); i++)
		if (take_link(x, i, e) < 0)
			return -e->code;
	for (size_t i = 0; i < n_ports; i++) {
		struct net_port p = ports[i];
		if (ports_take(x->session->net, &p, endpoint->key, e) < 0)
			return -e->code;
		*arena_push(x->session->arena, &endpoint->ports, &endpoint->n_ports) = p;
	}
	return 0;
}

/* What is taken may be by a container that was killed: once more, after everything of those is dropped. */
static int take_claims(const struct attaching *x, const struct net_port *ports, size_t n_ports, struct err *e)
{
	struct net_endpoint *endpoint = x->endpoint, taken;

	int r = take_all(x, ports, n_ports, e);
	if (r != -EADDRINUSE && r != -ENOSPC)
		return r;
	taken = *endpoint;
	taken.links += x->first;
	taken.n_links -= x->first;
	taken.n_ports = n_ports ? endpoint->n_ports : 0; /* else they are not of now */
	if (detach_claims(x->session, &taken, e) < 0)
		return -e->code;
	for (size_t i = x->first; i < endpoint->n_links; i++)
		memset(endpoint->links[i].addresses, 0, sizeof(endpoint->links[i].addresses));
	if (n_ports)
		endpoint->n_ports = 0;
	if (session_alone(x->session, e) < 0 || leases_sweep(x->session->net, NULL, x->session->arena, e) < 0)
		return -e->code;
	return take_all(x, ports, n_ports, e);
}

static int join_all(const struct attaching *x, struct err *e)
{
	for (size_t i = 0; i < attach_n(x); i++)
		if (bridge_join(x->session, &x->networks[i], x->endpoint->key, &x->masters[i], e) < 0)
			return -e->code;
	return 0;
}

/* ---- interfaces ---- */

static const char *inner_link(const struct attaching *x, const struct net_link *l)
{
	return endpoint_inner_link(x->endpoint->key, l->interface, x->session->arena);
}

static void add_links(const struct attaching *x, struct nl_batch *b)
{
	for (size_t i = 0; i < attach_n(x); i++) {
		const struct net_link *l = &x->endpoint->links[x->first + i];
		const struct network *network = &x->networks[i];
		const struct link_veth veth = {
			.host_name = l->host_link,
			.name = l->interface,
			.bridge = x->masters[i],
			.netns = x->netns,
			.mac = l->mac,
			.mtu = network->mtu,
			/* Where br_netfilter is on, the way to a port of its own leads through the bridge alone. */
			.hairpin = x->endpoint->n_ports > 0,
		};
		const struct link_stacked stacked = {
			.driver = network->driver,
			.name = l->host_link ? NULL : inner_link(x, l),
			.mode = network->mode,
			.parent = x->masters[i],
			.netns = x->netns,
			.mac = network->driver == NET_IPVLAN ? NULL : l->mac,
			.mtu = network->mtu,
		};
		if (l->host_link)
			link_add_veth(b, &veth);
		else
			link_add_stacked(b, &stacked);
	}
}

static int make_links(const struct attaching *x, struct err *e)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;

	if (session_route(x->session, e) < 0)
		return -e->code;
	add_links(x, &b);
	return nl_send(&x->session->route, &b, e);
}

/* @inner: what it is called until now, and stays known by; NULL: it has its name. */
static void configure_link(const struct net_link *l, int index, const char *inner, struct nl_batch *b)
{
	if (inner) {
		link_rename(b, index, l->interface);
		link_add_name(b, index, inner);
	}
	/* What it would tell of itself by IPv6 goes to every other container of the network, and costs with their number. */
	if (l->host_link && l->addresses[0].family && !l->addresses[1].family)
		link_without_ipv6(b, index, l->interface);
	link_set_up(b, index, l->interface);
	for (int j = 0; j < 2; j++)
		if (l->addresses[j].family)
			link_add_address(b, index, &l->addresses[j]);
	for (int j = 0; j < 2; j++)
		if (l->addresses[j].family && l->gateways[j].family)
			link_add_default_route(b, index, &l->gateways[j], METRIC + (unsigned)index);
}

/* The container's side: what it is all called is asked for, then one batch does the rest. */
static int configure(const struct attaching *x, struct err *e)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	cleanup_nl struct nl inner = NL_INIT;
	const struct net_shaping *shaping = &x->endpoint->shaping;

	if (nl_open(NETLINK_ROUTE, x->netns, &inner, e) < 0)
		return -e->code;
	link_set_up(&b, LINK_LOOPBACK, "lo");
	for (size_t i = 0; i < attach_n(x); i++) {
		const struct net_link *l = &x->endpoint->links[x->first + i];
		const char *other = l->host_link ? NULL : inner_link(x, l);
		struct link_facts f;
		if (link_find(&inner, other ? other : l->interface, &f, e) < 0 ||
		    link_shape(&inner, l->interface, f.index, shaping, e) < 0)
			return -e->code;
		configure_link(l, f.index, other, &b);
	}
	return nl_send(&inner, &b, e);
}

/* What comes to the container is shaped where it leaves this machine's side: by its rate alone. */
static int shape_host_side(const struct attaching *x, struct err *e)
{
	const struct net_shaping *shaping = &x->endpoint->shaping, rate = {
		.rate_bps = shaping->rate_bps,
		.burst_bytes = shaping->burst_bytes,
	};

	for (size_t i = x->first; rate.rate_bps && i < x->endpoint->n_links; i++) {
		const char *name = x->endpoint->links[i].host_link;
		struct link_facts f;
		if (name && (link_find(&x->session->route, name, &f, e) < 0 ||
			     link_shape(&x->session->route, name, f.index, &rate, e) < 0))
			return -e->code;
	}
	return 0;
}

/* ---- names ---- */

static int add_names(const struct attaching *x, struct err *e)
{
	const struct net_endpoint *endpoint = x->endpoint;

	for (size_t i = 0; i < attach_n(x); i++)
		if (x->networks[i].dns && names_add(x->session->net, x->networks[i].name, endpoint->name,
						    &endpoint->links[x->first + i], endpoint->key, e) < 0)
			return -e->code;
	return 0;
}

/* ---- together ---- */

/*
 * The record is written whole before there is an interface, and before anybody else may look at it again; rules are before
 * interfaces, so that a container that runs sends nothing past them.
 */
static int attach_links(const struct attaching *x, const struct net_port *ports, size_t n_ports, struct err *e)
{
	if (session_route(x->session, e) < 0 ||
	    link_netns_number(&x->session->route, x->netns, &x->endpoint->netns, e) < 0 || join_all(x, e) < 0 ||
	    take_claims(x, ports, n_ports, e) < 0 || endpoint_save(x->session->net, x->endpoint, e) < 0 ||
	    session_add_endpoint(x->session, x->endpoint, e) < 0 || make_links(x, e) < 0 || configure(x, e) < 0 ||
	    shape_host_side(x, e) < 0)
		return -e->code;
	return add_names(x, e);
}

static int begin(struct session *s, const char *key, const char *owner, struct err *e)
{
	int r = endpoint_begin(s->net, key, owner, e);

	if (r != -EEXIST)
		return r;
	/* What was killed, or the machine's end, has left. */
	if (detach_key(s, key, e) < 0)
		return -e->code;
	return endpoint_begin(s->net, key, owner, e);
}

int net_attach(struct net *n, const struct net_container *c, int netns, struct arena *a, struct net_endpoint *ret,
	       struct err *e)
{
	cleanup_session struct session s = SESSION_INIT(n, a);
	struct net_endpoint endpoint = {
		.key = endpoint_key(c->owner, a),
		.owner = c->owner,
		.name = c->name,
		.netns = -1,
		.shaping = c->shaping,
		.dns = c->dns,
		.n_dns = c->n_dns,
	};
	struct attaching x = { .session = &s, .requests = c->requests, .endpoint = &endpoint, .netns = netns };
	struct err later;

	if (attach_plan(&x, c->n_requests, e) < 0 || attach_check_ports(&x, c->n_ports, e) < 0 ||
	    begin(&s, endpoint.key, c->owner, e) < 0)
		return -e->code;
	if (attach_links(&x, c->ports, c->n_ports, e) < 0) {
		detach_endpoint(&s, &endpoint, &later);
		return -e->code;
	}
	*ret = endpoint;
	return 0;
}

int net_connect(struct net *n, const char *owner, const struct net_request *r, int netns, struct arena *a,
		struct net_endpoint *ret, struct err *e)
{
	cleanup_session struct session s = SESSION_INIT(n, a);
	struct net_endpoint endpoint;
	struct err later;

	if (endpoint_load(n, endpoint_key(owner, a), a, &endpoint, e) < 0)
		return -e->code;
	struct attaching x = {
		.session = &s,
		.requests = r,
		.endpoint = &endpoint,
		.first = endpoint.n_links,
		.netns = netns,
	};
	if (attach_plan(&x, 1, e) < 0)
		return -e->code;
	int began = endpoint_begin_more(n, endpoint.key, e);
	if (began < 0)
		return began;
	int code = attach_links(&x, NULL, 0, e);
	if (code < 0 && detach_link(&s, &endpoint, x.first, &later) < 0)
		return code;
	if (code == 0)
		*ret = endpoint;
	/* What an earlier one was killed in is still not written down. */
	if (began == 1 && endpoint_end_more(n, endpoint.key, code < 0 ? &later : e) < 0 && code == 0)
		return -e->code;
	return code;
}
