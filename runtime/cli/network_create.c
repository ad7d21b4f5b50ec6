/* network create: from options to a definition. */
#include "runtime/cli/commands.h"
#include "runtime/networks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

struct options {
	const char *driver, *interface, *mtu, *vlan;
	struct cli_strings subnets, gateways, ranges, dns, labels, opts;
	bool ipv6, internal, isolate, disable_dns, ignore;
};

#define OPTION(name, letter, type, field, value, help) \
	CLI_OPTION(name, letter, type, struct options, field, value, help)

static const struct cli_option options_table[] = {
	OPTION("driver", 'd', CLI_STRING, driver, "bridge|macvlan|ipvlan",
	       "how containers are linked (default: bridge)"),
	OPTION("subnet", 0, CLI_STRINGS, subnets, "NETWORK",
	       "10.1.0.0/24, fd00:1::/64: one of each family (default: a free one)"),
	OPTION("gateway", 0, CLI_STRINGS, gateways, "ADDRESS",
	       "this machine's address, or the router (default: the first)"),
	OPTION("ip-range", 0, CLI_STRINGS, ranges, "RANGE", "lease these alone: 10.1.0.128/25, 10.1.0.10-10.1.0.99"),
	OPTION("ipv6", 0, CLI_FLAG, ipv6, NULL, "a free IPv6 subnet, too"),
	OPTION("internal", 0, CLI_FLAG, internal, NULL, "without a way out"),
	OPTION("isolate", 0, CLI_FLAG, isolate, NULL,
	       "nothing comes in from other networks, not even by published ports"),
	OPTION("mtu", 0, CLI_STRING, mtu, "BYTES", "of all interfaces (default: the kernel's)"),
	OPTION("vlan", 0, CLI_STRING, vlan, "ID", "of the bridge's ports: 1 to 4094"),
	OPTION("dns", 0, CLI_STRINGS, dns, "ADDRESS", "whom the resolver asks (default: the machine's name servers)"),
	OPTION("disable-dns", 0, CLI_FLAG, disable_dns, NULL, "containers do not find each other by name"),
	OPTION("interface-name", 0, CLI_STRING, interface, "NAME",
	       "of the bridge, or of the parent (default: ferry1, ...)"),
	OPTION("label", 0, CLI_STRINGS, labels, "KEY=VALUE", "a note"),
	OPTION("opt", 'o', CLI_STRINGS, opts, "KEY=VALUE", "mtu, vlan, isolate; parent and mode of macvlan and ipvlan"),
	OPTION("ignore", 0, CLI_FLAG, ignore, NULL, "one that is there already is no error"),
	{ 0 },
};

struct pairs {
	struct spec_pair *v;
	size_t n;
};

static int add_pair(struct pairs *p, const char *key, const char *value, struct arena *a, struct err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->v[i].key, key) != 0)
			continue;
		if (strcmp(p->v[i].value, value) == 0)
			return 0;
		return err_say(e, EINVAL, "%s is both \"%s\" and \"%s\"", key, p->v[i].value, value);
	}
	*arena_push(a, &p->v, &p->n) = (struct spec_pair){ key, value };
	return 0;
}

/* A label needs no value. */
static int add_texts(struct pairs *p, const char *option, const struct cli_strings *texts, bool needs_value,
		     struct arena *a, struct err *e)
{
	for (size_t i = 0; i < texts->n; i++) {
		size_t len = strcspn(texts->v[i], "=");
		const char *rest = texts->v[i] + len;
		if (len == 0 || (needs_value && !*rest))
			return err_say(e, EINVAL, "%s '%s': expected KEY=VALUE", option, texts->v[i]);
		if (add_pair(p, arena_strndup(a, texts->v[i], len), *rest ? rest + 1 : "", a, e) < 0)
			return err_wrap(e, "%s", option);
	}
	return 0;
}

static int read_pairs(const struct options *o, struct network *x, struct arena *a, struct err *e)
{
	struct pairs opts = { 0 }, labels = { 0 };

	if (add_texts(&opts, "--opt", &o->opts, true, a, e) < 0 ||
	    add_texts(&labels, "--label", &o->labels, false, a, e) < 0 ||
	    (o->mtu && add_pair(&opts, "mtu", o->mtu, a, e) < 0) ||
	    (o->vlan && add_pair(&opts, "vlan", o->vlan, a, e) < 0) ||
	    (o->isolate && add_pair(&opts, "isolate", "true", a, e) < 0))
		return -e->code;
	x->options = opts.v;
	x->n_options = opts.n;
	x->labels = labels.v;
	x->n_labels = labels.n;
	return 0;
}

static struct net_subnet *subnet_of(const struct network *x, uint8_t family)
{
	for (size_t i = 0; i < x->n_subnets; i++)
		if (x->subnets[i].subnet.family == family)
			return &x->subnets[i];
	return NULL;
}

static int read_gateway(const struct network *x, const char *text, struct err *e)
{
	struct net_address gateway;

	if (net_address_parse(text, false, &gateway, e) < 0)
		return err_wrap(e, "--gateway");
	struct net_subnet *s = subnet_of(x, gateway.family);
	if (!s || s->gateway.family)
		return err_say(e, EINVAL, "--gateway %s: %s", text,
			       s ? "its subnet has one already" : "say its --subnet, too");
	s->gateway = gateway;
	return 0;
}

static int read_range(const struct network *x, const char *text, struct err *e)
{
	struct net_subnet *s = subnet_of(x, strchr(text, ':') ? AF_INET6 : AF_INET);

	if (!s || s->first.family)
		return err_say(e, EINVAL, "--ip-range %s: %s", text,
			       s ? "its subnet has one already" : "say its --subnet, too");
	return net_range_parse(text, s, e) < 0 ? err_wrap(e, "--ip-range") : 0;
}

static int read_subnets(const struct options *o, struct network *x, struct arena *a, struct err *e)
{
	for (size_t i = 0; i < o->subnets.n; i++) {
		struct net_subnet *s = arena_push(a, &x->subnets, &x->n_subnets);
		if (net_address_parse(o->subnets.v[i], true, &s->subnet, e) < 0)
			return err_wrap(e, "--subnet");
	}
	for (size_t i = 0; i < o->gateways.n; i++)
		if (read_gateway(x, o->gateways.v[i], e) < 0)
			return -e->code;
	for (size_t i = 0; i < o->ranges.n; i++)
		if (read_range(x, o->ranges.v[i], e) < 0)
			return -e->code;
	if (!o->ipv6 || subnet_of(x, AF_INET6))
		return 0;
	if (x->n_subnets == 0)
		*arena_push(a, &x->subnets, &x->n_subnets) =
			(struct net_subnet){ .subnet.family = AF_INET, .any = true };
	*arena_push(a, &x->subnets, &x->n_subnets) = (struct net_subnet){ .subnet.family = AF_INET6, .any = true };
	return 0;
}

static int read_dns(const struct options *o, struct network *x, struct err *e)
{
	if (o->dns.n && o->disable_dns)
		return err_say(e, EINVAL, "--dns and --disable-dns contradict each other");
	if (o->dns.n && x->driver != NET_BRIDGE)
		return err_say(e, EINVAL, "--dns: names are resolved on networks of the driver bridge alone");
	x->dns = !o->disable_dns && x->driver == NET_BRIDGE;
	x->dns_servers = o->dns.v;
	x->n_dns_servers = o->dns.n;
	return 0;
}

static int is_there(const struct net *n, const char *name, struct arena *a)
{
	struct err ignored;
	struct network x;

	return network_load(n, name, a, &x, &ignored) >= 0;
}

static int run_create(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct options *o = options;
	struct network x = { .name = argv[0], .interface = o->interface, .internal = o->internal };
	cleanup_net struct net n = NET_INIT;

	(void)argc;
	if ((o->driver && net_driver_parse(o->driver, &x.driver, e) < 0) || read_pairs(o, &x, &rt->arena, e) < 0 ||
	    read_subnets(o, &x, &rt->arena, e) < 0 || read_dns(o, &x, e) < 0 || networks_open(true, &n, e) < 0)
		return -e->code;
	int r = network_create(&n, &x, &rt->arena, e);
	if (r < 0 && (r != -EEXIST || !o->ignore || !is_there(&n, x.name, &rt->arena)))
		return err_wrap(e, "create the network \"%s\"", x.name);
	puts(x.name);
	return 0;
}

const struct cli_command command_network_create = {
	.name = "network create",
	.arguments = "NAME",
	.summary = "Define a network",
	.group = CLI_NETWORKS,
	.stateless = true,
	.options = options_table,
	.options_size = sizeof(struct options),
	.min_args = 1,
	.max_args = 1,
	.run = run_create,
};
