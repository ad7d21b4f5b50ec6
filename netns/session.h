/* What one call of netns.h works with: the lock, sockets that are opened when they are needed, and rules that may be gone. */
#ifndef NETNS_SESSION_H
#define NETNS_SESSION_H

#include "netns/firewall.h"
#include "netns/netlink.h"
#include "netns/netns.h"

struct session {
	struct net *net;
	struct arena *arena;
	struct nl route, filter; /* of this machine */
};
#define SESSION_INIT(n, a) ((struct session){ (n), (a), NL_INIT, NL_INIT })
void session_close(struct session *s); /* its filter goes on to be the net's */
#define cleanup_session __attribute__((cleanup(session_close)))

int session_route(struct session *s, struct err *e); /* opens what is not open yet */
int session_filter(struct session *s, struct err *e);

/*
 * From here on with the lock alone. What was known before must be found out again: others may have had it in between, for a
 * lock cannot be exchanged without being let go.
 */
int session_alone(struct session *s, struct err *e);

/* Rules, of a ruleset that somebody may have flushed: then all are made anew, which takes the lock alone. */
int session_add_network(struct session *s, const struct network *x, struct err *e);
int session_add_endpoint(struct session *s, const struct net_endpoint *x, struct err *e);
int session_rebuild(struct session *s, struct err *e);

#endif
