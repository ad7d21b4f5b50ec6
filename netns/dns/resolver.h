/*
 * The resolver: one small process for all networks, which answers containers' questions.
 *
 * It keeps nothing: a name is looked up among the links below STATE/networks/NET/names at each question, so that there is
 * nothing to tell it when containers come and go, and nothing it could have wrong. What is no name of the network is
 * passed on to the name servers of the container, of the network, or of the host; never from an internal network.
 *
 * It starts with the first network that resolves names and ends when the last socket is taken from it. It has no
 * capabilities, sees nothing of the file system but STATE, and a seccomp filter; sockets are bound by who makes a bridge, and
 * handed over at STATE/resolver, a SOCK_SEQPACKET socket.
 */
#ifndef NETNS_DNS_RESOLVER_H
#define NETNS_DNS_RESOLVER_H

#include "netns/netns.h"

/*
 * Has port 53 of the network's gateways answered, starting the resolver when there is none. The bridge has its addresses
 * already. Does nothing for a network that is served already. Returns once questions are answered.
 */
int resolver_serve(const struct net *n, const struct network *x, struct err *e);

/* No longer. Nothing served is no error. */
int resolver_leave(const struct net *n, const char *network, struct err *e);

#endif
