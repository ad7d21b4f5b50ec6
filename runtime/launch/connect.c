/*
 * One network more, or one less, for a container that is there: at once when it runs, and in launch.json for every start to
 * come. Its running side comes first: killed in between it has at the next start what it had at the last.
 */
#include "lib/fd.h"
#include "runtime/launch/network.h"
#include "runtime/networks.h"
#include "runtime/record.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

/* The container while nobody else changes it. */
struct connecting {
	struct runtime *rt;
	struct launched l; /* read again under the lock */
	int dir;
	int lock; /* of a container that does not run: the directory's */
	struct container c; /* of one that does */
	int netns; /* -1: it does not run */
	struct net net;
	const char *hostname;
};

static void finish(struct connecting *x)
{
	close_fd(&x->dir);
	close_fd(&x->lock);
	close_fd(&x->netns);
	container_close(&x->c);
	net_close(&x->net);
}
#define cleanup_connecting __attribute__((cleanup(finish)))
#define CONNECTING_INIT(r, launched) \
	{ .rt = (r), .l = *(launched), .dir = -1, .lock = -1, .c = CONTAINER_INIT, .netns = -1, .net = NET_INIT }

/* *ret: whether it runs; then it cannot end for others before the lock is given up. */
static int open_running(struct connecting *x, bool *ret, struct err *e)
{
	int r = container_open(x->rt, x->l.id, true, &x->c, e);
	cleanup_close int pidfd = r < 0 ? r : container_pidfd(&x->c, e);

	*ret = false;
	if (r == -ENOENT || pidfd == -ESRCH)
		return 0;
	if (pidfd < 0)
		return pidfd;
	x->netns = container_netns(x->c.pid, pidfd, e);
	*ret = x->netns >= 0;
	return x->netns == -ESRCH ? 0 : x->netns < 0 ? x->netns : 0;
}

static int begin(struct connecting *x, struct err *e)
{
	struct err gone = ERR_INIT;
	struct spec *spec;
	bool runs;

	if (open_running(x, &runs, &gone) < 0)
		return *e = gone, -e->code;
	if (!runs) {
		container_close(&x->c);
		x->c = CONTAINER_INIT;
		/* One that is waiting to be restarted is read again at that. */
		x->lock = launched_lock(&x->l, &gone);
		if (x->lock < 0 && x->lock != -EBUSY)
			return *e = gone, -e->code;
	} else if (container_load_config(&x->c, &x->rt->arena, &spec, e) < 0)
		return -e->code;
	else
		x->hostname = spec->hostname;
	x->dir = open(x->l.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (x->dir < 0)
		return err_set(e, errno, "open '%s'", x->l.dir);
	if (launched_load(x->dir, &x->l, &x->rt->arena, e) < 0 || networks_open(false, &x->net, e) < 0)
		return -e->code;
	return 0;
}

static struct launched_attachment *find(const struct launched_network *n, const char *network)
{
	for (size_t i = 0; i < n->n_attachments; i++)
		if (strcmp(n->attachments[i].network, network) == 0)
			return &n->attachments[i];
	return NULL;
}

/* One that had no network when it started is attached for the first time; its record has to say so before. */
static int attach_first(struct connecting *x, const struct net_request *r, struct net_endpoint *ret, struct err *e)
{
	struct net_container c;
	struct net_request request = *r;

	if (launch_net_container(x->rt, &x->l, &c, e) < 0)
		return -e->code;
	c.requests = &request;
	c.n_requests = 1;
	x->c.network = true;
	if (record_save(&x->c, e) < 0)
		return -e->code;
	return net_attach(&x->net, &c, x->netns, &x->rt->arena, ret, e);
}

static int connect_running(struct connecting *x, const struct net_request *r, struct err *e)
{
	const char *owner = container_path(x->rt, x->l.id);
	struct net_endpoint now;
	struct err none = ERR_INIT;

	int there = net_endpoint_load(&x->net, owner, &x->rt->arena, &now, &none);
	if (there < 0 && there != -ENOENT)
		return *e = none, there;
	there = there < 0 ? attach_first(x, r, &now, e) :
			    net_connect(&x->net, owner, r, x->netns, &x->rt->arena, &now, e);
	if (there < 0)
		return there;
	return launch_write_names(&x->net, &x->l, x->hostname, &now, e);
}

int launch_connect(struct runtime *rt, const struct launched *l, const struct launched_attachment *a, struct err *e)
{
	cleanup_connecting struct connecting x = CONNECTING_INIT(rt, l);
	struct launched_network *n = &x.l.network;
	struct net_request request;
	struct err ignored = ERR_INIT;

	if (begin(&x, e) < 0)
		return -e->code;
	if (n->mode != NETWORK_ATTACHED && n->mode != NETWORK_NONE)
		return err_say(e, EINVAL, "container '%s' has the network of --network %s, which is not its own", l->name,
			       n->mode == NETWORK_HOST ? "host" : n->mode == NETWORK_PASTA ? "pasta" : "container or ns");
	if (find(n, a->network))
		return err_say(e, EEXIST, "container '%s' is in network '%s' already", l->name, a->network);
	if (launch_net_request(a, &request, e) < 0 || net_check_request(&x.net, &request, &rt->arena, e) < 0)
		return -e->code;
	n->mode = NETWORK_ATTACHED;
	*arena_push(&rt->arena, &n->attachments, &n->n_attachments) = *a;
	if (x.netns >= 0 && connect_running(&x, &request, e) < 0)
		return -e->code;
	if (launched_save(x.dir, &x.l, e) == 0)
		return 0;
	if (x.netns >= 0)
		net_disconnect(&x.net, container_path(rt, l->id), a->network, &rt->arena, &ignored);
	return -e->code;
}

static int disconnect_running(struct connecting *x, const char *network, struct err *e)
{
	const char *owner = container_path(x->rt, x->l.id);
	struct net_endpoint now = { 0 };

	int r = net_disconnect(&x->net, owner, network, &x->rt->arena, e);
	if (r < 0)
		return r;
	r = net_endpoint_load(&x->net, owner, &x->rt->arena, &now, e);
	if (r < 0 && r != -ENOENT)
		return r;
	return launch_write_names(&x->net, &x->l, x->hostname, &now, e);
}

int launch_disconnect(struct runtime *rt, const struct launched *l, const char *network, bool force, struct err *e)
{
	cleanup_connecting struct connecting x = CONNECTING_INIT(rt, l);
	struct launched_network *n = &x.l.network;
	struct launched_attachment *a;
	struct err why = ERR_INIT;

	if (begin(&x, e) < 0)
		return -e->code;
	a = find(n, network);
	if (!a && !force)
		return err_say(e, ENOENT, "container '%s' is not in network '%s'", l->name, network);
	if (x.netns >= 0 && disconnect_running(&x, network, &why) < 0 && !(force && why.code == ENOENT))
		return *e = why, -e->code;
	if (!a)
		return 0;
	size_t i = (size_t)(a - n->attachments);
	memmove(a, a + 1, (--n->n_attachments - i) * sizeof(*a));
	if (n->n_attachments == 0)
		n->mode = NETWORK_NONE;
	return launched_save(x.dir, &x.l, e);
}

int launch_renamed(struct runtime *rt, const struct launched *l, struct err *e)
{
	cleanup_net struct net n = NET_INIT;
	struct err none = ERR_INIT;

	if (l->network.mode != NETWORK_ATTACHED)
		return 0;
	if (networks_open(false, &n, e) < 0)
		return -e->code;
	int r = net_rename(&n, container_path(rt, l->id), launch_resolvable(l->name), &rt->arena, &none);
	return r < 0 && r != -ENOENT ? *e = none, r : 0;
}
