/*
 * What CRIU puts into a container's network namespace so that no packet comes or goes while it saves connections, and what
 * stays there when it is killed: a table of nf_tables, or with iptables a chain that INPUT and OUTPUT jump to. CRIU does so for
 * a dump alone: for a restore to a new namespace net_lock (netns.h) puts such a table there.
 */
#ifndef NETNS_CRIU_LOCK_H
#define NETNS_CRIU_LOCK_H

#include "netns/netlink.h"

/* Removes all of it that is there. @s: NETLINK_NETFILTER of that namespace. Returns 1 when there was any, 0, -errno. */
int criu_lock_remove(struct nl *s, struct err *e);

#endif
