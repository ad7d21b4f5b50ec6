/* The files that say who a container is and whom it knows: hosts, hostname, resolv.conf, machine-id. */
#include "lib/file.h"
#include "runtime/launch/plan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

enum { TEXT_MAX = 1024 * 1024 };

static bool is_host_network(const struct launch_options *o)
{
	return o->network && strcmp(o->network, "host") == 0;
}

/* One of the host's files; a missing one is empty. */
static int add_file(const char *path, struct buf *out, struct err *e)
{
	int r = file_read_at(AT_FDCWD, path, TEXT_MAX, out, e);

	if (r < 0 && r != -ENOENT)
		return r;
	if (out->len > 0 && out->data[out->len - 1] != '\n')
		buf_char(out, '\n');
	return 0;
}

static bool is_address(const char *text)
{
	uint8_t ignored[16];

	return inet_pton(AF_INET, text, ignored) == 1 || inet_pton(AF_INET6, text, ignored) == 1;
}

/* "NAME:ADDRESS" or "NAME=ADDRESS". */
static int add_host(const char *text, struct buf *out, struct err *e)
{
	size_t n = strcspn(text, ":=");
	const char *address = text[n] ? text + n + 1 : "";

	if (n == 0 || strcspn(text, " \t\n") < n || !is_address(address))
		return err_say(e, EINVAL, "--add-host '%s': expected NAME:ADDRESS", text);
	buf_printf(out, "%s\t%.*s\n", address, (int)n, text);
	return 0;
}

int launch_hosts(const struct launch_options *o, const char *hostname, struct buf *out, struct err *e)
{
	if (is_host_network(o)) {
		if (add_file("/etc/hosts", out, e) < 0)
			return -e->code;
	} else
		buf_printf(out, "127.0.0.1\tlocalhost\n127.0.1.1\t%s\n::1\tlocalhost ip6-localhost ip6-loopback\n", hostname);
	for (size_t i = 0; i < o->add_hosts.n; i++)
		if (add_host(o->add_hosts.v[i], out, e) < 0)
			return -e->code;
	return 0;
}

int launch_resolv_conf(const struct launch_options *o, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < o->dns.n; i++) {
		if (!is_address(o->dns.v[i]))
			return err_say(e, EINVAL, "--dns '%s': expected an address", o->dns.v[i]);
		buf_printf(out, "nameserver %s\n", o->dns.v[i]);
	}
	return o->dns.n > 0 ? 0 : add_file("/etc/resolv.conf", out, e);
}
