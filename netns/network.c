/* Definitions: read by tables, written member by member. */
#include "netns/network.h"
#include "netns/network_check.h"

#include "lib/json.h"
#include "netns/subnet.h"
#include "spec/decode.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static const char *const driver_names[] = {
	[NET_BRIDGE] = "bridge",
	[NET_MACVLAN] = "macvlan",
	[NET_IPVLAN] = "ipvlan",
};

const char *net_driver_name(enum net_driver d)
{
	return driver_names[d];
}

int net_driver_parse(const char *text, enum net_driver *ret, struct err *e)
{
	for (size_t i = 0; i < sizeof(driver_names) / sizeof(*driver_names); i++)
		if (strcmp(driver_names[i], text) == 0)
			return *ret = (enum net_driver)i, 0;
	if (strcmp(text, "host") == 0 || strcmp(text, "none") == 0)
		return err_say(e, EINVAL, "\"%s\" is no network that is created: launch containers with --network %s",
			       text, text);
	return err_say(e, EINVAL, "unknown driver \"%s\": use bridge, macvlan or ipvlan", text);
}

/* ---- reading ---- */

static int decode_address(struct decode *d, const struct json *value, bool prefix, struct net_address *ret)
{
	struct err e = ERR_INIT;

	if (decode_expect(d, value, JSON_STRING) < 0)
		return -EINVAL;
	return net_address_parse(value->text, prefix, ret, &e) < 0 ? decode_bad(d, NULL, "%s", e.msg) : 0;
}

static int decode_subnet(struct decode *d, const struct json *value, void *to)
{
	return decode_address(d, value, true, &((struct net_subnet *)to)->subnet);
}

static int decode_gateway(struct decode *d, const struct json *value, void *to)
{
	return decode_address(d, value, false, &((struct net_subnet *)to)->gateway);
}

static int decode_first(struct decode *d, const struct json *value, void *to)
{
	return decode_address(d, value, false, &((struct net_subnet *)to)->first);
}

static int decode_last(struct decode *d, const struct json *value, void *to)
{
	return decode_address(d, value, false, &((struct net_subnet *)to)->last);
}

static int decode_driver(struct decode *d, const struct json *value, void *to)
{
	struct err e = ERR_INIT;

	if (decode_expect(d, value, JSON_STRING) < 0)
		return -EINVAL;
	if (net_driver_parse(value->text, &((struct network *)to)->driver, &e) < 0)
		return decode_bad(d, NULL, "%s", e.msg);
	return 0;
}

static const struct field range_fields[] = {
	{ "start_ip", FIELD_CUSTOM, .decode = decode_first },
	{ "end_ip", FIELD_CUSTOM, .decode = decode_last },
};
static const struct object range_object = { FIELDS(range_fields) };

static const struct field subnet_fields[] = {
	{ "subnet", FIELD_CUSTOM, .decode = decode_subnet, .required = true },
	{ "gateway", FIELD_CUSTOM, .decode = decode_gateway },
	{ "lease_range", FIELD_WITHIN, .object = &range_object },
};
static const struct object subnet_object = { FIELDS(subnet_fields), .size = sizeof(struct net_subnet) };

#define NETWORK(member) AT(struct network, member)
static const struct field network_fields[] = {
	{ "name", FIELD_STRING, NETWORK(name), .required = true },
	{ "driver", FIELD_CUSTOM, .decode = decode_driver, .required = true },
	{ "network_interface", FIELD_STRING, NETWORK(interface), .required = true },
	{ "created", FIELD_STRING, NETWORK(created) },
	{ "subnets", FIELD_OBJECTS, NETWORK(subnets), COUNT(struct network, n_subnets), .object = &subnet_object },
	{ "internal", FIELD_BOOL, NETWORK(internal) },
	{ "dns_enabled", FIELD_BOOL, NETWORK(dns) },
	{ "network_dns_servers", FIELD_STRINGS, NETWORK(dns_servers), COUNT(struct network, n_dns_servers) },
	{ "labels", FIELD_PAIRS, NETWORK(labels), COUNT(struct network, n_labels) },
	{ "options", FIELD_PAIRS, NETWORK(options), COUNT(struct network, n_options) },
	{ "routes", FIELD_REFUSED },
};
static const struct object network_object = { FIELDS(network_fields) };

int network_parse(const char *text, size_t len, struct arena *a, struct network *ret, struct err *e)
{
	struct network x = { 0 };
	const char *member;

	if (decode_document(text, len, &network_object, a, &x, e) < 0)
		return -e->code;
	if (network_check(&x, a, &member, e) < 0)
		return err_wrap(e, "%s", member);
	*ret = x;
	return 0;
}

/* ---- writing ---- */

static void write_range(struct json_writer *w, const struct net_subnet *s)
{
	struct net_address first, last;
	char text[NET_ADDRESS_TEXT];

	subnet_usable(&s->subnet, &first, &last);
	if (net_address_equal(&s->first, &first) && net_address_equal(&s->last, &last))
		return;
	json_begin_object(w, "lease_range");
	json_string(w, "start_ip", net_address_text(&s->first, text));
	json_string(w, "end_ip", net_address_text(&s->last, text));
	json_end_object(w);
}

/* Returns whether one is of IPv6. */
static bool write_subnets(struct json_writer *w, const struct network *x)
{
	char text[NET_ADDRESS_TEXT];
	bool ipv6 = false;

	json_begin_array(w, "subnets");
	for (const struct net_subnet *s = x->subnets; s < x->subnets + x->n_subnets; s++) {
		json_begin_object(w, NULL);
		json_string(w, "subnet", net_address_cidr(&s->subnet, text));
		if (s->gateway.family)
			json_string(w, "gateway", net_address_text(&s->gateway, text));
		write_range(w, s);
		json_end_object(w);
		ipv6 = ipv6 || s->subnet.family == AF_INET6;
	}
	json_end_array(w);
	return ipv6;
}

static void write_pairs(struct json_writer *w, const char *key, const struct spec_pair *pairs, size_t n)
{
	json_begin_object(w, key);
	for (size_t i = 0; i < n; i++)
		json_string(w, pairs[i].key, pairs[i].value);
	json_end_object(w);
}

void network_write(const struct network *x, struct buf *out)
{
	struct json_writer w = { .out = out, .pretty = true };

	json_begin_object(&w, NULL);
	json_string(&w, "name", x->name);
	json_string(&w, "driver", net_driver_name(x->driver));
	json_string(&w, "network_interface", x->interface);
	if (x->created)
		json_string(&w, "created", x->created);
	bool ipv6 = write_subnets(&w, x);
	json_bool(&w, "ipv6_enabled", ipv6);
	json_bool(&w, "internal", x->internal);
	json_bool(&w, "dns_enabled", x->dns);
	json_strings(&w, "network_dns_servers", x->dns_servers, x->n_dns_servers);
	write_pairs(&w, "labels", x->labels, x->n_labels);
	write_pairs(&w, "options", x->options, x->n_options);
	json_end_object(&w);
	buf_char(out, '\n');
}
