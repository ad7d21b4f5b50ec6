#include "netns/link.h"

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

_Static_assert(LINK_NAME_MAX == IFNAMSIZ - 1, "an interface's name with its NUL");

int link_check_name(const char *name, struct err *e)
{
	if (!*name || strlen(name) > LINK_NAME_MAX)
		return err_say(e, EINVAL, "interface '%s': a name has 1 to %d letters", name, LINK_NAME_MAX);
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || strpbrk(name, "/:% \t\n\v\f\r"))
		return err_say(e, EINVAL, "interface '%s': a name has no '/', ':', '%%' or space", name);
	/* Below /proc/sys/net/ipv4/conf these mean something else. */
	if (strcmp(name, "all") == 0 || strcmp(name, "default") == 0)
		return err_say(e, EINVAL, "interface '%s': the kernel lets none be called so", name);
	return 0;
}

/* ---- asking ---- */

static int read_link(const struct nlmsghdr *m, void *arg, struct err *e)
{
	const struct nlattr *x[IFLA_LINKINFO + 1], *info[IFLA_INFO_KIND + 1];
	const struct ifinfomsg *header = NLMSG_DATA(m);
	struct link_facts *ret = arg;

	if (m->nlmsg_type != RTM_NEWLINK || !nl_attributes(m, sizeof(*header), x, IFLA_LINKINFO))
		return err_say(e, EBADMSG, "netlink: an answer that is no interface");
	*ret = (struct link_facts){
		.index = header->ifi_index,
		.master = (int)nl_attribute_u32(x[IFLA_MASTER], 0),
		.mtu = nl_attribute_u32(x[IFLA_MTU], 0),
		.up = header->ifi_flags & IFF_UP,
	};
	if (x[IFLA_ADDRESS] && nl_attribute_size(x[IFLA_ADDRESS]) == sizeof(ret->mac))
		memcpy(ret->mac, nl_attribute_data(x[IFLA_ADDRESS]), sizeof(ret->mac));
	if (x[IFLA_LINKINFO] && nl_nested(x[IFLA_LINKINFO], info, IFLA_INFO_KIND)) {
		const char *kind = nl_attribute_string(info[IFLA_INFO_KIND]);
		snprintf(ret->kind, sizeof(ret->kind), "%s", kind ? kind : "");
	}
	return 0;
}

int link_find(struct nl *s, const char *name, struct link_facts *ret, struct err *e)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	const struct ifinfomsg m = { 0 };
	struct link_facts found;

	nl_begin(&b, RTM_GETLINK, 0, &m, sizeof(m), "interface '%s'", name);
	nl_string(&b, IFLA_IFNAME, name);
	nl_u32(&b, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	int r = nl_ask(s, &b, read_link, &found, e);
	if (r == 0)
		*ret = found;
	return r;
}

static int note_virtual(const struct nlmsghdr *m, void *arg, struct err *e)
{
	struct link_facts f;

	if (read_link(m, &f, e) < 0)
		return -e->code;
	*(bool *)arg |= *f.kind;
	return 0;
}

int link_any_virtual(struct nl *s, struct err *e)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	const struct ifinfomsg m = { 0 };
	bool any = false;

	nl_begin(&b, RTM_GETLINK, NLM_F_DUMP, &m, sizeof(m), "list interfaces");
	nl_u32(&b, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	int r = nl_ask(s, &b, note_virtual, &any, e);
	return r < 0 ? r : any;
}

static int read_number(const struct nlmsghdr *m, void *arg, struct err *e)
{
	const struct nlattr *x[NETNSA_NSID + 1];

	if (m->nlmsg_type != RTM_NEWNSID || !nl_attributes(m, sizeof(struct rtgenmsg), x, NETNSA_NSID))
		return err_say(e, EBADMSG, "netlink: an answer that is no namespace's number");
	*(int *)arg = (int)nl_attribute_u32(x[NETNSA_NSID], UINT32_MAX);
	return 0;
}

int link_netns_number(struct nl *s, int netns, int *ret, struct err *e)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	const struct rtgenmsg m = { 0 };

	nl_begin(&b, RTM_NEWNSID, 0, &m, sizeof(m), "number the network namespace");
	nl_tolerate(&b, EEXIST);
	nl_u32(&b, NETNSA_FD, (uint32_t)netns);
	nl_u32(&b, NETNSA_NSID, UINT32_MAX); /* any */
	if (nl_send(s, &b, e) < 0)
		return -e->code;
	nl_begin(&b, RTM_GETNSID, 0, &m, sizeof(m), "number of the network namespace");
	nl_u32(&b, NETNSA_FD, (uint32_t)netns);
	return nl_ask(s, &b, read_number, ret, e);
}

int link_netns_ended(struct nl *s, int number, struct err *e)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	const struct rtgenmsg m = { 0 };
	int ignored;

	nl_begin(&b, RTM_GETNSID, 0, &m, sizeof(m), "network namespace %d", number);
	nl_u32(&b, NETNSA_NSID, (uint32_t)number);
	int r = nl_ask(s, &b, read_number, &ignored, e);
	return r == -ENOENT ? 1 : r;
}

/* ---- interfaces ---- */

static void make(struct nl_batch *b, const char *kind, const char *name, unsigned flags)
{
	const struct ifinfomsg m = { .ifi_flags = flags, .ifi_change = flags };

	nl_begin(b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof(m), "make %s '%s'", kind, name);
	nl_string(b, IFLA_IFNAME, name);
}

static void add_mac_and_mtu(struct nl_batch *b, const uint8_t *mac, unsigned mtu)
{
	if (mac)
		nl_bytes(b, IFLA_ADDRESS, mac, 6);
	if (mtu)
		nl_u32(b, IFLA_MTU, mtu);
}

/* By default a pair has as many as the machine has processors, each of which takes its time, and only one is used. */
static void add_one_queue(struct nl_batch *b)
{
	nl_u32(b, IFLA_NUM_TX_QUEUES, 1);
	nl_u32(b, IFLA_NUM_RX_QUEUES, 1);
}

void link_add_bridge(struct nl_batch *b, const char *name, const uint8_t *mac, unsigned mtu, unsigned vlan)
{
	/* Such frames pass no rule of the firewall's on their way. */
	const struct br_boolopt_multi options = {
		.optval = 1U << BR_BOOLOPT_NO_LL_LEARN,
		.optmask = 1U << BR_BOOLOPT_NO_LL_LEARN,
	};

	make(b, "bridge", name, IFF_UP);
	add_mac_and_mtu(b, mac, mtu);
	size_t info = nl_nest(b, IFLA_LINKINFO);
	nl_string(b, IFLA_INFO_KIND, "bridge");
	size_t data = nl_nest(b, IFLA_INFO_DATA);
	nl_bytes(b, IFLA_BR_MULTI_BOOLOPT, &options, sizeof(options));
	if (vlan) {
		nl_u8(b, IFLA_BR_VLAN_FILTERING, 1);
		nl_u16(b, IFLA_BR_VLAN_DEFAULT_PVID, (uint16_t)vlan);
	}
	nl_nest_end(b, data);
	nl_nest_end(b, info);
}

/* A message of its own: only what is a port already has a port's settings. One that is gone needs none. */
static void allow_hairpin(struct nl_batch *b, const char *name)
{
	const struct ifinfomsg m = { 0 };

	nl_begin(b, RTM_NEWLINK, 0, &m, sizeof(m), "let '%s' send back", name);
	nl_tolerate(b, ENODEV);
	nl_string(b, IFLA_IFNAME, name);
	size_t info = nl_nest(b, IFLA_LINKINFO);
	nl_string(b, IFLA_INFO_SLAVE_KIND, "bridge");
	size_t port = nl_nest(b, IFLA_INFO_SLAVE_DATA);
	nl_u8(b, IFLA_BRPORT_MODE, 1);
	nl_nest_end(b, port);
	nl_nest_end(b, info);
}

void link_without_ipv6(struct nl_batch *b, int index, const char *name)
{
	const struct ifinfomsg m = { .ifi_index = index };

	nl_begin(b, RTM_NEWLINK, 0, &m, sizeof(m), "keep '%s' without IPv6 addresses of the link", name);
	nl_tolerate(b, EAFNOSUPPORT); /* no IPv6 here, or none with so small an MTU */
	if (!index)
		nl_string(b, IFLA_IFNAME, name);
	size_t families = nl_nest(b, IFLA_AF_SPEC), inet6 = nl_nest(b, AF_INET6);
	nl_u8(b, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	nl_nest_end(b, inet6);
	nl_nest_end(b, families);
}

/*
 * Made, and then made a port: an interface can be forbidden addresses of the link (IPv6) once it is there, and before it is up.
 */
void link_add_veth(struct nl_batch *b, const struct link_veth *v)
{
	const struct ifinfomsg down = { 0 }, up = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };

	make(b, "veth", v->host_name, 0);
	add_mac_and_mtu(b, NULL, v->mtu);
	add_one_queue(b);
	size_t info = nl_nest(b, IFLA_LINKINFO);
	nl_string(b, IFLA_INFO_KIND, "veth");
	size_t data = nl_nest(b, IFLA_INFO_DATA), peer = nl_nest(b, VETH_INFO_PEER);
	nl_raw(b, &down, sizeof(down)); /* it cannot be up before there are both */
	nl_string(b, IFLA_IFNAME, v->name);
	nl_u32(b, IFLA_NET_NS_FD, (uint32_t)v->netns);
	add_mac_and_mtu(b, v->mac, v->mtu);
	add_one_queue(b);
	nl_nest_end(b, peer);
	nl_nest_end(b, data);
	nl_nest_end(b, info);

	link_without_ipv6(b, 0, v->host_name);
	nl_begin(b, RTM_NEWLINK, 0, &up, sizeof(up), "make '%s' a port of its bridge", v->host_name);
	nl_string(b, IFLA_IFNAME, v->host_name);
	nl_u32(b, IFLA_MASTER, (uint32_t)v->bridge);
	if (v->hairpin)
		allow_hairpin(b, v->host_name);
}

static const struct {
	enum net_driver driver;
	const char *name;
	uint32_t mode;
} stacked_modes[] = {
	{ NET_MACVLAN, "bridge", MACVLAN_MODE_BRIDGE },	    { NET_MACVLAN, "private", MACVLAN_MODE_PRIVATE },
	{ NET_MACVLAN, "vepa", MACVLAN_MODE_VEPA },	    { NET_MACVLAN, "passthru", MACVLAN_MODE_PASSTHRU },
	{ NET_IPVLAN, "l2", IPVLAN_MODE_L2 },		    { NET_IPVLAN, "l3", IPVLAN_MODE_L3 },
	{ NET_IPVLAN, "l3s", IPVLAN_MODE_L3S },
};

static uint32_t stacked_mode(const struct link_stacked *s)
{
	for (size_t i = 0; s->mode && i < sizeof(stacked_modes) / sizeof(stacked_modes[0]); i++)
		if (stacked_modes[i].driver == s->driver && strcmp(stacked_modes[i].name, s->mode) == 0)
			return stacked_modes[i].mode;
	return s->driver == NET_MACVLAN ? MACVLAN_MODE_BRIDGE : IPVLAN_MODE_L2;
}

void link_add_stacked(struct nl_batch *b, const struct link_stacked *s)
{
	const char *kind = s->driver == NET_MACVLAN ? "macvlan" : "ipvlan";

	make(b, kind, s->name, 0);
	nl_u32(b, IFLA_LINK, (uint32_t)s->parent);
	nl_u32(b, IFLA_NET_NS_FD, (uint32_t)s->netns);
	add_mac_and_mtu(b, s->mac, s->mtu);
	size_t info = nl_nest(b, IFLA_LINKINFO);
	nl_string(b, IFLA_INFO_KIND, kind);
	size_t data = nl_nest(b, IFLA_INFO_DATA);
	if (s->driver == NET_MACVLAN)
		nl_u32(b, IFLA_MACVLAN_MODE, stacked_mode(s));
	else
		nl_u16(b, IFLA_IPVLAN_MODE, (uint16_t)stacked_mode(s));
	nl_nest_end(b, data);
	nl_nest_end(b, info);
}

void link_set_master(struct nl_batch *b, const char *name, int bridge, bool hairpin)
{
	const struct ifinfomsg m = { 0 };

	nl_begin(b, RTM_NEWLINK, 0, &m, sizeof(m), "make '%s' a port of its bridge", name);
	nl_tolerate(b, ENODEV);
	nl_string(b, IFLA_IFNAME, name);
	nl_u32(b, IFLA_MASTER, (uint32_t)bridge);
	if (hairpin)
		allow_hairpin(b, name);
}

void link_rename(struct nl_batch *b, int index, const char *name)
{
	const struct ifinfomsg m = { .ifi_index = index };

	nl_begin(b, RTM_NEWLINK, 0, &m, sizeof(m), "name interface '%s'", name);
	nl_string(b, IFLA_IFNAME, name);
}

void link_add_name(struct nl_batch *b, int index, const char *name)
{
	const struct ifinfomsg m = { .ifi_index = index };

	nl_begin(b, RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof(m), "also name interface '%s'", name);
	size_t names = nl_nest(b, IFLA_PROP_LIST);
	nl_string(b, IFLA_ALT_IFNAME, name);
	nl_nest_end(b, names);
}

void link_set_up(struct nl_batch *b, int index, const char *name)
{
	const struct ifinfomsg m = { .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };

	nl_begin(b, RTM_NEWLINK, 0, &m, sizeof(m), "set interface '%s' up", name);
}

void link_remove(struct nl_batch *b, const char *name)
{
	const struct ifinfomsg m = { 0 };

	nl_begin(b, RTM_DELLINK, 0, &m, sizeof(m), "remove interface '%s'", name);
	nl_string(b, IFLA_IFNAME, name);
	nl_tolerate(b, ENODEV);
}

void link_remove_within(struct nl_batch *b, int number, const char *name)
{
	link_remove(b, name);
	nl_u32(b, IFLA_TARGET_NETNSID, (uint32_t)number);
}

/* ---- addresses and routes ---- */

void link_add_address(struct nl_batch *b, int index, const struct net_address *x)
{
	const struct ifaddrmsg m = { .ifa_family = x->family, .ifa_prefixlen = x->prefix, .ifa_index = (unsigned)index };
	char text[NET_ADDRESS_TEXT];

	nl_begin(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof(m), "add address %s", net_address_cidr(x, text));
	nl_tolerate(b, EEXIST);
	nl_bytes(b, IFA_LOCAL, x->bytes, net_address_size(x));
	nl_bytes(b, IFA_ADDRESS, x->bytes, net_address_size(x));
	if (x->family == AF_INET6)
		nl_u32(b, IFA_FLAGS, IFA_F_NODAD);
	else if (x->prefix < 31) {
		struct net_address broadcast = net_address_network(x);
		net_address_add(&broadcast, (INT64_C(1) << (32 - x->prefix)) - 1, &broadcast);
		nl_bytes(b, IFA_BROADCAST, broadcast.bytes, 4);
	}
}

void link_add_default_route(struct nl_batch *b, int index, const struct net_address *gateway, unsigned metric)
{
	const struct rtmsg m = {
		.rtm_family = gateway->family,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_scope = RT_SCOPE_UNIVERSE,
		.rtm_type = RTN_UNICAST,
	};
	char text[NET_ADDRESS_TEXT];

	nl_begin(b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &m, sizeof(m), "add the default route by %s",
		 net_address_text(gateway, text));
	nl_bytes(b, RTA_GATEWAY, gateway->bytes, net_address_size(gateway));
	nl_u32(b, RTA_OIF, (uint32_t)index);
	nl_u32(b, RTA_PRIORITY, metric);
}

struct routed {
	struct arena *arena;
	struct net_address *items;
	size_t n;
};

static int read_route(const struct nlmsghdr *m, void *arg, struct err *e)
{
	const struct nlattr *x[RTA_DST + 1];
	const struct rtmsg *header = NLMSG_DATA(m);
	struct routed *routed = arg;
	struct net_address to = { 0 };

	if (m->nlmsg_type != RTM_NEWROUTE || !nl_attributes(m, sizeof(*header), x, RTA_DST))
		return err_say(e, EBADMSG, "netlink: an answer that is no route");
	to.family = header->rtm_family;
	to.prefix = header->rtm_dst_len;
	if ((to.family != AF_INET && to.family != AF_INET6) || to.prefix == 0 || header->rtm_type == RTN_MULTICAST)
		return 0;
	if (!x[RTA_DST] || nl_attribute_size(x[RTA_DST]) != net_address_size(&to) || to.prefix > net_address_size(&to) * 8)
		return err_say(e, EBADMSG, "netlink: a route that leads nowhere");
	memcpy(to.bytes, nl_attribute_data(x[RTA_DST]), net_address_size(&to));
	*arena_push(routed->arena, &routed->items, &routed->n) = to;
	return 0;
}

int link_routed(struct nl *s, struct arena *a, struct net_address **ret, size_t *ret_n, struct err *e)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	const struct rtmsg m = { 0 };
	struct routed routed;
	int r, tries = 10;

	do {
		routed = (struct routed){ .arena = a };
		nl_begin(&b, RTM_GETROUTE, NLM_F_DUMP, &m, sizeof(m), "list routes");
		r = nl_ask(s, &b, read_route, &routed, e);
	} while (r == -EINTR && --tries);
	if (r < 0)
		return r;
	*ret = routed.items;
	*ret_n = routed.n;
	return 0;
}
