/* Networks of launched containers, from launch.json to netns/: attach.c. */
#ifndef RUNTIME_LAUNCH_NETWORK_H
#define RUNTIME_LAUNCH_NETWORK_H

#include "runtime/attach.h"
#include "runtime/launch/launched.h"

int launch_net_request(const struct launched_attachment *x, struct net_request *ret, struct err *e);
int launch_net_container(struct runtime *rt, const struct launched *l, struct net_container *ret, struct err *e);

/* What a start asks for, in rt->arena; *ret NULL: nothing. @hostname: NULL: the machine's. */
int launch_attach_plan(struct runtime *rt, const struct launched *l, const char *hostname,
		       const struct create_network **ret, struct err *e);

/*
 * /etc/hosts and /etc/resolv.conf of a container that has what @x says: in place, since they are mounted in it. Where launch
 * did not make these files, nothing is done.
 */
int launch_write_names(const struct net *n, const struct launched *l, const char *hostname, const struct net_endpoint *x,
		       struct err *e);

/* It has another name now: others on its networks know it by that. */
int launch_renamed(struct runtime *rt, const struct launched *l, struct err *e);

/* A name that the resolver can be asked for: itself; else NULL. Container ids may have a '+', for example. */
const char *launch_resolvable(const char *name);

/* The words of pasta(1) but for the pid; NULL: it is not wanted. */
const char *const *launch_pasta(const struct launched *l, struct arena *a);

/* "NAME" as people may call it: other words for the default network. */
const char *launch_network_name(const char *name);

/*
 * One network more or one less: connect.c. -EEXIST, -ENOENT: it is in it already, or not at all. @force: it is enough that it
 * is not in it any more.
 */
int launch_connect(struct runtime *rt, const struct launched *l, const struct launched_attachment *a, struct err *e);
int launch_disconnect(struct runtime *rt, const struct launched *l, const char *network, bool force, struct err *e);

/* The same, from what the command line says; checked as launch checks it. */
struct launch_options;
int launch_plan_attachment(const char *network, const struct launch_options *o, struct arena *a,
			   struct launched_attachment *ret, struct err *e);

#endif
