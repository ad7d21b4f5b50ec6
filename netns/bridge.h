/*
 * What a network has on the machine while containers are in it: its bridge with the gateways' addresses, its rules, and
 * somebody who answers for names. It comes with the first container and goes some time after the last.
 *
 * Who is in a network is a link in STATE/networks/NET/attached, and that directory is there only while all of the above
 * stands: it is made after it, and removed before it. So the file system decides, by one call each and whatever the number
 * of containers: a container that finds no directory to put its link into must first make the network stand; who has seen
 * to one that left, and can remove the directory, must take the network down. Both is done with the lock alone.
 * Others may have had the lock between the two calls (session_alone): the second one then finds the directory again and
 * leaves the network standing, or finds that there is none and makes it stand. Neither is ever done under those who hold the
 * lock shared, which is from before they put their link there until their interface is a port of the bridge.
 *
 * A process that is killed in between leaves no directory but a network that stands, in whole or in part. The next container
 * makes of it what is missing; whoever sees to the next that leaves, or net_reload, takes it down.
 */
#ifndef NETNS_BRIDGE_H
#define NETNS_BRIDGE_H

#include "netns/session.h"

#include <stdbool.h>

/*
 * Puts @key into the network, making it stand when it does not. *ret_index: the interface that the container's is made on,
 * the bridge or the parent. May take the lock alone.
 */
int bridge_join(struct session *s, const struct network *x, const char *key, int *ret_index, struct err *e);

/* Takes it out; the network stands. */
int bridge_leave(struct session *s, const char *network, const char *key, struct err *e);

/* Takes the network down when nobody is in it. May take the lock alone. */
int bridge_drop(struct session *s, const char *network, struct err *e);

/* Is anybody in it, as far as is known? And all of those, but what is defined no more. */
bool bridge_is_attached(const struct net *n, const char *network);
int bridge_list_attached(const struct net *n, struct arena *a, struct network **ret, size_t *ret_n, struct err *e);

/* With the lock alone. Makes it stand, or what of it does not; takes it down, or what of it stands. */
int bridge_raise(struct session *s, const struct network *x, int *ret_index, struct err *e);
int bridge_lower(struct session *s, const char *network, struct err *e);

/*
 * When no network stands: the tables of nftables go, and settings of the kernel become what they were. True: none stands; that
 * something cannot be undone is no error. bridge_lower does it after the last. With the lock alone.
 */
bool bridge_leave_machine(struct session *s);

#endif
