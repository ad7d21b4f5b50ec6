/* Name servers to ask. */
#include "netns/dns/server.h"

#include "lib/fd.h"

#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RESOLV_CONF "/etc/resolv.conf"

enum { CONF_MAX = 8192, SLOW_MS = 30000 };

/* "10.0.0.1", "fe80::1%eth0". */
static bool parse_server(const char *text, size_t len, struct server *ret)
{
	char address[NET_ADDRESS_TEXT];
	struct server s = { 0 };
	struct err ignored = ERR_INIT;

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	char *scope = strchr(address, '%');
	if (scope) {
		*scope++ = '\0';
		s.scope = if_nametoindex(scope);
	}
	if (net_address_parse(address, false, &s.address, &ignored) < 0)
		return false;
	*ret = s;
	return true;
}

size_t servers_parse_list(const char *text, struct server ret[RESOLVER_SERVERS])
{
	size_t n = 0;

	for (; n < RESOLVER_SERVERS && *text;) {
		size_t len = strcspn(text, ",");
		if (parse_server(text, len, &ret[n]))
			n++;
		text += len + (text[len] == ',');
	}
	return n;
}

size_t servers_parse_conf(const char *text, struct server ret[RESOLVER_SERVERS])
{
	static const char word[] = "nameserver", blank[] = " \t", end[] = " \t\r\n";
	size_t n = 0;

	while (n < RESOLVER_SERVERS && *text) {
		const char *line = text;
		text += strcspn(text, "\n");
		text += *text == '\n';
		if (strncmp(line, word, sizeof(word) - 1) != 0)
			continue;
		line += sizeof(word) - 1;
		size_t space = strspn(line, blank);
		if (space > 0 && parse_server(line + space, strcspn(line + space, end), &ret[n]))
			n++;
	}
	return n;
}

static bool same_file(const struct stat *x, const struct stat *y)
{
	return x->st_ino == y->st_ino && x->st_dev == y->st_dev && x->st_size == y->st_size &&
	       x->st_mtim.tv_sec == y->st_mtim.tv_sec && x->st_mtim.tv_nsec == y->st_mtim.tv_nsec;
}

void servers_of_host(struct resolver *r)
{
	static const struct server local = { .address = { AF_INET, 32, { 127, 0, 0, 1 } } };
	char text[CONF_MAX];
	struct stat st;

	/* While it is being replaced, what it said before. */
	if (stat(RESOLV_CONF, &st) < 0 || (r->n_host > 0 && same_file(&st, &r->host_stat)))
		return;
	cleanup_close int fd = open(RESOLV_CONF, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return;
	text[n] = '\0';
	r->host_stat = st;
	r->n_host = servers_parse_conf(text, r->host);
	if (r->n_host == 0) { /* as resolv.conf(5) has it */
		r->host[0] = local;
		r->n_host = 1;
	}
}

void servers_note_slow(struct resolver *r, const struct server *s)
{
	size_t i = 0;

	while (i < SLOW_MAX && !net_address_equal(&r->slow[i].address, &s->address))
		i++;
	if (i == SLOW_MAX)
		i = r->next_slow++ % SLOW_MAX;
	r->slow[i].address = s->address;
	r->slow[i].until = r->now + SLOW_MS;
}

bool servers_are_slow(const struct resolver *r, const struct server *s)
{
	for (size_t i = 0; i < SLOW_MAX; i++)
		if (r->slow[i].until > r->now && net_address_equal(&r->slow[i].address, &s->address))
			return true;
	return false;
}
