/* What the options of networks come to: struct launched_network, which launch.json keeps for every start. */
#include "runtime/launch/network.h"
#include "runtime/launch/plan.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

enum { ALIAS_MAX = 63, INTERFACE_MAX = 15 };

static const struct {
	const char *name;
	enum launched_network_mode mode;
	bool has_value; /* "container:NAME" */
} modes[] = {
	{ "none", NETWORK_NONE },	      { "host", NETWORK_HOST },	  { "container", NETWORK_CONTAINER, true },
	{ "ns", NETWORK_PATH, true },	      { "pasta", NETWORK_PASTA },
};

/* What others call the network that everybody gets. */
static const char *const default_names[] = { "private", "bridge", "default" };

static int check_alias(const char *option, const char *text, struct err *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	if (*text && !text[strspn(text, allowed)] && strlen(text) <= ALIAS_MAX && text[0] != '.' && text[0] != '-')
		return 0;
	return err_say(e, EINVAL, "%s '%s': a name has letters, digits and _.-, and at most %d of them", option, text,
		       ALIAS_MAX);
}

/* @family 0: either. *to4, *to6: where it goes. */
static int set_address(const char *option, const char *text, int family, struct launched_attachment *x, struct err *e)
{
	struct net_address address;

	if (net_address_parse(text, false, &address, e) < 0)
		return err_wrap(e, "%s", option);
	if (family && address.family != family)
		return err_say(e, EINVAL, "%s '%s': expected an IPv%d address", option, text, family == AF_INET ? 4 : 6);
	const char **to = address.family == AF_INET ? &x->ip : &x->ip6;
	if (*to)
		return err_say(e, EINVAL, "%s '%s': network '%s' is to give '%s' already", option, text, x->network, *to);
	*to = text;
	return 0;
}

static int set_mac(const char *option, const char *text, struct launched_attachment *x, struct err *e)
{
	uint8_t mac[6];

	if (net_mac_parse(text, mac, e) < 0)
		return err_wrap(e, "%s", option);
	if (x->mac)
		return err_say(e, EINVAL, "%s '%s': '%s' is asked for already", option, text, x->mac);
	x->mac = text;
	return 0;
}

/* "ip=10.89.0.7" of a network. */
static int attachment_option(const char *text, struct arena *a, struct launched_attachment *x, struct err *e)
{
	const char *equals = strchr(text, '='), *value = equals ? equals + 1 : "";
	const char *key = arena_strndup(a, text, equals ? (size_t)(equals - text) : strlen(text));

	if (strcmp(key, "ip") == 0)
		return set_address("ip", value, 0, x, e);
	if (strcmp(key, "ip6") == 0)
		return set_address("ip6", value, AF_INET6, x, e);
	if (strcmp(key, "mac") == 0)
		return set_mac("mac", value, x, e);
	if (strcmp(key, "alias") == 0) {
		*arena_push(a, &x->aliases, &x->n_aliases) = value;
		return check_alias("alias", value, e);
	}
	if (strcmp(key, "interface") == 0 || strcmp(key, "interface_name") == 0) {
		x->interface = value;
		return *value && strlen(value) <= INTERFACE_MAX && !strchr(value, '/') ? 0 :
		       err_say(e, EINVAL, "interface '%s': a name has at most %d characters", value, INTERFACE_MAX);
	}
	return err_say(e, EINVAL, "'%s': expected ip=, ip6=, mac=, alias= or interface=", text);
}

const char *launch_network_name(const char *name)
{
	for (size_t i = 0; i < sizeof(default_names) / sizeof(default_names[0]); i++)
		if (strcmp(name, default_names[i]) == 0)
			return LAUNCH_DEFAULT_NETWORK;
	return name;
}

/* "NAME[:KEY=VALUE,...]" */
static int add_attachment(const char *text, struct arena *a, struct launched_network *n, struct err *e)
{
	struct launched_attachment x = { 0 };
	char *copy = arena_strdup(a, text), *options = strchr(copy, ':'), *save;

	if (options)
		*options++ = '\0';
	x.network = launch_network_name(copy);
	for (size_t i = 0; i < n->n_attachments; i++)
		if (strcmp(n->attachments[i].network, x.network) == 0)
			return err_say(e, EINVAL, "network '%s' is there twice", x.network);
	for (char *s = options ? strtok_r(options, ",", &save) : NULL; s; s = strtok_r(NULL, ",", &save))
		if (attachment_option(s, a, &x, e) < 0)
			return -e->code;
	*arena_push(a, &n->attachments, &n->n_attachments) = x;
	return 0;
}

/* 1: it is one of the modes. */
static int parse_mode(const char *text, struct launched_network *n, struct err *e)
{
	if (strncmp(text, "slirp4netns", 11) == 0 && (!text[11] || text[11] == ':'))
		return err_say(e, ENOTSUP, "is done by pasta(1) here: say --network pasta");
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		size_t len = strlen(modes[i].name);
		if (strncmp(text, modes[i].name, len) != 0 || (text[len] && text[len] != ':'))
			continue;
		const char *value = text[len] ? text + len + 1 : NULL;
		if (modes[i].has_value ? !value || !*value : value != NULL)
			return err_say(e, EINVAL, "expected '%s%s'", modes[i].name,
				       modes[i].mode == NETWORK_CONTAINER ? ":CONTAINER" :
				       modes[i].mode == NETWORK_PATH	  ? ":PATH" : "");
		n->mode = modes[i].mode;
		n->of = value;
		return n->mode != NETWORK_PATH || value[0] == '/' ? 1 : err_say(e, EINVAL, "expected an absolute path");
	}
	return 0;
}

static int parse_networks(const struct launch_options *o, struct arena *a, struct launched_network *n, struct err *e)
{
	for (size_t i = 0; i < o->networks.n; i++) {
		const char *text = o->networks.v[i];
		int r = *text ? parse_mode(text, n, e) : err_say(e, EINVAL, "the name of a network is missing");
		if (r == 0) {
			n->mode = NETWORK_ATTACHED;
			r = add_attachment(text, a, n, e);
		}
		if (r < 0)
			return err_wrap(e, "--network '%s'", text);
		/* Several are several networks; everything else stands alone. */
		if (i > 0 && (r > 0 || n->n_attachments != i + 1))
			return err_say(e, EINVAL, "--network '%s' and --network '%s' contradict each other",
				       o->networks.v[0], text);
	}
	return 0;
}

/* The first option that is given and means nothing without a network of ferry's; NULL. */
static const char *wants_network(const struct launch_options *o, bool ports_too)
{
	const struct net_shaping *s = &o->shaping;
	const struct {
		const char *option;
		bool given;
	} options[] = {
		{ "--publish", ports_too && o->publish.n > 0 },
		{ "--publish-all", ports_too && o->publish_all },
		{ "--ip", o->ip },
		{ "--ip6", o->ip6 },
		{ "--mac-address", o->mac_address },
		{ "--network-alias", o->network_aliases.n > 0 },
		{ "--network-rate", s->rate_bps > 0 },
		{ "--network-burst", s->burst_bytes > 0 },
		{ "--network-delay", s->delay_us > 0 },
		{ "--network-jitter", s->jitter_us > 0 },
		{ "--network-loss", s->loss_ppm > 0 },
	};

	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (options[i].given)
			return options[i].option;
	return NULL;
}

/* --ip, --ip6, --mac-address. */
static int plan_addresses(const struct launch_options *o, struct launched_attachment *x, struct err *e)
{
	if (o->ip && set_address("--ip", o->ip, AF_INET, x, e) < 0)
		return -e->code;
	if (o->ip6 && set_address("--ip6", o->ip6, AF_INET6, x, e) < 0)
		return -e->code;
	return o->mac_address ? set_mac("--mac-address", o->mac_address, x, e) : 0;
}

/* --network-alias */
static int plan_aliases(const struct launch_options *o, struct arena *a, struct launched_attachment *x, struct err *e)
{
	for (size_t i = 0; i < o->network_aliases.n; i++) {
		if (check_alias("--network-alias", o->network_aliases.v[i], e) < 0)
			return -e->code;
		*arena_push(a, &x->aliases, &x->n_aliases) = o->network_aliases.v[i];
	}
	return 0;
}

int launch_plan_attachment(const char *network, const struct launch_options *o, struct arena *a,
			   struct launched_attachment *ret, struct err *e)
{
	struct launched_attachment x = { .network = launch_network_name(network) };

	if (plan_addresses(o, &x, e) < 0 || plan_aliases(o, a, &x, e) < 0)
		return -e->code;
	*ret = x;
	return 0;
}

static int plan_shaping(const struct launch_options *o, struct launched_network *n, struct err *e)
{
	n->shaping = o->shaping;
	if (n->shaping.burst_bytes && !n->shaping.rate_bps)
		return err_say(e, EINVAL, "--network-burst: is what may pass above --network-rate, and needs that beside it");
	if (n->shaping.jitter_us && !n->shaping.delay_us)
		return err_say(e, EINVAL, "--network-jitter: is how much --network-delay varies, and needs that beside it");
	if (n->shaping.jitter_us > n->shaping.delay_us)
		return err_say(e, EINVAL, "--network-jitter: must not be more than --network-delay");
	return 0;
}

static int plan_attached(const struct launch_options *o, const struct launch_facts *f, struct arena *a,
			 struct launched_network *n, struct err *e)
{
	const char *single = o->ip ? "--ip" : o->ip6 ? "--ip6" : o->mac_address ? "--mac-address" : NULL;

	if (f->rootless)
		return err_say(e, EPERM, "%s: networks are made with root's rights: say --network pasta where that program "
			       "is installed, --network host, or none", o->networks.n ? "--network" : wants_network(o, true));
	if (single && n->n_attachments != 1)
		return err_say(e, EINVAL, "%s: there are %zu networks: say which one's, as in --network %s:ip=...,mac=...",
			       single, n->n_attachments, n->attachments->network);
	for (size_t i = 0; i < n->n_attachments; i++)
		if (plan_addresses(o, &n->attachments[i], e) < 0 || plan_aliases(o, a, &n->attachments[i], e) < 0)
			return -e->code;
	return plan_shaping(o, n, e);
}

/* It passes on what it is told at its start, and that alone. */
static int check_pasta(const struct launch_facts *f, const struct launched_network *n, struct arena *a, struct err *e)
{
	struct net_port p;

	if (!f->rootless)
		return err_say(e, EINVAL, "--network pasta: is for those without root's rights; root has networks");
	for (size_t i = 0; i < n->n_ports; i++) {
		if (launch_port_parse(n->ports[i], a, &p, e) < 0)
			return -e->code;
		if (!p.host_port || (p.protocol != IPPROTO_TCP && p.protocol != IPPROTO_UDP))
			return err_say(e, ENOTSUP, "--publish '%s': with --network pasta, expected HOST:CONTAINER of tcp or udp",
				       n->ports[i]);
	}
	return 0;
}

/* Files of the container's own: checked here, written at each start. */
static int plan_names(const struct launch_options *o, struct launched_network *n, struct err *e)
{
	struct net_address ignored;

	for (size_t i = 0; i < o->dns.n; i++)
		if (net_address_parse(o->dns.v[i], false, &ignored, e) < 0)
			return err_say(e, EINVAL, "--dns '%s': expected an address", o->dns.v[i]);
	for (size_t i = 0; i < o->dns_search.n; i++)
		if (!*o->dns_search.v[i] || strpbrk(o->dns_search.v[i], " \t\n"))
			return err_say(e, EINVAL, "--dns-search '%s': expected a domain, or '.' for none", o->dns_search.v[i]);
	for (size_t i = 0; i < o->dns_options.n; i++)
		if (!*o->dns_options.v[i] || strpbrk(o->dns_options.v[i], " \t\n"))
			return err_say(e, EINVAL, "--dns-option '%s': expected one of resolv.conf(5)", o->dns_options.v[i]);
	for (size_t i = 0; i < o->add_hosts.n; i++)
		if (launch_check_host(o->add_hosts.v[i], n->mode, e) < 0)
			return -e->code;
	n->dns = o->dns.v, n->n_dns = o->dns.n;
	n->dns_search = o->dns_search.v, n->n_dns_search = o->dns_search.n;
	n->dns_options = o->dns_options.v, n->n_dns_options = o->dns_options.n;
	n->hosts = o->add_hosts.v, n->n_hosts = o->add_hosts.n;
	return 0;
}

/* Nothing is said of networks. An ordinary user can have one by pasta alone. */
static void plan_default(const struct launch_options *o, const struct launch_facts *f, struct arena *a,
			 struct launched_network *n)
{
	if (!f->rootless || wants_network(o, !f->pasta)) {
		n->mode = NETWORK_ATTACHED;
		arena_push(a, &n->attachments, &n->n_attachments)->network = LAUNCH_DEFAULT_NETWORK;
	} else if (f->pasta) {
		n->mode = NETWORK_PASTA;
		n->if_possible = o->publish.n == 0 && !o->publish_all;
	}
}

int launch_plan_network(const struct launch_options *o, const struct launch_facts *f, const struct image_config *image,
			struct arena *a, struct launched_network *ret, struct err *e)
{
	struct launched_network n = { .mode = NETWORK_NONE };

	if (parse_networks(o, a, &n, e) < 0)
		return -e->code;
	/* Its id stays the same when it is renamed. */
	if (n.mode == NETWORK_CONTAINER && f->other)
		n.of = f->other;
	if (o->networks.n == 0)
		plan_default(o, f, a, &n);
	const char *option = wants_network(o, n.mode != NETWORK_PASTA);
	if (option && n.mode != NETWORK_ATTACHED)
		return err_say(e, EINVAL, "%s and --network %s contradict each other: that is no network of ferry's", option,
			       o->networks.v[0]);
	if (n.mode == NETWORK_ATTACHED && plan_attached(o, f, a, &n, e) < 0)
		return -e->code;
	if (launch_plan_ports(o, image, a, &n, e) < 0 || plan_names(o, &n, e) < 0)
		return -e->code;
	if (n.mode == NETWORK_PASTA && check_pasta(f, &n, a, e) < 0)
		return -e->code;
	*ret = n;
	return 0;
}
