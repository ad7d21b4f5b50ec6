#include "netns/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

size_t net_address_size(const struct net_address *x)
{
	return x->family == AF_INET6 ? 16 : 4;
}

static unsigned bits(const struct net_address *x)
{
	return (unsigned)net_address_size(x) * 8;
}

/* A prefix length in plain decimal digits; false beyond @max. */
static bool parse_prefix(const char *text, unsigned max, uint8_t *ret)
{
	unsigned n = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		n = n * 10 + (unsigned)(*text - '0');
		if (n > max)
			return false;
	}
	*ret = (uint8_t)n;
	return true;
}

int net_address_parse(const char *text, bool prefix, struct net_address *ret, struct err *e)
{
	char address[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	struct net_address x = { .family = memchr(text, ':', len) ? AF_INET6 : AF_INET };

	if (prefix && !slash)
		return err_say(e, EINVAL, "'%s': expected an address with its prefix length, like 10.89.0.0/24", text);
	if (len >= sizeof(address) || (slash && !prefix))
		return err_say(e, EINVAL, "'%s' is no IP address", text);
	memcpy(address, text, len);
	address[len] = '\0';
	if (inet_pton(x.family, address, x.bytes) != 1)
		return err_say(e, EINVAL, "'%s' is no IP address", text);
	x.prefix = (uint8_t)bits(&x);
	if (slash && !parse_prefix(slash + 1, bits(&x), &x.prefix))
		return err_say(e, EINVAL, "'%s': the prefix length is 0 to %u", text, bits(&x));
	*ret = x;
	return 0;
}

const char *net_address_text(const struct net_address *x, char out[NET_ADDRESS_TEXT])
{
	if (!inet_ntop(x->family, x->bytes, out, NET_ADDRESS_TEXT))
		out[0] = '\0';
	return out;
}

const char *net_address_cidr(const struct net_address *x, char out[NET_ADDRESS_TEXT])
{
	size_t len = strlen(net_address_text(x, out));

	snprintf(out + len, NET_ADDRESS_TEXT - len, "/%u", x->prefix);
	return out;
}

bool net_address_equal(const struct net_address *x, const struct net_address *y)
{
	return x->family == y->family && memcmp(x->bytes, y->bytes, net_address_size(x)) == 0;
}

int net_address_compare(const struct net_address *x, const struct net_address *y)
{
	return memcmp(x->bytes, y->bytes, net_address_size(x));
}

struct net_address net_address_network(const struct net_address *x)
{
	struct net_address network = *x;

	for (unsigned i = 0; i < net_address_size(x); i++) {
		if (i * 8 >= x->prefix)
			network.bytes[i] = 0;
		else if (i * 8 + 8 > x->prefix)
			network.bytes[i] &= (uint8_t)(0xff << (i * 8 + 8 - x->prefix));
	}
	return network;
}

bool net_address_within(const struct net_address *x, const struct net_address *network)
{
	struct net_address y = *x;

	y.prefix = network->prefix;
	struct net_address of_x = net_address_network(&y), of_network = net_address_network(network);
	return net_address_equal(&of_x, &of_network);
}

bool net_networks_overlap(const struct net_address *x, const struct net_address *y)
{
	return x->prefix < y->prefix ? net_address_within(y, x) : net_address_within(x, y);
}

bool net_address_add(const struct net_address *x, int64_t n, struct net_address *ret)
{
	struct net_address sum = *x;

	/* From the last byte on; what is carried is at most as large as n, and negative as n is. */
	for (size_t i = net_address_size(x); i-- > 0;) {
		uint8_t low = (uint8_t)(x->bytes[i] + (uint8_t)n);
		n = (n - (uint8_t)n) / 256 + (low < x->bytes[i]);
		sum.bytes[i] = low;
	}
	if (n != 0)
		return false;
	*ret = sum;
	return true;
}

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef", *at = strchr(digits, c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c);

	return c && at ? (int)(at - digits) : -1;
}

int net_mac_parse(const char *text, uint8_t ret[6], struct err *e)
{
	static const uint8_t zeros[6];
	uint8_t mac[6];

	for (int i = 0; i < 6; i++) {
		const char *at = text + 3 * i;
		int high = hex_digit(at[0]), low = high < 0 ? -1 : hex_digit(at[1]);
		if (low < 0 || at[2] != (i < 5 ? ':' : '\0'))
			return err_say(e, EINVAL, "'%s' is no hardware address: expected six bytes like 02:11:22:33:44:55",
				       text);
		mac[i] = (uint8_t)(high * 16 + low);
	}
	if (memcmp(mac, zeros, 6) == 0)
		return err_say(e, EINVAL, "hardware address '%s': all zeros is none", text);
	if (mac[0] & 1)
		return err_say(e, EINVAL, "hardware address '%s' is a group's: the first byte must be even", text);
	memcpy(ret, mac, 6);
	return 0;
}

void net_mac_of(const struct net_address *x, uint8_t ret[6])
{
	/* IPv4 addresses go in whole. Of IPv6 the last five bytes, where neighbours differ, with the others folded in. */
	memset(ret, 0, 6);
	for (unsigned i = 0; i < net_address_size(x); i++)
		ret[5 - i % 5] ^= x->bytes[net_address_size(x) - 1 - i];
	ret[0] = x->family == AF_INET6 ? 0x06 : 0x02;
}

const char *net_mac_text(const uint8_t mac[6], char out[NET_ADDRESS_TEXT])
{
	snprintf(out, NET_ADDRESS_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return out;
}
