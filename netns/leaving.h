/*
 * Records of containers that have given back what others may want (net_release), while their interfaces may be there still,
 * and networks that nobody is in: STATE/leaving/KEY.NUMBER, which was STATE/endpoints/KEY.json. Whoever sees to one holds it
 * locked (flock). One that nobody holds is what a killed process has left, and anybody's to be seen to.
 */
#ifndef NETNS_LEAVING_H
#define NETNS_LEAVING_H

#include "netns/netns.h"

/* Moves the container's record there. None there is no error: ret->fd is -1. */
int leaving_begin(const struct net *n, const char *key, struct net_leaving *ret, struct err *e);

/* As endpoint_load. */
int leaving_load(const struct net *n, const struct net_leaving *l, struct arena *a, struct net_endpoint *ret,
		 struct err *e);

/* Removes it. */
int leaving_end(const struct net *n, struct net_leaving *l, struct err *e);

/* Calls @each with every one that nobody holds. */
typedef int leaving_each_fn(struct net_leaving *l, void *data, struct err *e);
int leaving_each(const struct net *n, leaving_each_fn *each, void *data, struct err *e);

#endif
