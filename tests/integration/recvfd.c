/*
 * The other end of the sockets that a runtime sends descriptors to, for the tests.
 *
 *	recvfd tty SOCKET NAME-FILE      prints what comes from the terminal until it hangs up; types standard input into it
 *	recvfd pidfd SOCKET              prints the pid of the pidfd
 *	recvfd seccomp SOCKET N ERRNO    prints the state that came along; answers N notifications with the errno (0: continue)
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void must(long result, const char *what)
{
	if (result >= 0)
		return;
	perror(what);
	exit(1);
}

/* Waits for one connection and one message with a descriptor; @text gets the message. */
static int receive(const char *path, char *text, size_t room)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec data = { text, room - 1 };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control) };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), connection, fd = -1;
	ssize_t n;

	/* Once it has its name it can be connected to. */
	snprintf(address.sun_path, sizeof(address.sun_path), "%s.new", path);
	must(bind(listener, (struct sockaddr *)&address, sizeof(address)), path);
	must(listen(listener, 1), "listen");
	must(rename(address.sun_path, path), path);
	alarm(300);
	connection = accept(listener, NULL, NULL);
	must(connection, "accept");
	n = recvmsg(connection, &message, MSG_CMSG_CLOEXEC);
	must(n, "recvmsg");
	text[n] = '\0';
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	unlink(path);
	if (fd < 0) {
		fprintf(stderr, "recvfd: no descriptor came\n");
		exit(1);
	}
	return fd;
}

static int relay_tty(int tty)
{
	struct pollfd both[2] = { { .fd = tty, .events = POLLIN }, { .fd = 0, .events = POLLIN } };
	char bytes[4096];
	ssize_t n;

	for (;;) {
		must(poll(both, 2, -1), "poll");
		if (both[1].revents) {
			n = read(0, bytes, sizeof(bytes));
			if (n > 0)
				must(write(tty, bytes, (size_t)n), "type");
			else
				both[1].fd = -1;
		}
		if (both[0].revents) {
			n = read(tty, bytes, sizeof(bytes));
			if (n <= 0)
				return 0; /* EIO: hung up */
			must(write(1, bytes, (size_t)n), "print");
		}
	}
}

static int print_pidfd(int fd)
{
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "Pid:", 4)) {
			printf("%d\n", atoi(line + 4));
			return 0;
		}
	fprintf(stderr, "recvfd: not a pidfd\n");
	return 1;
}

static int answer(int fd, int count, int code)
{
	static char request_room[4096], response_room[4096];
	struct seccomp_notif *request = (struct seccomp_notif *)request_room;
	struct seccomp_notif_resp *response = (struct seccomp_notif_resp *)response_room;

	for (int i = 0; i < count; i++) {
		memset(request_room, 0, sizeof(request_room));
		must(ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, request), "notification");
		memset(response_room, 0, sizeof(response_room));
		response->id = request->id;
		response->error = -code;
		response->flags = code ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		must(ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, response), "answer");
	}
	return 0;
}

int main(int argc, char **argv)
{
	static char text[65536];

	if (argc == 4 && !strcmp(argv[1], "tty")) {
		int tty = receive(argv[2], text, sizeof(text));
		FILE *name = fopen(argv[3], "w");

		if (!name || fputs(text, name) < 0 || fclose(name) < 0)
			return 1;
		return relay_tty(tty);
	}
	if (argc == 3 && !strcmp(argv[1], "pidfd"))
		return print_pidfd(receive(argv[2], text, sizeof(text)));
	if (argc == 5 && !strcmp(argv[1], "seccomp")) {
		int fd = receive(argv[2], text, sizeof(text));

		printf("%s\n", text);
		fflush(stdout);
		return answer(fd, atoi(argv[3]), atoi(argv[4]));
	}
	fprintf(stderr, "usage: recvfd tty SOCKET NAME-FILE | pidfd SOCKET | seccomp SOCKET N ERRNO\n");
	return 2;
}
