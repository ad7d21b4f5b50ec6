/*
 * Netlink: messages are built one after the other in a batch and sent by one system call; what fails is answered.
 *
 *	cleanup_nl struct nl s = NL_INIT;
 *	cleanup_nl_batch struct nl_batch b = NL_BATCH_INIT;
 *
 *	nl_open(NETLINK_ROUTE, netns, &s, e);
 *	nl_begin(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifinfo, sizeof(ifinfo), "make bridge '%s'", name);
 *	nl_string(&b, IFLA_IFNAME, name);
 *	size_t info = nl_nest(&b, IFLA_LINKINFO);
 *	nl_string(&b, IFLA_INFO_KIND, "bridge");
 *	nl_nest_end(&b, info);
 *	nl_send(&s, &b, e);
 *
 * An error says which message it was, by the text given at nl_begin, and what the kernel adds to the errno (extended
 * acknowledgement). Debian has libmnl as a shared library alone, and ferry is static.
 */
#ifndef NETNS_NETLINK_H
#define NETNS_NETLINK_H

#include "lib/buf.h"
#include "lib/err.h"

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nl {
	int fd;
	uint32_t sequence; /* of the last message sent */
};
#define NL_INIT ((struct nl){ .fd = -1 })

/* @netns: the namespace to speak to, the caller's own when -1. The caller is back in its own afterwards. */
int nl_open(int protocol, int netns, struct nl *ret, struct err *e);
void nl_close(struct nl *s);
#define cleanup_nl __attribute__((cleanup(nl_close)))

struct nl_batch {
	struct buf data;
	struct buf texts; /* of the messages, each ended by NUL */
	struct buf tolerated; /* an errno for each message, 0: none */
	size_t at; /* where the last message begins */
	size_t n;
	bool too_long; /* an attribute does not fit its 16 bits of length: nl_send refuses */
};
#define NL_BATCH_INIT ((struct nl_batch){ 0 })
void nl_batch_finish(struct nl_batch *b);
#define cleanup_nl_batch __attribute__((cleanup(nl_batch_finish)))

/* @header: the family's own, struct ifinfomsg and the like. NLM_F_REQUEST is added. The text is for errors. */
void nl_begin(struct nl_batch *b, uint16_t type, uint16_t flags, const void *header, size_t n, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));

/* That error of the message that was begun last is none: it was there already, or is gone already. */
void nl_tolerate(struct nl_batch *b, int code);

/* Attributes of the message begun last. Host byte order, but for the _be ones. */
void nl_bytes(struct nl_batch *b, uint16_t type, const void *data, size_t n);
void nl_string(struct nl_batch *b, uint16_t type, const char *s); /* with its NUL */
void nl_u8(struct nl_batch *b, uint16_t type, uint8_t v);
void nl_u16(struct nl_batch *b, uint16_t type, uint16_t v);
void nl_u32(struct nl_batch *b, uint16_t type, uint32_t v);
void nl_u64(struct nl_batch *b, uint16_t type, uint64_t v);
void nl_u16_be(struct nl_batch *b, uint16_t type, uint16_t v);
void nl_u32_be(struct nl_batch *b, uint16_t type, uint32_t v);
void nl_u64_be(struct nl_batch *b, uint16_t type, uint64_t v);
void nl_flag(struct nl_batch *b, uint16_t type);
size_t nl_nest(struct nl_batch *b, uint16_t type); /* gives what ends it */
void nl_nest_end(struct nl_batch *b, size_t nest);

/* Bytes within the attributes that are no attribute, such as the header of a veth's peer. */
void nl_raw(struct nl_batch *b, const void *data, size_t n);

/*
 * Sends the batch; the kernel has worked on all of it afterwards. The first error that is not tolerated is returned, the rest
 * has been tried all the same. The batch is empty afterwards. nf_tables: begin and end of a transaction are messages of it.
 */
int nl_send(struct nl *s, struct nl_batch *b, struct err *e);

/*
 * Sends the one message of the batch and gives each answer to @each: a dump with NLM_F_DUMP, else one. @each returns 0 to go
 * on or -errno. -EINTR when what is listed has changed meanwhile: to be asked again.
 */
typedef int nl_each(const struct nlmsghdr *m, void *arg, struct err *e);
int nl_ask(struct nl *s, struct nl_batch *b, nl_each *each, void *arg, struct err *e);

/* ---- reading: bytes that are not to be trusted in their lengths ---- */

/*
 * The attributes behind a message's header of @header bytes, by type; those above @max are passed over. @ret has @max + 1
 * places. False: the lengths make no sense.
 */
bool nl_attributes(const struct nlmsghdr *m, size_t header, const struct nlattr **ret, unsigned max);
bool nl_nested(const struct nlattr *nest, const struct nlattr **ret, unsigned max);
size_t nl_attribute_size(const struct nlattr *x);
const void *nl_attribute_data(const struct nlattr *x);
uint32_t nl_attribute_u32(const struct nlattr *x, uint32_t missing); /* @missing also when it is not of that size */
const char *nl_attribute_string(const struct nlattr *x); /* NULL when missing, or not ended by NUL */

#endif
