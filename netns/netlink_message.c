#include "netns/netlink.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* ---- writing ---- */

static struct nlmsghdr *last_message(struct nl_batch *b)
{
	return (struct nlmsghdr *)(void *)(b->data.data + b->at);
}

/* Room at the end of the last message, padded with zeros, which its length includes. */
static char *extend(struct nl_batch *b, size_t n)
{
	size_t padded = NLMSG_ALIGN(n);
	char *to = buf_reserve(&b->data, padded);

	memset(to, 0, padded);
	b->data.len += padded;
	last_message(b)->nlmsg_len += (uint32_t)padded;
	return to;
}

void nl_begin(struct nl_batch *b, uint16_t type, uint16_t flags, const void *header, size_t n, const char *fmt, ...)
{
	struct nlmsghdr m = { .nlmsg_len = sizeof(m), .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags };
	const int none = 0;
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_add(&b->texts, text, strlen(text) + 1);
	buf_add(&b->tolerated, &none, sizeof(none));
	b->at = b->data.len;
	b->n++;
	buf_add(&b->data, &m, sizeof(m));
	nl_raw(b, header, n);
}

void nl_tolerate(struct nl_batch *b, int code)
{
	memcpy(b->tolerated.data + b->tolerated.len - sizeof(code), &code, sizeof(code));
}

void nl_raw(struct nl_batch *b, const void *data, size_t n)
{
	char *to = extend(b, n);

	if (n)
		memcpy(to, data, n);
}

void nl_bytes(struct nl_batch *b, uint16_t type, const void *data, size_t n)
{
	const struct nlattr x = { .nla_len = (uint16_t)(NLA_HDRLEN + n), .nla_type = type };

	if (n > UINT16_MAX - NLA_HDRLEN) {
		b->too_long = true;
		return;
	}
	char *to = extend(b, NLA_HDRLEN + n);
	memcpy(to, &x, sizeof(x));
	if (n)
		memcpy(to + NLA_HDRLEN, data, n);
}

void nl_string(struct nl_batch *b, uint16_t type, const char *s)
{
	nl_bytes(b, type, s, strlen(s) + 1);
}

void nl_u8(struct nl_batch *b, uint16_t type, uint8_t v)
{
	nl_bytes(b, type, &v, sizeof(v));
}

void nl_u16(struct nl_batch *b, uint16_t type, uint16_t v)
{
	nl_bytes(b, type, &v, sizeof(v));
}

void nl_u32(struct nl_batch *b, uint16_t type, uint32_t v)
{
	nl_bytes(b, type, &v, sizeof(v));
}

void nl_u64(struct nl_batch *b, uint16_t type, uint64_t v)
{
	nl_bytes(b, type, &v, sizeof(v));
}

void nl_u16_be(struct nl_batch *b, uint16_t type, uint16_t v)
{
	nl_u16(b, type, htobe16(v));
}

void nl_u32_be(struct nl_batch *b, uint16_t type, uint32_t v)
{
	nl_u32(b, type, htobe32(v));
}

void nl_u64_be(struct nl_batch *b, uint16_t type, uint64_t v)
{
	nl_u64(b, type, htobe64(v));
}

void nl_flag(struct nl_batch *b, uint16_t type)
{
	nl_bytes(b, type, NULL, 0);
}

size_t nl_nest(struct nl_batch *b, uint16_t type)
{
	size_t at = b->data.len;

	nl_flag(b, type | NLA_F_NESTED);
	return at;
}

void nl_nest_end(struct nl_batch *b, size_t nest)
{
	size_t len = b->data.len - nest;

	if (len > UINT16_MAX)
		b->too_long = true;
	((struct nlattr *)(void *)(b->data.data + nest))->nla_len = (uint16_t)len;
}

/* ---- reading ---- */

static bool read_attributes(const char *at, size_t n, const struct nlattr **ret, unsigned max)
{
	memset(ret, 0, (max + 1) * sizeof(*ret));
	while (n >= sizeof(struct nlattr)) {
		const struct nlattr *x = (const struct nlattr *)(const void *)at;
		if (x->nla_len < sizeof(*x) || x->nla_len > n)
			return false;
		unsigned type = x->nla_type & NLA_TYPE_MASK;
		if (type <= max)
			ret[type] = x;
		size_t padded = (size_t)NLA_ALIGN(x->nla_len);
		if (padded >= n)
			return true;
		at += padded;
		n -= padded;
	}
	return n == 0;
}

bool nl_attributes(const struct nlmsghdr *m, size_t header, const struct nlattr **ret, unsigned max)
{
	size_t before = NLMSG_HDRLEN + NLMSG_ALIGN(header);

	if (m->nlmsg_len < before) {
		memset(ret, 0, (max + 1) * sizeof(*ret));
		return false;
	}
	return read_attributes((const char *)m + before, m->nlmsg_len - before, ret, max);
}

bool nl_nested(const struct nlattr *nest, const struct nlattr **ret, unsigned max)
{
	return read_attributes(nl_attribute_data(nest), nl_attribute_size(nest), ret, max);
}

size_t nl_attribute_size(const struct nlattr *x)
{
	return x->nla_len - NLA_HDRLEN;
}

const void *nl_attribute_data(const struct nlattr *x)
{
	return (const char *)x + NLA_HDRLEN;
}

uint32_t nl_attribute_u32(const struct nlattr *x, uint32_t missing)
{
	uint32_t v = missing;

	if (x && nl_attribute_size(x) == sizeof(v))
		memcpy(&v, nl_attribute_data(x), sizeof(v));
	return v;
}

const char *nl_attribute_string(const struct nlattr *x)
{
	return x && memchr(nl_attribute_data(x), '\0', nl_attribute_size(x)) ? nl_attribute_data(x) : NULL;
}
