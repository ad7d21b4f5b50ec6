/* The texts of the files that say who a container is and whom it knows: hosts and resolv.conf. */
#include "lib/file.h"
#include "netns/dns/resolver.h"
#include "runtime/launch/plan.h"
#include "runtime/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

enum { TEXT_MAX = 1024 * 1024 };

/* Of systemd-resolved: the servers that it asks, where /etc/resolv.conf has its own address alone. */
static const char resolved_conf[] = "/run/systemd/resolve/resolv.conf";

/* One of the host's files; a missing one is empty, and so is one that is not the caller's to read. */
static int add_file(const char *path, struct buf *out, struct err *e)
{
	int r = file_read_at(AT_FDCWD, path, TEXT_MAX, out, e);

	if (r == -EACCES)
		log_warn("'%s' cannot be read: the container will not have what is in it", path);
	else if (r < 0 && r != -ENOENT)
		return r;
	if (out->len > 0 && out->data[out->len - 1] != '\n')
		buf_char(out, '\n');
	return 0;
}

/* ---- hosts ---- */

static bool is_gateway(const char *address)
{
	return strcmp(address, "host-gateway") == 0;
}

int launch_check_host(const char *text, enum launched_network_mode mode, struct err *e)
{
	size_t n = strcspn(text, ":=");
	const char *address = text[n] ? text + n + 1 : "";
	struct net_address ignored;

	if (n == 0 || strcspn(text, " \t\n") < n ||
	    (!is_gateway(address) && net_address_parse(address, false, &ignored, e) < 0))
		return err_say(e, EINVAL, "--add-host '%s': expected NAME:ADDRESS, or NAME:host-gateway", text);
	if (is_gateway(address) && mode != NETWORK_ATTACHED && mode != NETWORK_HOST)
		return err_say(e, EINVAL, "--add-host '%s': this machine has an address for containers of a network alone",
			       text);
	return 0;
}

/* Where a container of these networks reaches this machine; NULL: nowhere. */
static const struct net_address *host_address(const struct net_endpoint *x)
{
	for (size_t i = 0; x && i < x->n_links; i++)
		for (size_t j = 0; j < 2; j++)
			if (x->links[i].gateways[j].family)
				return &x->links[i].gateways[j];
	return NULL;
}

static void add_host(const char *text, const struct net_endpoint *x, struct buf *out)
{
	size_t n = strcspn(text, ":=");
	const char *address = text + n + 1;
	const struct net_address *host = host_address(x);
	char gateway[NET_ADDRESS_TEXT] = "127.0.0.1";

	if (is_gateway(address) && x && !host)
		return; /* its networks have no way out */
	if (is_gateway(address) && host)
		net_address_text(host, gateway);
	buf_printf(out, "%s\t%.*s\n", is_gateway(address) ? gateway : address, (int)n, text);
}

/* Its own name, at all its addresses. */
static void add_self(const char *hostname, const struct net_endpoint *x, struct buf *out)
{
	char text[NET_ADDRESS_TEXT];
	size_t before = out->len;

	for (size_t i = 0; x && i < x->n_links; i++)
		for (size_t j = 0; j < 2; j++)
			if (x->links[i].addresses[j].family)
				buf_printf(out, "%s\t%s\n", net_address_text(&x->links[i].addresses[j], text), hostname);
	if (out->len == before)
		buf_printf(out, "127.0.1.1\t%s\n", hostname);
}

int launch_hosts(const struct launched_network *n, const char *hostname, const struct net_endpoint *x, struct buf *out,
		 struct err *e)
{
	if (n->mode == NETWORK_HOST) {
		if (add_file("/etc/hosts", out, e) < 0)
			return -e->code;
	} else {
		buf_str(out, "127.0.0.1\tlocalhost\n");
		add_self(hostname, x, out);
		buf_str(out, "::1\tlocalhost ip6-localhost ip6-loopback\n");
	}
	for (size_t i = 0; i < n->n_hosts; i++)
		add_host(n->hosts[i], x, out);
	return 0;
}

/* ---- resolv.conf ---- */

/* The next line's first word; *ret_rest: what follows it. NULL at the end. */
static char *next_line(char **text, char **ret_rest)
{
	char *line = strsep(text, "\n");

	if (!line)
		return NULL;
	line += strspn(line, " \t");
	*ret_rest = line + strcspn(line, " \t");
	if (**ret_rest)
		*(*ret_rest)++ = '\0';
	*ret_rest += strspn(*ret_rest, " \t");
	return line;
}

/* One on this machine's loopback, or on one of its links ("fe80::1%eth0"), is none to a container. */
static bool is_reachable(const char *server)
{
	struct err ignored = ERR_INIT;
	struct net_address x;

	if (strchr(server, '%'))
		return false;
	return net_address_parse(server, false, &x, &ignored) < 0 ||
	       (x.family == AF_INET ? x.bytes[0] != 127 : strcmp(server, "::1") != 0);
}

/* The name servers of a file of the host's; @all: its loopback addresses too. Returns how many. */
static int add_servers(const char *file, bool all, struct buf *out, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;
	char *rest, *word, *s;
	int n = 0;

	if (add_file(file, &text, e) < 0)
		return -e->code;
	s = text.data;
	while (s && (word = next_line(&s, &rest))) {
		rest[strcspn(rest, " \t")] = '\0';
		if (strcmp(word, "nameserver") != 0 || !*rest || !(all || is_reachable(rest)))
			continue;
		buf_printf(out, "nameserver %s\n", rest);
		n++;
	}
	return n;
}

/* "search" and "options" of the host's, the last of each counts; @name2: another word for the same. @first: before them. */
static int add_line_of_host(const char *name, const char *name2, const char *first, struct buf *out, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;
	char *rest, *word, *s, *found = NULL;

	if (add_file("/etc/resolv.conf", &text, e) < 0)
		return -e->code;
	s = text.data;
	while (s && (word = next_line(&s, &rest)))
		if (strcmp(word, name) == 0 || strcmp(word, name2) == 0)
			found = rest;
	found = found && *found ? found : NULL;
	if (first || found)
		buf_printf(out, "%s %s%s%s\n", name, first ? first : "", first && found ? " " : "", found ? found : "");
	return 0;
}

static int add_line(const char *name, const char *name2, const char *first, const char **values, size_t n,
		    struct buf *out, struct err *e)
{
	if (n == 0)
		return add_line_of_host(name, name2, first, out, e);
	if (strcmp(values[0], ".") == 0)
		return 0;
	buf_str(out, name);
	if (first)
		buf_printf(out, " %s", first);
	for (size_t i = 0; i < n; i++)
		buf_printf(out, " %s", values[i]);
	buf_char(out, '\n');
	return 0;
}

int launch_resolv_conf(const struct launched_network *n, const struct net_address *resolvers, size_t n_resolvers,
		       struct buf *out, struct err *e)
{
	bool reaches_loopback = n->mode != NETWORK_ATTACHED && n->mode != NETWORK_PASTA;
	bool chosen = n->n_dns + n->n_dns_search + n->n_dns_options > 0;
	char text[NET_ADDRESS_TEXT];

	/* As the host has it, where it can be asked or nobody can be. */
	if (reaches_loopback && !chosen)
		return add_file("/etc/resolv.conf", out, e);
	for (size_t i = 0; i < n_resolvers; i++)
		buf_printf(out, "nameserver %s\n", net_address_text(&resolvers[i], text));
	/* The resolver asks those of --dns itself. */
	for (size_t i = 0; n_resolvers == 0 && i < n->n_dns; i++)
		buf_printf(out, "nameserver %s\n", n->dns[i]);
	if (n_resolvers + n->n_dns == 0) {
		int r = add_servers("/etc/resolv.conf", reaches_loopback, out, e);
		if (r == 0)
			r = add_servers(resolved_conf, false, out, e);
		if (r < 0)
			return r;
	}
	/* A container's name is found at once, and not in some domain of the host's that has everything. */
	if (add_line("search", "domain", n_resolvers ? RESOLVER_DOMAIN : NULL, n->dns_search, n->n_dns_search, out, e) < 0)
		return -e->code;
	return add_line("options", "options", NULL, n->dns_options, n->n_dns_options, out, e);
}
