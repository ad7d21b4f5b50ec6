/*
 * How `ferry start` reaches a container that waits: a socket in the container's directory on which its first process
 * listens. What fails between here and the program's start comes back over it, whole. The connection closes on exec, and
 * that is the answer that all went well.
 */
#include "lib/fd.h"
#include "lib/message.h"
#include "runtime/container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { GO = 1 };

/* The directory may be deeper than a socket address is long, so the address leads through its descriptor. */
static struct sockaddr_un address(const struct container *c)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/start", fd_path(c->dir).path);
	return a;
}

int start_socket_listen(struct container *c, struct err *e)
{
	struct sockaddr_un a = address(c);
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 8) < 0)
		return err_set(e, errno, "make the start socket of container '%s'", c->id);
	return take_fd(&fd);
}

int start_socket_wait(int listener, int *ret_fd, struct err *e)
{
	for (;;) {
		cleanup_close int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0)
			return err_set(e, errno, "wait for start");
		/* A status query only connects, and closes again. */
		if (message_receive(fd, NULL, NULL, e) != GO)
			continue;
		*ret_fd = take_fd(&fd);
		return 0;
	}
}

/* A connection to the waiting process; -ECONNREFUSED or -ENOENT when none waits. */
static int reach(struct container *c, struct err *e)
{
	struct sockaddr_un a = address(c);
	cleanup_close int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_set(e, errno, "reach the waiting process of container '%s'", c->id);
	return take_fd(&fd);
}

int start_socket_go(struct container *c, struct err *e)
{
	cleanup_close int fd = reach(c, e);

	if (fd < 0)
		return fd;
	if (message_send(fd, GO, 0, NULL, 0, e) < 0)
		return -e->code;
	int r = message_receive(fd, NULL, NULL, e);
	if (r < 0)
		return r;
	unlinkat(c->dir, "start", 0);
	return 0;
}

int start_socket_waiting(struct container *c, struct err *e)
{
	struct stat st;

	if (fstatat(c->dir, "start", &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return 0;
		return err_set(e, errno, "look at the start socket of container '%s'", c->id);
	}
	cleanup_close int fd = reach(c, e);
	return fd >= 0;
}
