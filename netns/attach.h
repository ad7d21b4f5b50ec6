/* What a container's new links will be, before anything is taken or made. */
#ifndef NETNS_ATTACH_H
#define NETNS_ATTACH_H

#include "netns/session.h"

/* A container while links are being added to it: those before @first are there already. */
struct attaching {
	struct session *session;
	const struct net_request *requests; /* of the new links */
	struct net_endpoint *endpoint;
	struct network *networks; /* of the new links */
	int *masters; /* indexes of what their interfaces are made on */
	size_t first;
	int netns;
};

static inline size_t attach_n(const struct attaching *x)
{
	return x->endpoint->n_links - x->first;
}

/*
 * Adds to the endpoint a link for each of @n requests, with all but its addresses, and loads their networks. -ENOENT: no such
 * network; -EEXIST: the container is in it already, or has such an interface; -EINVAL: what the network cannot do.
 */
int attach_plan(struct attaching *x, size_t n, struct err *e);

/* -EINVAL: there is no network to publish them by. */
int attach_check_ports(const struct attaching *x, size_t n_ports, struct err *e);

/* The network's subnet of a family, or NULL. */
const struct net_subnet *attach_subnet(const struct network *x, int family);

#endif
