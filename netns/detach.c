#include "netns/detach.h"

#include "lib/fd.h"
#include "netns/bridge.h"
#include "netns/claim.h"
#include "netns/endpoint.h"
#include "netns/lease.h"
#include "netns/leaving.h"
#include "netns/link.h"

#include <errno.h>
#include <string.h>

/* The first of several errors is the one that is told. */
static void keep_first(int *r, int next, struct err *e, const struct err *of_next)
{
	if (*r == 0 && next < 0) {
		*r = next;
		*e = *of_next;
	}
}

/* ---- the steps ---- */

static int remove_names(struct session *s, const struct net_endpoint *x, struct err *e)
{
	struct err later;
	int r = 0;

	for (size_t i = 0; i < x->n_links; i++)
		keep_first(&r, names_remove(s->net, x->links[i].network, x->name, &x->links[i], x->key, &later), e, &later);
	return r;
}

/* Of what comes to it from outside. */
static int remove_ports(struct session *s, const struct net_endpoint *x, struct err *e)
{
	if (x->n_ports == 0)
		return 0;
	if (session_filter(s, e) < 0)
		return -e->code;
	int r = firewall_remove_ports(&s->filter, x, e);
	return r == -ENOENT ? 0 : r;
}

/* Of its interfaces: those that are others' by now are not its ports. */
static int remove_rules(struct session *s, const struct net_endpoint *x, struct err *e)
{
	struct net_endpoint links = *x;

	links.n_ports = 0;
	if (session_filter(s, e) < 0)
		return -e->code;
	int r = firewall_remove_endpoint(&s->filter, &links, e);
	return r == -ENOENT ? 0 : r;
}

/*
 * When the container's namespace has ended, as it has soon after its processes, the kernel removes its pairs: to do it here, too,
 * would be to wait for that, which takes many times as long as all the rest. Who asks only this does not wait.
 */
static int remove_host_links(struct session *s, const struct net_endpoint *x, struct err *e)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	int ended = 0;

	for (size_t i = 0; i < x->n_links; i++)
		if (x->links[i].host_link)
			link_remove(&b, x->links[i].host_link);
	if (b.n == 0)
		return 0;
	if (session_route(s, e) < 0)
		return -e->code;
	if (x->netns >= 0)
		ended = link_netns_ended(&s->route, x->netns, e);
	return ended == 0 ? nl_send(&s->route, &b, e) : ended < 0 ? ended : 0;
}

/* Those of macvlan and ipvlan have no end here; they go with the container's namespace, unless somebody keeps that. */
static int remove_inner_links(struct session *s, const struct net_endpoint *x, struct err *e)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;

	for (size_t i = 0; x->netns >= 0 && i < x->n_links; i++)
		if (!x->links[i].host_link)
			link_remove_within(&b, x->netns, endpoint_inner_link(x->key, x->links[i].interface, s->arena));
	if (b.n == 0)
		return 0;
	if (session_route(s, e) < 0)
		return -e->code;
	int r = nl_send(&s->route, &b, e);
	return r == -EINVAL ? 0 : r; /* there is no such namespace any more */
}

int detach_claims(struct session *s, const struct net_endpoint *x, struct err *e)
{
	struct err later;
	int r = 0;

	for (size_t i = 0; i < x->n_ports; i++)
		keep_first(&r, ports_release(s->net, &x->ports[i], x->key, &later), e, &later);
	for (size_t i = 0; i < x->n_links; i++) {
		const struct net_link *l = &x->links[i];
		for (int j = 0; j < 2; j++)
			if (l->addresses[j].family)
				keep_first(&r, lease_release(s->net, l->network, &l->addresses[j], x->key, &later), e, &later);
	}
	return r;
}

static int leave_all(struct session *s, const struct net_endpoint *x, struct err *e)
{
	for (size_t i = 0; i < x->n_links; i++)
		if (bridge_leave(s, x->links[i].network, x->key, e) < 0)
			return -e->code;
	return 0;
}

static int lower_all(struct session *s, const struct net_endpoint *x, struct err *e)
{
	struct err later;
	int r = 0;

	for (size_t i = 0; i < x->n_links; i++)
		keep_first(&r, bridge_drop(s, x->links[i].network, &later), e, &later);
	return r;
}

/* ---- together ---- */

/* What others may want; with interfaces that are neighbours of theirs for as long as they have their addresses. */
static int give_back(struct session *s, const struct net_endpoint *x, struct err *e)
{
	struct err later;
	int r = leave_all(s, x, e);

	keep_first(&r, remove_names(s, x, &later), e, &later);
	keep_first(&r, remove_ports(s, x, &later), e, &later);
	keep_first(&r, remove_inner_links(s, x, &later), e, &later);
	keep_first(&r, detach_claims(s, x, &later), e, &later);
	return r;
}

/* And the rest. The rules go last: what still lives on an interface is held to them. */
static int remove_rest(struct session *s, const struct net_endpoint *x, struct err *e)
{
	struct err later;
	int r = remove_host_links(s, x, e);

	keep_first(&r, remove_rules(s, x, &later), e, &later);
	keep_first(&r, lower_all(s, x, &later), e, &later);
	return r;
}

struct leaving_key {
	struct session *session;
	const char *key;
};

static int leave_one(const char *network, const char *target, void *data, struct err *e)
{
	const struct leaving_key *l = data;

	(void)target;
	return bridge_leave(l->session, network, l->key, e) < 0 ? -e->code : bridge_drop(l->session, network, e);
}

/* What it has is not written down, or not all of it: everything is looked through. Interfaces are, always. */
static int sweep_key(struct session *s, const char *key, struct err *e)
{
	struct leaving_key l = { s, key };

	if (session_alone(s, e) < 0 || leases_sweep(s->net, key, s->arena, e) < 0)
		return -e->code;
	return claim_each(s->net->state, "networks", leave_one, &l, e);
}

static int release(struct session *s, const struct net_endpoint *x, struct net_leaving *ret, struct err *e)
{
	bool more = endpoint_has_more(s->net, x->key);

	*ret = NET_LEAVING_INIT;
	/* Those who have the lock alone in between see the record, and put things right again. */
	if ((more && session_alone(s, e) < 0) || give_back(s, x, e) < 0 || (more && sweep_key(s, x->key, e) < 0))
		return -e->code;
	return leaving_begin(s->net, x->key, ret, e);
}

static int release_key(struct session *s, const char *key, struct net_leaving *ret, struct err *e)
{
	struct net_endpoint x;

	*ret = NET_LEAVING_INIT;
	int r = endpoint_load(s->net, key, s->arena, &x, e);
	if (r == 0)
		return release(s, &x, ret, e);
	if (r != -EINVAL)
		return r == -ENOENT ? 0 : r;
	return sweep_key(s, key, e) < 0 ? -e->code : leaving_begin(s->net, key, ret, e);
}

static int drop_one(const char *network, const char *target, void *data, struct err *e)
{
	(void)target;
	return bridge_drop(data, network, e);
}

static int settle(struct net_leaving *l, void *data, struct err *e)
{
	struct session *s = data;
	struct net_endpoint x;

	int r = l->fd < 0 ? -ENOENT : leaving_load(s->net, l, s->arena, &x, e);
	if (r == -ENOENT)
		return 0;
	/* One that is not whole has no interfaces yet, but networks may stand for it. */
	if (r == 0)
		r = remove_rest(s, &x, e);
	else if (r == -EINVAL)
		r = claim_each(s->net->state, "networks", drop_one, s, e);
	return r < 0 ? r : leaving_end(s->net, l, e);
}

int detach_endpoint(struct session *s, const struct net_endpoint *x, struct err *e)
{
	struct net_leaving l;

	int r = release(s, x, &l, e);
	if (r == 0)
		r = remove_rest(s, x, e);
	if (r == 0 && l.fd >= 0)
		r = leaving_end(s->net, &l, e);
	close_fd(&l.fd);
	return r;
}

int detach_key(struct session *s, const char *key, struct err *e)
{
	struct net_leaving l;

	int r = release_key(s, key, &l, e);
	if (r == 0)
		r = settle(&l, s, e);
	close_fd(&l.fd);
	return r;
}

/* Others are not kept from anything by what cannot be done for this one. */
static int settle_left(struct net_leaving *l, void *data, struct err *e)
{
	struct err ignored;

	(void)e;
	settle(l, data, &ignored);
	return 0;
}

void detach_left(struct session *s)
{
	struct err ignored;

	leaving_each(s->net, settle_left, s, &ignored);
}

int net_detach(struct net *n, const char *owner, struct arena *a, struct err *e)
{
	cleanup_session struct session s = SESSION_INIT(n, a);

	int r = detach_key(&s, endpoint_key(owner, a), e);
	detach_left(&s);
	return r < 0 ? err_wrap(e, "detach from networks") : 0;
}

int net_release(struct net *n, const char *owner, struct arena *a, struct net_leaving *ret, struct err *e)
{
	cleanup_session struct session s = SESSION_INIT(n, a);

	return release_key(&s, endpoint_key(owner, a), ret, e) < 0 ? err_wrap(e, "detach from networks") : 0;
}

int net_settle(struct net *n, struct net_leaving *l, struct arena *a, struct err *e)
{
	cleanup_session struct session s = SESSION_INIT(n, a);

	int r = settle(l, &s, e);
	close_fd(&l->fd);
	detach_left(&s);
	return r < 0 ? err_wrap(e, "detach from networks") : 0;
}

/* ---- one network less ---- */

static size_t find_link(const struct net_endpoint *x, const char *network)
{
	size_t i = 0;

	while (i < x->n_links && strcmp(x->links[i].network, network) != 0)
		i++;
	return i;
}

/* Published ports stay, by another network when they were by this one. */
static int change_rules(struct session *s, const struct net_endpoint *before, const struct net_endpoint *after,
			struct err *e)
{
	if (session_filter(s, e) < 0)
		return -e->code;
	int r = firewall_change_endpoint(&s->filter, before, after, e);
	if (r != -ENOENT)
		return r;
	r = session_rebuild(s, e);
	return r < 0 ? r : firewall_change_endpoint(&s->filter, before, after, e);
}

int detach_link(struct session *s, const struct net_endpoint *x, size_t i, struct err *e)
{
	struct net_endpoint one = *x, others = *x;

	one.links = arena_dup(s->arena, &x->links[i], sizeof(*one.links));
	one.n_links = 1;
	one.n_ports = 0;
	others.links = arena_dup(s->arena, x->links, x->n_links * sizeof(*x->links));
	others.n_links--;
	memmove(&others.links[i], &others.links[i + 1], (others.n_links - i) * sizeof(*x->links));

	/* Until it is written down those who have the lock alone would put it right again. */
	if (session_alone(s, e) < 0 || (x->n_ports && change_rules(s, x, &others, e) < 0) || give_back(s, &one, e) < 0 ||
	    remove_rest(s, &one, e) < 0)
		return -e->code;
	return endpoint_save(s->net, &others, e);
}

int net_disconnect(struct net *n, const char *owner, const char *network, struct arena *a, struct err *e)
{
	cleanup_session struct session s = SESSION_INIT(n, a);
	struct net_endpoint x;

	int r = endpoint_load(n, endpoint_key(owner, a), a, &x, e);
	if (r == 0) {
		size_t i = find_link(&x, network);
		r = i < x.n_links ? detach_link(&s, &x, i, e) : err_say(e, ENOENT, "the container is not in it");
	}
	return r < 0 ? err_wrap(e, "disconnect from the network \"%s\"", network) : 0;
}
