#include "netns/dns/message.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* The second word of a header. */
enum {
	QR = 1 << 15, OPCODE = 15 << 11, AA = 1 << 10, TC = 1 << 9, RD = 1 << 8, RA = 1 << 7, RCODE = 15,
};

/* Where the header has its words. */
enum { AT_ID = 0, AT_FLAGS = 2, AT_QUESTIONS = 4, AT_ANSWERS = 6, AT_AUTHORITIES = 8, AT_ADDITIONAL = 10 };

enum { LABEL_MAX = 63, POINTER = 0xc0, FIXED = 10 /* bytes of a record behind its name, before its data */ };

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

uint16_t dns_id(const uint8_t *data)
{
	return get16(data + AT_ID);
}

void dns_set_id(uint8_t *data, uint16_t id)
{
	put16(data + AT_ID, id);
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static char plain(uint8_t c)
{
	c = lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ? (char)c : '?';
}

/* ---- reading ---- */

/* The name of a question, which has no pointers. Where it ends, or 0. */
static size_t read_name(const uint8_t *data, size_t n, size_t at, char out[DNS_NAME_MAX])
{
	size_t used = 0;

	for (;;) {
		if (at >= n || data[at] > LABEL_MAX)
			return 0;
		size_t label = data[at++];
		if (label == 0)
			break;
		if (label > n - at || used + label + (used > 0) >= DNS_NAME_MAX)
			return 0;
		if (used)
			out[used++] = '.';
		for (size_t i = 0; i < label; i++)
			out[used++] = plain(data[at++]);
	}
	out[used] = '\0';
	return at;
}

/* Over a name that may end in a pointer. Where it ends, or 0. */
static size_t skip_name(const uint8_t *data, size_t n, size_t at)
{
	for (;;) {
		if (at >= n)
			return 0;
		uint8_t label = data[at++];
		if (label == 0)
			return at;
		if (label >= POINTER)
			return at < n ? at + 1 : 0;
		if (label > LABEL_MAX || label > n - at)
			return 0;
		at += label;
	}
}

/* The records behind the question: one of them may be that of EDNS. False: they make no sense. */
static bool read_records(const uint8_t *data, size_t n, struct dns_question *q)
{
	size_t at = q->end;
	size_t records = (size_t)get16(data + AT_ANSWERS) + get16(data + AT_AUTHORITIES) + get16(data + AT_ADDITIONAL);

	for (; records > 0; records--) {
		size_t name = at;
		at = skip_name(data, n, at);
		if (at == 0 || n - at < FIXED)
			return false;
		if (get16(data + at) == DNS_OPT && at == name + 1) {
			size_t room = get16(data + at + 2);
			q->edns = true;
			q->room = room < DNS_UDP_MAX ? DNS_UDP_MAX : room > DNS_EDNS_MAX ? DNS_EDNS_MAX : room;
		}
		size_t len = get16(data + at + 8);
		at += FIXED;
		if (len > n - at)
			return false;
		at += len;
	}
	return true;
}

bool dns_parse(const uint8_t *data, size_t n, struct dns_question *ret, enum dns_rcode *ret_rcode)
{
	if (n < DNS_HEADER || get16(data + AT_FLAGS) & QR)
		return false;
	*ret = (struct dns_question){ .id = dns_id(data), .room = DNS_UDP_MAX };
	*ret_rcode = DNS_NOTIMP;
	if (get16(data + AT_FLAGS) & OPCODE)
		return true;
	*ret_rcode = DNS_FORMERR;
	if (get16(data + AT_QUESTIONS) != 1)
		return true;
	size_t at = read_name(data, n, DNS_HEADER, ret->name);
	if (at == 0 || n - at < 4)
		return true;
	ret->type = get16(data + at);
	ret->end = at + 4;
	if (!read_records(data, n, ret))
		return true;
	*ret_rcode = get16(data + at + 2) == DNS_CLASS_IN ? DNS_OK : DNS_NOTIMP;
	return true;
}

/* One part of a reversed name, up to its dot or the end: its value in @base, at most @max. NULL: it is none. */
static const char *read_part(const char *s, unsigned base, unsigned max, uint8_t *ret)
{
	static const char digits[] = "0123456789abcdef";
	const char *start = s;
	unsigned v = 0;

	for (const char *d; *s && *s != '.'; s++) {
		d = memchr(digits, *s, base);
		if (!d || (s > start && v == 0))
			return NULL;
		v = v * base + (unsigned)(d - digits);
		if (v > max)
			return NULL;
	}
	if (s == start || *s != '.')
		return NULL;
	*ret = (uint8_t)v;
	return s + 1;
}

bool dns_pointer(const char *name, struct net_address *ret)
{
	struct net_address x = { .family = AF_INET, .prefix = 32 };
	const char *s = name;
	uint8_t part;

	for (int i = 3; i >= 0 && s; i--)
		s = read_part(s, 10, 255, &x.bytes[i]);
	if (s && strcmp(s, "in-addr.arpa") == 0) {
		*ret = x;
		return true;
	}
	x = (struct net_address){ .family = AF_INET6, .prefix = 128 };
	s = name;
	for (int i = 31; i >= 0 && s; i--) {
		s = read_part(s, 16, 15, &part);
		if (s)
			x.bytes[i / 2] |= i % 2 ? part : (uint8_t)(part << 4);
	}
	if (!s || strcmp(s, "ip6.arpa") != 0)
		return false;
	*ret = x;
	return true;
}

/* Of two question sections, of which @x is one that was read. */
static bool same_question(const uint8_t *x, const uint8_t *y, size_t n)
{
	/* A byte of a length is at most 63 and so never a letter. */
	for (size_t i = 0; i < n - 4; i++)
		if (lower(x[i]) != lower(y[i]))
			return false;
	return memcmp(x + n - 4, y + n - 4, 4) == 0;
}

bool dns_answers(const uint8_t *data, size_t n, const uint8_t *answer, size_t len)
{
	struct dns_question q;
	enum dns_rcode rcode;

	if (len < DNS_HEADER || !dns_parse(data, n, &q, &rcode) || q.end == 0)
		return false;
	uint16_t flags = get16(answer + AT_FLAGS);
	if (dns_id(answer) != q.id || !(flags & QR) || flags & OPCODE)
		return false;
	if (get16(answer + AT_QUESTIONS) == 0)
		return (flags & RCODE) != DNS_OK && (flags & RCODE) != DNS_NXDOMAIN;
	return get16(answer + AT_QUESTIONS) == 1 && len >= q.end &&
	       same_question(data + DNS_HEADER, answer + DNS_HEADER, q.end - DNS_HEADER);
}

/* ---- writing ---- */

/* What a compressed name is that is the question's own. */
static const uint8_t question_name[] = { POINTER, DNS_HEADER };

/* The answer being made, from where @out was. */
struct answer {
	struct buf *out;
	size_t start, room;
	unsigned flags, n;
};

static struct answer begin(const uint8_t *data, const struct dns_question *q, size_t room, enum dns_rcode rcode,
			   struct buf *out)
{
	struct answer a = { .out = out, .start = out->len, .room = room };

	a.flags = QR | AA | RA | (get16(data + AT_FLAGS) & (OPCODE | RD)) | rcode;
	buf_add(out, data, q->end ? q->end : DNS_HEADER);
	return a;
}

static size_t edns_size(const struct dns_question *q)
{
	return q->edns ? 1 + FIXED : 0;
}

/* A record of the question's name, of the least room that EDNS leaves. */
static bool add_record(struct answer *a, const struct dns_question *q, enum dns_type type, const void *data, size_t n)
{
	uint8_t fixed[FIXED] = { 0 }; /* its time to live, too */

	if (a->out->len - a->start + sizeof(question_name) + FIXED + n + edns_size(q) > a->room) {
		a->flags |= TC;
		return false;
	}
	put16(fixed, type);
	put16(fixed + 2, DNS_CLASS_IN);
	put16(fixed + 8, (unsigned)n);
	buf_add(a->out, question_name, sizeof(question_name));
	buf_add(a->out, fixed, sizeof(fixed));
	buf_add(a->out, data, n);
	a->n++;
	return true;
}

static void end(struct answer *a, const struct dns_question *q)
{
	uint8_t opt[1 + FIXED] = { 0 };

	if (q->edns) {
		put16(opt + 1, DNS_OPT);
		put16(opt + 3, DNS_EDNS_MAX);
		buf_add(a->out, opt, sizeof(opt));
	}
	uint8_t *head = (uint8_t *)a->out->data + a->start;
	put16(head + AT_FLAGS, a->flags);
	put16(head + AT_QUESTIONS, q->end > 0);
	put16(head + AT_ANSWERS, a->n);
	put16(head + AT_AUTHORITIES, 0);
	put16(head + AT_ADDITIONAL, q->edns);
}

void dns_answer_addresses(const uint8_t *data, const struct dns_question *q, const struct net_address *x, size_t n,
			  size_t room, struct buf *out)
{
	struct answer a = begin(data, q, room, DNS_OK, out);

	for (size_t i = 0; i < n; i++)
		if (!add_record(&a, q, x[i].family == AF_INET ? DNS_A : DNS_AAAA, x[i].bytes, net_address_size(&x[i])))
			break;
	end(&a, q);
}

bool dns_answer_pointer(const uint8_t *data, const struct dns_question *q, const char *name, struct buf *out)
{
	uint8_t labels[DNS_NAME_MAX + 1];
	size_t n = 0;

	for (const char *dot = name;; name = dot + 1) {
		dot = strchrnul(name, '.');
		size_t len = (size_t)(dot - name);
		if (len == 0 || len > LABEL_MAX || n + 1 + len + 1 > sizeof(labels))
			return false;
		labels[n++] = (uint8_t)len;
		memcpy(labels + n, name, len);
		n += len;
		if (!*dot)
			break;
	}
	labels[n++] = 0;
	struct answer a = begin(data, q, DNS_TCP_MAX, DNS_OK, out);
	add_record(&a, q, DNS_PTR, labels, n);
	end(&a, q);
	return true;
}

void dns_answer_none(const uint8_t *data, const struct dns_question *q, enum dns_rcode rcode, struct buf *out)
{
	struct answer a = begin(data, q, DNS_TCP_MAX, rcode, out);
	end(&a, q);
}
