#include "lib/message.h"

#include "lib/fd.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* What travels. An error's packet is only as long as its text. */
struct packet {
	uint32_t kind; /* 0: an error follows */
	int64_t number;
	struct err err;
};

#define HEAD offsetof(struct packet, err)

int message_pair(int ret[2], struct err *e)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0)
		return err_set(e, errno, "socketpair");
	return 0;
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

void message_send_error(int sock, const struct err *what)
{
	struct packet p = { .err = *what };
	p.err.msg[sizeof(p.err.msg) - 1] = '\0';
	send_packet(sock, &p, HEAD + offsetof(struct err, msg) + strlen(p.err.msg) + 1, NULL, 0);
}

int message_receive(int sock, int64_t *ret_number, int *ret_fd, struct err *e)
{
	struct packet p = { 0 };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX)];
	} control;
	struct iovec iov = { &p, sizeof(p) };
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
	if (n <= 0)
		return 0;

	int first = -1;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (first < 0 && ret_fd)
				first = fd;
			else
				close(fd);
		}
	}
	if ((size_t)n < HEAD || (p.kind == 0 && p.err.code <= 0)) {
		close_fd(&first);
		return err_say(e, EPROTO, "receive a message: too short");
	}
	if (p.kind == 0) {
		close_fd(&first);
		p.err.msg[sizeof(p.err.msg) - 1] = '\0';
		*e = p.err;
		return -e->code;
	}
	if (ret_number)
		*ret_number = p.number;
	if (ret_fd)
		*ret_fd = first;
	return (int)p.kind;
}
