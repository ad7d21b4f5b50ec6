/* The two tables, as values. Sets and maps are found by name (nft_find_set). */
#ifndef NETNS_FIREWALL_RULES_H
#define NETNS_FIREWALL_RULES_H

#include "netns/nft.h"

extern const struct nft_table firewall_inet, firewall_bridge;

#endif
