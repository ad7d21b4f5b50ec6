/* The networks that every command and launch use. They are the host's, wherever --root keeps containers' state. */
#ifndef RUNTIME_NETWORKS_H
#define RUNTIME_NETWORKS_H

#include "netns/netns.h"

/*
 * Opens them (net_open): definitions in /var/lib/ferry/networks, what containers have in /run/ferry/.networks. -EPERM
 * without CAP_NET_ADMIN, with what to do.
 */
int networks_check_rights(struct err *e); /* that alone */
int networks_open(bool alone, struct net *ret, struct err *e);

#endif
