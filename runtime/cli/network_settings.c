#include "runtime/cli/network_settings.h"

#include "runtime/attach.h"
#include "runtime/launch/launch.h"
#include "runtime/networks.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

int cli_endpoint(struct runtime *rt, const struct launched *l, struct net_endpoint *ret, struct err *e)
{
	cleanup_net struct net n = NET_INIT;
	struct err none = ERR_INIT;

	*ret = (struct net_endpoint){ 0 };
	if (l->network.mode != NETWORK_ATTACHED)
		return 0;
	int r = networks_open(false, &n, &none);
	if (r == 0)
		r = net_endpoint_load(&n, container_path(rt, l->id), &rt->arena, ret, &none);
	if (r < 0 && r != -ENOENT)
		return *e = none, r;
	return 0;
}

/* ---- ports ---- */

size_t cli_host_addresses(const struct net_port *p, char ret[2][NET_ADDRESS_TEXT])
{
	if (p->host.family) {
		net_address_text(&p->host, ret[0]);
		return 1;
	}
	strcpy(ret[0], "0.0.0.0");
	strcpy(ret[1], "::");
	return 2;
}

const char *cli_socket_text(const char *address, unsigned port, struct arena *a)
{
	return arena_printf(a, strchr(address, ':') ? "[%s]:%u" : "%s:%u", address, port);
}

static const char *last_of_range(unsigned first, unsigned count, struct arena *a)
{
	return count > 1 ? arena_printf(a, "-%u", first + count - 1) : "";
}

static bool is_published(const struct net_endpoint *x, const struct net_port *p)
{
	for (size_t i = 0; i < x->n_ports; i++) {
		const struct net_port *q = &x->ports[i];
		if (q->protocol == p->protocol && p->container_port >= q->container_port &&
		    p->container_port + p->count <= q->container_port + q->count)
			return true;
	}
	return false;
}

const char *cli_ports(const struct launched *l, const struct net_endpoint *x, struct arena *a)
{
	char addresses[2][NET_ADDRESS_TEXT];
	const char *text = "", *comma = "";
	struct err ignored = ERR_INIT;
	struct net_port exposed;

	for (size_t i = 0; i < x->n_ports; i++) {
		const struct net_port *p = &x->ports[i];
		size_t n = cli_host_addresses(p, addresses);
		for (size_t j = 0; j < n; j++, comma = ", ")
			text = arena_printf(a, "%s%s%s%s->%u%s/%s", text, comma,
					    cli_socket_text(addresses[j], p->host_port, a),
					    last_of_range(p->host_port, p->count, a), p->container_port,
					    last_of_range(p->container_port, p->count, a),
					    launch_protocol_name(p->protocol));
	}
	for (size_t i = 0; i < l->network.n_exposed; i++) {
		if (launch_port_parse(l->network.exposed[i], a, &exposed, &ignored) < 0 || is_published(x, &exposed))
			continue;
		text = arena_printf(a, "%s%s%s", text, comma, l->network.exposed[i]);
		comma = ", ";
	}
	return text;
}

const char *cli_addresses(const struct net_endpoint *x, struct arena *a)
{
	char one[NET_ADDRESS_TEXT];
	const char *text = "";

	for (size_t i = 0; i < x->n_links; i++)
		for (size_t j = 0; j < 2; j++)
			if (x->links[i].addresses[j].family)
				text = arena_printf(a, "%s%s%s", text, *text ? ", " : "",
						    net_address_text(&x->links[i].addresses[j], one));
	return text;
}

static void write_binding(struct json_writer *w, const char *address, unsigned port, struct arena *a)
{
	json_begin_object(w, NULL);
	json_string(w, "HostIp", address);
	json_string(w, "HostPort", port ? arena_printf(a, "%u", port) : "");
	json_end_object(w);
}

/* The member of a port that was published before: one that goes to two ports of the host has one member. */
static bool is_repeated(const struct net_port *ports, size_t i, unsigned port)
{
	for (size_t j = 0; j < i; j++)
		if (ports[j].protocol == ports[i].protocol && port >= ports[j].container_port &&
		    port < (unsigned)ports[j].container_port + ports[j].count)
			return true;
	return false;
}

/* "80/tcp": [ { "HostIp": "0.0.0.0", "HostPort": "8080" } ], for each port of each range. */
static void write_bindings(struct json_writer *w, const struct net_port *ports, size_t n, bool every, struct arena *a)
{
	char addresses[2][NET_ADDRESS_TEXT];

	for (size_t i = 0; i < n; i++) {
		for (unsigned k = 0; k < ports[i].count; k++) {
			unsigned port = ports[i].container_port + k;
			if (is_repeated(ports, i, port))
				continue;
			json_begin_array(w, arena_printf(a, "%u/%s", port, launch_protocol_name(ports[i].protocol)));
			for (size_t j = i; j < n; j++) {
				const struct net_port *p = &ports[j];
				if (p->protocol != ports[i].protocol || port < p->container_port ||
				    port >= (unsigned)p->container_port + p->count)
					continue;
				unsigned host = p->host_port ? p->host_port + (port - p->container_port) : 0;
				size_t n_addresses = cli_host_addresses(p, addresses);
				if (!every && !p->host.family)
					write_binding(w, "", host, a);
				for (size_t m = 0; (every || p->host.family) && m < n_addresses; m++)
					write_binding(w, addresses[m], host, a);
			}
			json_end_array(w);
		}
	}
}

static void write_ports(struct json_writer *w, const struct launched *l, const struct net_endpoint *x, struct arena *a)
{
	struct err ignored = ERR_INIT;
	struct net_port p;

	json_begin_object(w, "Ports");
	write_bindings(w, x->ports, x->n_ports, true, a);
	for (size_t i = 0; i < l->network.n_exposed; i++)
		if (launch_port_parse(l->network.exposed[i], a, &p, &ignored) == 0 && p.count == 1 && !is_published(x, &p))
			json_string(w, l->network.exposed[i], NULL);
	json_end_object(w);
}

/* ---- networks ---- */

static const char *address_or_empty(const struct net_address *x, char text[NET_ADDRESS_TEXT])
{
	return x->family ? net_address_text(x, text) : "";
}

static void write_addresses(struct json_writer *w, const struct net_link *link)
{
	static const struct net_link none;
	const struct net_link *l = link ? link : &none;
	char text[NET_ADDRESS_TEXT];
	const struct net_address nothing = { 0 }, *ip[2] = { &nothing, &nothing }, *gateway[2] = { &nothing, &nothing };

	for (size_t i = 0; i < 2; i++) {
		if (l->addresses[i].family)
			ip[l->addresses[i].family == AF_INET6] = &l->addresses[i];
		if (l->gateways[i].family)
			gateway[l->gateways[i].family == AF_INET6] = &l->gateways[i];
	}
	json_string(w, "IPAddress", address_or_empty(ip[0], text));
	json_int(w, "IPPrefixLen", ip[0]->prefix);
	json_string(w, "Gateway", address_or_empty(gateway[0], text));
	json_string(w, "GlobalIPv6Address", address_or_empty(ip[1], text));
	json_int(w, "GlobalIPv6PrefixLen", ip[1]->prefix);
	json_string(w, "IPv6Gateway", address_or_empty(gateway[1], text));
	json_string(w, "MacAddress", link ? net_mac_text(l->mac, text) : "");
}

static const struct net_link *find_link(const struct net_endpoint *x, const char *network)
{
	for (size_t i = 0; i < x->n_links; i++)
		if (strcmp(x->links[i].network, network) == 0)
			return &x->links[i];
	return NULL;
}

/* Those that it has now, and those that it will have at its next start. */
static void write_networks(struct json_writer *w, const struct launched *l, const struct net_endpoint *x)
{
	json_begin_object(w, "Networks");
	for (size_t i = 0; i < l->network.n_attachments; i++) {
		const struct launched_attachment *a = &l->network.attachments[i];
		const struct net_link *link = find_link(x, a->network);
		json_begin_object(w, a->network);
		json_strings(w, "Aliases", a->aliases, a->n_aliases);
		write_addresses(w, link);
		json_string(w, "Interface", link ? link->interface : "");
		json_end_object(w);
	}
	json_end_object(w);
}

void cli_write_network_settings(struct json_writer *w, const struct launched *l, const struct net_endpoint *x,
				struct arena *a)
{
	json_begin_object(w, "NetworkSettings");
	write_ports(w, l, x, a);
	write_addresses(w, x->n_links ? &x->links[0] : NULL);
	write_networks(w, l, x);
	json_end_object(w);
}

void cli_write_network_mode(struct json_writer *w, const struct launched *l, struct arena *a)
{
	const struct launched_network *n = &l->network;
	const char *mode = n->mode == NETWORK_CONTAINER	      ? arena_printf(a, "container:%s", n->of) :
			   n->mode == NETWORK_PATH	      ? arena_printf(a, "ns:%s", n->of) :
			   n->mode == NETWORK_ATTACHED	      ? n->n_attachments ? n->attachments->network : "none" :
			   launched_network_mode_name(n->mode);
	struct net_port *ports = arena_new_array(a, n->n_ports, struct net_port);
	struct err ignored = ERR_INIT;
	size_t n_ports = 0;

	json_string(w, "NetworkMode", mode);
	for (size_t i = 0; i < n->n_ports; i++)
		n_ports += launch_port_parse(n->ports[i], a, &ports[n_ports], &ignored) == 0;
	json_begin_object(w, "PortBindings");
	write_bindings(w, ports, n_ports, false, a);
	json_end_object(w);
}
