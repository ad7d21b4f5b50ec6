/* Published ports as texts: --publish, --expose, and an image's ExposedPorts. */
#include "runtime/launch/plan.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP } };

enum { N_PROTOCOLS = sizeof(protocols) / sizeof(protocols[0]), PORT_MAX = 65535 };

const char *launch_protocol_name(uint8_t protocol)
{
	for (size_t i = 0; i < N_PROTOCOLS; i++)
		if (protocols[i].number == protocol)
			return protocols[i].name;
	return "?";
}

/* A port, without sign and spaces; -1: none. */
static long parse_number(const char *s, size_t n)
{
	long v = 0;

	if (n == 0 || n > 5)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	return v <= PORT_MAX ? v : -1;
}

/* "80", "80-89" */
static bool parse_range(const char *s, size_t n, uint16_t *ret_first, uint16_t *ret_count)
{
	const char *dash = memchr(s, '-', n);
	size_t len = dash ? (size_t)(dash - s) : n;
	long first = parse_number(s, len), last = dash ? parse_number(dash + 1, n - len - 1) : first;

	if (first < 1 || last < first)
		return false;
	*ret_first = (uint16_t)first;
	*ret_count = (uint16_t)(last - first + 1);
	return true;
}

static bool parse_protocol(const char *s, uint8_t *ret)
{
	for (size_t i = 0; i < N_PROTOCOLS; i++)
		if (strcmp(s, protocols[i].name) == 0) {
			*ret = protocols[i].number;
			return true;
		}
	return false;
}

/* False: a group's, or IPv4's in IPv6's clothes (RFC 4291, section 2.5.5.2), to which nothing is ever sent. */
static bool can_be_machines(const struct net_address *x)
{
	static const uint8_t mapped[12] = { [10] = 0xff, 0xff };

	return x->family == AF_INET ? x->bytes[0] < 224 : x->bytes[0] != 0xff && memcmp(x->bytes, mapped, sizeof(mapped)) != 0;
}

/* What stands before the container's ports: "", "8080", "127.0.0.1:8080", "[::1]:". */
static int parse_host(const char *text, const char *s, size_t n, struct arena *a, struct net_port *p, struct err *e)
{
	const char *colon = memrchr(s, ':', n), *port = colon ? colon + 1 : s;
	size_t len = n - (size_t)(port - s), address_len = colon ? (size_t)(colon - s) : 0;
	uint16_t count = p->count;
	bool any = len == 0 || (len == 1 && *port == '0');

	if (!any && !parse_range(port, len, &p->host_port, &count))
		return err_say(e, EINVAL, "'%s': '%.*s' are no ports of the host", text, (int)len, port);
	if (count != p->count)
		return err_say(e, EINVAL, "'%s': %u ports of the host are to lead to %u of the container", text, count,
			       p->count);
	if (!colon)
		return 0;
	bool brackets = address_len >= 2 && s[0] == '[' && s[address_len - 1] == ']';
	if (!brackets && memchr(s, ':', address_len))
		return err_say(e, EINVAL, "'%s': an IPv6 address stands in brackets: [ADDRESS]:HOST:CONTAINER", text);
	const char *address = arena_strndup(a, s + brackets, address_len - 2 * brackets);
	if (net_address_parse(address, false, &p->host, e) < 0)
		return err_wrap(e, "'%s'", text);
	return can_be_machines(&p->host) ? 0 : err_say(e, EINVAL, "'%s': %s is no address of a machine", text, address);
}

int launch_port_parse(const char *text, struct arena *a, struct net_port *ret, struct err *e)
{
	struct net_port p = { .protocol = IPPROTO_TCP };
	const char *slash = strrchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	const char *colon = memrchr(text, ':', n), *container = colon ? colon + 1 : text;

	if (slash && !parse_protocol(slash + 1, &p.protocol))
		return err_say(e, EINVAL, "'%s': the protocol is tcp, udp or sctp", text);
	if (!parse_range(container, n - (size_t)(container - text), &p.container_port, &p.count))
		return err_say(e, EINVAL, "'%s': expected [[ADDRESS:]HOST:]CONTAINER[/PROTOCOL], ports or ranges of ports",
			       text);
	if (colon && parse_host(text, text, (size_t)(colon - text), a, &p, e) < 0)
		return -e->code;
	*ret = p;
	return 0;
}

static const char *range_text(uint16_t first, uint16_t count, struct arena *a)
{
	return count > 1 ? arena_printf(a, "%u-%u", first, first + count - 1) : arena_printf(a, "%u", first);
}

const char *launch_port_text(const struct net_port *p, struct arena *a)
{
	char address[NET_ADDRESS_TEXT];
	const char *host = p->host_port ? range_text(p->host_port, p->count, a) : "";

	if (p->host.family) {
		net_address_text(&p->host, address);
		host = arena_printf(a, strchr(address, ':') ? "[%s]:%s" : "%s:%s", address, host);
	}
	return arena_printf(a, "%s%s%s/%s", host, *host ? ":" : "", range_text(p->container_port, p->count, a),
			    launch_protocol_name(p->protocol));
}

/* ---- the options ---- */

static bool overlap(uint16_t a, uint16_t n_a, uint16_t b, uint16_t n_b)
{
	return a < b + n_b && b < a + n_a;
}

static bool clash(const struct net_port *x, const struct net_port *y)
{
	bool same_address = !x->host.family || !y->host.family || net_address_equal(&x->host, &y->host);

	return x->protocol == y->protocol && same_address && x->host_port && y->host_port &&
	       overlap(x->host_port, x->count, y->host_port, y->count);
}

struct ports {
	struct net_port *v;
	size_t n;
};

/* A free port is chosen for each of a range by itself. */
static void add(struct ports *all, const struct net_port *p, struct arena *a)
{
	if (p->host_port) {
		*arena_push(a, &all->v, &all->n) = *p;
		return;
	}
	for (uint16_t i = 0; i < p->count; i++) {
		struct net_port *one = arena_push(a, &all->v, &all->n);
		*one = *p;
		one->container_port = (uint16_t)(p->container_port + i);
		one->count = 1;
	}
}

static bool is_published(const struct ports *all, const struct net_port *p)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].protocol == p->protocol &&
		    overlap(all->v[i].container_port, all->v[i].count, p->container_port, p->count))
			return true;
	return false;
}

static int expose(const char *option, const char *text, struct arena *a, struct ports *all, struct err *e)
{
	struct net_port p;

	if (strchr(text, ':'))
		return err_say(e, EINVAL, "%s '%s': expected PORT[/PROTOCOL]", option, text);
	if (launch_port_parse(text, a, &p, e) < 0)
		return err_wrap(e, "%s", option);
	if (!is_published(all, &p))
		*arena_push(a, &all->v, &all->n) = p;
	return 0;
}

/* --publish-all: those of a range that are published already stay as they are. */
static void publish_exposed(const struct net_port *p, struct arena *a, struct ports *all)
{
	for (uint16_t i = 0; i < p->count; i++) {
		const struct net_port one = { .protocol = p->protocol, .count = 1,
					      .container_port = (uint16_t)(p->container_port + i) };
		if (!is_published(all, &one))
			add(all, &one, a);
	}
}

/* The kernel leads nothing from ::1 to anywhere else; pasta listens there itself. */
static bool is_loopback6(const struct net_address *x)
{
	static const uint8_t loopback[16] = { [15] = 1 };

	return x->family == AF_INET6 && memcmp(x->bytes, loopback, sizeof(loopback)) == 0;
}

static int plan_publish(const struct launch_options *o, enum launched_network_mode mode, struct arena *a, struct ports *all,
			struct err *e)
{
	for (size_t i = 0; i < o->publish.n; i++) {
		struct net_port p;
		if (launch_port_parse(o->publish.v[i], a, &p, e) < 0)
			return err_wrap(e, "--publish");
		if (mode != NETWORK_PASTA && is_loopback6(&p.host))
			return err_say(e, ENOTSUP, "--publish '%s': nothing that is sent to ::1 can leave this machine; publish on"
				       " 127.0.0.1, or on another of its addresses", o->publish.v[i]);
		for (size_t j = 0; j < all->n; j++)
			if (clash(&p, &all->v[j]))
				return err_say(e, EINVAL, "--publish '%s': the port is given to '%s' already",
					       o->publish.v[i], launch_port_text(&all->v[j], a));
		add(all, &p, a);
	}
	return 0;
}

int launch_plan_ports(const struct launch_options *o, const struct image_config *image, struct arena *a,
		      struct launched_network *n, struct err *e)
{
	struct ports published = { 0 }, exposed = { 0 };

	if (plan_publish(o, n->mode, a, &published, e) < 0)
		return -e->code;
	for (size_t i = 0; image && i < image->n_exposed_ports; i++)
		if (expose("the image's port", image->exposed_ports[i], a, &exposed, e) < 0)
			return -e->code;
	for (size_t i = 0; i < o->expose.n; i++)
		if (expose("--expose", o->expose.v[i], a, &exposed, e) < 0)
			return -e->code;
	for (size_t i = 0; o->publish_all && i < exposed.n; i++)
		publish_exposed(&exposed.v[i], a, &published);
	for (size_t i = 0; i < published.n; i++)
		*arena_push(a, &n->ports, &n->n_ports) = launch_port_text(&published.v[i], a);
	for (size_t i = 0; i < exposed.n; i++)
		*arena_push(a, &n->exposed, &n->n_exposed) = launch_port_text(&exposed.v[i], a);
	return 0;
}
