/* What ferry-layer gives up before it reads what strangers wrote. */
#include "overlay/layer/worker.h"

#include "lib/confine.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const system_calls[] = {
	/* memory and threads */
	"brk", "mmap", "munmap", "mremap", "mprotect", "madvise", "clone", "clone3", "futex", "set_robust_list", "rseq",
	"sched_yield", "sched_getaffinity", "gettid", "getpid", "exit", "exit_group", "rt_sigaction", "rt_sigprocmask",
	"rt_sigreturn", "sigaltstack", "tgkill", "getrandom", "clock_gettime", "prlimit64", "geteuid", "getegid",
	"capget",
	/* descriptors */
	"read", "pread64", "readv", "write", "pwrite64", "writev", "lseek", "close", "dup", "fcntl", "poll", "ppoll",
	"eventfd2", "sendmsg", "ftruncate", "fstat", "fstatfs", "getdents64", "fchdir",
	/* files */
	"openat", "openat2", "newfstatat", "fstatat64", "statx", "readlinkat", "mkdirat", "mknodat", "symlinkat", "linkat",
	"unlinkat", "renameat", "renameat2", "fchown", "fchownat", "fchmod", "fchmodat", "utimensat", "fsetxattr",
	"lsetxattr", "fgetxattr", "lgetxattr", "flistxattr", "llistxattr", "fremovexattr",
};

/* What may be done to files of all owners; trusted xattrs are overlayfs's, of those who may mount. */
static int drop_capabilities(const struct layer_job *j, struct err *e)
{
	static const int kept[] = { CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID, CAP_MKNOD, CAP_SETFCAP };
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	uint32_t keep = j->userxattr ? 0 : 1u << CAP_SYS_ADMIN;

	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		keep |= 1u << kept[i];
	if (syscall(SYS_capget, &head, data) < 0)
		return err_set(e, errno, "ferry-layer: capget");
	data[0].permitted &= j->dir >= 0 ? keep : 0;
	data[0].effective = data[0].permitted;
	data[0].inheritable = 0;
	data[1] = (struct __user_cap_data_struct){ 0 };
	return syscall(SYS_capset, &head, data) < 0 ? err_set(e, errno, "ferry-layer: capset") : 0;
}

/*
 * A stranger's archive must not take all the memory there is: what its window needs comes on top (window.c). What is mapped
 * already is beside: with sanitizers that is much.
 */
static void limit_memory(void)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct rlimit limit;
	struct err ignored;
	unsigned long pages;

	if (file_read_once_at(AT_FDCWD, "/proc/self/statm", &b, &ignored) < 0 ||
	    sscanf(buf_text(&b), "%*u %*u %*u %*u %*u %lu", &pages) != 1)
		return;
	limit.rlim_cur = pages * (rlim_t)sysconf(_SC_PAGESIZE) + (16 << 20);
	limit.rlim_max = limit.rlim_cur + LAYER_WINDOW_MAX;
	setrlimit(RLIMIT_DATA, &limit);
}

/* Nothing lives on without whoever waits for it. */
static void end_with_parent(void)
{
	struct pollfd sock = { .fd = STDIN_FILENO };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (poll(&sock, 1, 0) > 0 && (sock.revents & POLLHUP))
		_exit(1);
}

int worker_confine(const struct layer_job *j, struct err *e)
{
	static const struct rlimit none = { 0, 0 };

	if (j->verb != LAYER_PACK)
		limit_memory();
	setrlimit(RLIMIT_CORE, &none);
	/* Without a layer in a directory where nothing can be made. The rootless may not: for them, names are resolved so. */
	if (j->dir >= 0 ? fchdir(j->dir) < 0 : chdir("/proc/self/fdinfo") < 0)
		return err_set(e, errno, "enter the layer's directory");
	if (chroot(".") < 0 && errno != EPERM)
		return err_set(e, errno, "ferry-layer: chroot");
	if (drop_capabilities(j, e) < 0)
		return -e->code;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, errno, "ferry-layer: no_new_privs");
	end_with_parent();
	if (confine_calls(system_calls, sizeof(system_calls) / sizeof(system_calls[0]), e) < 0)
		return err_wrap(e, "ferry-layer");
	return 0;
}
