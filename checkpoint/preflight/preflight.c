#include "checkpoint/preflight/preflight.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	enum preflight_severity severity;
	const char *advice;
} kinds[PREFLIGHT_KINDS] = {
	[PREFLIGHT_RIGHTS] = { "rights", PREFLIGHT_ERROR, "become root" },
	[PREFLIGHT_PTRACE_SCOPE] = { "ptrace-scope", PREFLIGHT_ERROR,
				     "restart with kernel.yama.ptrace_scope of at most 2: it cannot be lowered before" },
	[PREFLIGHT_NO_CRIU] = { "no-criu", PREFLIGHT_ERROR, "install criu, or say where it is by --criu" },
	[PREFLIGHT_CRIU_FAILS] = { "criu-fails", PREFLIGHT_ERROR,
				   "install a criu that knows this kernel, and name it by --criu" },
	[PREFLIGHT_SELF_DUMP] = { "self-dump", PREFLIGHT_ERROR,
				  "install a criu that knows this kernel (4.1 from Linux 6.13 on, 4.2 from 6.16 on), and name "
				  "it by --criu" },
	[PREFLIGHT_NETWORK_LOCK] = { "network-lock", PREFLIGHT_ERROR,
				     "install iptables, or a criu that is built with nftables" },
	[PREFLIGHT_MEM_TRACK] = { "memory-tracking", PREFLIGHT_WARNING,
				  "do without --pre-dump, or use a kernel with CONFIG_MEM_SOFT_DIRTY" },
	[PREFLIGHT_LAZY_PAGES] = { "lazy-pages", PREFLIGHT_WARNING,
				   "do without --lazy-pages, or use a kernel with CONFIG_USERFAULTFD" },
	[PREFLIGHT_PIPE_SIZE] = { "pipe-size", PREFLIGHT_WARNING,
				  "for --lazy-pages set fs.pipe-max-size to 4194304, or work with CAP_SYS_RESOURCE" },
	[PREFLIGHT_CPU] = { "cpu", PREFLIGHT_ERROR, "restore on a machine with the features of the one it comes from" },

	[PREFLIGHT_TRACED] = { "traced", PREFLIGHT_ERROR, "end the debugger or tracer" },
	[PREFLIGHT_UNINTERRUPTIBLE] = { "uninterruptible", PREFLIGHT_WARNING,
					"wait until it goes on; a checkpoint fails when it does not within 10 seconds" },
	[PREFLIGHT_DEAD_LEADER] = { "dead-leader", PREFLIGHT_ERROR,
				    "end the process: its first thread must not end before the others" },
	[PREFLIGHT_OUTSIDE_TREE] = { "exec", PREFLIGHT_WARNING,
				     "it is not in the checkpoint: end it, or start it anew after the restore" },
	[PREFLIGHT_SESSION] = { "shell-job", PREFLIGHT_ERROR, "give --shell-job" },
	[PREFLIGHT_NESTED_NAMESPACE] = { "namespace", PREFLIGHT_ERROR, "end the process" },
	[PREFLIGHT_SHARED_PIDS] = { "shared-pids", PREFLIGHT_WARNING,
				    "a restore fails when one of the process ids is in use by then: give it a pid namespace" },
	[PREFLIGHT_SYSV_IPC] = { "sysv-ipc", PREFLIGHT_ERROR, "give the container an IPC namespace of its own" },
	[PREFLIGHT_TCP] = { "tcp-established", PREFLIGHT_ERROR, "give --tcp-established, or close them" },
	[PREFLIGHT_TCP_IN_FLIGHT] = { "tcp-in-flight", PREFLIGHT_WARNING,
				      "give --tcp-skip-in-flight: whoever connects has to try again" },
	[PREFLIGHT_SOCKET] = { "socket", PREFLIGHT_ERROR, "close it" },
	[PREFLIGHT_MPTCP] = { "mptcp", PREFLIGHT_ERROR,
			      "let the program use TCP: with Go 1.24 and newer GODEBUG=multipathtcp=0" },
	[PREFLIGHT_UNIX] = { "unix-socket", PREFLIGHT_ERROR, "close it before the checkpoint" },
	[PREFLIGHT_EXT_UNIX] = { "ext-unix-sk", PREFLIGHT_ERROR, "give --ext-unix-sk, or close it" },
	[PREFLIGHT_UNIX_IN_FLIGHT] = { "unix-in-flight", PREFLIGHT_ERROR, "try again when that has accepted it, or close it" },
	[PREFLIGHT_IO_URING] = { "io_uring", PREFLIGHT_ERROR,
				 "let the program do without io_uring, or forbid it by seccomp, so that it uses epoll" },
	[PREFLIGHT_ANON_INODE] = { "anon-inode", PREFLIGHT_ERROR, "close it" },
	[PREFLIGHT_DEVICE] = { "device", PREFLIGHT_ERROR, "close it, or use a criu with a plugin for the device" },
	[PREFLIGHT_MAPPING] = { "mapping", PREFLIGHT_ERROR, "end what uses it, or use a criu with a plugin for the device" },
	[PREFLIGHT_GHOST] = { "deleted-file", PREFLIGHT_ERROR,
			      "close it, or allow criu more by 'ghost-limit SIZE' in its configuration file" },
	[PREFLIGHT_LINK_REMAP] = { "link-remap", PREFLIGHT_ERROR, "give --link-remap" },
	[PREFLIGHT_FILE_LOCKS] = { "file-locks", PREFLIGHT_ERROR, "give --file-locks" },
	[PREFLIGHT_MOUNT_ROOT] = { "mount-root", PREFLIGHT_ERROR, "unmount it, or make it one of the container's mounts" },
	[PREFLIGHT_MOUNT_TYPE] = { "mount-type", PREFLIGHT_ERROR, "unmount it, or make it one of the container's mounts" },
};

const char *preflight_severity_name(enum preflight_severity s)
{
	return s == PREFLIGHT_ERROR ? "error" : "warning";
}

void preflight_add(struct preflight *p, enum preflight_kind kind, const char *subject, const char *fmt, ...)
{
	struct preflight_finding *f = arena_push(p->arena, &p->findings, &p->n);
	char why[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	*f = (struct preflight_finding){
		.kind = kind,
		.severity = kinds[kind].severity,
		.name = kinds[kind].name,
		.subject = arena_strdup(p->arena, subject),
		.why = arena_strdup(p->arena, why),
		.advice = kinds[kind].advice,
	};
}

void preflight_lower(struct preflight *p, enum preflight_kind kind)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->findings[i].kind == kind)
			p->findings[i].severity = PREFLIGHT_WARNING;
}

void preflight_drop(struct preflight *p, enum preflight_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		if (p->findings[i].kind != kind)
			p->findings[n++] = p->findings[i];
	p->n = n;
}

const struct preflight_finding *preflight_fails(const struct preflight *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->findings[i].severity == PREFLIGHT_ERROR)
			return &p->findings[i];
	return NULL;
}

const char *preflight_line(const struct preflight_finding *f, struct arena *a)
{
	return arena_printf(a, "%s %s: %s", f->subject, f->why, f->advice);
}
