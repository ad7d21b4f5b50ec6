#include "overlay/registry/url.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

bool registry_host_is_loopback(const char *host)
{
	char name[64];
	struct in_addr v4;
	size_t len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");

	if (len >= sizeof(name))
		return false;
	memcpy(name, host, len);
	name[len] = '\0';
	if (strcasecmp(name, "localhost") == 0 || strcmp(name, "[::1]") == 0)
		return true;
	return inet_pton(AF_INET, name, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

const char *registry_url(const char *origin, const char *path, const char *kind, const char *what, struct arena *a)
{
	return arena_printf(a, "%s/v2/%s/%s/%s", origin, path, kind, what);
}
