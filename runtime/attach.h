/*
 * A container on its networks: attached at its start, in the process that starts it, and detached at its end. The record says
 * so before anything of it is made (container.h), so that whoever removes a container knows.
 */
#ifndef RUNTIME_ATTACH_H
#define RUNTIME_ATTACH_H

#include "netns/netns.h"
#include "runtime/container.h"

/* What a start is asked for. */
struct create_network {
	const struct net_container *container;
	/* Called once it is attached, before its program runs: for the files that say so. */
	int (*attached)(const struct net *n, const struct net_endpoint *x, void *data, struct err *e);
	void *data;
};

/* The network namespace of the process; -ESRCH when that has ended. The caller's. */
int container_netns(pid_t pid, int pidfd, struct err *e);

/* Has the configuration join the network namespace of container @id, which must run. */
int container_join_network(struct runtime *rt, const char *id, struct spec *s, struct err *e);

/* On failure nothing of it stays, but what @attached did. *ret_late: as in struct run_handles. */
int container_attach(struct runtime *rt, const struct create_network *x, int netns, int *ret_late, struct err *e);

/* Gives back all that it has: addresses, ports, rules, names. Nothing there is no error. */
int container_detach(struct runtime *rt, const struct container *c, struct err *e);

/* The same in two steps: nobody has to wait for the second (net_release). */
int container_release(struct runtime *rt, const struct container *c, struct net_leaving *ret, struct err *e);
int container_settle(struct runtime *rt, struct net_leaving *l, struct err *e);

/* Its directory, absolute: who it is to the networks. In rt->arena. */
const char *container_path(struct runtime *rt, const char *id);

#endif
