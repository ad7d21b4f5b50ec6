/*
 * The lower bound of `ferry run`: a program that makes only the system calls which the same container cannot do
 * without. The container is that of `ferry spec` without linux.resources: six new namespaces, a cgroup of its own,
 * seven mounts, the default devices and links, masked and read-only paths, a read-only root, loopback, three
 * capabilities, one rlimit, no_new_privs.
 *
 *	bare ROOTFS NAME PROGRAM [ARGUMENT...]
 *
 * What it leaves out is what makes a runtime: configuration, state, checks of what the image put in the way, errors
 * that help, other containers. Linked static and alone: it uses nothing of ferry.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define CGROUP_ROOT "/sys/fs/cgroup/"

static const struct {
	const char *target, *type, *data;
	unsigned long flags;
	mode_t make; /* the directory is new on our own tmpfs */
} mounts[] = {
	{ "proc", "proc", NULL, 0 },
	{ "dev", "tmpfs", "mode=755,size=65536k", MS_NOSUID | MS_STRICTATIME },
	{ "dev/pts", "devpts", "newinstance,ptmxmode=0666,mode=0620,gid=5", MS_NOSUID | MS_NOEXEC, 0755 },
	{ "dev/shm", "tmpfs", "mode=1777,size=65536k", MS_NOSUID | MS_NOEXEC | MS_NODEV, 01777 },
	{ "dev/mqueue", "mqueue", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV, 0755 },
	{ "sys", "sysfs", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY },
	{ "sys/fs/cgroup", "cgroup2", NULL, MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY | MS_RELATIME },
};

static const struct {
	const char *path;
	unsigned major, minor;
} devices[] = {
	{ "dev/null", 1, 3 },	{ "dev/zero", 1, 5 },	 { "dev/full", 1, 7 },
	{ "dev/random", 1, 8 }, { "dev/urandom", 1, 9 }, { "dev/tty", 5, 0 },
};

static const struct {
	const char *to, *path;
} links[] = {
	{ "/proc/self/fd", "dev/fd" },	     { "/proc/self/fd/0", "dev/stdin" }, { "/proc/self/fd/1", "dev/stdout" },
	{ "/proc/self/fd/2", "dev/stderr" }, { "pts/ptmx", "dev/ptmx" },
};

static const char *const masked[] = {
	"proc/acpi",	    "proc/asound",	"proc/kcore",	    "proc/keys",    "proc/latency_stats",
	"proc/timer_list",  "proc/timer_stats", "proc/sched_debug", "sys/firmware", "proc/scsi",
};

static const char *const readonly_paths[] = { "proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger" };

enum { CAPS = 1 << CAP_KILL | 1 << CAP_NET_BIND_SERVICE | 1 << CAP_AUDIT_WRITE };

static void must(long result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "bare: %s: %s\n", what, strerror(errno));
	_exit(125);
}

static void make_tree(const char *rootfs)
{
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private /");
	must(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL), rootfs);
	must(chdir(rootfs), rootfs);
	umask(0);
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		if (mounts[i].make)
			must(mkdir(mounts[i].target, mounts[i].make), mounts[i].target);
		must(mount(mounts[i].type, mounts[i].target, mounts[i].type, mounts[i].flags, mounts[i].data),
		     mounts[i].target);
	}
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		must(mknod(devices[i].path, S_IFCHR | 0666, makedev(devices[i].major, devices[i].minor)),
		     devices[i].path);
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		must(symlink(links[i].to, links[i].path), links[i].path);
	umask(022);
}

static void seal_tree(void)
{
	for (size_t i = 0; i < sizeof(readonly_paths) / sizeof(readonly_paths[0]); i++) {
		const char *path = readonly_paths[i];

		if (mount(path, path, NULL, MS_BIND, NULL) == 0)
			must(mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), path);
		else if (errno != ENOENT)
			must(-1, path);
	}
	for (size_t i = 0; i < sizeof(masked) / sizeof(masked[0]); i++) {
		if (mount("dev/null", masked[i], NULL, MS_BIND, NULL) == 0 || errno == ENOENT)
			continue;
		must(errno == ENOTDIR ? mount("tmpfs", masked[i], "tmpfs", MS_RDONLY, "size=0k") : -1, masked[i]);
	}
	must(mount(NULL, ".", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL), "read-only root");
	must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "umount the old root");
	must(chdir("/"), "chdir /");
}

static void loopback_up(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	must(sock, "socket");
	must(ioctl(sock, SIOCSIFFLAGS, &lo), "lo up");
}

static void give_up_rights(void)
{
	struct rlimit files = { 1024, 1024 };
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .effective = CAPS, .permitted = CAPS } };

	must(setrlimit(RLIMIT_NOFILE, &files), "RLIMIT_NOFILE");
	must(setgroups(0, NULL), "setgroups");
	for (int cap = 0, known = 0; known == 0; cap++) /* EINVAL: past the kernel's last */
		if (cap > 31 || !(CAPS & 1 << cap))
			known = prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	must(syscall(SYS_capset, &header, data), "capset");
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS");
}

static void contain(const char *rootfs, char **program)
{
	char *const env[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm",
			      "HOME=/root", NULL };

	must(setsid(), "setsid");
	/* Not by clone3: the root of the namespace would be the cgroup of the parent. */
	must(unshare(CLONE_NEWCGROUP), "CLONE_NEWCGROUP");
	must(sethostname("bare", 4), "sethostname");
	must(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "bare"), "keyctl");
	loopback_up();
	make_tree(rootfs);
	seal_tree();
	give_up_rights();
	must(syscall(SYS_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC), "close_range");
	execve(program[0], program, env);
	must(-1, program[0]);
}

int main(int argc, char **argv)
{
	char cgroup[256];
	int status;

	if (argc < 4) {
		fprintf(stderr, "usage: bare ROOTFS NAME PROGRAM [ARGUMENT...]\n");
		return 2;
	}
	snprintf(cgroup, sizeof(cgroup), CGROUP_ROOT "%s", argv[2]);
	must(mkdir(cgroup, 0755), cgroup);
	int dir = open(cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC);
	must(dir, cgroup);

	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS | CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = (unsigned)dir,
	};
	pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	must(pid, "clone3");
	if (pid == 0)
		contain(argv[1], argv + 3);
	must(waitpid(pid, &status, 0), "wait");
	while (rmdir(cgroup) < 0) /* the last process may still be on its way out of it */
		must(errno == EBUSY ? 0 : -1, cgroup);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
