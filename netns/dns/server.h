/*
 * Inside the resolver. One process, one loop, one struct, tables of fixed size.
 *
 *	start.c        from a ferry to a process apart; one at a time
 *	confine.c      what it gives up before it is asked
 *	server.c       the loop
 *	control.c      what ferry tells it: networks come and go
 *	question.c     a question: who asks, what the answer is, or whom to pass it on to
 *	lookup.c       names as they are below STATE
 *	forward.c      questions that were passed on
 *	connection.c   those who ask by TCP
 *	servers.c      name servers: the host's, those that are slow
 */
#ifndef NETNS_DNS_SERVER_H
#define NETNS_DNS_SERVER_H

#include "lib/buf.h"
#include "lib/err.h"
#include "netns/address.h"
#include "netns/dns/message.h"
#include "netns/dns/protocol.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct net;

enum {
	NETWORKS_MAX = 512, /* served at once */
	LISTENERS_MAX = NETWORKS_MAX * RESOLVER_GATEWAYS * 2,
	PEERS_MAX = 64, /* ferries that are connected */
	CONNECTIONS_MAX = 64, CONNECTIONS_OF_NETWORK = 32, CONNECTIONS_OF_CLIENT = 8,
	QUESTIONS_MAX = 1024, QUESTIONS_OF_NETWORK = 256, QUESTIONS_OF_CLIENT = 128,
	QUESTION_SIZE_MAX = DNS_EDNS_MAX, /* longer ones are no names that anybody looks up */
	DESCRIPTORS_MAX = 32 + LISTENERS_MAX + PEERS_MAX + CONNECTIONS_MAX + QUESTIONS_MAX,
	NETWORKS_OF_CLIENT = 32, /* whose names one container can ask for */
	SLOW_MAX = 8,
};

/* What an epoll event is of: the kind, and which in its table. */
enum watched { WATCH_CONTROL, WATCH_PEER, WATCH_LISTENER, WATCH_CONNECTION, WATCH_QUESTION };

/* An address and port, and its length. */
struct endpoint_address {
	struct sockaddr_in6 sa; /* or sockaddr_in */
	socklen_t len;
};

struct server {
	struct net_address address; /* family 0: none */
	uint32_t scope; /* of a link-local address: the interface */
};

struct listener {
	int fd; /* -1: none */
	bool stream;
	uint16_t network;
	struct net_address gateway; /* what it is bound to; questions come from its network alone */
};

struct peer {
	int fd;
};

/* Who asked, and where the answer goes. */
struct origin {
	uint16_t listener;
	int16_t connection; /* -1: a datagram */
	struct endpoint_address client;
};

struct connection {
	int fd;
	struct origin origin;
	int64_t due; /* when patience ends */
	uint8_t head[2];
	uint8_t *in, *out; /* the question; the answer, with its length before it */
	size_t in_have, in_len, out_at, out_len;
	bool waiting; /* the question was passed on */
};

struct question {
	int fd; /* to the server that is being asked */
	bool stream, sent;
	struct origin origin;
	uint16_t id; /* the client's; another goes to the server */
	struct server servers[RESOLVER_SERVERS];
	uint8_t n_servers, at, tries;
	int64_t due; /* when the next is asked */
	uint8_t *data; /* with its length before it, as TCP has it; NULL: the place is free */
	size_t len; /* without that */
	uint8_t head[2], *answer; /* by TCP */
	size_t answer_have, answer_len;
};

/* Containers that ask: the networks whose names they see, first the one they ask in, and who may be asked for them. */
struct asker {
	uint16_t networks[NETWORKS_OF_CLIENT];
	size_t n_networks;
	bool outside; /* questions are passed on */
	struct server servers[RESOLVER_SERVERS];
	size_t n_servers;
};

struct resolver {
	int state, control, epoll;
	int lock; /* of a file, taken once it has all networks: who looks at it need not ask */
	bool control_paused, done;
	int64_t now; /* by the monotonic clock, in ms */
	size_t n_networks, n_listeners, n_peers, n_connections, n_questions; /* places that were ever used */
	struct resolver_network networks[NETWORKS_MAX]; /* without a name: free */
	struct listener listeners[LISTENERS_MAX];
	struct peer peers[PEERS_MAX];
	struct connection connections[CONNECTIONS_MAX];
	struct question questions[QUESTIONS_MAX];

	struct server host[RESOLVER_SERVERS]; /* of resolv.conf, as it was at */
	size_t n_host;
	struct stat host_stat;
	struct {
		struct net_address address;
		int64_t until;
	} slow[SLOW_MAX];
	size_t next_slow;

	struct buf answer; /* the one being made */
	uint8_t packet[DNS_TCP_MAX]; /* the one being read */
};

/* ---- start.c: in a ferry ---- */

/* A socket to the resolver. -ECONNREFUSED: there is none. */
int resolver_connect(const struct net *n, struct err *e);
/* The same, starting it when there is none. */
int resolver_start(const struct net *n, struct err *e);
/* There is one, and it has been given all networks. Asks nobody. */
bool resolver_lives(const struct net *n);

/* ---- confine.c ---- */

int server_confine(const struct resolver *r, struct err *e);

/* ---- server.c ---- */

_Noreturn void server_run(struct resolver *r);

/* @events: EPOLLIN, EPOLLOUT; 0 for its end alone. */
int server_watch(struct resolver *r, int fd, uint32_t events, enum watched what, size_t index, bool again);
/* The first free place of a table of descriptors: @fds is the first one's, @stride bytes apart; -1: none is free. */
int server_place(const int *fds, size_t stride, size_t *n, size_t max);

/* By its name; -1: it is not served. */
int server_network(const struct resolver *r, const char *name);

void server_sockaddr(const struct net_address *x, uint32_t scope, uint16_t port, struct endpoint_address *ret);
struct net_address server_address(const struct endpoint_address *x);

/* ---- control.c ---- */

void control_accept(struct resolver *r);
void control_read(struct resolver *r, size_t peer);

/* ---- question.c ---- */

/* @data: one message. It is answered at once, or when whom it is passed on to has answered, or not at all. */
void question_received(struct resolver *r, const struct origin *o, uint8_t *data, size_t n);
void question_datagrams(struct resolver *r, size_t listener);
void question_answer(struct resolver *r, const struct origin *o, const uint8_t *data, size_t n);
bool question_from_network(const struct listener *l, const struct endpoint_address *client);

/* ---- lookup.c ---- */

/* Both are silent about what they do not find: there is nobody to tell. */
void lookup_asker(struct resolver *r, const struct origin *o, struct asker *ret);
/* The addresses of one family behind a name, at most @max. False: there is no such name. */
bool lookup_name(const struct resolver *r, const char *network, const char *name, int family, struct net_address *ret,
		 size_t max, size_t *ret_n);
bool lookup_pointer(const struct resolver *r, const char *network, const struct net_address *x, char *ret, size_t room);

/* ---- forward.c ---- */

/* False: there is nobody to ask, or too much is being asked already. */
bool forward(struct resolver *r, const struct origin *o, const struct asker *a, const uint8_t *data, size_t n);
void forward_ready(struct resolver *r, size_t question);
void forward_timers(struct resolver *r);
int64_t forward_due(const struct resolver *r); /* INT64_MAX: nothing is */
/* Whoever asked is gone. */
void forward_forget_connection(struct resolver *r, int connection);
void forward_forget_listener(struct resolver *r, size_t listener);

/* ---- connection.c ---- */

void connection_accept(struct resolver *r, size_t listener);
void connection_ready(struct resolver *r, size_t connection);
void connection_answer(struct resolver *r, size_t connection, const uint8_t *data, size_t n);
void connection_close(struct resolver *r, size_t connection);
void connection_timers(struct resolver *r);
int64_t connection_due(const struct resolver *r);

/* ---- servers.c ---- */

/* A list with commas. How many there were. */
size_t servers_parse_list(const char *text, struct server ret[RESOLVER_SERVERS]);
/* What resolv.conf(5) says. */
size_t servers_parse_conf(const char *text, struct server ret[RESOLVER_SERVERS]);
/* The host's, read again when the file is another. */
void servers_of_host(struct resolver *r);
/* Has not answered: for a while it is asked after the others. */
void servers_note_slow(struct resolver *r, const struct server *s);
bool servers_are_slow(const struct resolver *r, const struct server *s);

#endif
