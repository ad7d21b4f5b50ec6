/* What the commands of `ferry network` share. */
#ifndef RUNTIME_CLI_NETWORK_H
#define RUNTIME_CLI_NETWORK_H

#include "lib/json.h"
#include "netns/netns.h"
#include "runtime/launch/launched.h"

/* What containers want of networks, and what they have at the moment. */
struct network_use {
	struct launched *launched; /* those below the state root; they need not run */
	size_t n_launched;
	struct net_endpoint *endpoints; /* everybody's, but of those that are gone */
	size_t n_endpoints;
};

/*
 * Opens the networks with the lock alone, and finds out who uses them. Containers are listed before that, since what is
 * removed then wants the lock. Everything is in rt->arena.
 */
int network_use_load(struct runtime *rt, struct net *ret_net, struct network_use *ret, struct err *e);

/* The link of a container in the network, or NULL. */
const struct net_link *network_link(const struct net_endpoint *x, const char *network);
bool network_is_wanted(const struct launched *l, const char *network);
bool network_is_used(const struct network_use *u, const char *network);

/* `"db", "web"`: the containers that use it, each once; NULL: none. In the arena. */
const char *network_users(const struct network_use *u, const char *network, struct arena *a);

/* The name of a container that has something, for people. */
const char *network_user_name(const struct net_endpoint *x);

/* As a definition stands in its file, in the arena. */
int network_document(const struct network *x, struct arena *a, struct json *ret, struct err *e);

#endif
