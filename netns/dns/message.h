/* DNS messages (RFC 1035, RFC 6891), as much of them as the resolver needs: bytes that are not to be trusted. */
#ifndef NETNS_DNS_MESSAGE_H
#define NETNS_DNS_MESSAGE_H

#include "lib/buf.h"
#include "netns/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DNS_NAME_MAX = 254, DNS_HEADER = 12, DNS_UDP_MAX = 512, DNS_EDNS_MAX = 1232, DNS_TCP_MAX = 65535 };
enum { DNS_CLASS_IN = 1 };
enum dns_type { DNS_A = 1, DNS_PTR = 12, DNS_AAAA = 28, DNS_OPT = 41 };
enum dns_rcode { DNS_OK = 0, DNS_FORMERR = 1, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3, DNS_NOTIMP = 4, DNS_REFUSED = 5 };

struct dns_question {
	uint16_t id, type;
	char name[DNS_NAME_MAX]; /* lower case, without the last dot; what is no letter, digit, '-' or '_' is '?' */
	size_t end; /* where the question section ends; 0: there is none that can be read */
	size_t room; /* for an answer of ours by UDP: 512, or what EDNS says, but no more than is never split */
	bool edns; /* and so is to be answered */
};

/*
 * False: no answer can be made of it, or it is one itself. When it can, but is no single plain question for the
 * Internet, *ret_rcode is what to answer with, else DNS_OK.
 */
bool dns_parse(const uint8_t *data, size_t n, struct dns_question *ret, enum dns_rcode *ret_rcode);

/* "4.3.2.1.in-addr.arpa" and the like of IPv6, in lower case. */
bool dns_pointer(const char *name, struct net_address *ret);

/*
 * An answer to the question @data, appended to @out: its question section, and records that live for no time at all,
 * since a name may be gone, or another's, at once. @room: what does not fit is left out, and the answer says that it
 * is truncated.
 */
void dns_answer_addresses(const uint8_t *data, const struct dns_question *q, const struct net_address *x, size_t n,
			  size_t room, struct buf *out);
/* False: @name cannot be one of the DNS. */
bool dns_answer_pointer(const uint8_t *data, const struct dns_question *q, const char *name, struct buf *out);
/* DNS_OK: the name is there, records of that type are not. */
void dns_answer_none(const uint8_t *data, const struct dns_question *q, enum dns_rcode rcode, struct buf *out);

/* Whether @answer is one to the question @data, by id and question section. An error may come without the latter. */
bool dns_answers(const uint8_t *data, size_t n, const uint8_t *answer, size_t len);

uint16_t dns_id(const uint8_t *data);
void dns_set_id(uint8_t *data, uint16_t id);

#endif
