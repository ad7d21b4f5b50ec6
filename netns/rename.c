#include "netns/endpoint.h"
#include "netns/lease.h"

#include <errno.h>
#include <string.h>

/* A name of an endpoint in all of its networks that resolve names, alone or the other way round. */
static int each_name(const struct net *n, const struct net_endpoint *x, const char *name, bool add, struct arena *a,
		     struct err *e)
{
	for (size_t i = 0; name && i < x->n_links; i++) {
		struct net_link alone = x->links[i];
		struct network network;
		if (network_load(n, alone.network, a, &network, e) < 0)
			return -e->code;
		alone.n_aliases = 0;
		if (network.dns && (add ? names_add : names_remove)(n, alone.network, name, &alone, x->key, e) < 0)
			return -e->code;
	}
	return 0;
}

/* Until the old name is gone it is an alias, so that whoever detaches after a kill in between removes both. */
int net_rename(struct net *n, const char *owner, const char *name, struct arena *a, struct err *e)
{
	struct net_endpoint x, between;

	if (endpoint_load(n, endpoint_key(owner, a), a, &x, e) < 0)
		return -e->code;
	const char *old = x.name;
	x.name = name;
	between = x;
	between.links = arena_new_array(a, x.n_links, struct net_link);
	for (size_t i = 0; i < x.n_links; i++) {
		struct net_link *l = &between.links[i];
		*l = x.links[i];
		l->aliases = arena_new_array(a, l->n_aliases + 1, const char *);
		memcpy(l->aliases, x.links[i].aliases, l->n_aliases * sizeof(*l->aliases));
		if (old)
			l->aliases[l->n_aliases++] = old;
	}
	if (endpoint_save(n, &between, e) < 0 || each_name(n, &x, name, true, a, e) < 0 ||
	    each_name(n, &x, old, false, a, e) < 0)
		return -e->code;
	return endpoint_save(n, &x, e);
}
