/*
 * Who has which address, name and port: the links of netns.h. Each is taken by one system call, so that many can take at
 * once; a link whose container has no record is nobody's once the lock is held alone.
 */
#ifndef NETNS_LEASE_H
#define NETNS_LEASE_H

#include "netns/netns.h"

/*
 * An address of the subnet for @key: @wanted (family 0: any). The search begins behind the one that was given last, so that an
 * address is not used again at once, and passes what is reserved: network, gateway, broadcast. *ret has the subnet's prefix
 * length. -EADDRINUSE: who has it; -EINVAL: it is outside of the subnet, or reserved; -ENOSPC: all are taken.
 */
int lease_take(const struct net *n, const struct network *x, const struct net_subnet *subnet,
	       const struct net_address *wanted, const char *key, struct net_address *ret, struct err *e);
/* What is -EINVAL in that, without taking it. */
int lease_check(const struct net_subnet *s, const struct net_address *wanted, struct err *e);
/* Only if @key has it. Nothing there is no error. */
int lease_release(const struct net *n, const char *network, const struct net_address *x, const char *key,
		  struct err *e);

/* What the resolver answers: the container's name and aliases in one network, in lower case. Several may have the same. */
int names_add(const struct net *n, const char *network, const char *name, const struct net_link *l, const char *key,
	      struct err *e);
int names_remove(const struct net *n, const char *network, const char *name, const struct net_link *l, const char *key,
		 struct err *e);

/*
 * Publishes: chooses host ports where NET_PORT_ANY is said (32768 to 60999, one that nobody listens on), in *p. -EADDRINUSE: the
 * container that has it already, or that a program of this machine listens there. An address and "every address" clash.
 */
int ports_take(const struct net *n, struct net_port *p, const char *key, struct err *e);
int ports_release(const struct net *n, const struct net_port *p, const char *key, struct err *e);

/* With the lock alone: whatever is @key's, or of keys without a record when @key is NULL. */
int leases_sweep(const struct net *n, const char *key, struct arena *a, struct err *e);

#endif
