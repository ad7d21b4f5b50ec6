/* What a definition must be, whoever wrote it. */
#ifndef NETNS_NETWORK_CHECK_H
#define NETNS_NETWORK_CHECK_H

#include "netns/network.h"

/*
 * Takes what the options say into the members, fills the ranges and the mode, and checks everything. -EINVAL;
 * *ret_member is then the path of what is wrong: "subnets[0].gateway".
 */
int network_check(struct network *x, struct arena *a, const char **ret_member, struct err *e);

/* Letters, digits, "_", "." and "-", and none that means something else behind --network. -EINVAL. */
int network_check_name(const char *name, struct err *e);

#endif
