#include "lib/message.h"

#include "lib/fd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* What travels. A packet is only as long as what it has: an error's text, data. */
struct packet {
	uint32_t kind; /* 0: an error follows */
	int64_t number;
	union {
		struct err err;
		char data[MESSAGE_DATA_MAX];
	};
};

#define HEAD offsetof(struct packet, err)

int message_pair(int ret[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0)
		return err_set(e, errno, "socketpair");
	return 0;
}

pid_t message_fork(int *ret, struct err *e)
{
	int pair[2];

	if (message_pair(pair, e) < 0)
		return -e->code;
	pid_t pid = fork();
	int code = errno, own = pid == 0;
	close_fd(&pair[!own]);
	if (pid < 0) {
		close_fd(&pair[own]);
		return err_set(e, code, "fork");
	}
	*ret = pair[own];
	return pid;
}

static int send_packet(int sock, const struct packet *p, size_t len, const int *fds, size_t n_fds)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX)];
	} control = { 0 };
	struct iovec iov = { (void *)p, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n_fds) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	for (;;) {
		if (sendmsg(sock, &msg, MSG_NOSIGNAL) >= 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

int message_send(int sock, uint32_t kind, int64_t number, const int *fds, size_t n_fds, struct err *e)
{
	struct packet p = { .kind = kind, .number = number };
	int r = send_packet(sock, &p, HEAD, fds, n_fds);
	return r < 0 ? err_set(e, -r, "send a message") : 0;
}

int message_send_data(int sock, uint32_t kind, const void *data, size_t len, const int *fds, size_t n_fds,
		      struct err *e)
{
	struct packet p = { .kind = kind };
	if (len > sizeof(p.data))
		return err_set(e, EMSGSIZE, "send a message");
	memcpy(p.data, data, len);
	int r = send_packet(sock, &p, HEAD + len, fds, n_fds);
	return r < 0 ? err_set(e, -r, "send a message") : 0;
}

void message_send_error(int sock, const struct err *what)
{
	struct packet p = { .err = *what };
	p.err.msg[sizeof(p.err.msg) - 1] = '\0';
	send_packet(sock, &p, HEAD + offsetof(struct err, msg) + strlen(p.err.msg) + 1, NULL, 0);
}

/* Puts the first @n descriptors into @ret, -1 where there are no more; closes the others. */
static void take_descriptors(struct msghdr *msg, int *ret, size_t n)
{
	size_t taken = 0;

	for (size_t i = 0; i < n; i++)
		ret[i] = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (taken < n)
				ret[taken++] = fd;
			else
				close(fd);
		}
	}
}

ssize_t message_receive_raw(int sock, void *data, size_t size, int *ret_fds, size_t n_fds, struct err *e)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX)];
	} control;
	struct iovec iov = { data, size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	ssize_t n;

	/*
	 * ECONNRESET says, once, that the other side ended without having read all that was sent to it. What it sent itself
	 * is still there to be read: its error, above all.
	 */
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n < 0)
		return err_set(e, errno, "receive a message");
	if (n > 0)
		take_descriptors(&msg, ret_fds, n_fds);
	return n;
}

/* Returns the packet's length, 0 when the other side is gone. */
static ssize_t receive_packet(int sock, struct packet *p, int *ret_fds, size_t n_fds, struct err *e)
{
	ssize_t n = message_receive_raw(sock, p, sizeof(*p), ret_fds, n_fds, e);

	if (n <= 0 || ((size_t)n >= HEAD && (p->kind != 0 || p->err.code > 0)))
		return n;
	for (size_t i = 0; i < n_fds; i++)
		close_fd(&ret_fds[i]);
	return err_say(e, EPROTO, "receive a message: too short");
}

static int received_error(struct packet *p, int *fds, size_t n_fds, struct err *e)
{
	for (size_t i = 0; i < n_fds; i++)
		close_fd(&fds[i]);
	p->err.msg[sizeof(p->err.msg) - 1] = '\0';
	*e = p->err;
	return -e->code;
}

int message_receive(int sock, int64_t *ret_number, int *ret_fd, struct err *e)
{
	struct packet p = { 0 };
	size_t n_fds = ret_fd ? 1 : 0;
	int fd = -1;
	ssize_t n = receive_packet(sock, &p, &fd, n_fds, e);

	if (n <= 0)
		return (int)n;
	if (p.kind == 0)
		return received_error(&p, &fd, n_fds, e);
	if (ret_number)
		*ret_number = p.number;
	if (ret_fd)
		*ret_fd = fd;
	return (int)p.kind;
}

int message_receive_data(int sock, void *data, size_t len, int *ret_fds, size_t n_fds, struct err *e)
{
	struct packet p = { 0 };
	int fds[MESSAGE_FDS_MAX];

	if (n_fds > MESSAGE_FDS_MAX || len > sizeof(p.data))
		return err_set(e, EMSGSIZE, "receive a message");
	ssize_t n = receive_packet(sock, &p, fds, n_fds, e);
	if (n <= 0)
		return (int)n;
	if (p.kind == 0)
		return received_error(&p, fds, n_fds, e);
	if ((size_t)n != HEAD + len) {
		for (size_t i = 0; i < n_fds; i++)
			close_fd(&fds[i]);
		return err_say(e, EPROTO, "receive a message: not as long as it should be");
	}
	memcpy(data, p.data, len);
	if (n_fds)
		memcpy(ret_fds, fds, n_fds * sizeof(int));
	return (int)p.kind;
}

int message_send_bytes(int sock, const void *data, size_t len, struct err *e)
{
	while (send(sock, data, len, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return err_set(e, errno, "send a packet");
	return 0;
}

int message_receive_bytes(int sock, size_t max, struct buf *b, struct err *e)
{
	ssize_t n;

	do /* its length first; ECONNRESET as in message_receive */
		n = recv(sock, NULL, 0, MSG_PEEK | MSG_TRUNC);
	while (n < 0 && (errno == EINTR || errno == ECONNRESET));
	if (n > 0 && (size_t)n > max)
		return err_set(e, EMSGSIZE, "receive a packet");
	if (n > 0) {
		char *to = buf_reserve(b, (size_t)n);
		do
			n = recv(sock, to, (size_t)n, 0);
		while (n < 0 && errno == EINTR);
	}
	if (n < 0)
		return err_set(e, errno, "receive a packet");
	b->len += (size_t)n;
	return n > 0;
}
