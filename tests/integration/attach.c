/*
 * Containers' networks without containers: what netns/netns.h offers, as a program. Networks are defined by files.
 *
 *	attach up OWNER NETNS [NETWORK[:ip=ADDRESS][,ip6=][,mac=][,interface=][,alias=]...]... [--name NAME]
 *		[--publish HOST:CONTAINER[/udp][+COUNT]]... [--rate BITS]
 *	attach down OWNER
 *	attach release OWNER       the same in two steps, as for launched containers; says "released" between them
 *	attach connect OWNER NETNS NETWORK[:...]
 *	attach disconnect OWNER NETNS NETWORK
 *	attach reload
 *
 * OWNER is a directory, NETNS a file like /run/netns/NAME. `attach time N OWNER NETNS NETWORK...` does up and down N times,
 * with an own network namespace each time when NETNS is "-", and prints the microseconds of each.
 */
#include "lib/fd.h"
#include "netns/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

static const char definitions[] = "/var/lib/ferry/networks", state[] = "/run/ferry/.networks";

struct asked {
	struct arena arena;
	struct net_container container;
};

static void asked_finish(struct asked *x)
{
	arena_finish(&x->arena);
}
#define cleanup_asked __attribute__((cleanup(asked_finish)))

static int parse_option(struct net_request *r, const char *option, struct arena *a, struct err *e)
{
	const char *value = strchr(option, '=');

	if (!value++)
		return err_say(e, EINVAL, "'%s' is no option", option);
	if (strncmp(option, "ip=", 3) == 0)
		return net_address_parse(value, false, &r->ip4, e);
	if (strncmp(option, "ip6=", 4) == 0)
		return net_address_parse(value, false, &r->ip6, e);
	if (strncmp(option, "mac=", 4) == 0)
		r->mac = value;
	else if (strncmp(option, "interface=", 10) == 0)
		r->interface = value;
	else
		*arena_push(a, &r->aliases, &r->n_aliases) = value;
	return 0;
}

static int parse_request(struct asked *x, const char *word, struct err *e)
{
	struct net_request *r = arena_push(&x->arena, &x->container.requests, &x->container.n_requests);
	size_t name = strcspn(word, ":");
	char *options = arena_strdup(&x->arena, word + name + (word[name] == ':')), *next;

	r->network = arena_strndup(&x->arena, word, name);
	while ((next = strsep(&options, ",")))
		if (*next && parse_option(r, next, &x->arena, e) < 0)
			return -e->code;
	return 0;
}

static int parse_port(struct asked *x, const char *word, struct err *e)
{
	struct net_port *p = arena_push(&x->arena, &x->container.ports, &x->container.n_ports);
	unsigned host, container, count = 1;
	char *end;

	host = (unsigned)strtoul(word, &end, 10);
	container = *end == ':' ? (unsigned)strtoul(end + 1, &end, 10) : 0;
	p->protocol = strncmp(end, "/udp", 4) == 0 ? IPPROTO_UDP : IPPROTO_TCP;
	if (p->protocol == IPPROTO_UDP)
		end += 4;
	if (*end == '+')
		count = (unsigned)strtoul(end + 1, &end, 10);
	if (*end || !container)
		return err_say(e, EINVAL, "'%s' is no port", word);
	p->host_port = (uint16_t)host;
	p->container_port = (uint16_t)container;
	p->count = (uint16_t)count;
	return 0;
}

static int parse(struct asked *x, char **words, struct err *e)
{
	for (int r; *words; words++) {
		if (strcmp(*words, "--name") == 0 && words[1])
			r = 0, x->container.name = *++words;
		else if (strcmp(*words, "--rate") == 0 && words[1])
			r = 0, x->container.shaping.rate_bps = strtoull(*++words, NULL, 10);
		else if (strcmp(*words, "--publish") == 0 && words[1])
			r = parse_port(x, *++words, e);
		else
			r = parse_request(x, *words, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int open_netns(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? err_set(e, errno, "open '%s'", path) : fd;
}

static void print(const struct net_endpoint *x)
{
	char text[NET_ADDRESS_TEXT];

	for (size_t i = 0; i < x->n_links; i++)
		for (int j = 0; j < 2; j++)
			if (x->links[i].addresses[j].family)
				printf("%s %s\n", x->links[i].interface, net_address_cidr(&x->links[i].addresses[j], text));
	for (size_t i = 0; i < x->n_ports; i++)
		printf("%u -> %u\n", x->ports[i].host_port, x->ports[i].container_port);
}

static int up(struct asked *x, int netns, struct net_endpoint *ret, struct err *e)
{
	cleanup_net struct net n = NET_INIT;

	if (net_open(definitions, state, false, &n, e) < 0)
		return -e->code;
	return net_attach(&n, &x->container, netns, &x->arena, ret, e);
}

static int down(const char *owner, struct arena *a, struct err *e)
{
	cleanup_net struct net n = NET_INIT;

	return net_open(definitions, state, false, &n, e) < 0 ? -e->code : net_detach(&n, owner, a, e);
}

static int release(const char *owner, struct arena *a, struct err *e)
{
	struct net_leaving leaving = NET_LEAVING_INIT;
	cleanup_net struct net n = NET_INIT;

	if (net_open(definitions, state, false, &n, e) < 0 || net_release(&n, owner, a, &leaving, e) < 0)
		return -e->code;
	puts("released");
	fflush(stdout);
	return net_settle(&n, &leaving, a, e);
}

/* ---- how long it takes ---- */

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* A namespace that ends when the descriptor is closed. */
static int fresh_netns(struct err *e)
{
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (unshare(CLONE_NEWNET) < 0)
		return err_set(e, errno, "unshare");
	int fresh = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (setns(own, CLONE_NEWNET) < 0)
		return err_set(e, errno, "setns");
	close(own);
	return fresh;
}

static int time_once(const char *owner, const char *path, char **words, struct err *e)
{
	cleanup_asked struct asked x = { .container.owner = owner };
	struct net_endpoint endpoint;
	bool fresh = strcmp(path, "-") == 0;

	if (parse(&x, words, e) < 0)
		return -e->code;
	cleanup_close int netns = fresh ? fresh_netns(e) : open_netns(path, e);
	if (netns < 0)
		return netns;
	double before = now_us();
	if (up(&x, netns, &endpoint, e) < 0)
		return -e->code;
	double between = now_us();
	/* As it is when a container's processes have ended. */
	if (fresh)
		close_fd(&netns);
	double ended = now_us();
	if (down(owner, &x.arena, e) < 0)
		return -e->code;
	printf("%.1f %.1f\n", between - before, now_us() - ended);
	return 0;
}

/* ---- commands ---- */

static int run(int argc, char **argv, struct err *e)
{
	cleanup_asked struct asked x = { 0 };
	struct net_endpoint endpoint = { 0 };
	const char *command = argc > 1 ? argv[1] : "";

	if (strcmp(command, "reload") == 0) {
		cleanup_net struct net n = NET_INIT;
		return net_open(definitions, state, true, &n, e) < 0 ? -e->code : net_reload(&n, &x.arena, e);
	}
	if (strcmp(command, "down") == 0 && argc == 3)
		return down(argv[2], &x.arena, e);
	if (strcmp(command, "release") == 0 && argc == 3)
		return release(argv[2], &x.arena, e);
	if (strcmp(command, "time") == 0 && argc > 5) {
		for (int i = atoi(argv[2]); i > 0; i--)
			if (time_once(argv[3], argv[4], argv + 5, e) < 0)
				return -e->code;
		return 0;
	}
	if (argc < 4)
		return err_say(e, EINVAL, "no such command");
	cleanup_close int netns = open_netns(argv[3], e);
	if (netns < 0)
		return netns;
	x.container.owner = argv[2];
	if (strcmp(command, "up") == 0) {
		if (parse(&x, argv + 4, e) < 0 || up(&x, netns, &endpoint, e) < 0)
			return -e->code;
		print(&endpoint);
		return 0;
	}
	cleanup_net struct net n = NET_INIT;
	if (argc != 5 || net_open(definitions, state, false, &n, e) < 0)
		return argc != 5 ? err_say(e, EINVAL, "no such command") : -e->code;
	if (strcmp(command, "disconnect") == 0)
		return net_disconnect(&n, argv[2], argv[4], &x.arena, e);
	if (parse_request(&x, argv[4], e) < 0 ||
	    net_connect(&n, argv[2], x.container.requests, netns, &x.arena, &endpoint, e) < 0)
		return -e->code;
	print(&endpoint);
	return 0;
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;

	if (run(argc, argv, &e) >= 0)
		return 0;
	fflush(stdout);
	fprintf(stderr, "attach: %s\n", e.msg);
	return 1;
}
