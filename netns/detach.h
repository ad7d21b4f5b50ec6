/* Undoing: what attaching does, in reverse, or what of it was done. Nothing there is no error; all of it is tried. */
#ifndef NETNS_DETACH_H
#define NETNS_DETACH_H

#include "netns/session.h"

/* Addresses and ports. */
int detach_claims(struct session *s, const struct net_endpoint *x, struct err *e);

/* One link; the record then has the others. With the lock alone. */
int detach_link(struct session *s, const struct net_endpoint *x, size_t i, struct err *e);

/* All of it, and the record. */
int detach_endpoint(struct session *s, const struct net_endpoint *x, struct err *e);

/* By what a record says, also one that is not whole. */
int detach_key(struct session *s, const char *key, struct err *e);

/* What killed processes have left of those that had given back what they had, as far as it can be done. */
void detach_left(struct session *s);

#endif
