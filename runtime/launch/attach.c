/*
 * A launched container's networks: from launch.json to what a start asks for, and the files that say what came of it.
 */
#include "lib/fd.h"
#include "lib/file.h"
#include "runtime/attach.h"
#include "runtime/clone/clone.h"
#include "runtime/launch/plan.h"
#include "runtime/launch/network.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>

enum { RESOLVERS_MAX = 3 }; /* what the C library asks */

static int parse_address(const char *text, struct net_address *ret, struct err *e)
{
	return text ? net_address_parse(text, false, ret, e) : 0;
}

int launch_net_request(const struct launched_attachment *x, struct net_request *ret, struct err *e)
{
	struct net_request r = {
		.network = x->network,
		.interface = x->interface,
		.mac = x->mac,
		.aliases = x->aliases,
		.n_aliases = x->n_aliases,
	};

	if (parse_address(x->ip, &r.ip4, e) < 0 || parse_address(x->ip6, &r.ip6, e) < 0)
		return err_wrap(e, "network '%s'", x->network);
	*ret = r;
	return 0;
}

const char *launch_resolvable(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
	size_t n = strlen(name);

	if (name[strspn(name, allowed)] || n > 253 || name[n - 1] == '.' || strstr(name, ".."))
		return NULL;
	for (const char *label = name; *label; label += strcspn(label, ".") + (strchr(label, '.') != NULL))
		if (strcspn(label, ".") > 63)
			return NULL;
	return name;
}

int launch_net_container(struct runtime *rt, const struct launched *l, struct net_container *ret, struct err *e)
{
	const struct launched_network *n = &l->network;
	struct net_container c = {
		.owner = container_path(rt, l->id),
		.name = launch_resolvable(l->name),
		.requests = arena_new_array(&rt->arena, n->n_attachments, struct net_request),
		.n_requests = n->n_attachments,
		.ports = arena_new_array(&rt->arena, n->n_ports, struct net_port),
		.n_ports = n->n_ports,
		.shaping = n->shaping,
		.dns = n->dns,
		.n_dns = n->n_dns,
	};

	for (size_t i = 0; i < n->n_attachments; i++)
		if (launch_net_request(&n->attachments[i], &c.requests[i], e) < 0)
			return -e->code;
	for (size_t i = 0; i < n->n_ports; i++)
		if (launch_port_parse(n->ports[i], &rt->arena, &c.ports[i], e) < 0)
			return -e->code;
	*ret = c;
	return 0;
}

/* ---- its files ---- */

/* The file stays the one that is mounted in the container. One that launch did not make is in the root, and stays as it is. */
static int write_in_place(int dir, const char *name, const struct buf *text, struct err *e)
{
	cleanup_close int fd = openat(dir, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "open '%s'", name);
	if (fd_write_all(fd, buf_text(text), text->len, e) < 0)
		return err_wrap(e, "'%s'", name);
	return ftruncate(fd, (off_t)text->len) < 0 ? err_set(e, errno, "truncate '%s'", name) : 0;
}

/* The addresses at which its networks' resolver answers. */
static int find_resolvers(const struct net *n, const struct net_endpoint *x, struct arena *a,
			  struct net_address ret[RESOLVERS_MAX], size_t *ret_n, struct err *e)
{
	struct network network;

	*ret_n = 0;
	for (size_t i = 0; i < x->n_links; i++) {
		if (network_load(n, x->links[i].network, a, &network, e) < 0)
			return -e->code;
		for (size_t j = 0; network.dns && j < network.n_subnets && *ret_n < RESOLVERS_MAX; j++)
			if (network.subnets[j].gateway.family)
				ret[(*ret_n)++] = network.subnets[j].gateway;
	}
	return 0;
}

int launch_write_names(const struct net *n, const struct launched *l, const char *hostname, const struct net_endpoint *x,
		       struct err *e)
{
	cleanup_buf struct buf hosts = BUF_INIT, resolv_conf = BUF_INIT;
	cleanup_close int dir = open(l->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_arena struct arena a = ARENA_INIT;
	struct net_address resolvers[RESOLVERS_MAX];
	size_t n_resolvers;

	if (dir < 0)
		return err_set(e, errno, "open '%s'", l->dir);
	if (find_resolvers(n, x, &a, resolvers, &n_resolvers, e) < 0 ||
	    launch_hosts(&l->network, hostname, x, &hosts, e) < 0 ||
	    launch_resolv_conf(&l->network, resolvers, n_resolvers, &resolv_conf, e) < 0)
		return -e->code;
	if (write_in_place(dir, "hosts", &hosts, e) < 0 || write_in_place(dir, "resolv.conf", &resolv_conf, e) < 0)
		return err_wrap(e, "'%s'", l->dir);
	return 0;
}

/* ---- a start ---- */

/* With --uts host. */
static const char *this_machine(struct arena *a)
{
	char name[65] = "";

	gethostname(name, sizeof(name) - 1);
	return arena_strdup(a, *name ? name : "localhost");
}

struct attaching {
	struct create_network network;
	struct net_container container;
	struct launched l;
	const char *hostname;
};

static int attached(const struct net *n, const struct net_endpoint *x, void *data, struct err *e)
{
	const struct attaching *s = data;

	if (s->l.cloned_from && clone_readdress(&s->l, x, e) < 0)
		return -e->code;
	return launch_write_names(n, &s->l, s->hostname, x, e);
}

int launch_attach_plan(struct runtime *rt, const struct launched *l, const char *hostname,
		       const struct create_network **ret, struct err *e)
{
	struct attaching *s;

	*ret = NULL;
	if (l->network.mode != NETWORK_ATTACHED)
		return 0;
	s = arena_new(&rt->arena, struct attaching);
	s->l = *l;
	s->hostname = hostname ? hostname : this_machine(&rt->arena);
	if (launch_net_container(rt, l, &s->container, e) < 0)
		return -e->code;
	s->network = (struct create_network){ &s->container, attached, s };
	*ret = &s->network;
	return 0;
}

/* ---- without rights ---- */

/* As pasta has it: "ADDRESS/HOST:CONTAINER". */
static const char *pasta_port(const struct net_port *p, struct arena *a)
{
	char address[NET_ADDRESS_TEXT] = "";
	unsigned last = p->count - 1;

	if (p->host.family)
		net_address_text(&p->host, address);
	return arena_printf(a, "%s%s%u-%u:%u-%u", address, *address ? "/" : "", p->host_port, p->host_port + last,
			    p->container_port, p->container_port + last);
}

const char *const *launch_pasta(const struct launched *l, struct arena *a)
{
	/* Nothing of this machine's loopback, in neither direction. */
	static const char *const always[] = { "pasta", "--config-net", "--quiet", "--no-map-gw", "--ns-ifname", "eth0",
					      "--tcp-ns", "none", "--udp-ns", "none" };
	static const struct {
		const char *option;
		uint8_t protocol;
	} kinds[] = { { "--tcp-ports", IPPROTO_TCP }, { "--udp-ports", IPPROTO_UDP } };
	const char **words = NULL;
	struct err ignored = ERR_INIT;
	struct net_port p;
	size_t n = 0;

	if (l->network.mode != NETWORK_PASTA)
		return NULL;
	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
		*arena_push(a, &words, &n) = always[i];
	for (size_t k = 0; k < 2; k++) {
		size_t before = n;
		for (size_t i = 0; i < l->network.n_ports; i++) {
			if (launch_port_parse(l->network.ports[i], a, &p, &ignored) < 0 || p.protocol != kinds[k].protocol)
				continue;
			*arena_push(a, &words, &n) = kinds[k].option;
			*arena_push(a, &words, &n) = pasta_port(&p, a);
		}
		if (n > before)
			continue;
		*arena_push(a, &words, &n) = kinds[k].option;
		*arena_push(a, &words, &n) = "none";
	}
	*arena_push(a, &words, &n) = NULL;
	return words;
}
