/*
 * The system calls that a launched container must not make. Everything else is allowed: capabilities and namespaces do
 * the rest. What is here either reaches the whole kernel (modules, clocks, swap, tracing of the kernel), or opens parts of
 * it where mistakes are frequent, or undoes the container's own walls.
 */
#include "lib/sys.h"
#include "runtime/launch/plan.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/socket.h>

/* Each row is lifted by a capability: whoever was given that has been trusted with what the calls do. */
enum { NEVER = -1, DENIED_MAX = 28 };
static const struct {
	int lifted_by;
	const char *names[DENIED_MAX];
} denied[] = {
	/* the kernel itself */
	{ CAP_SYS_MODULE, { "create_module", "delete_module", "finit_module", "init_module", "query_module" } },
	{ CAP_BPF, { "bpf" } },
	{ CAP_PERFMON, { "perf_event_open" } },
	{ CAP_SYS_BOOT, { "kexec_file_load", "kexec_load", "reboot" } },
	{ CAP_SYSLOG, { "syslog" } },
	{ NEVER, { "get_kernel_syms", "sysfs", "_sysctl", "uselib", "ustat" } },
	/* the machine */
	{ CAP_SYS_PACCT, { "acct" } },
	{ CAP_SYS_RAWIO, { "ioperm", "iopl" } },
	{ CAP_SYS_TTY_CONFIG, { "vhangup" } },
	{ NEVER, { "nfsservctl", "vm86", "vm86old" } },
	/* its clock */
	{ CAP_SYS_TIME, { "adjtimex", "clock_adjtime", "clock_adjtime64", "clock_settime", "clock_settime64",
			  "settimeofday", "stime" } },
	/* mounts, namespaces, swap, quotas */
	{ CAP_SYS_ADMIN, { "fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick", "lookup_dcookie", "mount",
			   "mount_setattr", "move_mount", "open_tree", "open_tree_attr", "pivot_root", "quotactl",
			   "quotactl_fd", "setdomainname", "sethostname", "setns", "swapoff", "swapon", "umount",
			   "umount2", "unshare" } },
	/* files by handle, past any mount namespace */
	{ CAP_DAC_READ_SEARCH, { "open_by_handle_at" } },
	/* keys, which know no namespace */
	{ NEVER, { "add_key", "keyctl", "request_key" } },
	/* often part of an attack, seldom of a program */
	{ CAP_SYS_PTRACE, { "kcmp" } },
	{ CAP_SYS_NICE, { "move_pages" } },
	{ NEVER, { "io_uring_enter", "io_uring_register", "io_uring_setup", "userfaultfd" } },
};

/* clone(2) with any of these asks for a new namespace. clone3 has its flags in memory, where a filter cannot look. */
static const uint64_t clone_denied[] = {
	CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET,
};

static const uint64_t socket_denied[] = { AF_ALG, AF_VSOCK };

/* The architectures whose system calls a machine's kernel takes. Others: the native one alone. */
static const struct {
	const char *machine;
	const char *names[4];
} architectures[] = {
	{ "x86_64", { "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32" } },
	{ "aarch64", { "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM" } },
};

static void begin_rule(struct json_writer *w, const char *const *names, size_t n, int errno_ret)
{
	json_begin_object(w, NULL);
	json_strings(w, "names", names, n);
	json_string(w, "action", "SCMP_ACT_ERRNO");
	json_int(w, "errnoRet", errno_ret);
}

/* One argument compared: with @mask those bits of it, else the whole. */
static void write_arg(struct json_writer *w, uint64_t value, bool mask)
{
	json_begin_array(w, "args");
	json_begin_object(w, NULL);
	json_uint(w, "index", 0);
	json_uint(w, "value", value);
	if (mask)
		json_uint(w, "valueTwo", value);
	json_string(w, "op", mask ? "SCMP_CMP_MASKED_EQ" : "SCMP_CMP_EQ");
	json_end_object(w);
	json_end_array(w);
}

static bool is_lifted(int capability, uint64_t given)
{
	return capability >= 0 && given & UINT64_C(1) << capability;
}

static void write_denied(struct json_writer *w, uint64_t capabilities)
{
	const char *names[DENIED_MAX * sizeof(denied) / sizeof(denied[0])];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(denied) / sizeof(denied[0]); i++)
		for (const char *const *name = denied[i].names; *name && !is_lifted(denied[i].lifted_by, capabilities); name++)
			names[n++] = *name;
	begin_rule(w, names, n, EPERM);
	json_end_object(w);
}

void launch_write_seccomp(struct json_writer *w, const char *machine, uint64_t capabilities)
{
	static const char *const clone = "clone", *const clone3 = "clone3", *const socket = "socket";
	bool may_unshare = is_lifted(CAP_SYS_ADMIN, capabilities);

	json_begin_object(w, "seccomp");
	json_string(w, "defaultAction", "SCMP_ACT_ALLOW");
	for (size_t i = 0; i < sizeof(architectures) / sizeof(architectures[0]); i++) {
		size_t n = 0;
		if (strcmp(architectures[i].machine, machine) != 0)
			continue;
		while (architectures[i].names[n])
			n++;
		json_strings(w, "architectures", architectures[i].names, n);
	}
	json_begin_array(w, "syscalls");
	write_denied(w, capabilities);
	if (!may_unshare) {
		begin_rule(w, &clone3, 1, ENOSYS); /* the C library then uses clone */
		json_end_object(w);
	}
	for (size_t i = 0; !may_unshare && i < sizeof(clone_denied) / sizeof(clone_denied[0]); i++) {
		begin_rule(w, &clone, 1, EPERM);
		write_arg(w, clone_denied[i], true);
		json_end_object(w);
	}
	for (size_t i = 0; i < sizeof(socket_denied) / sizeof(socket_denied[0]); i++) {
		begin_rule(w, &socket, 1, EAFNOSUPPORT);
		write_arg(w, socket_denied[i], false);
		json_end_object(w);
	}
	json_end_array(w);
	json_end_object(w);
}
