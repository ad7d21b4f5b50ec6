#include "netns/session.h"

#include "lib/fd.h"
#include "netns/bridge.h"
#include "netns/endpoint.h"

#include <errno.h>
#include <linux/netlink.h>
#include <sys/file.h>

void session_close(struct session *s)
{
	nl_close(&s->route);
	if (s->net->filter < 0)
		s->net->filter = take_fd(&s->filter.fd);
	nl_close(&s->filter);
}

int session_route(struct session *s, struct err *e)
{
	return s->route.fd >= 0 ? 0 : nl_open(NETLINK_ROUTE, -1, &s->route, e);
}

int session_filter(struct session *s, struct err *e)
{
	if (s->filter.fd >= 0)
		return 0;
	if (s->net->filter < 0)
		return nl_open(NETLINK_NETFILTER, -1, &s->filter, e);
	s->filter = (struct nl){ .fd = take_fd(&s->net->filter) };
	return 0;
}

int session_alone(struct session *s, struct err *e)
{
	while (flock(s->net->lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_set(e, errno, "networks: lock");
	return 0;
}

/* What stands: networks that containers are in, and all containers that have a record. */
static int list_all(struct session *s, struct firewall_all *all, struct err *e)
{
	struct net_endpoint *endpoints;
	struct network *networks;

	if (bridge_list_attached(s->net, s->arena, &networks, &all->n_networks, e) < 0 ||
	    endpoint_list(s->net, s->arena, &endpoints, &all->n_endpoints, e) < 0)
		return -e->code;
	all->networks = networks;
	all->endpoints = endpoints;
	return 0;
}

int session_rebuild(struct session *s, struct err *e)
{
	struct firewall_all all = { 0 };

	if (session_alone(s, e) < 0 || session_filter(s, e) < 0 || list_all(s, &all, e) < 0)
		return -e->code;
	return firewall_rebuild(&s->filter, &all, e);
}

int session_add_network(struct session *s, const struct network *x, struct err *e)
{
	if (session_filter(s, e) < 0)
		return -e->code;
	int r = firewall_add_network(&s->filter, x, e);
	if (r != -ENOENT)
		return r;
	/* The rebuilding knows nothing of this network yet. */
	r = session_rebuild(s, e);
	return r < 0 ? r : firewall_add_network(&s->filter, x, e);
}

int session_add_endpoint(struct session *s, const struct net_endpoint *x, struct err *e)
{
	if (session_filter(s, e) < 0)
		return -e->code;
	int r = firewall_add_endpoint(&s->filter, x, e);
	if (r != -ENOENT)
		return r;
	r = session_rebuild(s, e);
	return r < 0 ? r : firewall_add_endpoint(&s->filter, x, e);
}
