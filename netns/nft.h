/*
 * nf_tables in messages of a batch (netlink.h): tables as values, with their sets, chains and rules; elements of sets.
 * What stands between nft_begin and nft_commit is a transaction: all of it or nothing, and no packet sees a part.
 */
#ifndef NETNS_NFT_H
#define NETNS_NFT_H

#include "netns/netlink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The types of sets, by the numbers that nft(8) prints names for. */
enum nft_type {
	NFT_TYPE_NONE = 0,
	NFT_TYPE_IPV4_ADDR = 7,
	NFT_TYPE_IPV6_ADDR = 8,
	NFT_TYPE_ETHER_ADDR = 9,
	NFT_TYPE_INET_PROTO = 12,
	NFT_TYPE_INET_SERVICE = 13,
	NFT_TYPE_ICMPV6_TYPE = 29,
	NFT_TYPE_IFNAME = 41,
};

enum { NFT_FIELDS = 3, NFT_KEY_MAX = 40, NFT_DATA_LEN_MAX = 20 };

/* A set, or a map when it has data. Key and data are fields one after the other. */
struct nft_set {
	const char *name;
	uint8_t key[NFT_FIELDS], data[NFT_FIELDS];
	bool interval; /* elements are from a key to a key, field by field */
};

/* Without a type: a chain that others jump to. */
struct nft_chain {
	const char *name, *type;
	uint32_t hook;
	int32_t priority;
};

/*
 * A part of a rule: what is looked at goes to registers of 4 bytes, and what decides takes it from there. Each says
 * which members it uses.
 */
enum nft_op {
	NFT_OP_END,
	NFT_OP_META, /* key; to */
	NFT_OP_CT, /* key; to */
	NFT_OP_PAYLOAD, /* key: the header; offset, len; to */
	NFT_OP_FIB_TYPE, /* key: flags; to: the type of an address, by the routes */
	NFT_OP_COMPARE, /* key: the operator; data, len; with register 0 */
	NFT_OP_ANY_OF, /* key: bits, one of which register 0 has */
	NFT_OP_LOOKUP, /* name: the set with register 0; key: flags */
	NFT_OP_MAP, /* name: the map with register 0; what it gives to register 0 */
	NFT_OP_CONSTANT, /* key: a type; data, len: a set of values of one byte, within the rule */
	NFT_OP_DNAT, /* key: the family; to address and port from register 0 */
	NFT_OP_MASQUERADE,
	NFT_OP_VERDICT, /* key; name: the chain to jump to */
};

struct nft_expression {
	enum nft_op op;
	uint32_t key;
	uint8_t to, offset, len;
	union {
		uint8_t data[16];
		uint32_t number; /* in the order of bytes of this machine */
	};
	const char *name;
};

enum { NFT_EXPRESSIONS = 12 };

struct nft_rule {
	const char *chain;
	struct nft_expression expressions[NFT_EXPRESSIONS]; /* up to NFT_OP_END */
};

struct nft_table {
	uint8_t family; /* NFPROTO_INET, NFPROTO_BRIDGE */
	const char *name;
	const struct nft_set *sets;
	const struct nft_chain *chains;
	const struct nft_rule *rules;
	size_t n_sets, n_chains, n_rules;
};

void nft_begin(struct nl_batch *b);
void nft_commit(struct nl_batch *b);

/* The table with all that is in it. One that is there is emptied; -EEXIST: it has other sets or chains by these names. */
void nft_add_table(struct nl_batch *b, const struct nft_table *t);
/* Whether it is there or not. */
void nft_remove_table(struct nl_batch *b, const struct nft_table *t);

/* Not of a transaction. -ENOENT: there is none of its name. */
int nft_find_table(struct nl *s, const struct nft_table *t, struct err *e);

/* An element of the set @set of @table. The key is filled up to the length of the set's. */
struct nft_element {
	const struct nft_table *table;
	const struct nft_set *set;
	uint8_t key[NFT_KEY_MAX], end[NFT_KEY_MAX]; /* end: of an interval */
	uint8_t data[NFT_DATA_LEN_MAX];
};

/* @name is one of the table's. */
const struct nft_set *nft_find_set(const struct nft_table *t, const char *name);
/* Bytes of the fields together, each filled up to 4 when there are several. */
size_t nft_length(const uint8_t fields[NFT_FIELDS]);
/* Where the field begins. */
size_t nft_offset(const uint8_t fields[NFT_FIELDS], size_t field);

/* Those that are there already are no error, unless a map's leads elsewhere: -EEXIST. */
void nft_add_elements(struct nl_batch *b, const struct nft_element *x, size_t n);
/* Those that are gone already are no error. */
void nft_remove_elements(struct nl_batch *b, const struct nft_element *x, size_t n);

#endif
