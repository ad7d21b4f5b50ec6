/* One question: answered from the names there are, or passed on. */
#include "netns/dns/server.h"

#include "netns/dns/resolver.h"

#include <limits.h>
#include <string.h>
#include <sys/socket.h>

enum { ADDRESSES_MAX = 256, DATAGRAMS_AT_ONCE = 32 };

/* r->answer has it; or there is nothing yet to say. */
enum verdict { ANSWERED, UNKNOWN };

/* "web.ferry.internal" becomes "web". */
static bool strip_domain(char *name)
{
	static const char domain[] = RESOLVER_DOMAIN;
	size_t len = strlen(name), suffix = sizeof(domain) - 1;

	if (len < suffix || strcmp(name + len - suffix, domain) != 0 || (len > suffix && name[len - suffix - 1] != '.'))
		return false;
	name[len > suffix ? len - suffix - 1 : 0] = '\0';
	return true;
}

static int family_of(uint16_t type)
{
	return type == DNS_A ? AF_INET : type == DNS_AAAA ? AF_INET6 : AF_UNSPEC;
}

/* Several containers that share a name take turns. */
static void take_turns(struct net_address *x, size_t n, size_t first)
{
	struct net_address turned[ADDRESSES_MAX];

	if (n < 2)
		return;
	for (size_t i = 0; i < n; i++)
		turned[i] = x[(first + i) % n];
	memcpy(x, turned, n * sizeof(*x));
}

static enum verdict answer_name(struct resolver *r, const struct asker *a, struct dns_question *q, const uint8_t *data,
				size_t room)
{
	struct net_address x[ADDRESSES_MAX];
	size_t n;
	bool ours = strip_domain(q->name);

	for (size_t i = 0; i < a->n_networks && *q->name; i++) {
		const char *network = r->networks[a->networks[i]].name;
		if (!lookup_name(r, network, q->name, family_of(q->type), x, ADDRESSES_MAX, &n))
			continue;
		take_turns(x, n, q->id);
		dns_answer_addresses(data, q, x, n, room, &r->answer);
		return ANSWERED;
	}
	if (ours)
		dns_answer_none(data, q, *q->name ? DNS_NXDOMAIN : DNS_OK, &r->answer);
	return ours ? ANSWERED : UNKNOWN;
}

/* Nobody else knows the addresses of the networks that the asker is in. */
static bool is_of_network(const struct resolver *r, uint16_t network, const struct net_address *x)
{
	for (size_t i = 0; i < RESOLVER_GATEWAYS; i++) {
		const struct net_address *gateway = &r->networks[network].gateways[i];
		if (gateway->family && net_address_within(x, gateway))
			return true;
	}
	return false;
}

static enum verdict answer_pointer(struct resolver *r, const struct asker *a, const struct dns_question *q,
				   const struct net_address *x, const uint8_t *data)
{
	char name[NAME_MAX + 1];
	bool ours = false;

	for (size_t i = 0; i < a->n_networks; i++) {
		if (lookup_pointer(r, r->networks[a->networks[i]].name, x, name, sizeof(name)) &&
		    dns_answer_pointer(data, q, name, &r->answer))
			return ANSWERED;
		ours |= is_of_network(r, a->networks[i], x);
	}
	if (ours)
		dns_answer_none(data, q, DNS_NXDOMAIN, &r->answer);
	return ours ? ANSWERED : UNKNOWN;
}

/*
 * A container that cannot get out hears that there is no such name: that ends the search at once with glibc and with
 * musl, where the latter would take any other error for none at all, and wait.
 */
static enum verdict answer(struct resolver *r, const struct origin *o, struct dns_question *q, const uint8_t *data,
			   size_t n)
{
	const size_t room = o->connection < 0 ? q->room : DNS_TCP_MAX;
	struct net_address x;
	struct asker a;

	lookup_asker(r, o, &a);
	enum verdict v = q->type == DNS_PTR && dns_pointer(q->name, &x) ?
		answer_pointer(r, &a, q, &x, data) : answer_name(r, &a, q, data, room);
	if (v == ANSWERED)
		return v;
	if (!a.outside)
		dns_answer_none(data, q, DNS_NXDOMAIN, &r->answer);
	else if (forward(r, o, &a, data, n))
		return UNKNOWN;
	else
		dns_answer_none(data, q, DNS_SERVFAIL, &r->answer);
	return ANSWERED;
}

void question_received(struct resolver *r, const struct origin *o, uint8_t *data, size_t n)
{
	struct dns_question q;
	enum dns_rcode rcode;

	r->answer.len = 0;
	if (n > QUESTION_SIZE_MAX || !dns_parse(data, n, &q, &rcode)) {
		if (o->connection >= 0)
			connection_close(r, (size_t)o->connection);
		return;
	}
	if (rcode != DNS_OK)
		dns_answer_none(data, &q, rcode, &r->answer);
	else if (answer(r, o, &q, data, n) != ANSWERED)
		return;
	question_answer(r, o, (const uint8_t *)r->answer.data, r->answer.len);
}

/* Whoever does not take it asks again. */
void question_answer(struct resolver *r, const struct origin *o, const uint8_t *data, size_t n)
{
	if (o->connection >= 0)
		connection_answer(r, (size_t)o->connection, data, n);
	else
		sendto(r->listeners[o->listener].fd, data, n, MSG_DONTWAIT | MSG_NOSIGNAL,
		       (const struct sockaddr *)&o->client.sa, o->client.len);
}

bool question_from_network(const struct listener *l, const struct endpoint_address *client)
{
	const struct net_address x = server_address(client);

	return net_address_within(&x, &l->gateway);
}

void question_datagrams(struct resolver *r, size_t listener)
{
	const struct listener *l = &r->listeners[listener];

	for (int i = 0; i < DATAGRAMS_AT_ONCE; i++) {
		struct origin o = { .listener = (uint16_t)listener, .connection = -1 };
		o.client.len = sizeof(o.client.sa);
		ssize_t n = recvfrom(l->fd, r->packet, sizeof(r->packet), MSG_DONTWAIT, (struct sockaddr *)&o.client.sa,
				     &o.client.len);
		if (n < 0)
			return;
		if (question_from_network(l, &o.client))
			question_received(r, &o, r->packet, (size_t)n);
	}
}
