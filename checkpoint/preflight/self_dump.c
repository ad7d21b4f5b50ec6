/* A small process with a TCP connection that is dumped, to see whether CRIU understands this kernel. */
#include "checkpoint/criu_log.h"
#include "checkpoint/preflight/host.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "lib/sys.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY "self-dump"
#define LOG "dump.log"

enum { READY = 1 };

/* ---- the child ---- */

static int raise_loopback(struct err *e)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &r) < 0)
		return err_set(e, errno, "raise the loopback of a network namespace");
	return 0;
}

/* Both ends of a connection and who listened for it stay open. */
static int connect_to_itself(struct err *e)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(to);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener < 0 || client < 0 || bind(listener, (struct sockaddr *)&to, n) < 0 || listen(listener, 1) < 0 ||
	    getsockname(listener, (struct sockaddr *)&to, &n) < 0 || connect(client, (struct sockaddr *)&to, n) < 0 ||
	    accept4(listener, NULL, NULL, SOCK_CLOEXEC) < 0)
		return err_set(e, errno, "connect over the loopback");
	return 0;
}

/* Without what it inherited: it must not be dumped, and shall look as in a container. */
static int stand_alone(int sock, struct err *e)
{
	cleanup_close int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0)
		return err_set(e, errno, "open '/dev/null'");
	close_fd(&null);
	if ((sock > 3 && sys_close_range(3, (unsigned)sock - 1, 0) < 0) || sys_close_range((unsigned)sock + 1, ~0u, 0) < 0)
		return err_set(e, errno, "close_range");
	if (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_set(e, errno, "begin a session");
	return 0;
}

static _Noreturn void be_dumped(int sock, bool sockets)
{
	struct err e = ERR_INIT;

	if (stand_alone(sock, &e) < 0 || raise_loopback(&e) < 0 || (sockets && connect_to_itself(&e) < 0)) {
		message_send_error(sock, &e);
		_exit(1);
	}
	if (message_send(sock, READY, 0, NULL, 0, &e) < 0)
		_exit(1);
	close(sock);
	for (;;)
		pause();
}

static pid_t start_child(bool sockets, int *ret_pidfd, struct err *e)
{
	int pair[2];

	if (message_pair(pair, e) < 0)
		return -e->code;
	cleanup_close int ours = pair[0];
	cleanup_close int theirs = pair[1];
	pid_t pid = proc_clone(CLONE_NEWNET, -1, ret_pidfd);
	if (pid < 0)
		return err_set(e, errno, "clone a process with a network namespace");
	if (pid == 0)
		be_dumped(theirs, sockets);
	close_fd(&theirs);
	int r = message_receive(ours, NULL, NULL, e);
	if (r == READY)
		return pid;
	proc_kill_child(*ret_pidfd);
	close_fd(ret_pidfd);
	return r < 0 ? r : err_say(e, EIO, "a process to be dumped ended at once");
}

/* ---- the dump ---- */

static int dump(const char *program, int images, pid_t pid, enum criu_network_lock lock, struct arena *a, struct err *e)
{
	struct criu_options o = CRIU_OPTIONS_INIT;
	struct criu_request q = { .type = CRIU_DUMP, .options = &o };
	const char *external[1];
	struct stat netns;

	if (stat(arena_printf(a, "/proc/%d/ns/net", (int)pid), &netns) < 0)
		return err_set(e, errno, "stat a network namespace");
	/* As with containers: what is in the namespace is not CRIU's. */
	external[0] = arena_printf(a, "net[%llu]:extRootNetNS", (unsigned long long)netns.st_ino);
	o.images = images;
	o.log_level = 4;
	o.log_file = LOG;
	o.pid = pid;
	o.cgroups = CRIU_CGROUPS_IGNORE;
	o.network_lock = lock;
	o.tcp_established = true;
	o.leave_running = true;
	o.external = external;
	o.n_external = 1;
	return criu_ask_alone(program, &q, NULL, e);
}

int self_dump(const char *program, int dir, enum criu_network_lock lock, bool sockets, struct arena *a,
	      const char **ret_cause, struct err *e)
{
	cleanup_close int pidfd = -1, images = -1;
	struct err why = ERR_INIT;
	struct criu_cause cause;

	/* What one left that was killed goes first. */
	if (remove_tree_at(dir, DIRECTORY, e) < 0)
		return -e->code;
	if (mkdirat(dir, DIRECTORY, 0700) < 0)
		return err_set(e, errno, "create directory '" DIRECTORY "'");
	images = openat(dir, DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (images < 0)
		return err_set(e, errno, "open directory '" DIRECTORY "'");
	pid_t pid = start_child(sockets, &pidfd, e);
	if (pid < 0)
		return -e->code;
	int r = dump(program, images, pid, lock, a, &why);
	proc_kill_child(pidfd);
	if (r < 0) {
		cleanup_buf struct buf log = BUF_INIT;
		*ret_cause = arena_strdup(a, why.msg);
		if (file_read_at(images, LOG, 64 << 20, &log, e) == 0 && criu_log_cause(buf_text(&log), &cause))
			*ret_cause = arena_strdup(a, cause.line);
	}
	*e = ERR_INIT;
	if (remove_tree_at(dir, DIRECTORY, e) < 0)
		return -e->code;
	return r >= 0;
}
