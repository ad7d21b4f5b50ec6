#include "runtime/pty.h"

#include "lib/fd.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

int pty_connect(const char *path, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(a.sun_path))
		return err_set(e, ENAMETOOLONG, "connect to '%s'", path);
	strcpy(a.sun_path, path);
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_set(e, errno, "connect to '%s'", path);
	return take_fd(&fd);
}

int pty_own(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (isatty(fd))
			return fd;
	return -1;
}

void pty_copy_size(int master)
{
	struct winsize size;

	if (ioctl(pty_own(), TIOCGWINSZ, &size) == 0 && size.ws_row)
		ioctl(master, TIOCSWINSZ, &size);
}

static int send_fd(int sock, int fd, const char *name, struct err *e)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)name, strlen(name) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	ssize_t n;

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? err_set(e, errno, "send the descriptor of '%s'", name) : 0;
}

int pty_send(int sock, int master, struct err *e)
{
	return send_fd(sock, master, "/dev/ptmx", e);
}

int pidfd_send(int sock, int pidfd, struct err *e)
{
	return send_fd(sock, pidfd, "pidfd", e);
}

int pty_take(int *slave, struct err *e)
{
	if (ioctl(*slave, TIOCSCTTY, 0) < 0)
		return err_set(e, errno, "make the pty the controlling terminal");
	for (int fd = 0; fd <= 2; fd++)
		if (dup2(*slave, fd) < 0)
			return err_set(e, errno, "put the pty on descriptor %d", fd);
	if (*slave > 2)
		close_fd(slave);
	*slave = -1;
	return 0;
}
