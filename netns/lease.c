/* Addresses: one link each. */
#include "netns/lease.h"

#include "lib/fd.h"
#include "netns/claim.h"
#include "netns/subnet.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct claim_path path_of(const char *network, const struct net_address *x)
{
	char text[NET_ADDRESS_TEXT];

	return claim_path("networks/%s/leases/%s", network, net_address_text(x, text));
}

/* ---- one that was asked for ---- */

int lease_check(const struct net_subnet *s, const struct net_address *wanted, struct err *e)
{
	char text[NET_ADDRESS_TEXT], subnet[NET_ADDRESS_TEXT];
	struct net_address first, last;

	net_address_text(wanted, text);
	net_address_cidr(&s->subnet, subnet);
	if (!net_address_within(wanted, &s->subnet))
		return err_say(e, EINVAL, "the address %s is outside of the subnet %s", text, subnet);
	subnet_usable(&s->subnet, &first, &last);
	if (net_address_compare(wanted, &first) < 0 || net_address_compare(wanted, &last) > 0)
		return err_say(e, EINVAL, "the address %s is reserved in the subnet %s", text, subnet);
	if (net_address_equal(wanted, &s->gateway))
		return err_say(e, EINVAL, "the address %s is the gateway of the subnet %s", text, subnet);
	return 0;
}

static int take_wanted(const struct net *n, const char *network, const struct net_address *wanted, const char *key,
		       struct err *e)
{
	char holder[64] = "", text[NET_ADDRESS_TEXT];
	cleanup_arena struct arena a = ARENA_INIT;
	struct claim_path p = path_of(network, wanted);
	int r = claim_make(n->state, p.path, key, e);

	if (r != -EEXIST || claim_is(n->state, p.path, key))
		return r == -EEXIST ? 0 : r;
	claim_read(n->state, p.path, holder, sizeof(holder));
	return err_say(e, EADDRINUSE, "the address %s of the network \"%s\" is taken by %s",
		       net_address_text(wanted, text), network, claim_holder(n, holder, &a));
}

/* ---- any ---- */

/*
 * The address that was given last, as its bytes: where to begin is a hint, and nothing depends on it. Returns the file,
 * or -1.
 */
static int open_last(const struct net *n, const char *network, const struct net_address *first, struct net_address *ret)
{
	struct claim_path p = claim_path("networks/%s/last.%d", network, first->family == AF_INET6 ? 6 : 4);
	int fd = openat(n->state, p.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 && errno == ENOENT) {
		claim_make_above(n->state, p.path);
		fd = openat(n->state, p.path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	}
	*ret = *first;
	if (fd < 0 || pread(fd, ret->bytes, net_address_size(first), 0) != (ssize_t)net_address_size(first))
		ret->family = 0;
	return fd;
}

/* A file system that is full is no reason to fail. */
static void remember(int fd, const struct net_address *x)
{
	ssize_t ignored = pwrite(fd, x->bytes, net_address_size(x), 0);

	(void)ignored;
}

static struct net_address after(const struct net_subnet *s, const struct net_address *x)
{
	struct net_address next;

	if (!x->family || net_address_compare(x, &s->first) < 0 || net_address_compare(x, &s->last) >= 0 ||
	    !net_address_add(x, 1, &next))
		return s->first;
	return next;
}

static int take_any(const struct net *n, const char *network, const struct net_subnet *s, const char *key,
		    struct net_address *ret, struct err *e)
{
	char first[NET_ADDRESS_TEXT], last[NET_ADDRESS_TEXT];
	struct net_address before;

	cleanup_close int fd = open_last(n, network, &s->first, &before);
	struct net_address begin = after(s, &before), at = begin;
	do {
		int r = net_address_equal(&at, &s->gateway) ? -EEXIST :
			claim_make(n->state, path_of(network, &at).path, key, e);
		if (r == 0) {
			remember(fd, &at);
			return *ret = at, 0;
		}
		if (r != -EEXIST)
			return r;
		at = after(s, &at);
	} while (!net_address_equal(&at, &begin));
	return err_say(e, ENOSPC, "the network \"%s\" has no address left: all from %s to %s are taken", network,
		       net_address_text(&s->first, first), net_address_text(&s->last, last));
}

int lease_take(const struct net *n, const struct network *x, const struct net_subnet *subnet,
	       const struct net_address *wanted, const char *key, struct net_address *ret, struct err *e)
{
	if (!wanted->family)
		return take_any(n, x->name, subnet, key, ret, e);
	if (lease_check(subnet, wanted, e) < 0)
		return err_wrap(e, "network \"%s\"", x->name);
	if (take_wanted(n, x->name, wanted, key, e) < 0)
		return -e->code;
	*ret = *wanted;
	ret->prefix = subnet->subnet.prefix;
	return 0;
}

int lease_release(const struct net *n, const char *network, const struct net_address *x, const char *key,
		  struct err *e)
{
	return claim_drop(n->state, path_of(network, x).path, key, e);
}
