/* The end of a network: what stands of it goes first, so that one that is killed has a whole definition still. */
#include "netns/netns.h"

#include "lib/file.h"
#include "netns/dns/resolver.h"
#include "netns/firewall.h"
#include "netns/link.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const struct net_link *link_in(const struct net_endpoint *x, const char *network)
{
	for (size_t i = 0; i < x->n_links; i++)
		if (strcmp(x->links[i].network, network) == 0)
			return &x->links[i];
	return NULL;
}

/* Detaches containers that are gone. */
static int check_unused(struct net *n, const char *network, struct arena *a, struct err *e)
{
	struct net_endpoint *all = NULL;
	const char *users = NULL;
	size_t n_all = 0;

	if (net_endpoints(n, a, &all, &n_all, e) < 0)
		return -e->code;
	for (const struct net_endpoint *x = all; x < all + n_all; x++) {
		if (!link_in(x, network))
			continue;
		if (access(x->owner, F_OK) < 0 && errno == ENOENT) {
			if (net_detach(n, x->owner, a, e) < 0)
				return -e->code;
			continue;
		}
		const char *slash = strrchr(x->owner, '/'), *name = x->name ? x->name : slash ? slash + 1 : x->owner;
		users = users ? arena_printf(a, "%s, \"%s\"", users, name) : arena_printf(a, "\"%s\"", name);
	}
	return users ? err_say(e, EBUSY, "the network \"%s\" is used by %s", network, users) : 0;
}

static int remove_links(const struct network *x, struct err *e)
{
	cleanup_nl struct nl route = NL_INIT, filter = NL_INIT;
	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;

	if (x->driver != NET_BRIDGE)
		return 0;
	if (nl_open(NETLINK_NETFILTER, -1, &filter, e) < 0 || nl_open(NETLINK_ROUTE, -1, &route, e) < 0)
		return -e->code;
	int r = firewall_remove_network(&filter, x, e);
	if (r < 0 && r != -ENOENT)
		return r;
	link_remove(&b, x->interface);
	return nl_send(&route, &b, e);
}

int network_remove(struct net *n, const char *name, struct arena *a, struct err *e)
{
	const char *file = arena_printf(a, "%s.json", name);
	struct network x;

	/* The default network is not made to be removed. */
	if (strcmp(name, NETWORK_DEFAULT) == 0 && faccessat(n->definitions, file, F_OK, 0) < 0)
		return err_say(e, ENOENT, "no network \"%s\"", name);
	if (network_load(n, name, a, &x, e) < 0 || check_unused(n, name, a, e) < 0)
		return -e->code;
	if (resolver_leave(n, name, e) < 0 || remove_links(&x, e) < 0 ||
	    remove_tree_at(n->state, arena_printf(a, "networks/%s", name), e) < 0)
		return err_wrap(e, "remove the network \"%s\"", name);
	if (unlinkat(n->definitions, file, 0) < 0 || fsync(n->definitions) < 0)
		return err_set(e, errno, "remove the network \"%s\"", name);
	return 0;
}
