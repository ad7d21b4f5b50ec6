/* Names as they are below STATE (netns/netns.h has the picture), read anew for each question. */
#include "netns/dns/server.h"

#include "lib/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct path {
	char text[PATH_MAX];
};

static struct path path_of(const char *network, const char *kind, const char *name)
{
	struct path p;

	snprintf(p.text, sizeof(p.text), "networks/%s/%s/%s", network, kind, name);
	return p;
}

/* Where a link leads; what is longer than there is room for leads nowhere. */
static bool read_link(const struct resolver *r, const char *path, char *ret, size_t room)
{
	ssize_t n = readlinkat(r->state, path, ret, room);

	if (n <= 0 || (size_t)n >= room)
		return false;
	ret[n] = '\0';
	return true;
}

/* ---- who asks ---- */

static void add_network(const struct resolver *r, struct asker *a, int network)
{
	for (size_t i = 0; i < a->n_networks; i++)
		if (a->networks[i] == network)
			return;
	if (network >= 0 && a->n_networks < NETWORKS_OF_CLIENT) {
		a->networks[a->n_networks++] = (uint16_t)network;
		a->outside |= !r->networks[network].internal;
	}
}

/* The link that stands beside the record: "NET,NET SERVER,SERVER". */
static void read_endpoint(struct resolver *r, char *text, struct asker *a)
{
	char *servers = strchr(text, ' '), *rest = NULL;

	if (servers) {
		*servers++ = '\0';
		a->n_servers = servers_parse_list(servers, a->servers);
	}
	for (char *name = strtok_r(text, ",", &rest); name; name = strtok_r(NULL, ",", &rest))
		add_network(r, a, server_network(r, name));
}

/* Those of the first network outside that has its own, or the host's. */
static void choose_servers(struct resolver *r, struct asker *a)
{
	for (size_t i = 0; i < a->n_networks && a->n_servers == 0; i++) {
		const struct resolver_network *x = &r->networks[a->networks[i]];
		for (size_t s = 0; s < RESOLVER_SERVERS && !x->internal && x->servers[s].family; s++)
			a->servers[a->n_servers++] = (struct server){ .address = x->servers[s] };
	}
	if (a->n_servers == 0) {
		servers_of_host(r);
		memcpy(a->servers, r->host, sizeof(a->servers));
		a->n_servers = r->n_host;
	}
}

void lookup_asker(struct resolver *r, const struct origin *o, struct asker *ret)
{
	const uint16_t network = r->listeners[o->listener].network;
	const struct net_address client = server_address(&o->client);
	char address[NET_ADDRESS_TEXT], key[NAME_MAX], text[PATH_MAX];

	*ret = (struct asker){ 0 };
	add_network(r, ret, network);
	net_address_text(&client, address);
	struct path lease = path_of(r->networks[network].name, "leases", address);
	if (read_link(r, lease.text, key, sizeof(key))) {
		struct path p;
		snprintf(p.text, sizeof(p.text), "endpoints/%s", key);
		if (read_link(r, p.text, text, sizeof(text)))
			read_endpoint(r, text, ret);
	}
	if (ret->outside)
		choose_servers(r, ret);
}

/* ---- what there is ---- */

bool lookup_name(const struct resolver *r, const char *network, const char *name, int family, struct net_address *ret,
		 size_t max, size_t *ret_n)
{
	_Alignas(struct dirent64) char entries[2048];
	struct net_address x;
	struct err ignored = ERR_INIT;
	bool known = false;
	ssize_t n;

	*ret_n = 0;
	cleanup_close int dir = openat(r->state, path_of(network, "names", name).text,
				       O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return false;
	while ((n = getdents64(dir, entries, sizeof(entries))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *entry = (const struct dirent64 *)(entries + at);
			at += entry->d_reclen;
			if (net_address_parse(entry->d_name, false, &x, &ignored) < 0)
				continue;
			known = true;
			if (x.family == family && *ret_n < max)
				ret[(*ret_n)++] = x;
		}
	return known;
}

bool lookup_pointer(const struct resolver *r, const char *network, const struct net_address *x, char *ret, size_t room)
{
	char address[NET_ADDRESS_TEXT];

	return read_link(r, path_of(network, "pointers", net_address_text(x, address)).text, ret, room);
}
