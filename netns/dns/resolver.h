/*
 * The resolver: one small process for all networks, which answers containers' questions.
 *
 * It keeps nothing: a name is looked up among the links below STATE/networks/NET/names at each question, so that
 * there is nothing to tell it when containers come and go, and nothing it could have wrong. Who asks is known by the
 * socket (the network) and the address (the container, and so the other networks that it is in, whose names it can
 * ask for, too). What is no name is passed on to the name servers of the container, of the network, or of the host;
 * never for a container that is in internal networks alone.
 *
 * It starts with the first network that resolves names and ends when the last is taken from it. It has no
 * capabilities, a user id of its own, reads nothing but STATE and resolv.conf, and has a seccomp filter; sockets are
 * bound by who makes a bridge, and handed over at STATE/resolver, a SOCK_SEQPACKET socket.
 */
#ifndef NETNS_DNS_RESOLVER_H
#define NETNS_DNS_RESOLVER_H

#include "netns/netns.h"

/* Names are also found with this behind them, which is what a container's resolv.conf has as "search". */
#define RESOLVER_DOMAIN "ferry.internal"

/*
 * Has port 53 of the network's gateways answered, starting the resolver when there is none. The bridge has its
 * addresses already. Does nothing for a network that is served already, or has no names to be resolved. Returns once
 * questions are answered.
 */
int resolver_serve(const struct net *n, const struct network *x, struct err *e);

/*
 * For a network that was served before: starts the resolver again when somebody has ended it. Asks nobody else, so
 * that it costs next to nothing, however busy the machine is.
 */
int resolver_keep(const struct net *n, const struct network *x, struct err *e);

/* No longer. Nothing served is no error. */
int resolver_leave(const struct net *n, const char *network, struct err *e);

/* Ends the resolver, whatever it does. None there is no error. All that it served is to be handed over anew. */
int resolver_stop(const struct net *n, struct err *e);

#endif
