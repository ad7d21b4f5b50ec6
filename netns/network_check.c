#include "netns/network_check.h"

#include "lib/near.h"
#include "netns/link.h"
#include "netns/subnet.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* The kernel's limits: what IPv4 and IPv6 need at least (RFC 791, RFC 8200), and what a veth takes. */
enum { MTU_MIN = 68, MTU_MIN_IPV6 = 1280, MTU_MAX = 65535, VLAN_MAX = 4094, NAME_LENGTH_MAX = 128 };

/* ---- names ---- */

/* What --network takes for something else. */
static const char *const reserved[] = { "bridge",  "container", "default", "host",	  "none",
					"ns",	   "pasta",	"private", "slirp4netns" };

int network_check_name(const char *name, struct err *e)
{
	if (!isalnum((unsigned char)*name))
		return err_say(e, EINVAL, "invalid name \"%s\": it must begin with a letter or a digit", name);
	for (const char *at = name; *at; at++)
		if (!isalnum((unsigned char)*at) && !strchr("_.-", *at))
			return err_say(e, EINVAL, "invalid name \"%s\": use letters, digits, '_', '.' and '-'", name);
	if (strlen(name) > NAME_LENGTH_MAX)
		return err_say(e, EINVAL, "invalid name \"%s\": longer than %d letters", name, NAME_LENGTH_MAX);
	for (size_t i = 0; i < sizeof(reserved) / sizeof(*reserved); i++)
		if (strcmp(reserved[i], name) == 0)
			return err_say(e, EINVAL, "invalid name \"%s\": it means something else behind --network",
				       name);
	return 0;
}

/* ---- options ---- */

static int take_number(const char *text, unsigned min, unsigned max, unsigned *ret, struct err *e)
{
	unsigned v = 0;

	for (const char *at = text; *at; at++) {
		if (!isdigit((unsigned char)*at) || v > max)
			return err_say(e, EINVAL, "invalid value \"%s\": expected %u to %u", text, min, max);
		v = v * 10 + (unsigned)(*at - '0');
	}
	if (v < min || v > max || (*ret && *ret != v))
		return err_say(e, EINVAL, "invalid value \"%s\": expected %u to %u%s", text, min, max,
			       v < min || v > max ? "" : ", and the same wherever it is said");
	*ret = v;
	return 0;
}

static int take_mtu(struct network *x, const char *value, struct err *e)
{
	unsigned min = MTU_MIN;

	for (size_t i = 0; i < x->n_subnets; i++)
		if (x->subnets[i].subnet.family == AF_INET6)
			min = MTU_MIN_IPV6;
	return take_number(value, min, MTU_MAX, &x->mtu, e);
}

static int take_vlan(struct network *x, const char *value, struct err *e)
{
	return take_number(value, 1, VLAN_MAX, &x->vlan, e);
}

/* "strict", podman's word for what isolate is here anyway. */
static int take_isolate(struct network *x, const char *value, struct err *e)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = { { "true", true }, { "1", true }, { "strict", true }, { "false", false }, { "0", false } };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcmp(words[i].word, value) == 0)
			return x->isolate = words[i].value, 0;
	return err_say(e, EINVAL, "invalid value \"%s\": expected true or false", value);
}

enum { MODES_MAX = 4 };
static const char *const modes[][MODES_MAX + 1] = {
	[NET_BRIDGE] = { NULL },
	[NET_MACVLAN] = { "bridge", "private", "vepa", "passthru" },
	[NET_IPVLAN] = { "l2", "l3", "l3s" },
};

static int take_mode(struct network *x, const char *value, struct err *e)
{
	const char *const *m = modes[x->driver];

	for (; *m; m++)
		if (strcmp(*m, value) == 0)
			return x->mode = *m, 0;
	return err_say(e, EINVAL, "invalid mode \"%s\": %s has %s", value, net_driver_name(x->driver),
		       x->driver == NET_MACVLAN ? "bridge, private, vepa and passthru" : "l2, l3 and l3s");
}

static int take_interface(struct network *x, const char *value, struct err *e)
{
	if (x->interface && strcmp(x->interface, value) != 0)
		return err_say(e, EINVAL, "\"%s\": the interface is \"%s\" already", value, x->interface);
	x->interface = value;
	return 0;
}

enum { ON_BRIDGE = 1 << NET_BRIDGE, ON_MACVLAN = 1 << NET_MACVLAN, ON_IPVLAN = 1 << NET_IPVLAN };

static const struct option {
	const char *name;
	int (*take)(struct network *x, const char *value, struct err *e);
	unsigned drivers;
} options[] = {
	{ "mtu", take_mtu, ON_BRIDGE | ON_MACVLAN | ON_IPVLAN },
	{ "vlan", take_vlan, ON_BRIDGE },
	{ "isolate", take_isolate, ON_BRIDGE },
	{ "parent", take_interface, ON_MACVLAN | ON_IPVLAN },
	{ "mode", take_mode, ON_MACVLAN | ON_IPVLAN },
	{ "macvlan_mode", take_mode, ON_MACVLAN },
	{ "ipvlan_mode", take_mode, ON_IPVLAN },
	{ "com.docker.network.driver.mtu", take_mtu, ON_BRIDGE | ON_MACVLAN | ON_IPVLAN },
	{ "com.docker.network.bridge.name", take_interface, ON_BRIDGE },
};

static int take_option(struct network *x, const struct spec_pair *given, struct arena *a, struct err *e)
{
	struct near near = { .word = given->key };

	for (const struct option *o = options; o < options + sizeof(options) / sizeof(*options); o++) {
		if (strcmp(o->name, given->key) != 0) {
			near_offer(&near, o->name, o->name);
			continue;
		}
		if (!(o->drivers & 1U << x->driver))
			return err_say(e, EINVAL, "a network of the driver %s has no such option",
				       net_driver_name(x->driver));
		return o->take(x, given->value, e);
	}
	const char *hint = near_hint(&near, a);
	return err_say(e, EINVAL, "unknown option%s", *hint ? hint : ": there are mtu, vlan, isolate, parent and mode");
}

static int take_options(struct network *x, struct arena *a, const char **ret_member, struct err *e)
{
	for (size_t i = 0; i < x->n_options; i++) {
		*ret_member = arena_printf(a, "options.%s", x->options[i].key);
		if (take_option(x, &x->options[i], a, e) < 0)
			return -e->code;
	}
	if (!x->mode)
		x->mode = modes[x->driver][0];
	return 0;
}

/* ---- the whole ---- */

static int check_subnets(struct network *x, struct arena *a, const char **ret_member, struct err *e)
{
	char text[2][NET_ADDRESS_TEXT];
	const char *member;

	for (size_t i = 0; i < x->n_subnets; i++) {
		struct net_subnet *s = &x->subnets[i];
		if (s->any)
			continue;
		int r = subnet_check(s, &member, e);
		*ret_member = arena_printf(a, "subnets[%zu].%s", i, member);
		if (r < 0)
			return r;
		for (size_t k = 0; k < i; k++)
			if (!x->subnets[k].any && net_networks_overlap(&s->subnet, &x->subnets[k].subnet))
				return err_say(e, EINVAL, "the subnets %s and %s overlap",
					       net_address_cidr(&x->subnets[k].subnet, text[0]),
					       net_address_cidr(&s->subnet, text[1]));
	}
	return 0;
}

/* Links have one address of each family. */
static int check_families(const struct network *x, struct err *e)
{
	size_t ipv4 = 0;

	for (size_t i = 0; i < x->n_subnets; i++)
		ipv4 += x->subnets[i].subnet.family == AF_INET;
	if (ipv4 > 1 || x->n_subnets - ipv4 > 1)
		return err_say(e, EINVAL, "more than one subnet of IPv%d: a network has one of each family",
			       ipv4 > 1 ? 4 : 6);
	return 0;
}

static int check_dns(const struct network *x, struct err *e)
{
	struct net_address address;

	if (x->dns && x->driver != NET_BRIDGE)
		return err_say(e, EINVAL, "names are resolved on networks of the driver bridge alone");
	for (size_t i = 0; i < x->n_dns_servers; i++)
		if (net_address_parse(x->dns_servers[i], false, &address, e) < 0)
			return -e->code;
	return 0;
}

int network_check(struct network *x, struct arena *a, const char **ret_member, struct err *e)
{
	*ret_member = "name";
	if (network_check_name(x->name, e) < 0 || take_options(x, a, ret_member, e) < 0)
		return -e->code;
	*ret_member = "network_interface";
	if (!x->interface && x->driver != NET_BRIDGE)
		return err_say(e, EINVAL, "%s needs an interface of this machine: --opt parent=INTERFACE",
			       net_driver_name(x->driver));
	if (x->interface && link_check_name(x->interface, e) < 0)
		return -e->code;
	*ret_member = "subnets";
	if (check_families(x, e) < 0)
		return -e->code;
	if (check_subnets(x, a, ret_member, e) < 0)
		return -e->code;
	*ret_member = x->dns && x->driver != NET_BRIDGE ? "dns_enabled" : "network_dns_servers";
	return check_dns(x, e);
}
