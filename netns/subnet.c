#include "netns/subnet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

/* What is never a container's, and why. */
static const struct {
	const char *network, *what;
} foreign[] = {
	{ "0.0.0.0/8", "no addresses of machines" },
	{ "127.0.0.0/8", "the loopback's" },
	{ "224.0.0.0/3", "for groups" },
	{ "::/8", "no addresses of machines" },
	{ "fe80::/10", "of each link alone" },
	{ "ff00::/8", "for groups" },
};

static unsigned host_bits(const struct net_address *subnet)
{
	return (unsigned)net_address_size(subnet) * 8 - subnet->prefix;
}

/* The subnet's last address: IPv4's broadcast. */
static struct net_address highest(const struct net_address *subnet)
{
	struct net_address x = net_address_network(subnet);

	for (unsigned i = 0; i < host_bits(subnet); i++)
		x.bytes[net_address_size(subnet) - 1 - i / 8] |= (uint8_t)(1 << i % 8);
	return x;
}

void subnet_usable(const struct net_address *subnet, struct net_address *ret_first, struct net_address *ret_last)
{
	*ret_first = net_address_network(subnet);
	*ret_last = highest(subnet);
	if (host_bits(subnet) < 2)
		return;
	net_address_add(ret_first, 1, ret_first);
	if (subnet->family == AF_INET)
		net_address_add(ret_last, -1, ret_last);
}

static int check_unicast(const struct net_address *subnet, struct err *e)
{
	char text[NET_ADDRESS_TEXT];
	struct net_address network;

	net_address_cidr(subnet, text);
	for (size_t i = 0; i < sizeof(foreign) / sizeof(*foreign); i++)
		if (net_address_parse(foreign[i].network, true, &network, e) < 0 ||
		    net_networks_overlap(subnet, &network))
			return err_say(e, EINVAL, "%s cannot be a container's: %s is %s", text, foreign[i].network,
				       foreign[i].what);
	return 0;
}

/* @x, where it is set, is one that a link may have. */
static int check_address(const struct net_subnet *s, const struct net_address *x, const char *what, struct err *e)
{
	char address[NET_ADDRESS_TEXT], subnet[NET_ADDRESS_TEXT];
	struct net_address first, last;

	if (!x->family)
		return 0;
	net_address_text(x, address);
	net_address_cidr(&s->subnet, subnet);
	if (!net_address_within(x, &s->subnet))
		return err_say(e, EINVAL, "%s %s is outside of the subnet %s", what, address, subnet);
	subnet_usable(&s->subnet, &first, &last);
	if (net_address_compare(x, &first) < 0 || net_address_compare(x, &last) > 0)
		return err_say(e, EINVAL, "%s %s is the %s of the subnet %s", what, address,
			       net_address_compare(x, &first) < 0 ? "network's own address" : "broadcast address",
			       subnet);
	return 0;
}

static int check_range(struct net_subnet *s, struct err *e)
{
	char text[2][NET_ADDRESS_TEXT];
	struct net_address first, last;

	subnet_usable(&s->subnet, &first, &last);
	if (!s->first.family)
		s->first = first;
	if (!s->last.family)
		s->last = last;
	s->first.prefix = s->last.prefix = s->subnet.prefix;
	int order = net_address_compare(&s->first, &s->last);
	if (order > 0)
		return err_say(e, EINVAL, "the range begins at %s, behind its end %s",
			       net_address_text(&s->first, text[0]), net_address_text(&s->last, text[1]));
	if (order == 0 && net_address_equal(&s->first, &s->gateway))
		return err_say(e, EINVAL, "besides the gateway, no address of %s is left for containers",
			       net_address_cidr(&s->subnet, text[0]));
	return 0;
}

int subnet_check(struct net_subnet *x, const char **ret_member, struct err *e)
{
	*ret_member = "subnet";
	x->subnet = net_address_network(&x->subnet);
	if (check_unicast(&x->subnet, e) < 0)
		return -e->code;
	*ret_member = "gateway";
	x->gateway.prefix = x->subnet.prefix;
	if (check_address(x, &x->gateway, "gateway", e) < 0)
		return -e->code;
	*ret_member = "lease_range";
	if (check_address(x, &x->first, "the range's begin", e) < 0 ||
	    check_address(x, &x->last, "the range's end", e) < 0)
		return -e->code;
	return check_range(x, e);
}

static int parse_ends(const char *text, struct net_address *ret_first, struct net_address *ret_last, struct err *e)
{
	char first[NET_ADDRESS_TEXT];
	const char *dash = strchr(text, '-');

	if (!dash) {
		if (net_address_parse(text, true, ret_first, e) < 0)
			return -e->code;
		*ret_last = highest(ret_first);
		*ret_first = net_address_network(ret_first);
		return 0;
	}
	if ((size_t)(dash - text) >= sizeof(first))
		return err_say(e, EINVAL, "'%s' is no range of addresses", text);
	memcpy(first, text, (size_t)(dash - text));
	first[dash - text] = '\0';
	return net_address_parse(first, false, ret_first, e) < 0 ? -e->code :
								   net_address_parse(dash + 1, false, ret_last, e);
}

int net_range_parse(const char *text, struct net_subnet *x, struct err *e)
{
	struct net_address first, last, usable_first, usable_last;
	char subnet[NET_ADDRESS_TEXT];

	if (parse_ends(text, &first, &last, e) < 0)
		return -e->code;
	if (!net_address_within(&first, &x->subnet) || !net_address_within(&last, &x->subnet))
		return err_say(e, EINVAL, "the range %s is outside of the subnet %s", text,
			       net_address_cidr(&x->subnet, subnet));
	subnet_usable(&x->subnet, &usable_first, &usable_last);
	x->first = net_address_compare(&first, &usable_first) < 0 ? usable_first : first;
	x->last = net_address_compare(&last, &usable_last) > 0 ? usable_last : last;
	return 0;
}

bool subnet_free(const struct net_address *first, const struct net_address *last, const struct net_address *others,
		 size_t n, struct net_address *ret)
{
	struct net_address x = net_address_network(first), next;

	for (;;) {
		const struct net_address *in_way = NULL;
		for (size_t i = 0; i < n && !in_way; i++)
			if (net_networks_overlap(&x, &others[i]))
				in_way = &others[i];
		if (!in_way)
			return *ret = x, true;
		/* Behind what is in the way, or the next: whichever is further. */
		next = highest(in_way->prefix < x.prefix ? in_way : &x);
		next.prefix = x.prefix;
		if (!net_address_add(&next, 1, &x) || net_address_compare(&x, last) > 0)
			return false;
	}
}
