/*
 * Published ports: ports/PROTOCOL,PORT/ADDRESS -> KEY. A directory for each port, so that what is asked before one is
 * taken does not grow with how many others there are; its lock lets one after the other ask and take.
 */
#include "netns/lease.h"

#include "lib/fd.h"
#include "netns/claim.h"
#include "netns/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the kernel takes ports from for those who do not care: nobody expects one of these to be his. */
enum { ANY_FIRST = 32768, ANY_LAST = 60999, PORT_MAX = 65535, DNS_PORT = 53 };

static const struct net_address every[] = {
	{ .family = AF_INET, .prefix = 32 },
	{ .family = AF_INET6, .prefix = 128 },
};

static const char *protocol_name(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? "tcp" : protocol == IPPROTO_UDP ? "udp" : "sctp";
}

static struct claim_path directory_of(const struct net_port *p, unsigned port)
{
	return claim_path("ports/%s,%u", protocol_name(p->protocol), port);
}

/* "*" is every address of both families; "0.0.0.0" and "::" are all of theirs. */
static const char *address_name(const struct net_address *x, char text[NET_ADDRESS_TEXT])
{
	return x->family ? net_address_text(x, text) : "*";
}

/* ---- programs of this machine that listen ---- */

static bool is_every(const struct net_address *x)
{
	return net_address_equal(x, &every[x->family == AF_INET6]);
}

static int bind_to(uint8_t protocol, const struct net_address *x, unsigned port)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	const int on = 1;
	bool v6 = x->family == AF_INET6;

	cleanup_close int fd = socket(x->family, (protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC,
				      protocol);
	if (fd < 0)
		return -errno;
	memcpy(v6 ? (void *)&in6.sin6_addr : (void *)&in.sin_addr, x->bytes, net_address_size(x));
	if (v6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	/* Connections that have just ended are in nobody's way. Of UDP, this would let two have the same. */
	if (protocol != IPPROTO_UDP)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return bind(fd, v6 ? (void *)&in6 : (void *)&in, v6 ? sizeof(in6) : sizeof(in)) < 0 ? -errno : 0;
}

/* A kernel without the family or the protocol has nobody who could listen; a low port not everybody may ask for. */
static int check_listeners(const struct net_port *p, unsigned port, bool who, struct err *e)
{
	static const char resolver[] = ": networks have their resolver there; publish it on one address";
	cleanup_arena struct arena a = ARENA_INIT;
	char text[NET_ADDRESS_TEXT];

	for (size_t i = 0; i < (p->host.family ? 1 : 2); i++) {
		const struct net_address *x = p->host.family ? &p->host : &every[i];
		int r = bind_to(p->protocol, x, port);
		if (r == -EADDRINUSE)
			return err_say(e, EADDRINUSE, "%s listens on port %u/%s already%s",
				       who ? listener_name(p->protocol, port, &a) : "somebody", port,
				       protocol_name(p->protocol), port == DNS_PORT && is_every(x) ? resolver : "");
		if (r == -EADDRNOTAVAIL && p->host.family)
			return err_say(e, EADDRNOTAVAIL, "publish port %u/%s: this machine has no address %s", port,
				       protocol_name(p->protocol), net_address_text(x, text));
	}
	return 0;
}

/* ---- other containers ---- */

struct asking {
	const struct net *n;
	const struct net_port *p;
	unsigned port;
};

static bool clash(const struct net_address *x, const struct net_address *y)
{
	if (!x->family || !y->family)
		return true;
	return x->family == y->family && (net_address_equal(x, y) || is_every(x) || is_every(y));
}

static int check_other(const char *name, const char *target, void *data, struct err *e)
{
	const struct asking *q = data;
	cleanup_arena struct arena a = ARENA_INIT;
	struct net_address there = { 0 };

	if (strcmp(name, "*") != 0 && net_address_parse(name, false, &there, e) < 0)
		return 0;
	if (!clash(&q->p->host, &there))
		return 0;
	return err_say(e, EADDRINUSE, "%s%sport %u/%s is published by %s already", there.family ? name : "",
		       there.family ? " " : "", q->port, protocol_name(q->p->protocol), claim_holder(q->n, target, &a));
}

/* The port's directory, locked. */
static int open_port(const struct net *n, const char *path, struct err *e)
{
	for (;;) {
		if (mkdirat(n->state, path, 0700) < 0 && errno == ENOENT && mkdirat(n->state, "ports", 0700) < 0 &&
		    errno != EEXIST)
			return err_set(e, errno, "create 'ports'");
		cleanup_close int fd = openat(n->state, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			return err_set(e, errno, "open '%s'", path);
		while (flock(fd, LOCK_EX) < 0)
			if (errno != EINTR)
				return err_set(e, errno, "lock '%s'", path);
		return take_fd(&fd);
	}
}

/* @who: an error is to say which program it is that listens. */
static int take_one(const struct net *n, const struct net_port *p, unsigned port, const char *key, bool who,
		    struct err *e)
{
	struct asking q = { n, p, port };
	struct claim_path dir = directory_of(p, port);
	char text[NET_ADDRESS_TEXT];

	for (;;) {
		cleanup_close int fd = open_port(n, dir.path, e);
		if (fd < 0)
			return fd;
		int r = claim_each(fd, ".", check_other, &q, e);
		if (r >= 0)
			r = check_listeners(p, port, who, e);
		if (r >= 0 && symlinkat(key, fd, address_name(&p->host, text)) == 0)
			return 0;
		/* Who went last has removed the directory meanwhile. */
		if (r >= 0 && errno == ENOENT)
			continue;
		if (r >= 0)
			err_set(e, errno, "create '%s'", dir.path);
		claim_drop_directory(n->state, dir.path);
		return -e->code;
	}
}

/* ---- all of them ---- */

static int release_some(const struct net *n, const struct net_port *p, unsigned count, const char *key, struct err *e)
{
	char text[NET_ADDRESS_TEXT];

	for (unsigned i = 0; i < count; i++) {
		struct claim_path dir = directory_of(p, p->host_port + i);
		struct claim_path path = claim_path("%s/%s", dir.path, address_name(&p->host, text));
		if (claim_drop(n->state, path.path, key, e) < 0)
			return -e->code;
		claim_drop_directory(n->state, dir.path);
	}
	return 0;
}

/* From p->host_port on. */
static int take_range(const struct net *n, const struct net_port *p, const char *key, bool who, struct err *e)
{
	struct err ignored;

	for (unsigned i = 0; i < p->count; i++) {
		if (take_one(n, p, p->host_port + i, key, who, e) < 0) {
			release_some(n, p, i, key, &ignored);
			return -e->code;
		}
	}
	return 0;
}

/* The search begins at a port that goes with the container: the same has the same again when it is free. */
static int take_any(const struct net *n, struct net_port *p, const char *key, struct err *e)
{
	int places = ANY_LAST - ANY_FIRST + 2 - p->count;
	int begin = places > 0 ? (int)(strtoull(key, NULL, 16) % (unsigned)places) : 0;

	for (int i = 0; i < places; i++) {
		p->host_port = (uint16_t)(ANY_FIRST + (begin + i) % places);
		int r = take_range(n, p, key, false, e);
		if (r >= 0 || r != -EADDRINUSE)
			return r;
	}
	p->host_port = NET_PORT_ANY;
	return err_say(e, EADDRINUSE, "no %u ports in a row are free from %d to %d/%s", p->count, ANY_FIRST, ANY_LAST,
		       protocol_name(p->protocol));
}

int ports_take(const struct net *n, struct net_port *p, const char *key, struct err *e)
{
	if (p->host_port + p->count - 1 > PORT_MAX || p->container_port + p->count - 1 > PORT_MAX)
		return err_say(e, EINVAL, "%u ports from %u to %u: ports end at %d", p->count, p->host_port,
			       p->container_port, PORT_MAX);
	return p->host_port == NET_PORT_ANY ? take_any(n, p, key, e) : take_range(n, p, key, true, e);
}

int ports_release(const struct net *n, const struct net_port *p, const char *key, struct err *e)
{
	return release_some(n, p, p->count, key, e);
}
