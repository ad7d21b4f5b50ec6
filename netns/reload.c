#include "netns/bridge.h"
#include "netns/claim.h"
#include "netns/detach.h"
#include "netns/dns/resolver.h"
#include "netns/endpoint.h"
#include "netns/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int net_endpoint_load(const struct net *n, const char *owner, struct arena *a, struct net_endpoint *ret, struct err *e)
{
	return endpoint_load(n, endpoint_key(owner, a), a, ret, e);
}

int net_endpoints(const struct net *n, struct arena *a, struct net_endpoint **ret, size_t *ret_n, struct err *e)
{
	return endpoint_list(n, a, ret, ret_n, e);
}

/* Nobody is about to write a record: that is done with the lock shared. */
static int detach_ownerless(struct session *s, struct err *e)
{
	const char **keys;
	size_t n;

	if (endpoint_keys(s->net, s->arena, &keys, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++) {
		const char *owner = endpoint_owner(s->net, keys[i], s->arena);
		if ((!owner || faccessat(AT_FDCWD, owner, F_OK, AT_SYMLINK_NOFOLLOW) < 0) && detach_key(s, keys[i], e) < 0)
			return -e->code;
	}
	return 0;
}

/* Those who are in a network by their records, and no others, stand in its directory. */
struct members {
	struct session *session;
	const char *network;
};

static int drop_member(const char *key, const char *target, void *data, struct err *e)
{
	const struct members *m = data;

	(void)target;
	if (endpoint_owner(m->session->net, key, m->session->arena))
		return 0;
	return claim_drop(m->session->net->state, claim_path("networks/%s/attached/%s", m->network, key).path, key, e);
}

static int drop_members(const char *network, const char *target, void *data, struct err *e)
{
	struct session *s = data;
	struct members m = { s, network };
	const struct claim_path path = claim_path("networks/%s/attached", network);

	(void)target;
	if (claim_each(s->net->state, path.path, drop_member, &m, e) < 0)
		return -e->code;
	claim_drop_directory(s->net->state, path.path);
	return bridge_is_attached(s->net, network) ? 0 : bridge_lower(s, network, e);
}

/* What one container is in stands, and has its names. */
static int restore(struct session *s, const struct net_endpoint *x, struct err *e)
{
	struct network network;
	int ignored;

	for (size_t i = 0; i < x->n_links; i++) {
		int r = network_load(s->net, x->links[i].network, s->arena, &network, e);
		if (r == -ENOENT)
			continue;
		if (r < 0 || bridge_join(s, &network, x->key, &ignored, e) < 0 ||
		    (network.dns && names_add(s->net, network.name, x->name, &x->links[i], x->key, e) < 0))
			return -e->code;
	}
	return 0;
}

static int restore_all(struct session *s, struct err *e)
{
	struct net_endpoint *endpoints;
	size_t n;

	if (endpoint_list(s->net, s->arena, &endpoints, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		if (restore(s, &endpoints[i], e) < 0)
			return -e->code;
	return 0;
}

/* A bridge that stands may lack an address that somebody has removed. The resolver is begun anew on the way. */
static int complete_networks(struct session *s, struct err *e)
{
	struct network *networks;
	size_t n;
	int ignored;

	if (bridge_list_attached(s->net, s->arena, &networks, &n, e) < 0 || resolver_stop(s->net, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		if (bridge_raise(s, &networks[i], &ignored, e) < 0)
			return -e->code;
	return 0;
}

int net_reload(struct net *n, struct arena *a, struct err *e)
{
	cleanup_session struct session s = SESSION_INIT(n, a);

	detach_left(&s);
	if (detach_ownerless(&s, e) < 0 || leases_sweep(n, NULL, a, e) < 0 ||
	    claim_each(n->state, "networks", drop_members, &s, e) < 0 || restore_all(&s, e) < 0 ||
	    complete_networks(&s, e) < 0)
		return -e->code;
	return bridge_leave_machine(&s) ? 0 : session_rebuild(&s, e);
}
