#include "netns/conntrack.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* After libc's, which they then leave alone. */
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

struct forgetting {
	const struct net_port *ports;
	size_t n;
	struct nl_batch batch;
};

static void begin(struct nl_batch *b, uint16_t type, uint16_t flags, uint8_t family)
{
	const struct nfgenmsg m = { .nfgen_family = family, .version = NFNETLINK_V0 };

	nl_begin(b, (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type), flags, &m, sizeof(m), "nf_conntrack");
}

/* Where the first packet went. False: it is no UDP, or makes no sense. */
static bool read_target(const struct nlattr *tuple, struct net_address *ret, uint16_t *ret_port)
{
	const struct nlattr *x[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1], *proto[CTA_PROTO_MAX + 1];

	if (!tuple || !nl_nested(tuple, x, CTA_TUPLE_MAX) || !x[CTA_TUPLE_IP] || !x[CTA_TUPLE_PROTO] ||
	    !nl_nested(x[CTA_TUPLE_IP], ip, CTA_IP_MAX) || !nl_nested(x[CTA_TUPLE_PROTO], proto, CTA_PROTO_MAX))
		return false;
	const struct nlattr *number = proto[CTA_PROTO_NUM], *port = proto[CTA_PROTO_DST_PORT];
	const struct nlattr *address = ip[CTA_IP_V4_DST] ? ip[CTA_IP_V4_DST] : ip[CTA_IP_V6_DST];
	if (!number || nl_attribute_size(number) != 1 || *(const uint8_t *)nl_attribute_data(number) != IPPROTO_UDP ||
	    !port || nl_attribute_size(port) != 2 || !address)
		return false;
	*ret = (struct net_address){ .family = ip[CTA_IP_V4_DST] ? AF_INET : AF_INET6 };
	if (nl_attribute_size(address) != net_address_size(ret))
		return false;
	memcpy(ret->bytes, nl_attribute_data(address), net_address_size(ret));
	memcpy(ret_port, nl_attribute_data(port), sizeof(*ret_port));
	*ret_port = ntohs(*ret_port);
	return true;
}

static bool is_every(const struct net_address *a)
{
	static const struct net_address none = { 0 };

	return memcmp(a->bytes, none.bytes, sizeof(none.bytes)) == 0;
}

static bool is_published(const struct forgetting *f, const struct net_address *a, uint16_t port)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct net_port *p = &f->ports[i];
		if (p->protocol == IPPROTO_UDP && port >= p->host_port && port - p->host_port < p->count &&
		    (!p->host.family || (p->host.family == a->family &&
					 (is_every(&p->host) || net_address_equal(&p->host, a)))))
			return true;
	}
	return false;
}

/* Those of containers to the world, to a port of that number there, are left alone: they have their source translated. */
static int forget(const struct nlmsghdr *m, void *arg, struct err *e)
{
	const struct nlattr *x[CTA_ZONE + 1];
	const struct nfgenmsg *header = NLMSG_DATA(m);
	struct forgetting *f = arg;
	struct net_address a;
	uint16_t port;

	if (!nl_attributes(m, sizeof(*header), x, CTA_ZONE))
		return err_say(e, EBADMSG, "nf_conntrack: an answer that is no connection");
	const uint32_t status = ntohl(nl_attribute_u32(x[CTA_STATUS], 0));
	if ((status & IPS_NAT_MASK) == IPS_SRC_NAT || !read_target(x[CTA_TUPLE_ORIG], &a, &port) ||
	    !is_published(f, &a, port))
		return 0;
	begin(&f->batch, IPCTNL_MSG_CT_DELETE, 0, header->nfgen_family);
	nl_tolerate(&f->batch, ENOENT);
	nl_bytes(&f->batch, CTA_TUPLE_ORIG | NLA_F_NESTED, nl_attribute_data(x[CTA_TUPLE_ORIG]),
		 nl_attribute_size(x[CTA_TUPLE_ORIG]));
	if (x[CTA_ZONE])
		nl_bytes(&f->batch, CTA_ZONE, nl_attribute_data(x[CTA_ZONE]), nl_attribute_size(x[CTA_ZONE]));
	return 0;
}

static bool has_udp(const struct net_port *ports, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ports[i].protocol == IPPROTO_UDP)
			return true;
	return false;
}

int conntrack_forget(struct nl *s, const struct net_port *ports, size_t n, struct err *e)
{
	cleanup_nl_batch struct nl_batch ask = NL_BATCH_INIT;
	struct forgetting f = { .ports = ports, .n = n };

	if (!has_udp(ports, n))
		return 0;
	begin(&ask, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);
	int r = nl_ask(s, &ask, forget, &f, e);
	if (r == 0)
		r = nl_send(s, &f.batch, e);
	nl_batch_finish(&f.batch);
	/* Without nf_conntrack_netlink: they are forgotten when nothing has come for a while. */
	return r == -EINVAL || r == -EOPNOTSUPP ? 0 : r;
}
