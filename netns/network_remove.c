/* The end of a network: what stands of it goes first, so that one that is killed has a whole definition still. */
#include "netns/netns.h"

#include "lib/file.h"
#include "netns/bridge.h"
#include "netns/detach.h"
#include "netns/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static bool is_in(const struct net_endpoint *x, const char *network)
{
	for (size_t i = 0; i < x->n_links; i++)
		if (strcmp(x->links[i].network, network) == 0)
			return true;
	return false;
}

/* Detaches containers that are gone. */
static int check_unused(struct session *s, const char *network, struct err *e)
{
	struct arena *a = s->arena;
	struct net_endpoint *all = NULL;
	const char *users = NULL;
	size_t n_all = 0;

	if (endpoint_list(s->net, a, &all, &n_all, e) < 0)
		return -e->code;
	for (const struct net_endpoint *x = all; x < all + n_all; x++) {
		if (!is_in(x, network))
			continue;
		if (access(x->owner, F_OK) < 0 && errno == ENOENT) {
			if (detach_key(s, x->key, e) < 0)
				return -e->code;
			continue;
		}
		const char *slash = strrchr(x->owner, '/'), *name = x->name ? x->name : slash ? slash + 1 : x->owner;
		users = users ? arena_printf(a, "%s, \"%s\"", users, name) : arena_printf(a, "\"%s\"", name);
	}
	return users ? err_say(e, EBUSY, "the network \"%s\" is used by %s", network, users) : 0;
}

int network_remove(struct net *n, const char *name, struct arena *a, struct err *e)
{
	cleanup_session struct session s = SESSION_INIT(n, a);
	const char *file = arena_printf(a, "%s.json", name);
	struct network x;

	/* The default network is not made to be removed. */
	if (strcmp(name, NETWORK_DEFAULT) == 0 && faccessat(n->definitions, file, F_OK, 0) < 0)
		return err_say(e, ENOENT, "no network \"%s\"", name);
	detach_left(&s);
	if (network_load(n, name, a, &x, e) < 0 || check_unused(&s, name, e) < 0)
		return -e->code;
	if (bridge_lower(&s, name, e) < 0 || remove_tree_at(n->state, arena_printf(a, "networks/%s", name), e) < 0)
		return err_wrap(e, "remove the network \"%s\"", name);
	if (unlinkat(n->definitions, file, 0) < 0 || fsync(n->definitions) < 0)
		return err_set(e, errno, "remove the network \"%s\"", name);
	return 0;
}
