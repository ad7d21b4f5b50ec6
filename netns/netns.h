/*
 * Networks of launched containers: bridges, veth pairs, addresses, routes, NAT, published ports, names.
 *
 * Depends on lib/ and spec/. Speaks netlink itself (rtnetlink and nf_tables); no program is run and nothing is asked of a
 * daemon, but for the resolver (netns/dns/), which is a process of ferry's own.
 *
 * What stands on the machine is written down before it is made:
 *
 *	DEFINITIONS/NAME.json             a network, as it was created (network.h)
 *	STATE/lock                        shared: attaching and detaching; alone: everything that looks at all of them
 *	STATE/endpoints/KEY.json          all that was given to one container (endpoint.h)
 *	STATE/endpoints/KEY -> NET,NET SERVER,SERVER       what of that the resolver needs: networks, name servers of its own
 *	STATE/leaving/KEY.NUMBER          the record of one that has given back what others may want (leaving.h)
 *	STATE/networks/NET/attached/KEY -> KEY             who is in it; there is none before its bridge stands (bridge.h)
 *	STATE/networks/NET/bridge -> INTERFACE             the bridge that ferry made for it
 *	STATE/networks/NET/leases/ADDRESS -> KEY           who has an address
 *	STATE/networks/NET/names/NAME/ADDRESS -> KEY       what the resolver answers
 *	STATE/networks/NET/pointers/ADDRESS -> NAME        the other way round
 *	STATE/ports/PROTO,PORT/ADDRESS -> KEY              who has published a port of the host
 *	STATE/settings/PATH -> WAS IS                      what ferry has set below /proc/sys/net; PATH with ':' for '/'
 *
 * An entry is a symbolic link, made by one system call that fails when it is there: nothing is ever half written, nothing
 * is rewritten when others come and go, and so what a container costs does not grow with how many there are. KEY is made
 * of the owner, the container's directory (/run/ferry/ID). The resolver is not root: STATE and its directories are 0755,
 * whatever the umask is. NAME is in lower case.
 *
 * The calling sequence of a start, in the process that starts the container, while its first process makes mounts:
 *
 *	net_open            the directories
 *	net_plan            which networks, addresses, ports: checked against the definitions; changes nothing
 *	net_attach          leases, links, rules, names: all of it, or nothing
 *	...
 *	net_detach          by the owner alone, in reverse; safe to repeat, and right after a SIGKILL at any instant of both; or
 *	net_release         what of that others may want: names, ports, addresses. The owner's path may be another's at once
 *	net_settle          ... and some time later the rest, for which the kernel lets wait
 *
 * The container's side is configured in the network namespace that it is given as a descriptor; everything else in the
 * caller's.
 *
 * Does not: know containers; decide when a network is used; work without CAP_NET_ADMIN (runtime/ has the word for that).
 */
#ifndef NETNS_NETNS_H
#define NETNS_NETNS_H

#include "netns/address.h"
#include "netns/network.h"

#include "lib/arena.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where it is all kept. Descriptors are its own. */
struct net {
	int definitions, state; /* directories */
	int lock; /* -1: not held */
	int filter; /* -1; or a socket of nf_tables that was used: while others' rules are being freed, closing it takes long */
};
#define NET_INIT ((struct net){ -1, -1, -1, -1 })

/*
 * Opens both directories, making them. Paths are absolute: "/var/lib/ferry/networks", "/run/ferry/.networks". Takes the
 * lock: @alone for whoever removes, lists all or rebuilds; else shared, which waits only for those.
 */
int net_open(const char *definitions, const char *state, bool alone, struct net *ret, struct err *e);
void net_close(struct net *n);
#define cleanup_net __attribute__((cleanup(net_close)))

/* ---- what a container asks for ---- */

enum { NET_PORT_ANY = 0 };

struct net_port {
	uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP */
	struct net_address host; /* family 0: every address, of both families */
	uint16_t host_port; /* the first; NET_PORT_ANY: a free one is chosen */
	uint16_t container_port; /* the first */
	uint16_t count; /* at least 1 */
};

/* What the link is slowed to; 0: not at all. */
struct net_shaping {
	uint64_t rate_bps, burst_bytes; /* bits a second, both ways */
	uint32_t delay_us, jitter_us; /* netem, of what the container sends */
	uint32_t loss_ppm; /* parts in a million */
};

/* One network of a container. Strings may be NULL where they are not asked for. */
struct net_request {
	const char *network; /* a definition's name */
	const char *interface; /* in the container; NULL: eth0, eth1, ... */
	const char *mac; /* "02:..."; NULL: made of the address */
	struct net_address ip4, ip6; /* family 0: any */
	const char **aliases; /* besides the container's name */
	size_t n_aliases;
};

struct net_container {
	const char *owner; /* the container's directory, absolute: as long as it is there, so is what it has */
	const char *name; /* what others resolve; NULL: nothing */
	struct net_request *requests;
	size_t n_requests;
	struct net_port *ports; /* published by the first network that can */
	size_t n_ports;
	struct net_shaping shaping;
	const char **dns; /* name servers that the resolver asks for this container; none: the network's, or the host's */
	size_t n_dns;
};

/* ---- what it has ---- */

struct net_link {
	const char *network;
	const char *interface; /* in the container */
	const char *host_link; /* the other end, in the host; NULL for macvlan and ipvlan */
	uint8_t mac[6];
	struct net_address addresses[2], gateways[2]; /* with prefix lengths; family 0: none */
	const char **aliases;
	size_t n_aliases;
};

struct net_endpoint {
	const char *key, *owner, *name;
	int netns; /* the kernel's number for its network namespace; -1: none */
	struct net_link *links;
	size_t n_links;
	struct net_port *ports; /* with the ports that were chosen */
	size_t n_ports;
	struct net_shaping shaping;
	const char **dns;
	size_t n_dns;
};

/*
 * Attaches the container whose network namespace is @netns. Makes the networks' bridges, the tables and the resolver where
 * they are not there yet. *ret in the arena. On failure nothing of it stays. -EADDRINUSE: an address or a port is taken,
 * and by whom; -ENOSPC: the network has no address left; -ENOENT: no such network, with those that are nearly like it.
 */
int net_attach(struct net *n, const struct net_container *c, int netns, struct arena *a, struct net_endpoint *ret,
	       struct err *e);

/* What is wrong with a request, as far as that is known without attaching: -ENOENT, -EINVAL, -EEXIST. */
int net_check_request(const struct net *n, const struct net_request *r, struct arena *a, struct err *e);

/* One more network, or one less, for a container that has been attached. The others stay as they are. */
int net_connect(struct net *n, const char *owner, const struct net_request *r, int netns, struct arena *a,
		struct net_endpoint *ret, struct err *e);
int net_disconnect(struct net *n, const char *owner, const char *network, struct arena *a, struct err *e);

/* Others know it by another name from now on; NULL: by its aliases alone. -ENOENT: it is not attached. */
int net_rename(struct net *n, const char *owner, const char *name, struct arena *a, struct err *e);

/*
 * Undoes all that the record says, or what of it stands. Nothing there is no error. The network's bridge goes with the
 * last container.
 */
int net_detach(struct net *n, const char *owner, struct arena *a, struct err *e);

/*
 * The same in two steps. Between them there is a record that nobody but the caller of the first knows of, which is locked
 * as long as he lives: another's settling carries on what he was killed in. The longer the second is put off, the more
 * often the namespace has ended by itself, and the more often another container has come for whom the network stays.
 */
struct net_leaving {
	int fd; /* -1: nothing is left to be done */
	char name[40];
};
#define NET_LEAVING_INIT ((struct net_leaving){ .fd = -1 })
int net_release(struct net *n, const char *owner, struct arena *a, struct net_leaving *ret, struct err *e);
int net_settle(struct net *n, struct net_leaving *l, struct arena *a, struct err *e); /* closes it */

/* What a container has. -ENOENT: nothing. */
int net_endpoint_load(const struct net *n, const char *owner, struct arena *a, struct net_endpoint *ret, struct err *e);
/* All of them; with the lock alone. */
int net_endpoints(const struct net *n, struct arena *a, struct net_endpoint **ret, size_t *ret_n, struct err *e);

/*
 * With the lock alone: detaches what has no owner any more, drops leases, names and ports without a record, and rebuilds
 * bridges, tables and elements from the records, in one transaction a table. What is right is not touched on the way.
 */
int net_reload(struct net *n, struct arena *a, struct err *e);

/* ---- of a network namespace, for checkpoints ---- */

/* A unix socket, and the inode of the one that it is connected to; 0: none. */
struct net_unix_socket {
	uint32_t inode, peer;
	bool named; /* it has an address */
	bool datagram; /* else a stream, of bytes or of packets */
	bool in_flight; /* it is connected to one that has not accepted it yet */
	uint32_t unread_bytes; /* what it has sent and nobody has read, as the kernel counts that */
};

/* All of them. -ENOENT: this kernel cannot be asked. */
int net_unix_sockets(int netns, struct arena *a, struct net_unix_socket **ret, size_t *ret_n, struct err *e);

/*
 * Until net_unlock no packet comes from outside. For a namespace that has yet to get its connections: the kernel's answer to a
 * packet for one that is not there breaks it. CRIU tries loopback out when it starts.
 */
int net_lock(int netns, struct err *e);
/* Removes the rules by which the network was locked, CRIU's too, which stay when it is killed. 1: there were any; 0; -errno. */
int net_unlock(int netns, struct err *e);

#endif
