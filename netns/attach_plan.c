#include "netns/attach.h"

#include "netns/endpoint.h"
#include "netns/lease.h"
#include "netns/link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static bool interface_is_taken(const struct net_endpoint *x, const struct net_request *requests, size_t n, const char *name)
{
	for (size_t i = 0; i < x->n_links; i++)
		if (strcmp(x->links[i].interface, name) == 0)
			return true;
	for (size_t i = 0; i < n; i++)
		if (requests[i].interface && strcmp(requests[i].interface, name) == 0)
			return true;
	return false;
}

static const char *free_interface(const struct net_endpoint *x, const struct net_request *requests, size_t n,
				  struct arena *a)
{
	const char *name;
	unsigned i = 0;

	do
		name = arena_printf(a, "eth%u", i++);
	while (interface_is_taken(x, requests, n, name));
	return name;
}

const struct net_subnet *attach_subnet(const struct network *x, int family)
{
	for (size_t i = 0; i < x->n_subnets; i++)
		if (x->subnets[i].subnet.family == family)
			return &x->subnets[i];
	return NULL;
}

static int check_request(const struct net_request *r, const struct network *x, const struct net_endpoint *there,
			 struct err *e)
{
	uint8_t mac[6];

	for (size_t i = 0; i < there->n_links; i++)
		if (strcmp(there->links[i].network, r->network) == 0)
			return err_say(e, EEXIST, "it is in that network already");
	if (r->interface) {
		if (link_check_name(r->interface, e) < 0)
			return -e->code;
		if (interface_is_taken(there, NULL, 0, r->interface))
			return err_say(e, EEXIST, "it has an interface '%s' already", r->interface);
		if (strcmp(r->interface, "lo") == 0)
			return err_say(e, EEXIST, "'lo' is every container's loopback");
	}
	if ((r->ip4.family && !attach_subnet(x, AF_INET)) || (r->ip6.family && !attach_subnet(x, AF_INET6)))
		return err_say(e, EINVAL, "it has no IPv%d subnet to take the address from", attach_subnet(x, AF_INET) ? 6 : 4);
	if (r->mac && x->driver == NET_IPVLAN)
		return err_say(e, EINVAL, "an ipvlan has its parent's hardware address: --mac-address cannot be honoured");
	return r->mac ? net_mac_parse(r->mac, mac, e) : 0;
}

int net_check_request(const struct net *n, const struct net_request *r, struct arena *a, struct err *e)
{
	const struct net_address *wanted[] = { &r->ip4, &r->ip6 };
	const struct net_endpoint none = { 0 };
	struct network x;

	if (network_load(n, r->network, a, &x, e) < 0)
		return -e->code;
	if (check_request(r, &x, &none, e) < 0)
		return err_wrap(e, "network \"%s\"", r->network);
	for (int i = 0; i < 2; i++)
		if (wanted[i]->family && lease_check(attach_subnet(&x, wanted[i]->family), wanted[i], e) < 0)
			return err_wrap(e, "network \"%s\"", r->network);
	return 0;
}

/* All that is known without taking anything. */
static int plan_link(struct attaching *x, size_t i, size_t n, struct err *e)
{
	struct net_endpoint *endpoint = x->endpoint;
	const struct net_request *r = &x->requests[i];
	struct network *network = &x->networks[i];
	struct arena *a = x->session->arena;
	const char *host_link = NULL;

	if (network_load(x->session->net, r->network, a, network, e) < 0)
		return -e->code;
	if (check_request(r, network, endpoint, e) < 0)
		return err_wrap(e, "network \"%s\"", r->network);
	const char *interface = r->interface ? r->interface : free_interface(endpoint, x->requests + i, n - i, a);
	if (network->driver == NET_BRIDGE && endpoint_host_link(a, &host_link, e) < 0)
		return -e->code;
	struct net_link *l = arena_push(a, &endpoint->links, &endpoint->n_links);
	*l = (struct net_link){
		.network = arena_strdup(a, network->name),
		.interface = arena_strdup(a, interface),
		.host_link = host_link,
		.aliases = r->aliases,
		.n_aliases = r->n_aliases,
	};
	for (int j = 0; j < 2 && !network->internal; j++) {
		const struct net_subnet *s = attach_subnet(network, j ? AF_INET6 : AF_INET);
		if (s)
			l->gateways[j] = s->gateway;
	}
	return 0;
}

int attach_plan(struct attaching *x, size_t n, struct err *e)
{
	x->networks = arena_new_array(x->session->arena, n, struct network);
	x->masters = arena_new_array(x->session->arena, n, int);
	for (size_t i = 0; i < n; i++)
		if (plan_link(x, i, n, e) < 0)
			return -e->code;
	return 0;
}

int attach_check_ports(const struct attaching *x, size_t n_ports, struct err *e)
{
	for (size_t i = 0; i < x->endpoint->n_links; i++) {
		const struct net_link *l = &x->endpoint->links[i];
		if (l->host_link && (l->gateways[0].family || l->gateways[1].family))
			return 0;
	}
	return n_ports ? err_say(e, EINVAL, "ports can be published by bridge networks that are not internal alone, and the "
				 "container is in none") : 0;
}
