#include "runtime/notify.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define VARIABLE "NOTIFY_SOCKET"
#define DIRECTORY "notify"
#define SOCKET "notify.sock"
#define INSIDE "/run/notify"

static const char *host_socket(void)
{
	const char *path = getenv(VARIABLE);

	return path && *path ? path : NULL;
}

int notify_plan(struct spec *s, struct arena *a, const char *container_dir, struct err *e)
{
	static const char *const options[] = { "bind", "nosuid", "noexec", "nodev", "ro" };
	struct spec_process *p = s->process;

	if (!host_socket() || !p)
		return 0;
	if (container_dir[0] != '/')
		return err_say(e, EINVAL, "'%s' is not absolute", container_dir);
	/* The arrays are the decoder's, with no room behind. */
	struct spec_mount *mounts = arena_new_array(a, s->n_mounts + 1, struct spec_mount);
	if (s->n_mounts)
		memcpy(mounts, s->mounts, s->n_mounts * sizeof(*mounts));
	mounts[s->n_mounts++] = (struct spec_mount){
		.destination = INSIDE,
		.source = arena_printf(a, "%s/" DIRECTORY, container_dir),
		.type = "bind",
		.options = arena_dup(a, options, sizeof(options)),
		.n_options = sizeof(options) / sizeof(options[0]),
	};
	s->mounts = mounts;
	const char **env = arena_new_array(a, p->n_env + 2, const char *);
	if (p->n_env)
		memcpy(env, p->env, p->n_env * sizeof(*env));
	env[p->n_env++] = VARIABLE "=" INSIDE "/" SOCKET;
	p->env = env;
	return 0;
}

int notify_make_dir(int dir, struct err *e)
{
	if (host_socket() && mkdirat(dir, DIRECTORY, 0755) < 0 && errno != EEXIST)
		return err_set(e, errno, "make the directory of the notify socket");
	return 0;
}

/* Bound only here, by the process that reads it. Any user of the container may write to it. */
int notify_open(int dir, struct err *e)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	*e = ERR_INIT;
	if (!host_socket())
		return -1;
	if (unlinkat(dir, DIRECTORY "/" SOCKET, 0) < 0 && errno != ENOENT)
		return err_set(e, errno, "remove the old notify socket");
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/" DIRECTORY "/" SOCKET, fd_path(dir).path);
	cleanup_close int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (sock < 0 || bind(sock, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_set(e, errno, "make the notify socket");
	if (fchmodat(dir, DIRECTORY "/" SOCKET, 0777, 0) < 0)
		return err_set(e, errno, "open the notify socket to all users");
	return take_fd(&sock);
}

/* "@name" is an abstract address. */
static int connect_host(struct err *e)
{
	const char *path = host_socket();
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t n = path ? strlen(path) : 0;

	if (n == 0 || n >= sizeof(a.sun_path))
		return err_say(e, EINVAL, VARIABLE ": not an address");
	memcpy(a.sun_path, path, n);
	if (path[0] == '@')
		a.sun_path[0] = '\0';
	else
		n++;
	cleanup_close int sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	if (sock < 0 || connect(sock, (struct sockaddr *)&a, len) < 0)
		return err_set(e, errno, "connect to " VARIABLE " '%s'", path);
	return take_fd(&sock);
}

/*
 * Waits until the manager has read what was sent before: it closes the descriptor that comes with this. It finds out
 * whose a message is while the sender still exists. One that does not know this does not keep us for long.
 */
static void barrier(int sock)
{
	enum { LONGEST_MS = 5000 };
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)"BARRIER=1", strlen("BARRIER=1") };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
			      .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &ends[1], sizeof(int));
	ssize_t sent = sendmsg(sock, &msg, MSG_NOSIGNAL);
	close(ends[1]);
	struct pollfd p = { .fd = ends[0] };
	if (sent >= 0)
		poll(&p, 1, LONGEST_MS);
	close(ends[0]);
}

static int tell_host(pid_t main_pid, struct err *e)
{
	char text[64];
	cleanup_close int host = connect_host(e);

	if (host < 0)
		return host;
	int n = main_pid ? snprintf(text, sizeof(text), "MAINPID=%d\nREADY=1", (int)main_pid) :
			   snprintf(text, sizeof(text), "READY=1");
	if (send(host, text, (size_t)n, MSG_NOSIGNAL) < 0)
		return err_set(e, errno, "send to " VARIABLE);
	barrier(host);
	return 0;
}

/* Whether a message has the line READY=1. All else that the container says is not for the host. */
static bool says_ready(int sock)
{
	char text[4096];
	ssize_t n = recv(sock, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return false;
	text[n] = '\0';
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
		if (strcmp(line, "READY=1") == 0)
			return true;
	return false;
}

int notify_relay(int sock, int pidfd, pid_t main_pid, struct err *e)
{
	cleanup_close int owned = sock;
	struct pollfd p[] = { { .fd = sock, .events = POLLIN }, { .fd = pidfd, .events = POLLIN } };

	if (sock < 0)
		return 0;
	for (;;) {
		if (poll(p, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return err_set(e, errno, "wait for the container to be ready");
		}
		if (p[0].revents && says_ready(owned))
			return tell_host(main_pid, e);
		if (p[1].revents)
			return 0;
	}
}

int notify_relay_aside(int sock, int pidfd, struct err *e)
{
	cleanup_close int owned = sock;
	pid_t parent = getpid();

	if (sock < 0)
		return 0;
	pid_t pid = fork();
	if (pid < 0)
		return err_set(e, errno, "fork");
	if (pid > 0)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent)
		_exit(1);
	_exit(notify_relay(take_fd(&owned), pidfd, 0, e) < 0);
}
