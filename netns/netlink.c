#include "netns/netlink.h"

#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	ROOM_ANSWERS = 32 * 1024, /* the kernel fills no more at once */
	ROOM_SOCKET = 128 * 1024, /* a batch beyond this, or of so many messages, needs larger buffers */
	MANY_MESSAGES = 100,
	ROOM_ERROR = 2 * 1024, /* what the kernel takes for one error that waits to be read */
};

/* ---- sockets ---- */

static int open_socket(int protocol, struct err *e)
{
	const int on = 1;

	cleanup_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return err_set(e, errno, "open a netlink socket");
	/* Errors with words, and without the message that they are about. Kernels that cannot do without. */
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	return take_fd(&fd);
}

int nl_open(int protocol, int netns, struct nl *ret, struct err *e)
{
	if (netns < 0) {
		int fd = open_socket(protocol, e);
		if (fd < 0)
			return fd;
		*ret = (struct nl){ .fd = fd };
		return 0;
	}

	cleanup_close int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (own < 0)
		return err_set(e, errno, "open '/proc/thread-self/ns/net'");
	if (setns(netns, CLONE_NEWNET) < 0)
		return err_set(e, errno, "join the network namespace");
	int fd = open_socket(protocol, e);
	/* Whatever came next would be done to the wrong namespace. */
	if (setns(own, CLONE_NEWNET) < 0)
		abort();
	if (fd < 0)
		return fd;
	*ret = (struct nl){ .fd = fd };
	return 0;
}

void nl_close(struct nl *s)
{
	close_fd(&s->fd);
}

void nl_batch_finish(struct nl_batch *b)
{
	buf_finish(&b->data);
	buf_finish(&b->texts);
	buf_finish(&b->tolerated);
	*b = NL_BATCH_INIT;
}

static void batch_clear(struct nl_batch *b)
{
	b->data.len = b->texts.len = b->tolerated.len = b->at = b->n = 0;
	b->too_long = false;
}

static struct nlmsghdr *message_at(struct nl_batch *b, size_t at)
{
	return (struct nlmsghdr *)(void *)(b->data.data + at);
}

/* ---- sending ---- */

static void enlarge(const struct nl *s, int option, size_t room)
{
	const int n = room > INT32_MAX / 2 ? INT32_MAX / 2 : (int)room;

	setsockopt(s->fd, SOL_SOCKET, option, &n, sizeof(n));
}

static int send_batch(struct nl *s, struct nl_batch *b, struct err *e)
{
	ssize_t n;

	if (b->too_long)
		return err_say(e, EMSGSIZE, "netlink: more than an attribute can hold");
	for (size_t at = 0; at < b->data.len; at += message_at(b, at)->nlmsg_len)
		message_at(b, at)->nlmsg_seq = ++s->sequence;
	if (b->data.len > ROOM_SOCKET)
		enlarge(s, SO_SNDBUFFORCE, b->data.len * 2);
	if (b->n > MANY_MESSAGES)
		enlarge(s, SO_RCVBUFFORCE, b->n * ROOM_ERROR);
	do
		n = send(s->fd, b->data.data, b->data.len, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? err_set(e, errno, "%s: send", buf_text(&b->texts)) : 0;
}

/* What the kernel says about the error, or NULL. */
static const char *words_of(const struct nlmsghdr *m)
{
	const struct nlattr *attributes[NLMSGERR_ATTR_MSG + 1];
	const struct nlmsgerr *error = NLMSG_DATA(m);
	size_t header = sizeof(*error);

	if (!(m->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(m->nlmsg_flags & NLM_F_CAPPED)) {
		if (error->msg.nlmsg_len < sizeof(error->msg))
			return NULL;
		header += NLMSG_ALIGN(error->msg.nlmsg_len - sizeof(error->msg));
	}
	if (!nl_attributes(m, header, attributes, NLMSGERR_ATTR_MSG))
		return NULL;
	return nl_attribute_string(attributes[NLMSGERR_ATTR_MSG]);
}

/* The error of the message that is the @index'th of the batch. */
static int message_error(const struct nlmsghdr *m, const struct nl_batch *b, size_t index, struct err *e)
{
	const struct nlmsgerr *error = NLMSG_DATA(m);
	int tolerated = 0;

	if (m->nlmsg_len < NLMSG_LENGTH(sizeof(*error)))
		return err_say(e, EBADMSG, "netlink: an answer is cut short");
	if (error->error == 0)
		return 0;
	if (error->error > 0 || error->error < -4095)
		return err_say(e, EBADMSG, "netlink: an answer with an error that is none");
	memcpy(&tolerated, b->tolerated.data + index * sizeof(tolerated), sizeof(tolerated));
	if (-error->error == tolerated)
		return 0;

	const char *text = buf_text(&b->texts), *words = words_of(m);
	while (index--)
		text += strlen(text) + 1;
	return words ? err_set(e, -error->error, "%s: %s", text, words) : err_set(e, -error->error, "%s", text);
}

/* ---- answers ---- */

/*
 * The next bytes from the kernel itself, nobody else's. Returns how many; 0 there are none now (@wait: the other side is
 * gone, which is only so in tests).
 */
static ssize_t receive(const struct nl *s, struct buf *b, bool wait, struct err *e)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec data = { buf_reserve(b, ROOM_ANSWERS), ROOM_ANSWERS };
		struct msghdr m = { .msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &data, .msg_iovlen = 1 };

		ssize_t n = recvmsg(s->fd, &m, wait ? 0 : MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return err_set(e, errno, "netlink: receive");
		if (m.msg_flags & MSG_TRUNC)
			return err_say(e, EMSGSIZE, "netlink: an answer is too long");
		if (from.nl_pid == 0)
			return n;
	}
}

/* The message at *at, which is moved behind it. NULL: no more; or, with *ret_bad, its length makes no sense. */
static const struct nlmsghdr *next_message(const struct buf *b, size_t n, size_t *at, bool *ret_bad)
{
	const struct nlmsghdr *m = (const struct nlmsghdr *)(const void *)(b->data + *at);

	*ret_bad = false;
	if (*at >= n)
		return NULL;
	if (n - *at < sizeof(*m) || m->nlmsg_len < sizeof(*m) || m->nlmsg_len > n - *at) {
		*ret_bad = true;
		return NULL;
	}
	*at += NLMSG_ALIGN(m->nlmsg_len);
	return m;
}

static bool answers(const struct nlmsghdr *m, uint32_t first, const struct nl_batch *b)
{
	return m->nlmsg_seq - first < b->n;
}

/*
 * The kernel has done the whole batch before send(2) returns, and answers what failed, asked or not. So nothing is asked to
 * be acknowledged: no answer is success. An error of a transaction as a whole is its first message's.
 */
int nl_send(struct nl *s, struct nl_batch *b, struct err *e)
{
	cleanup_buf struct buf data = BUF_INIT;
	const uint32_t first = s->sequence + 1;
	const struct nlmsghdr *m;
	struct err later;
	bool bad = false;
	ssize_t n = 0;

	int r = b->n ? send_batch(s, b, e) : 0;
	while (b->n && !bad && (n = receive(s, &data, false, r < 0 ? &later : e)) > 0)
		for (size_t at = 0; (m = next_message(&data, (size_t)n, &at, &bad));)
			if (r == 0 && m->nlmsg_type == NLMSG_ERROR && answers(m, first, b))
				r = message_error(m, b, m->nlmsg_seq - first, e);
	if (r == 0 && n < 0)
		r = (int)n;
	if (r == 0 && bad)
		r = err_say(e, EBADMSG, "netlink: an answer whose length makes no sense");
	batch_clear(b);
	return r;
}

/* How a dump ended: an errno behind the header. */
static int dump_end(const struct nlmsghdr *m, const struct nl_batch *b, struct err *e)
{
	int code = 0;

	if (m->nlmsg_len >= NLMSG_LENGTH(sizeof(code)))
		memcpy(&code, NLMSG_DATA(m), sizeof(code));
	return code < 0 && code >= -4095 ? err_set(e, -code, "%s", buf_text(&b->texts)) : 0;
}

struct asking {
	bool done, interrupted;
	int r;
};

static void take_answer(struct asking *x, const struct nlmsghdr *m, const struct nl_batch *b, nl_each *each, void *arg,
			struct err *e)
{
	x->done = m->nlmsg_type == NLMSG_ERROR || m->nlmsg_type == NLMSG_DONE || !(m->nlmsg_flags & NLM_F_MULTI);
	x->interrupted |= (m->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	if (x->r < 0)
		return;
	if (m->nlmsg_type == NLMSG_ERROR)
		x->r = message_error(m, b, 0, e);
	else if (m->nlmsg_type == NLMSG_DONE)
		x->r = dump_end(m, b, e);
	else if (m->nlmsg_type >= NLMSG_MIN_TYPE)
		x->r = each(m, arg, e);
}

int nl_ask(struct nl *s, struct nl_batch *b, nl_each *each, void *arg, struct err *e)
{
	cleanup_buf struct buf data = BUF_INIT;
	const uint32_t first = s->sequence + 1;
	const struct nlmsghdr *m;
	struct asking x = { 0 };
	bool bad = false;

	x.r = send_batch(s, b, e);
	x.done = x.r < 0;
	/* An answer that is not wanted any more is taken all the same: the next one is then the next question's. */
	while (!x.done) {
		ssize_t n = receive(s, &data, true, e);
		if (n <= 0) {
			x.r = n < 0 ? (int)n : err_say(e, ECONNRESET, "%s: no answer", buf_text(&b->texts));
			break;
		}
		for (size_t at = 0; !x.done && (m = next_message(&data, (size_t)n, &at, &bad));)
			if (answers(m, first, b))
				take_answer(&x, m, b, each, arg, e);
		if (bad) {
			x.r = err_say(e, EBADMSG, "netlink: an answer whose length makes no sense");
			break;
		}
	}
	if (x.r == 0 && x.interrupted)
		x.r = err_set(e, EINTR, "%s: changed meanwhile", buf_text(&b->texts));
	batch_clear(b);
	return x.r;
}
