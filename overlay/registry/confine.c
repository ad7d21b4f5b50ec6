/* What ferry-registry gives up before it hears from strangers: all but the network, and reading a few files. */
#include "overlay/registry/transfer.h"

#include "lib/confine.h"

#include <string.h>

/* Libraries, certificates, and how names are resolved. */
static const char *const readable[] = {
	"/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/dev/urandom", "/dev/null",
	"/etc/ssl", "/etc/pki", "/etc/ca-certificates", "/var/lib/ca-certificates", "/etc/gnutls", "/etc/crypto-policies",
	"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services",
	"/run/systemd/resolve", "/run/nscd",
};

int session_confine(const struct session *s, struct err *e)
{
	enum { N = sizeof(readable) / sizeof(*readable) };
	const char *paths[N + 1];

	memcpy(paths, readable, sizeof(readable));
	paths[N] = s->setup.cert_dir; /* or "" */
	return confine_to_reading(paths, N + 1, -1, e) < 0 ? err_wrap(e, "ferry-registry") : 0;
}
