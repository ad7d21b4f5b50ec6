/*
 * The ruleset; ferry-networks(7) explains it line by line. Above each set, chain and rule stands the line of nft(8) that
 * it equals; tests/unit/firewall.nft is what nft(8) prints of the whole. (It leaves out "ether type".)
 */
#include "netns/firewall_rules.h"

/* Before the kernel's, which then leave out what these have. */
#include <netinet/icmp6.h>
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_bridge.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rtnetlink.h>

#define COUNT(x) (sizeof(x) / sizeof((x)[0]))

/* What is looked at, into the registers from @to on. */
#define META(what, reg)		      { NFT_OP_META, .key = NFT_META_##what, .to = (reg) }
#define CT(what)		      { NFT_OP_CT, .key = NFT_CT_##what }
#define BYTES(header, at, n, reg) \
	{ NFT_OP_PAYLOAD, .key = NFT_PAYLOAD_##header##_HEADER, .offset = (at), .len = (n), .to = (reg) }
#define ETHER_SADDR(reg)	      BYTES(LL, 6, 6, reg)
#define ETHER_TYPE		      BYTES(LL, 12, 2, 0)
#define IP_SADDR(reg)		      BYTES(NETWORK, 12, 4, reg)
#define IP_DADDR(reg)		      BYTES(NETWORK, 16, 4, reg)
#define IP6_SADDR(reg)		      BYTES(NETWORK, 8, 16, reg)
#define IP6_DADDR(reg)		      BYTES(NETWORK, 24, 16, reg)
#define ARP_SADDR_ETHER(reg)	      BYTES(NETWORK, 8, 6, reg)
#define ARP_SADDR_IP(reg)	      BYTES(NETWORK, 14, 4, reg)
#define TH_DPORT(reg)		      BYTES(TRANSPORT, 2, 2, reg)
#define ICMPV6_TYPE		      BYTES(TRANSPORT, 0, 1, 0)
#define ICMPV6_TADDR(reg)	      BYTES(TRANSPORT, 8, 16, reg)
#define FIB_DADDR_TYPE(flags)	      { NFT_OP_FIB_TYPE, .key = NFTA_FIB_F_DADDR | (flags) }

/* What decides, by the registers from 0 on. */
#define COMPARE(op, n, ...)	      { NFT_OP_COMPARE, .key = NFT_CMP_##op, .len = (n), .data = { __VA_ARGS__ } }
#define EQ(...)			      COMPARE(EQ, sizeof((uint8_t[]){ __VA_ARGS__ }), __VA_ARGS__)
#define ANY_OF(bits)		      { NFT_OP_ANY_OF, .key = (bits) }
#define OF_A_CONNECTION		      (NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED))
#define IN(set)			      { NFT_OP_LOOKUP, .name = (set) }
#define NOT_IN(set)		      { NFT_OP_LOOKUP, .key = NFT_LOOKUP_F_INV, .name = (set) }
#define ONE_OF(type, ...)	      { NFT_OP_CONSTANT, .key = (type), .len = 2, .data = { __VA_ARGS__ } }
#define IS_LOCAL		      { NFT_OP_COMPARE, .key = NFT_CMP_EQ, .len = 4, .number = RTN_LOCAL }
#define IS_IPV4			      META(NFPROTO, 0), EQ(NFPROTO_IPV4)
#define IS_IPV6			      META(NFPROTO, 0), EQ(NFPROTO_IPV6)
#define IS_ICMPV6		      META(L4PROTO, 0), EQ(IPPROTO_ICMPV6)

/* What is done. */
#define MAP(map)		      { NFT_OP_MAP, .name = (map) }
#define DNAT(family)		      { NFT_OP_DNAT, .key = (family) }
#define MASQUERADE		      { NFT_OP_MASQUERADE }
#define VERDICT(verdict)	      { NFT_OP_VERDICT, .key = (uint32_t)(verdict) }
#define ACCEPT			      VERDICT(NF_ACCEPT)
#define DROP			      VERDICT(NF_DROP)
#define RETURN			      VERDICT(NFT_RETURN)
#define JUMP(chain)		      { NFT_OP_VERDICT, .key = (uint32_t)NFT_JUMP, .name = (chain) }
#define GOTO(chain)		      { NFT_OP_VERDICT, .key = (uint32_t)NFT_GOTO, .name = (chain) }

/* ---- table inet ferry ---- */

static const struct nft_set inet_sets[] = {
	/* set networks { type ifname; } */
	{ "networks", { NFT_TYPE_IFNAME } },
	/* set within { type ifname . ifname; } */
	{ "within", { NFT_TYPE_IFNAME, NFT_TYPE_IFNAME } },
	/* set internal { type ifname; } */
	{ "internal", { NFT_TYPE_IFNAME } },
	/* set isolated { type ifname; } */
	{ "isolated", { NFT_TYPE_IFNAME } },
	/* set hairpin4 { type ipv4_addr . ipv4_addr; flags interval; } */
	{ "hairpin4", { NFT_TYPE_IPV4_ADDR, NFT_TYPE_IPV4_ADDR }, .interval = true },
	/* set hairpin6 { type ipv6_addr . ipv6_addr; flags interval; } */
	{ "hairpin6", { NFT_TYPE_IPV6_ADDR, NFT_TYPE_IPV6_ADDR }, .interval = true },
	/* map ports4 { type inet_proto . inet_service : ipv4_addr . inet_service; } */
	{ "ports4", { NFT_TYPE_INET_PROTO, NFT_TYPE_INET_SERVICE }, { NFT_TYPE_IPV4_ADDR, NFT_TYPE_INET_SERVICE } },
	/* map ports6 { type inet_proto . inet_service : ipv6_addr . inet_service; } */
	{ "ports6", { NFT_TYPE_INET_PROTO, NFT_TYPE_INET_SERVICE }, { NFT_TYPE_IPV6_ADDR, NFT_TYPE_INET_SERVICE } },
	/* map ports4_at { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; } */
	{ "ports4_at", { NFT_TYPE_IPV4_ADDR, NFT_TYPE_INET_PROTO, NFT_TYPE_INET_SERVICE },
	  { NFT_TYPE_IPV4_ADDR, NFT_TYPE_INET_SERVICE } },
	/* map ports6_at { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; } */
	{ "ports6_at", { NFT_TYPE_IPV6_ADDR, NFT_TYPE_INET_PROTO, NFT_TYPE_INET_SERVICE },
	  { NFT_TYPE_IPV6_ADDR, NFT_TYPE_INET_SERVICE } },
};

static const struct nft_chain inet_chains[] = {
	/* chain prerouting { type nat hook prerouting priority dstnat - 10; } */
	{ "prerouting", "nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST - 10 },
	/* chain output { type nat hook output priority -100; } */
	{ "output", "nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST },
	/* chain published */
	{ "published" },
	/* chain postrouting { type nat hook postrouting priority srcnat; } */
	{ "postrouting", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC },
	/* chain forward { type filter hook forward priority filter; } */
	{ "forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER },
	/* chain into */
	{ "into" },
	/* chain input { type filter hook input priority filter; } */
	{ "input", "filter", NF_INET_LOCAL_IN, NF_IP_PRI_FILTER },
	/* chain from_internal */
	{ "from_internal" },
};

#define TO_LOOPBACK    IS_IPV4, BYTES(NETWORK, 16, 1, 0), EQ(127)
#define FROM_ELSEWHERE META(IIFNAME, 0), COMPARE(NEQ, 16, 'l', 'o')

static const struct nft_rule inet_rules[] = {
	/* ip daddr 127.0.0.0/8 iifname != "lo" drop */
	{ "prerouting", { TO_LOOPBACK, FROM_ELSEWHERE, DROP } },
	/* jump published */
	{ "prerouting", { JUMP("published") } },
	/* jump published */
	{ "output", { JUMP("published") } },
	/* ip6 daddr ::1 return */
	{ "published", { IS_IPV6, IP6_DADDR(0), COMPARE(EQ, 16, [15] = 1), RETURN } },
	/* dnat ip to ip daddr . meta l4proto . th dport map @ports4_at */
	{ "published", { IS_IPV4, IP_DADDR(0), META(L4PROTO, 1), TH_DPORT(2), MAP("ports4_at"), DNAT(NFPROTO_IPV4) } },
	/* dnat ip6 to ip6 daddr . meta l4proto . th dport map @ports6_at */
	{ "published", { IS_IPV6, IP6_DADDR(0), META(L4PROTO, 4), TH_DPORT(5), MAP("ports6_at"), DNAT(NFPROTO_IPV6) } },
	/* fib daddr type local dnat ip to meta l4proto . th dport map @ports4 */
	{ "published",
	  { FIB_DADDR_TYPE(0), IS_LOCAL, META(L4PROTO, 0), TH_DPORT(1), MAP("ports4"), DNAT(NFPROTO_IPV4) } },
	/* fib daddr type local dnat ip6 to meta l4proto . th dport map @ports6 */
	{ "published",
	  { FIB_DADDR_TYPE(0), IS_LOCAL, META(L4PROTO, 0), TH_DPORT(1), MAP("ports6"), DNAT(NFPROTO_IPV6) } },

	/* iifname @networks oifname != @networks masquerade */
	{ "postrouting", { META(IIFNAME, 0), IN("networks"), META(OIFNAME, 0), NOT_IN("networks"), MASQUERADE } },
	/* ct status dnat ip saddr . ip daddr @hairpin4 masquerade */
	{ "postrouting",
	  { CT(STATUS), ANY_OF(IPS_DST_NAT), IS_IPV4, IP_SADDR(0), IP_DADDR(1), IN("hairpin4"), MASQUERADE } },
	/* ct status dnat ip6 saddr . ip6 daddr @hairpin6 masquerade */
	{ "postrouting",
	  { CT(STATUS), ANY_OF(IPS_DST_NAT), IS_IPV6, IP6_SADDR(0), IP6_DADDR(4), IN("hairpin6"), MASQUERADE } },
	/* oifname @networks ip saddr 127.0.0.0/8 masquerade */
	{ "postrouting",
	  { META(OIFNAME, 0), IN("networks"), IS_IPV4, BYTES(NETWORK, 12, 1, 0), EQ(127), MASQUERADE } },

	/* ct state established,related accept */
	{ "forward", { CT(STATE), ANY_OF(OF_A_CONNECTION), ACCEPT } },
	/* iifname . oifname @within accept */
	{ "forward", { META(IIFNAME, 0), META(OIFNAME, 4), IN("within"), ACCEPT } },
	/* iifname @internal drop */
	{ "forward", { META(IIFNAME, 0), IN("internal"), DROP } },
	/* oifname @internal drop */
	{ "forward", { META(OIFNAME, 0), IN("internal"), DROP } },
	/* oifname @networks jump into */
	{ "forward", { META(OIFNAME, 0), IN("networks"), JUMP("into") } },
	/* iifname @isolated drop */
	{ "into", { META(IIFNAME, 0), IN("isolated"), DROP } },
	/* iifname @networks oifname @isolated drop */
	{ "into", { META(IIFNAME, 0), IN("networks"), META(OIFNAME, 0), IN("isolated"), DROP } },
	/* ct status dnat accept */
	{ "into", { CT(STATUS), ANY_OF(IPS_DST_NAT), ACCEPT } },
	/* drop */
	{ "into", { DROP } },

	/* ct state established,related accept */
	{ "input", { CT(STATE), ANY_OF(OF_A_CONNECTION), ACCEPT } },
	/* ip daddr 127.0.0.0/8 iifname != "lo" drop */
	{ "input", { TO_LOOPBACK, FROM_ELSEWHERE, DROP } },
	/* iifname @internal jump from_internal */
	{ "input", { META(IIFNAME, 0), IN("internal"), JUMP("from_internal") } },
	/* meta l4proto { tcp, udp } th dport 53 fib daddr . iif type local accept */
	{ "from_internal",
	  { META(L4PROTO, 0), ONE_OF(NFT_TYPE_INET_PROTO, IPPROTO_TCP, IPPROTO_UDP), TH_DPORT(0), EQ(0, 53),
	    FIB_DADDR_TYPE(NFTA_FIB_F_IIF), IS_LOCAL, ACCEPT } },
	/* icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept */
	{ "from_internal",
	  { IS_IPV6, IS_ICMPV6, ICMPV6_TYPE, ONE_OF(NFT_TYPE_ICMPV6_TYPE, ND_NEIGHBOR_SOLICIT, ND_NEIGHBOR_ADVERT),
	    ACCEPT } },
	/* drop */
	{ "from_internal", { DROP } },
};

const struct nft_table firewall_inet = {
	.family = NFPROTO_INET,
	.name = "ferry",
	.sets = inet_sets,
	.n_sets = COUNT(inet_sets),
	.chains = inet_chains,
	.n_chains = COUNT(inet_chains),
	.rules = inet_rules,
	.n_rules = COUNT(inet_rules),
};

/* ---- table bridge ferry ---- */

static const struct nft_set bridge_sets[] = {
	/* set links { type ifname; } */
	{ "links", { NFT_TYPE_IFNAME } },
	/* set sources4 { type ifname . ether_addr . ipv4_addr; } */
	{ "sources4", { NFT_TYPE_IFNAME, NFT_TYPE_ETHER_ADDR, NFT_TYPE_IPV4_ADDR } },
	/* set sources6 { type ifname . ether_addr . ipv6_addr; } */
	{ "sources6", { NFT_TYPE_IFNAME, NFT_TYPE_ETHER_ADDR, NFT_TYPE_IPV6_ADDR } },
};

static const struct nft_chain bridge_chains[] = {
	/* chain prerouting { type filter hook prerouting priority filter; } */
	{ "prerouting", "filter", NF_BR_PRE_ROUTING, NF_BR_PRI_FILTER_BRIDGED },
	/* chain neighbours */
	{ "neighbours" },
};

/* Of the frame itself, not of the packet in it: one with a VLAN's tag is none of these. */
#define IS_FRAME_OF(high, low) ETHER_TYPE, EQ(high, low)
#define SOURCE(address) META(IIFNAME, 0), ETHER_SADDR(4), address

static const struct nft_rule bridge_rules[] = {
	/* ether type ip iifname . ether saddr . ip saddr @sources4 accept */
	{ "prerouting", { IS_FRAME_OF(0x08, 0x00), SOURCE(IP_SADDR(6)), IN("sources4"), ACCEPT } },
	/*
	 * ether type arp iifname . ether saddr . arp saddr ip @sources4
	 * iifname . arp saddr ether . arp saddr ip @sources4 accept
	 */
	{ "prerouting",
	  { IS_FRAME_OF(0x08, 0x06), SOURCE(ARP_SADDR_IP(6)), IN("sources4"), META(IIFNAME, 0), ARP_SADDR_ETHER(4),
	    ARP_SADDR_IP(6), IN("sources4"), ACCEPT } },
	/* ether type ip6 iifname . ether saddr . ip6 saddr @sources6 goto neighbours */
	{ "prerouting", { IS_FRAME_OF(0x86, 0xdd), SOURCE(IP6_SADDR(6)), IN("sources6"), GOTO("neighbours") } },
	/* iifname @links drop */
	{ "prerouting", { META(IIFNAME, 0), IN("links"), DROP } },

	/* icmpv6 type { nd-router-advert, nd-redirect } drop */
	{ "neighbours",
	  { IS_FRAME_OF(0x86, 0xdd), IS_ICMPV6, ICMPV6_TYPE, ONE_OF(NFT_TYPE_ICMPV6_TYPE, ND_ROUTER_ADVERT, ND_REDIRECT),
	    DROP } },
	/* icmpv6 type nd-neighbor-advert iifname . ether saddr . icmpv6 taddr != @sources6 drop */
	{ "neighbours",
	  { IS_FRAME_OF(0x86, 0xdd), IS_ICMPV6, ICMPV6_TYPE, EQ(ND_NEIGHBOR_ADVERT), SOURCE(ICMPV6_TADDR(6)),
	    NOT_IN("sources6"), DROP } },
	/* accept */
	{ "neighbours", { ACCEPT } },
};

const struct nft_table firewall_bridge = {
	.family = NFPROTO_BRIDGE,
	.name = "ferry",
	.sets = bridge_sets,
	.n_sets = COUNT(bridge_sets),
	.chains = bridge_chains,
	.n_chains = COUNT(bridge_chains),
	.rules = bridge_rules,
	.n_rules = COUNT(bridge_rules),
};
