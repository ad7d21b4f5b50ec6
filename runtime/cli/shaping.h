/* How launch's options slow a container's network down. */
#ifndef RUNTIME_CLI_SHAPING_H
#define RUNTIME_CLI_SHAPING_H

#include "netns/netns.h"

/* The texts of --network-rate and its like; NULL: not given. */
struct cli_shaping {
	const char *rate, *burst, *delay, *jitter, *loss;
};

int cli_shaping(const struct cli_shaping *o, struct net_shaping *ret, struct err *e);

#endif
