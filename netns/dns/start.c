/*
 * From a ferry to a process apart. There is but one: STATE/resolver is made by whoever has a lock, after he has seen
 * that nobody listens there, and the lock is held until somebody does, even if its starter is killed.
 */
#include "netns/dns/server.h"

#include "lib/daemon.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "netns/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SOCKET "resolver"
#define LOCK "resolver.lock"

enum { ANSWER_WITHIN_S = 5, BACKLOG = 128 };

/* ---- in the resolver ---- */

static int listen_for_ferry(struct resolver *r, struct err *e)
{
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (r->epoll < 0)
		return err_set(e, errno, "epoll_create1");
	/* Here, and not where it is bound: whoever connects sees who listens (SO_PEERCRED). */
	if (listen(r->control, BACKLOG) < 0 || server_watch(r, r->control, EPOLLIN, WATCH_CONTROL, 0, false) < 0)
		return err_set(e, errno, "listen at '" SOCKET "'");
	return 0;
}

/*
 * Apart from whoever forked it: his descriptors, session, cgroup, signals, directory. A service that is stopped must
 * not take the names of all other containers with it, just because it had the first; where cgroups are not in their
 * usual place, it does.
 */
static int leave(const int *kept, size_t n, struct err *e)
{
	static const struct rlimit descriptors = { DESCRIPTORS_MAX, DESCRIPTORS_MAX };
	struct err ignored = ERR_INIT;
	sigset_t none;

	daemon_close_others(kept, n);
	setsid();
	file_write_at(AT_FDCWD, "/sys/fs/cgroup/cgroup.procs", "0", &ignored);
	for (int s = 1; s < SIGRTMAX; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	daemon_title("ferry: resolver", "ferry-resolver");
	setrlimit(RLIMIT_NOFILE, &descriptors);
	if (chdir("/") < 0)
		return err_set(e, errno, "chdir '/'");
	return daemon_null(e);
}

static _Noreturn void live(int state, int control, int lock, int starter)
{
	struct err e = ERR_INIT;
	struct resolver *r = mmap(NULL, sizeof(*r), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (r == MAP_FAILED) {
		err_set(&e, errno, "mmap");
	} else {
		r->state = state;
		r->control = control;
		r->lock = lock;
		leave((const int[]){ state, control, lock, starter }, 4, &e);
		if (e.code == 0 && listen_for_ferry(r, &e) == 0)
			server_confine(r, &e);
	}
	if (e.code) {
		message_send_error(starter, &e);
		_exit(1);
	}
	message_send(starter, RESOLVER_ANSWER, 0, NULL, 0, &e);
	close_fd(&starter);
	flock(lock, LOCK_UN);
	server_run(r);
}

/* ---- in a ferry ---- */

static struct sockaddr_un path_of_socket(const struct net *n)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/" SOCKET, fd_path(n->state).path);
	return a;
}

int resolver_connect(const struct net *n, struct err *e)
{
	static const struct timeval patience = { .tv_sec = ANSWER_WITHIN_S };
	const struct sockaddr_un a = path_of_socket(n);
	cleanup_close int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (sock < 0 || setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0)
		return err_set(e, errno, "socket");
	if (connect(sock, (const struct sockaddr *)&a, sizeof(a)) == 0)
		return take_fd(&sock);
	return err_set(e, errno == ENOENT ? ECONNREFUSED : errno, "connect to the resolver");
}

bool resolver_lives(const struct net *n)
{
	struct flock all = { .l_type = F_WRLCK, .l_whence = SEEK_SET }; /* the other kind of lock on that file */

	cleanup_close int lock = openat(n->state, LOCK, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return lock >= 0 && fcntl(lock, F_GETLK, &all) == 0 && all.l_type != F_UNLCK;
}

/* For root alone, before anybody can connect. */
static int bind_control(const struct net *n, struct err *e)
{
	const struct sockaddr_un a = path_of_socket(n);
	cleanup_close int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (sock < 0)
		return err_set(e, errno, "socket");
	unlinkat(n->state, SOCKET, 0);
	if (bind(sock, (const struct sockaddr *)&a, sizeof(a)) < 0 || fchmodat(n->state, SOCKET, 0600, 0) < 0)
		return err_set(e, errno, "bind '" SOCKET "'");
	return take_fd(&sock);
}

/* Forked twice: a child of ours would have to be waited for. */
static int fork_resolver(const struct net *n, int control, int lock, struct err *e)
{
	cleanup_close int sock = -1;
	pid_t pid = message_fork(&sock, e);

	if (pid < 0)
		return pid;
	if (pid == 0) {
		if (fork() == 0)
			live(n->state, control, lock, sock);
		_exit(0);
	}
	proc_reap(pid);
	int r = message_receive(sock, NULL, NULL, e);
	return r > 0 ? 0 : r < 0 ? r : err_say(e, ECHILD, "it ended unexpectedly");
}

int resolver_start(const struct net *n, struct err *e)
{
	int sock = resolver_connect(n, e);

	if (sock != -ECONNREFUSED)
		return sock;
	cleanup_close int lock = openat(n->state, LOCK, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0)
		return err_set(e, errno, "create '" LOCK "'");
	while (flock(lock, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_set(e, errno, "lock '" LOCK "'");
	/* Somebody else has started it meanwhile. */
	sock = resolver_connect(n, e);
	if (sock != -ECONNREFUSED)
		return sock;
	/* It is not root, and looks for names below. */
	if (fchmod(n->state, 0755) < 0)
		return err_set(e, errno, "change the mode of the networks' directory");
	cleanup_close int control = bind_control(n, e);
	if (control < 0 || fork_resolver(n, control, lock, e) < 0)
		return err_wrap(e, "start the resolver");
	return resolver_connect(n, e);
}
