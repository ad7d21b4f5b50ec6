/*
 * A container's record, STATE/endpoints/KEY.json: written before what it names is made, removed after all of it is gone, in
 * the end from another place (leaving.h).
 */
#ifndef NETNS_ENDPOINT_H
#define NETNS_ENDPOINT_H

#include "netns/netns.h"

#include <stdbool.h>

enum { ENDPOINT_KEY = 12 }; /* hexadecimal digits */

/* Made of the owner's path: the same owner always has the same. */
const char *endpoint_key(const char *owner, struct arena *a);

/* "fv" and a number that no other has had: what lingers of one that is gone is never taken for another's. */
int endpoint_host_link(struct arena *a, const char **ret, struct err *e);

/* By which an interface that is in the container alone is known besides its name, as no other is: "fm" and twelve digits. */
const char *endpoint_inner_link(const char *key, const char *interface, struct arena *a);

/*
 * A record that is not whole: the owner alone. It is there before anything is taken for the container, and while there is
 * none of its interfaces yet. -EEXIST: there is a record.
 */
int endpoint_begin(const struct net *n, const char *key, const char *owner, struct err *e);

/*
 * More is about to be taken than the record says, for one more network; and now it says all. In between the container may
 * have more than is written down. The first returns 1, or 0 when it has been so before.
 */
int endpoint_begin_more(const struct net *n, const char *key, struct err *e);
int endpoint_end_more(const struct net *n, const char *key, struct err *e);
bool endpoint_has_more(const struct net *n, const char *key);

/* Whose record it is, also one that is not whole; NULL: that is not written yet. */
const char *endpoint_owner(const struct net *n, const char *key, struct arena *a);

/*
 * With the link KEY beside it, whose target is "NET,NET SERVER,SERVER": its networks in their order, a space, its own name
 * servers or nothing. Both are replaced whole.
 */
int endpoint_save(const struct net *n, const struct net_endpoint *x, struct err *e);
/* -ENOENT: there is none. One that is not whole is -EINVAL. */
int endpoint_load(const struct net *n, const char *key, struct arena *a, struct net_endpoint *ret, struct err *e);
int endpoint_read(const struct net *n, const char *path, const char *key, struct arena *a, struct net_endpoint *ret,
		  struct err *e); /* one that is at another path */
/* The keys of all, also of those that are not whole; and all that are whole. */
int endpoint_keys(const struct net *n, struct arena *a, const char ***ret, size_t *ret_n, struct err *e);
int endpoint_list(const struct net *n, struct arena *a, struct net_endpoint **ret, size_t *ret_n, struct err *e);

/* Its file; -ENOENT: there is none. And away with it, to another path, after all that is beside it. */
int endpoint_open(const struct net *n, const char *key, struct err *e);
int endpoint_move(const struct net *n, const char *key, const char *to, struct err *e);

#endif
