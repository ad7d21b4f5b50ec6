/* What the resolver gives up before it is asked. */
#include "netns/dns/server.h"

#include "lib/confine.h"
#include "lib/proc.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/*
 * Nobody's: systemd and Debian leave it free, and so no other process can send it signals or shares its files. Not
 * root, since resolv.conf is replaced by renaming, so that all of /etc has to be open to it, and some of that is
 * root's alone.
 */
enum { RESOLVER_ID = 65533 };

/* Where resolv.conf is, or what it may lead to. */
static const char *const readable[] = {
	"/etc", "/run/systemd/resolve", "/run/NetworkManager", "/run/resolvconf", "/run/connman",
	"/usr/lib/systemd/resolv.conf",
};

/* And the directory where it is now, for the next one there. */
static int confine_files(const struct resolver *r, struct err *e)
{
	enum { N = sizeof(readable) / sizeof(*readable) };
	const char *paths[N + 1];
	char target[PATH_MAX];

	memcpy(paths, readable, sizeof(readable));
	paths[N] = realpath("/etc/resolv.conf", target);
	if (paths[N])
		*strrchr(target, '/') = '\0';
	return confine_to_reading(paths, paths[N] ? N + 1 : N, r->state, e);
}

static const char *const system_calls[] = {
	/* sockets */
	"socket", "connect", "accept4", "sendto", "recvfrom", "sendmsg", "recvmsg", "epoll_wait", "epoll_pwait",
	"epoll_ctl", "close", "ioctl" /* interfaces by name */,
	/* files */
	"openat", "readlinkat", "newfstatat", "fstatat64", "fstat", "statx", "getdents64", "read", "lseek",
	"flock", "fcntl",
	/* itself; write is for last words */
	"clock_gettime", "clock_gettime64", "getrandom", "brk", "mmap", "munmap", "mremap", "mprotect", "madvise",
	"futex", "rt_sigprocmask", "rt_sigaction", "rt_sigreturn", "sigaltstack", "getpid", "gettid", "tgkill",
	"exit_group", "write", "restart_syscall", "prlimit64",
};

/* Where a user namespace has no such id, whoever is root there is not the host's. */
static int change_user(struct err *e)
{
	if (!proc_in_first_userns())
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(RESOLVER_ID, RESOLVER_ID, RESOLVER_ID) < 0 ||
	    setresuid(RESOLVER_ID, RESOLVER_ID, RESOLVER_ID) < 0)
		return err_set(e, errno, "become user %d", RESOLVER_ID);
	return 0;
}

int server_confine(const struct resolver *r, struct err *e)
{
	if (change_user(e) < 0 || confine_files(r, e) < 0)
		return -e->code;
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_set(e, errno, "not dumpable");
	return confine_calls(system_calls, sizeof(system_calls) / sizeof(*system_calls), e);
}
