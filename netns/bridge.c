#include "netns/bridge.h"

#include "netns/claim.h"
#include "netns/dns/resolver.h"
#include "netns/endpoint.h"
#include "netns/firewall.h"
#include "netns/link.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct claim_path attached_path(const char *network)
{
	return claim_path("networks/%s/attached", network);
}

/* Which bridge ferry has made: one that was there before stays when the network goes. */
static struct claim_path made_path(const char *network)
{
	return claim_path("networks/%s/bridge", network);
}

bool bridge_is_attached(const struct net *n, const char *network)
{
	return faccessat(n->state, attached_path(network).path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

struct listing {
	const struct net *net;
	struct arena *arena;
	struct network *items;
	size_t n;
};

static int list_one(const char *network, const char *target, void *data, struct err *e)
{
	struct listing *l = data;
	struct network x;

	(void)target;
	if (!bridge_is_attached(l->net, network))
		return 0;
	int r = network_load(l->net, network, l->arena, &x, e);
	if (r >= 0)
		*arena_push(l->arena, &l->items, &l->n) = x;
	return r == -ENOENT ? 0 : r;
}

int bridge_list_attached(const struct net *n, struct arena *a, struct network **ret, size_t *ret_n, struct err *e)
{
	struct listing l = { .net = n, .arena = a };

	if (claim_each(n->state, "networks", list_one, &l, e) < 0)
		return -e->code;
	*ret = l.items;
	*ret_n = l.n;
	return 0;
}

/* ---- making it stand ---- */

static const uint8_t *bridge_mac(const struct network *x, uint8_t mac[6])
{
	for (size_t i = 0; i < x->n_subnets; i++) {
		if (x->subnets[i].gateway.family) {
			net_mac_of(&x->subnets[i].gateway, mac);
			return mac;
		}
	}
	return NULL;
}

/* Written down before it is made, so that it is known whose it is. */
static int make_bridge(struct session *s, const struct network *x, struct link_facts *ret, struct err *e)
{
	const struct claim_path made = made_path(x->name);
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	uint8_t mac[6];

	int r = claim_make(s->net->state, made.path, x->interface, e);
	if (r < 0 && r != -EEXIST)
		return r;
	link_add_bridge(&b, x->interface, bridge_mac(x, mac), x->mtu, x->vlan);
	if (nl_send(&s->route, &b, e) < 0)
		return -e->code;
	return link_find(&s->route, x->interface, ret, e);
}

static int find_bridge(struct session *s, const struct network *x, struct link_facts *ret, struct err *e)
{
	int r = session_route(s, e);

	if (r == 0)
		r = link_find(&s->route, x->interface, ret, e);
	if (r == 0 && strcmp(ret->kind, "bridge") != 0)
		return err_say(e, EEXIST, "the bridge '%s' cannot be made: an interface of that name is there, and is no "
			       "bridge", x->interface);
	return r;
}

static int raise_bridge(struct session *s, const struct network *x, int *ret_index, struct err *e)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	struct link_facts bridge;

	int r = find_bridge(s, x, &bridge, e);
	if (r == -ENODEV)
		r = make_bridge(s, x, &bridge, e);
	if (r < 0)
		return r;
	if (!bridge.up)
		link_set_up(&b, bridge.index, x->interface);
	for (size_t i = 0; i < x->n_subnets; i++)
		if (x->subnets[i].gateway.family)
			link_add_address(&b, bridge.index, &x->subnets[i].gateway);
	*ret_index = bridge.index;
	return nl_send(&s->route, &b, e);
}

/* Those who are in it already had a bridge before, which somebody has removed. */
struct ports {
	struct session *session;
	const struct network *network;
	int bridge;
	struct nl_batch *batch;
};

static int add_port(const char *key, const char *target, void *data, struct err *e)
{
	const struct ports *p = data;
	struct net_endpoint x;

	(void)target;
	if (endpoint_load(p->session->net, key, p->session->arena, &x, e) < 0)
		return 0;
	for (size_t i = 0; i < x.n_links; i++)
		if (strcmp(x.links[i].network, p->network->name) == 0 && x.links[i].host_link)
			link_set_master(p->batch, x.links[i].host_link, p->bridge, x.n_ports > 0);
	return 0;
}

static int add_ports(struct session *s, const struct network *x, int bridge, struct err *e)
{
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	struct ports p = { s, x, bridge, &b };

	if (claim_each(s->net->state, attached_path(x->name).path, add_port, &p, e) < 0)
		return -e->code;
	return nl_send(&s->route, &b, e);
}

static int find_parent(struct session *s, const struct network *x, int *ret_index, struct err *e)
{
	struct link_facts parent;

	if (session_route(s, e) < 0 || link_find(&s->route, x->interface, &parent, e) < 0)
		return -e->code;
	*ret_index = parent.index;
	return 0;
}

static int make_attached(struct session *s, const struct network *x, struct err *e)
{
	const struct claim_path path = attached_path(x->name);

	claim_make_above(s->net->state, path.path);
	return mkdirat(s->net->state, path.path, 0755) < 0 && errno != EEXIST ?
		       err_set(e, errno, "create '%s'", path.path) :
		       0;
}

static int raise_all(struct session *s, const struct network *x, int *ret_index, struct err *e)
{
	if (x->driver != NET_BRIDGE) {
		if (find_parent(s, x, ret_index, e) < 0)
			return -e->code;
		return make_attached(s, x, e);
	}
	if (raise_bridge(s, x, ret_index, e) < 0 || add_ports(s, x, *ret_index, e) < 0 ||
	    firewall_sysctls(s->net->state, x, e) < 0 || session_add_network(s, x, e) < 0)
		return -e->code;
	if (x->dns && resolver_serve(s->net, x, e) < 0)
		return -e->code;
	return make_attached(s, x, e);
}

int bridge_raise(struct session *s, const struct network *x, int *ret_index, struct err *e)
{
	struct err later;

	if (raise_all(s, x, ret_index, e) == 0)
		return 0;
	/* The directory of who is in it is still there when it was whole before: then it stays as it is. */
	if (!bridge_is_attached(s->net, x->name))
		bridge_lower(s, x->name, &later);
	return err_wrap(e, "network \"%s\"", x->name);
}

/* ---- taking it down ---- */

static int lower_bridge(struct session *s, const struct network *x, struct err *e)
{
	const struct claim_path made = made_path(x->name);
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
	char interface[NAME_MAX + 1];

	if (!claim_read(s->net->state, made.path, interface, sizeof(interface)))
		return 0;
	if (session_route(s, e) < 0)
		return -e->code;
	link_remove(&b, interface);
	if (nl_send(&s->route, &b, e) < 0)
		return -e->code;
	return claim_drop(s->net->state, made.path, interface, e);
}

/* By its definition; one that somebody has removed by hand is still known by its bridge. */
static int load_network(struct session *s, const char *name, struct network *ret, struct err *e)
{
	char interface[NAME_MAX + 1];

	int r = network_load(s->net, name, s->arena, ret, e);
	if (r != -ENOENT || !claim_read(s->net->state, made_path(name).path, interface, sizeof(interface)))
		return r;
	*ret = (struct network){ .name = name, .driver = NET_BRIDGE, .interface = arena_strdup(s->arena, interface) };
	return 0;
}

/* Is there any network? */
struct standing {
	const struct net *net;
	bool any;
};

static int note_standing(const char *network, const char *target, void *data, struct err *e)
{
	const struct net *n = ((struct standing *)data)->net;

	(void)target, (void)e;
	((struct standing *)data)->any |= bridge_is_attached(n, network) ||
					  faccessat(n->state, made_path(network).path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	return 0;
}

/* Others that need forwarding, and found it switched on, have a bridge, a tunnel or the like. */
bool bridge_leave_machine(struct session *s)
{
	struct standing standing = { s->net, false };
	struct err ignored = ERR_INIT;

	if (claim_each(s->net->state, "networks", note_standing, &standing, &ignored) < 0 || standing.any)
		return false;
	if (session_filter(s, &ignored) == 0)
		firewall_remove(&s->filter, &ignored);
	if (session_route(s, &ignored) == 0 && link_any_virtual(&s->route, &ignored) == 0)
		firewall_restore_sysctls(s->net->state, &ignored);
	return true;
}

static int lower(struct session *s, const struct network *x, struct err *e)
{
	int r = resolver_leave(s->net, x->name, e);

	if (r == 0)
		r = session_filter(s, e);
	if (r == 0)
		r = firewall_remove_network(&s->filter, x, e);
	if (r == 0 || r == -ENOENT)
		r = lower_bridge(s, x, e);
	return r < 0 ? err_wrap(e, "network \"%s\"", x->name) : 0;
}

int bridge_lower(struct session *s, const char *network, struct err *e)
{
	struct network x;

	claim_drop_directory(s->net->state, attached_path(network).path);
	int r = load_network(s, network, &x, e);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && x.driver == NET_BRIDGE && lower(s, &x, e) < 0)
		return -e->code;
	bridge_leave_machine(s);
	return 0;
}

/* ---- who is in it ---- */

/* -ENOENT: the network does not stand. */
static int enter(struct session *s, const struct network *x, const char *key, struct err *e)
{
	const struct claim_path path = claim_path("networks/%s/attached/%s", x->name, key);

	if (symlinkat(key, s->net->state, path.path) < 0 && errno != EEXIST)
		return err_set(e, errno, "create '%s'", path.path);
	return 0;
}

int bridge_join(struct session *s, const struct network *x, const char *key, int *ret_index, struct err *e)
{
	struct link_facts bridge;

	int r = enter(s, x, key, e);
	if (r == 0 && x->driver != NET_BRIDGE)
		return find_parent(s, x, ret_index, e);
	if (r == 0)
		r = find_bridge(s, x, &bridge, e);
	if (r == 0) {
		*ret_index = bridge.index;
		return resolver_keep(s->net, x, e);
	}
	/* It does not stand, or somebody has removed its bridge. */
	if (r != -ENOENT && r != -ENODEV)
		return r;
	if (session_alone(s, e) < 0 || bridge_raise(s, x, ret_index, e) < 0)
		return -e->code;
	return enter(s, x, key, e);
}

int bridge_leave(struct session *s, const char *network, const char *key, struct err *e)
{
	const struct claim_path path = claim_path("networks/%s/attached/%s", network, key);

	return unlinkat(s->net->state, path.path, 0) < 0 && errno != ENOENT ? err_set(e, errno, "remove '%s'", path.path) : 0;
}

int bridge_drop(struct session *s, const char *network, struct err *e)
{
	const struct claim_path path = attached_path(network);

	if (unlinkat(s->net->state, path.path, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return errno == ENOTEMPTY || errno == EEXIST ? 0 : err_set(e, errno, "remove '%s'", path.path);
	if (session_alone(s, e) < 0)
		return -e->code;
	/* Others may have come meanwhile. */
	return bridge_is_attached(s->net, network) ? 0 : bridge_lower(s, network, e);
}
