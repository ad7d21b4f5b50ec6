#include "netns/criu_lock.h"

#include "netns/netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "netns/nft.h"

/*
 * With nftables:                                    with iptables, which writes it for each family:
 *
 *	table inet CRIU-17 {                          table ip filter {
 *		chain output { ... drop }                     chain INPUT { ... jump CRIU }
 *		chain input { ... drop }                      chain OUTPUT { ... jump CRIU }
 *	}                                                     chain CRIU { meta mark 0xc114 accept; drop }
 *	                                              }
 */
#define TABLE_PREFIX "CRIU-"
#define FILTER "filter"
#define CHAIN "CRIU"

/* What is to be removed is put into a batch while it is listed. */
struct removal {
	struct nl_batch batch;
	size_t n; /* messages but the marks of the transaction */
	uint8_t family;
};

static void begin(struct nl_batch *b, uint16_t type, uint16_t flags, uint8_t family, const char *what)
{
	const struct nfgenmsg m = { .nfgen_family = family, .version = NFNETLINK_V0 };

	nl_begin(b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, &m, sizeof(m), "nf_tables: %s", what);
}

/* ---- tables of its own ---- */

static int take_table(const struct nlmsghdr *m, void *arg, struct err *e)
{
	const struct nlattr *x[NFTA_TABLE_NAME + 1];
	struct removal *r = arg;

	if (!nl_attributes(m, sizeof(struct nfgenmsg), x, NFTA_TABLE_NAME))
		return err_say(e, EBADMSG, "nf_tables: an answer that is no table");
	const char *name = nl_attribute_string(x[NFTA_TABLE_NAME]);
	if (!name || strncmp(name, TABLE_PREFIX, strlen(TABLE_PREFIX)) != 0)
		return 0;
	begin(&r->batch, NFT_MSG_DELTABLE, 0, r->family, "remove the table of criu");
	nl_tolerate(&r->batch, ENOENT);
	nl_string(&r->batch, NFTA_TABLE_NAME, name);
	r->n++;
	return 0;
}

/* ---- a chain of iptables ---- */

/* Whether one of the rule's expressions is "jump CRIU". */
static bool jumps(const struct nlattr *list)
{
	const unsigned char *at = nl_attribute_data(list), *end = at + nl_attribute_size(list);

	while (end - at >= (ptrdiff_t)sizeof(struct nlattr)) {
		const struct nlattr *item = (const struct nlattr *)(const void *)at;
		const struct nlattr *x[NFTA_EXPR_DATA + 1], *imm[NFTA_IMMEDIATE_DATA + 1], *data[NFTA_DATA_VERDICT + 1];
		const struct nlattr *verdict[NFTA_VERDICT_CHAIN + 1];

		if (item->nla_len < sizeof(*item) || item->nla_len > end - at)
			return false;
		at += NLA_ALIGN(item->nla_len) < end - at ? NLA_ALIGN(item->nla_len) : end - at;
		if (!nl_nested(item, x, NFTA_EXPR_DATA) || !x[NFTA_EXPR_NAME] || !x[NFTA_EXPR_DATA])
			continue;
		const char *name = nl_attribute_string(x[NFTA_EXPR_NAME]);
		if (!name || strcmp(name, "immediate") != 0 || !nl_nested(x[NFTA_EXPR_DATA], imm, NFTA_IMMEDIATE_DATA) ||
		    !imm[NFTA_IMMEDIATE_DATA] || !nl_nested(imm[NFTA_IMMEDIATE_DATA], data, NFTA_DATA_VERDICT) ||
		    !data[NFTA_DATA_VERDICT] || !nl_nested(data[NFTA_DATA_VERDICT], verdict, NFTA_VERDICT_CHAIN))
			continue;
		const char *chain = nl_attribute_string(verdict[NFTA_VERDICT_CHAIN]);
		if (chain && strcmp(chain, CHAIN) == 0)
			return true;
	}
	return false;
}

static int take_rule(const struct nlmsghdr *m, void *arg, struct err *e)
{
	const struct nlattr *x[NFTA_RULE_EXPRESSIONS + 1];
	struct removal *r = arg;

	if (!nl_attributes(m, sizeof(struct nfgenmsg), x, NFTA_RULE_EXPRESSIONS))
		return err_say(e, EBADMSG, "nf_tables: an answer that is no rule");
	const char *table = nl_attribute_string(x[NFTA_RULE_TABLE]), *chain = nl_attribute_string(x[NFTA_RULE_CHAIN]);
	if (!table || strcmp(table, FILTER) != 0 || !chain || !x[NFTA_RULE_HANDLE] || !x[NFTA_RULE_EXPRESSIONS] ||
	    !jumps(x[NFTA_RULE_EXPRESSIONS]))
		return 0;
	begin(&r->batch, NFT_MSG_DELRULE, 0, r->family, "remove the jump to the chain of criu");
	nl_string(&r->batch, NFTA_RULE_TABLE, FILTER);
	nl_string(&r->batch, NFTA_RULE_CHAIN, chain);
	nl_bytes(&r->batch, NFTA_RULE_HANDLE, nl_attribute_data(x[NFTA_RULE_HANDLE]),
		 nl_attribute_size(x[NFTA_RULE_HANDLE]));
	r->n++;
	return 0;
}

static int take_chain(const struct nlmsghdr *m, void *arg, struct err *e)
{
	const struct nlattr *x[NFTA_CHAIN_NAME + 1];
	bool *found = arg;

	if (!nl_attributes(m, sizeof(struct nfgenmsg), x, NFTA_CHAIN_NAME))
		return err_say(e, EBADMSG, "nf_tables: an answer that is no chain");
	const char *table = nl_attribute_string(x[NFTA_CHAIN_TABLE]), *name = nl_attribute_string(x[NFTA_CHAIN_NAME]);
	*found |= table && name && strcmp(table, FILTER) == 0 && strcmp(name, CHAIN) == 0;
	return 0;
}

/* ---- all of it ---- */

/* What is listed may change meanwhile, by whoever is in the container: then once more. */
static int list(struct nl *s, uint16_t type, uint8_t family, nl_each *each, void *arg, struct err *e)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;

	begin(&b, type, NLM_F_DUMP, family, "list");
	return nl_ask(s, &b, each, arg, e);
}

static int collect_chain(struct nl *s, struct removal *r, struct err *e)
{
	bool found = false;

	if (list(s, NFT_MSG_GETCHAIN, r->family, take_chain, &found, e) < 0)
		return -e->code;
	if (!found)
		return 0;
	if (list(s, NFT_MSG_GETRULE, r->family, take_rule, r, e) < 0)
		return -e->code;
	begin(&r->batch, NFT_MSG_DELRULE, 0, r->family, "flush the chain of criu");
	nl_string(&r->batch, NFTA_RULE_TABLE, FILTER);
	nl_string(&r->batch, NFTA_RULE_CHAIN, CHAIN);
	begin(&r->batch, NFT_MSG_DELCHAIN, 0, r->family, "remove the chain of criu");
	nl_string(&r->batch, NFTA_CHAIN_TABLE, FILTER);
	nl_string(&r->batch, NFTA_CHAIN_NAME, CHAIN);
	r->n += 2;
	return 0;
}

static int collect(struct nl *s, struct removal *r, struct err *e)
{
	static const uint8_t filters[] = { NFPROTO_IPV4, NFPROTO_IPV6 };

	r->family = NFPROTO_INET;
	if (list(s, NFT_MSG_GETTABLE, r->family, take_table, r, e) < 0)
		return -e->code;
	for (size_t i = 0; i < sizeof(filters); i++) {
		r->family = filters[i];
		if (collect_chain(s, r, e) < 0)
			return -e->code;
	}
	return 0;
}

int criu_lock_remove(struct nl *s, struct err *e)
{
	enum { TRIES = 8 };
	int r = -EINTR;

	for (int i = 0; r == -EINTR && i < TRIES; i++) {
		struct removal x = { 0 };
		nft_begin(&x.batch);
		r = collect(s, &x, e);
		nft_commit(&x.batch);
		if (r == 0 && x.n)
			r = nl_send(s, &x.batch, e) < 0 ? -e->code : 1;
		nl_batch_finish(&x.batch);
	}
	/* A kernel without nf_tables has no such lock. */
	return r == -EINVAL || r == -EOPNOTSUPP ? 0 : r < 0 ? err_wrap(e, "remove the lock of criu") : r;
}

/* ---- a lock of our own ---- */

enum { LOOPBACK = 1 }; /* in every namespace */

/*
 *	table inet CRIU-restore {
 *		chain input { type filter hook input priority 0; iif != "lo" drop }
 *	}
 */
int net_lock(int netns, struct err *e)
{
	static const struct nft_chain input = { "input", "filter", NF_INET_LOCAL_IN, 0 };
	static const struct nft_rule drop = { "input", {
		{ NFT_OP_META, .key = NFT_META_IIF },
		{ NFT_OP_COMPARE, .key = NFT_CMP_NEQ, .len = 4, .number = LOOPBACK },
		{ NFT_OP_VERDICT, .key = NF_DROP },
	} };
	static const struct nft_table table = { .family = NFPROTO_INET, .name = TABLE_PREFIX "restore", .chains = &input,
						.rules = &drop, .n_chains = 1, .n_rules = 1 };
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	cleanup_nl struct nl s = NL_INIT;

	if (nl_open(NETLINK_NETFILTER, netns, &s, e) < 0)
		return -e->code;
	nft_begin(&b);
	nft_add_table(&b, &table);
	nft_commit(&b);
	return nl_send(&s, &b, e) < 0 ? err_wrap(e, "lock the network") : 0;
}

int net_unlock(int netns, struct err *e)
{
	cleanup_nl struct nl s = NL_INIT;

	return nl_open(NETLINK_NETFILTER, netns, &s, e) < 0 ? -e->code : criu_lock_remove(&s, e);
}
