/*
 * What the kernel remembers of connections (nf_conntrack). Rules see the first packet of one alone; UDP has no first packet, so
 * that a client which goes on and on sending would never reach a port that is published now, nor its container once it has
 * been started again with another address.
 */
#ifndef NETNS_CONNTRACK_H
#define NETNS_CONNTRACK_H

#include "netns/netlink.h"
#include "netns/netns.h"

/* Forgets what comes to these ports of the host by UDP. @s: NETLINK_NETFILTER. A kernel that cannot be asked is no error. */
int conntrack_forget(struct nl *s, const struct net_port *ports, size_t n, struct err *e);

#endif
