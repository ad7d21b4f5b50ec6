/* DNS messages (RFC 1035), as much of them as the resolver needs: bytes that are not to be trusted. */
#ifndef NETNS_DNS_MESSAGE_H
#define NETNS_DNS_MESSAGE_H

#include "lib/buf.h"
#include "netns/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DNS_NAME_MAX = 254, DNS_UDP_MAX = 512 };
enum dns_type { DNS_A = 1, DNS_PTR = 12, DNS_AAAA = 28 };
enum dns_rcode { DNS_OK = 0, DNS_FORMERR = 1, DNS_SERVFAIL = 2, DNS_NXDOMAIN = 3, DNS_NOTIMP = 4, DNS_REFUSED = 5 };

struct dns_question {
	uint16_t id, type, class;
	bool recursion; /* is desired */
	char name[DNS_NAME_MAX]; /* lower case, without the last dot; a byte that is no letter, digit, '-', '_' or '.' is '?' */
	size_t end; /* where the question section ends */
	size_t room; /* for an answer by UDP: 512, or what EDNS says */
};

/* False: no answer can be made of it. One that can but is no single plain question gets a rcode in *ret_rcode. */
bool dns_parse(const uint8_t *data, size_t n, struct dns_question *ret, enum dns_rcode *ret_rcode);

/* "4.3.2.1.in-addr.arpa" and the like of IPv6. */
bool dns_pointer(const char *name, struct net_address *ret);

/* An answer to the message @data: its question, and the records that fit into @room (else truncated). */
void dns_answer_addresses(const uint8_t *data, const struct dns_question *q, const struct net_address *x, size_t n,
			  size_t room, struct buf *out);
void dns_answer_pointer(const uint8_t *data, const struct dns_question *q, const char *name, struct buf *out);
void dns_answer_error(const uint8_t *data, size_t n, const struct dns_question *q, enum dns_rcode rcode, struct buf *out);

#endif
