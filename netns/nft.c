#include "netns/nft.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

/* ---- transactions ---- */

static void mark(struct nl_batch *b, uint16_t type, const char *text)
{
	const struct nfgenmsg m = { .version = NFNETLINK_V0, .res_id = htons(NFNL_SUBSYS_NFTABLES) };

	nl_begin(b, type, 0, &m, sizeof(m), "%s", text);
}

void nft_begin(struct nl_batch *b)
{
	mark(b, NFNL_MSG_BATCH_BEGIN, "nf_tables");
}

void nft_commit(struct nl_batch *b)
{
	mark(b, NFNL_MSG_BATCH_END, "nf_tables: commit");
}

static const char *family_name(const struct nft_table *t)
{
	return t->family == NFPROTO_BRIDGE ? "bridge" : "inet";
}

/* A message about the table; @what and @name say what of it. */
static void message(struct nl_batch *b, uint16_t type, uint16_t flags, const struct nft_table *t, const char *what,
		    const char *name)
{
	const struct nfgenmsg m = { .nfgen_family = t->family, .version = NFNETLINK_V0 };

	nl_begin(b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags, &m, sizeof(m), "nf_tables: %s '%s' of '%s %s'",
		 what, name, family_name(t), t->name);
	/* The table's name is the first attribute of all of them. */
	_Static_assert(NFTA_TABLE_NAME == 1 && NFTA_SET_TABLE == 1 && NFTA_CHAIN_TABLE == 1 && NFTA_RULE_TABLE == 1 &&
			       NFTA_SET_ELEM_LIST_TABLE == 1,
		       "where a table is named");
	nl_string(b, NFTA_TABLE_NAME, t->name);
}

/* ---- sets ---- */

static size_t field_length(uint8_t type)
{
	switch (type) {
	case NFT_TYPE_IPV4_ADDR: return 4;
	case NFT_TYPE_IPV6_ADDR: return 16;
	case NFT_TYPE_ETHER_ADDR: return 6;
	case NFT_TYPE_INET_PROTO:
	case NFT_TYPE_ICMPV6_TYPE: return 1;
	case NFT_TYPE_INET_SERVICE: return 2;
	case NFT_TYPE_IFNAME: return 16;
	default: return 0;
	}
}

size_t nft_offset(const uint8_t fields[NFT_FIELDS], size_t field)
{
	size_t n = 0;

	for (size_t i = 0; i < field; i++)
		n += (field_length(fields[i]) + 3) & ~(size_t)3;
	return n;
}

size_t nft_length(const uint8_t fields[NFT_FIELDS])
{
	return fields[1] ? nft_offset(fields, NFT_FIELDS) : field_length(fields[0]);
}

/* nft(8) packs the types of several fields into one number. */
static uint32_t type_of(const uint8_t fields[NFT_FIELDS])
{
	uint32_t type = 0;

	for (size_t i = 0; i < NFT_FIELDS && fields[i]; i++)
		type = type << 6 | fields[i];
	return type;
}

/* Intervals of several fields: the kernel has to know where each one ends. */
static void describe_fields(struct nl_batch *b, const uint8_t fields[NFT_FIELDS])
{
	size_t desc = nl_nest(b, NFTA_SET_DESC), concat = nl_nest(b, NFTA_SET_DESC_CONCAT);

	for (size_t i = 0; i < NFT_FIELDS && fields[i]; i++) {
		size_t field = nl_nest(b, NFTA_LIST_ELEM);
		nl_u32_be(b, NFTA_SET_FIELD_LEN, (uint32_t)field_length(fields[i]));
		nl_nest_end(b, field);
	}
	nl_nest_end(b, concat);
	nl_nest_end(b, desc);
}

/* For nft(8), which else prints a name as if its bytes were a number's: their order is the host's. */
static void tell_byte_order(struct nl_batch *b)
{
	enum { KEY_BYTE_ORDER = 0, HOST_ENDIAN = 1 };
	const uint32_t order = HOST_ENDIAN;
	uint8_t data[2 + sizeof(order)] = { KEY_BYTE_ORDER, sizeof(order) };

	memcpy(data + 2, &order, sizeof(order));
	nl_bytes(b, NFTA_SET_USERDATA, data, sizeof(data));
}

/* The kernel wants each set of a transaction to have a number. */
static void add_set(struct nl_batch *b, const struct nft_table *t, const struct nft_set *s, uint32_t flags, uint32_t id)
{
	flags |= (s->data[0] ? NFT_SET_MAP : 0) | (s->interval ? NFT_SET_INTERVAL | NFT_SET_CONCAT : 0);
	message(b, NFT_MSG_NEWSET, NLM_F_CREATE, t, "set", s->name);
	nl_string(b, NFTA_SET_NAME, s->name);
	nl_u32_be(b, NFTA_SET_FLAGS, flags);
	nl_u32_be(b, NFTA_SET_KEY_TYPE, type_of(s->key));
	nl_u32_be(b, NFTA_SET_KEY_LEN, (uint32_t)nft_length(s->key));
	if (s->data[0]) {
		nl_u32_be(b, NFTA_SET_DATA_TYPE, type_of(s->data));
		nl_u32_be(b, NFTA_SET_DATA_LEN, (uint32_t)nft_length(s->data));
	}
	if (s->interval)
		describe_fields(b, s->key);
	if (type_of(s->key) == NFT_TYPE_IFNAME)
		tell_byte_order(b);
	nl_u32_be(b, NFTA_SET_ID, id);
}

const struct nft_set *nft_find_set(const struct nft_table *t, const char *name)
{
	for (size_t i = 0; i < t->n_sets; i++)
		if (strcmp(t->sets[i].name, name) == 0)
			return &t->sets[i];
	return NULL;
}

/* ---- elements ---- */

static void value(struct nl_batch *b, uint16_t type, const uint8_t *data, size_t n)
{
	size_t nest = nl_nest(b, type);

	nl_bytes(b, NFTA_DATA_VALUE, data, n);
	nl_nest_end(b, nest);
}

static void add_element(struct nl_batch *b, const struct nft_element *x)
{
	size_t nest = nl_nest(b, NFTA_LIST_ELEM), n = nft_length(x->set->key);

	value(b, NFTA_SET_ELEM_KEY, x->key, n);
	if (x->set->interval)
		value(b, NFTA_SET_ELEM_KEY_END, x->end, n);
	if (x->set->data[0])
		value(b, NFTA_SET_ELEM_DATA, x->data, nft_length(x->set->data));
	nl_nest_end(b, nest);
}

/* One message for those of one set that stand together, as many as its 16 bits of length hold for sure. */
static void elements(struct nl_batch *b, uint16_t type, uint16_t flags, const struct nft_element *x, size_t n)
{
	enum { TOGETHER = 400 };

	for (size_t i = 0; i < n;) {
		const struct nft_element *first = &x[i];
		message(b, type, flags, first->table, "elements of", first->set->name);
		nl_string(b, NFTA_SET_ELEM_LIST_SET, first->set->name);
		size_t list = nl_nest(b, NFTA_SET_ELEM_LIST_ELEMENTS);
		for (; i < n && x[i].set == first->set && &x[i] < first + TOGETHER; i++)
			add_element(b, &x[i]);
		nl_nest_end(b, list);
	}
}

void nft_add_elements(struct nl_batch *b, const struct nft_element *x, size_t n)
{
	elements(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, x, n);
}

/* To remove what is not there would undo the whole transaction, and kernels before 6.3 cannot be told otherwise. */
void nft_remove_elements(struct nl_batch *b, const struct nft_element *x, size_t n)
{
	nft_add_elements(b, x, n);
	elements(b, NFT_MSG_DELSETELEM, 0, x, n);
}

/* ---- rules ---- */

/* A set without a name of its own, which belongs to the rule that follows. */
static void add_constant(struct nl_batch *b, const struct nft_table *t, const struct nft_expression *x, uint32_t id)
{
	const struct nft_set set = { .name = "__set%d", .key = { (uint8_t)x->key } };

	add_set(b, t, &set, NFT_SET_ANONYMOUS | NFT_SET_CONSTANT, id);
	message(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, t, "elements of", set.name);
	nl_string(b, NFTA_SET_ELEM_LIST_SET, set.name);
	nl_u32_be(b, NFTA_SET_ELEM_LIST_SET_ID, id);
	size_t list = nl_nest(b, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (size_t i = 0; i < x->len; i++)
		add_element(b, &(struct nft_element){ .set = &set, .key = { x->data[i] } });
	nl_nest_end(b, list);
}

static void put_register(struct nl_batch *b, uint16_t type, uint8_t number)
{
	nl_u32_be(b, type, NFT_REG32_00 + number);
}

static void put_lookup(struct nl_batch *b, const char *set, uint32_t flags)
{
	nl_string(b, NFTA_LOOKUP_SET, set);
	put_register(b, NFTA_LOOKUP_SREG, 0);
	if (flags)
		nl_u32_be(b, NFTA_LOOKUP_FLAGS, flags);
}

static void put_any_of(struct nl_batch *b, uint32_t bits)
{
	const uint32_t none = 0;

	put_register(b, NFTA_BITWISE_SREG, 0);
	put_register(b, NFTA_BITWISE_DREG, 0);
	nl_u32_be(b, NFTA_BITWISE_LEN, sizeof(bits));
	value(b, NFTA_BITWISE_MASK, (const uint8_t *)&bits, sizeof(bits));
	value(b, NFTA_BITWISE_XOR, (const uint8_t *)&none, sizeof(none));
}

static void put_compare(struct nl_batch *b, uint32_t operator, const uint8_t *data, size_t n)
{
	put_register(b, NFTA_CMP_SREG, 0);
	nl_u32_be(b, NFTA_CMP_OP, operator);
	value(b, NFTA_CMP_DATA, data, n);
}

static void put_verdict(struct nl_batch *b, const struct nft_expression *x)
{
	nl_u32_be(b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	size_t data = nl_nest(b, NFTA_IMMEDIATE_DATA), verdict = nl_nest(b, NFTA_DATA_VERDICT);
	nl_u32_be(b, NFTA_VERDICT_CODE, x->key);
	if (x->name)
		nl_string(b, NFTA_VERDICT_CHAIN, x->name);
	nl_nest_end(b, verdict);
	nl_nest_end(b, data);
}

/* The kernel's names of expressions. */
static const char *const names[] = {
	[NFT_OP_META] = "meta",	      [NFT_OP_CT] = "ct",	      [NFT_OP_PAYLOAD] = "payload",
	[NFT_OP_FIB_TYPE] = "fib",    [NFT_OP_COMPARE] = "cmp",	      [NFT_OP_ANY_OF] = "bitwise",
	[NFT_OP_LOOKUP] = "lookup",   [NFT_OP_MAP] = "lookup",	      [NFT_OP_CONSTANT] = "lookup",
	[NFT_OP_DNAT] = "nat",	      [NFT_OP_MASQUERADE] = "masq",   [NFT_OP_VERDICT] = "immediate",
};

static void put_members(struct nl_batch *b, const struct nft_expression *x, uint32_t id)
{
	switch (x->op) {
	case NFT_OP_META:
		nl_u32_be(b, NFTA_META_KEY, x->key);
		put_register(b, NFTA_META_DREG, x->to);
		break;
	case NFT_OP_CT:
		nl_u32_be(b, NFTA_CT_KEY, x->key);
		put_register(b, NFTA_CT_DREG, x->to);
		break;
	case NFT_OP_PAYLOAD:
		put_register(b, NFTA_PAYLOAD_DREG, x->to);
		nl_u32_be(b, NFTA_PAYLOAD_BASE, x->key);
		nl_u32_be(b, NFTA_PAYLOAD_OFFSET, x->offset);
		nl_u32_be(b, NFTA_PAYLOAD_LEN, x->len);
		break;
	case NFT_OP_FIB_TYPE:
		put_register(b, NFTA_FIB_DREG, x->to);
		nl_u32_be(b, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
		nl_u32_be(b, NFTA_FIB_FLAGS, x->key);
		break;
	case NFT_OP_COMPARE: put_compare(b, x->key, x->data, x->len); break;
	case NFT_OP_ANY_OF: put_any_of(b, x->key); break;
	case NFT_OP_LOOKUP: put_lookup(b, x->name, x->key); break;
	case NFT_OP_MAP:
		put_lookup(b, x->name, 0);
		put_register(b, NFTA_LOOKUP_DREG, 0);
		break;
	case NFT_OP_CONSTANT:
		put_lookup(b, "__set%d", 0);
		nl_u32_be(b, NFTA_LOOKUP_SET_ID, id);
		break;
	case NFT_OP_DNAT:
		nl_u32_be(b, NFTA_NAT_TYPE, NFT_NAT_DNAT);
		nl_u32_be(b, NFTA_NAT_FAMILY, x->key);
		put_register(b, NFTA_NAT_REG_ADDR_MIN, 0);
		put_register(b, NFTA_NAT_REG_PROTO_MIN, x->key == NFPROTO_IPV4 ? 1 : 4); /* behind the address */
		break;
	case NFT_OP_VERDICT: put_verdict(b, x); break;
	case NFT_OP_MASQUERADE:
	case NFT_OP_END: break;
	}
}

static void put_expression(struct nl_batch *b, const struct nft_expression *x, uint32_t id)
{
	static const struct nft_expression not_zero = { NFT_OP_COMPARE, .key = NFT_CMP_NEQ, .len = 4 };
	size_t nest = nl_nest(b, NFTA_LIST_ELEM);

	nl_string(b, NFTA_EXPR_NAME, names[x->op]);
	size_t data = nl_nest(b, NFTA_EXPR_DATA);
	put_members(b, x, id);
	nl_nest_end(b, data);
	nl_nest_end(b, nest);
	if (x->op == NFT_OP_ANY_OF)
		put_expression(b, &not_zero, id);
}

static void add_rule(struct nl_batch *b, const struct nft_table *t, const struct nft_rule *r)
{
	const uint32_t id = (uint32_t)b->n;

	for (const struct nft_expression *x = r->expressions; x->op; x++)
		if (x->op == NFT_OP_CONSTANT)
			add_constant(b, t, x, id);
	message(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, t, "rule in", r->chain);
	nl_string(b, NFTA_RULE_CHAIN, r->chain);
	size_t list = nl_nest(b, NFTA_RULE_EXPRESSIONS);
	for (const struct nft_expression *x = r->expressions; x->op; x++)
		put_expression(b, x, id);
	nl_nest_end(b, list);
}

/* ---- chains and tables ---- */

static void add_chain(struct nl_batch *b, const struct nft_table *t, const struct nft_chain *c)
{
	message(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, t, "chain", c->name);
	nl_string(b, NFTA_CHAIN_NAME, c->name);
	if (!c->type)
		return;
	nl_string(b, NFTA_CHAIN_TYPE, c->type);
	size_t hook = nl_nest(b, NFTA_CHAIN_HOOK);
	nl_u32_be(b, NFTA_HOOK_HOOKNUM, c->hook);
	nl_u32_be(b, NFTA_HOOK_PRIORITY, (uint32_t)c->priority);
	nl_nest_end(b, hook);
	nl_u32_be(b, NFTA_CHAIN_POLICY, NF_ACCEPT);
}

static void flush_set(struct nl_batch *b, const struct nft_table *t, const struct nft_set *s)
{
	message(b, NFT_MSG_DELSETELEM, 0, t, "flush", s->name);
	nl_string(b, NFTA_SET_ELEM_LIST_SET, s->name);
}

/*
 * Chains that are there stay: a packet that has passed a new one before the transaction, and comes to the old one after
 * it, would find rules in neither.
 */
void nft_add_table(struct nl_batch *b, const struct nft_table *t)
{
	message(b, NFT_MSG_NEWTABLE, NLM_F_CREATE, t, "add", "table");
	message(b, NFT_MSG_DELRULE, 0, t, "flush", "table");
	for (size_t i = 0; i < t->n_sets; i++) {
		add_set(b, t, &t->sets[i], 0, (uint32_t)b->n);
		flush_set(b, t, &t->sets[i]);
	}
	for (size_t i = 0; i < t->n_chains; i++)
		add_chain(b, t, &t->chains[i]);
	for (size_t i = 0; i < t->n_rules; i++)
		add_rule(b, t, &t->rules[i]);
}

void nft_remove_table(struct nl_batch *b, const struct nft_table *t)
{
	message(b, NFT_MSG_NEWTABLE, NLM_F_CREATE, t, "add", "table");
	message(b, NFT_MSG_DELTABLE, 0, t, "remove", "table");
}

static int found(const struct nlmsghdr *m, void *arg, struct err *e)
{
	(void)m, (void)arg, (void)e;
	return 0;
}

int nft_find_table(struct nl *s, const struct nft_table *t, struct err *e)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;

	message(&b, NFT_MSG_GETTABLE, 0, t, "find table", t->name);
	return nl_ask(s, &b, found, NULL, e);
}
