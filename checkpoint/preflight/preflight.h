/*
 * What would make a checkpoint fail, found out before anything is frozen. Findings are values: which kind, about whom, why,
 * and what to do. Nothing here touches a process of the container: all is read from /proc, where it may change at once.
 *
 *	struct preflight p = { .arena = a };
 *	preflight_container(&p, &container, e)
 *	preflight_fails(&p)
 *
 * What the host can do is in host.h.
 */
#ifndef CHECKPOINT_PREFLIGHT_PREFLIGHT_H
#define CHECKPOINT_PREFLIGHT_PREFLIGHT_H

#include "lib/arena.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum preflight_kind {
	/* of the host */
	PREFLIGHT_RIGHTS,
	PREFLIGHT_PTRACE_SCOPE,
	PREFLIGHT_NO_CRIU,
	PREFLIGHT_CRIU_FAILS,
	PREFLIGHT_SELF_DUMP,
	PREFLIGHT_NETWORK_LOCK,
	PREFLIGHT_MEM_TRACK,
	PREFLIGHT_LAZY_PAGES,
	PREFLIGHT_PIPE_SIZE,
	PREFLIGHT_CPU,
	/* of a container */
	PREFLIGHT_TRACED,
	PREFLIGHT_UNINTERRUPTIBLE,
	PREFLIGHT_DEAD_LEADER,
	PREFLIGHT_OUTSIDE_TREE,
	PREFLIGHT_SESSION,
	PREFLIGHT_NESTED_NAMESPACE,
	PREFLIGHT_SHARED_PIDS,
	PREFLIGHT_SYSV_IPC,
	PREFLIGHT_TCP,
	PREFLIGHT_TCP_IN_FLIGHT,
	PREFLIGHT_SOCKET,
	PREFLIGHT_MPTCP,
	PREFLIGHT_UNIX,
	PREFLIGHT_EXT_UNIX,
	PREFLIGHT_UNIX_IN_FLIGHT,
	PREFLIGHT_IO_URING,
	PREFLIGHT_ANON_INODE,
	PREFLIGHT_DEVICE,
	PREFLIGHT_MAPPING,
	PREFLIGHT_GHOST,
	PREFLIGHT_LINK_REMAP,
	PREFLIGHT_FILE_LOCKS,
	PREFLIGHT_MOUNT_ROOT,
	PREFLIGHT_MOUNT_TYPE,
	PREFLIGHT_KINDS,
};

enum preflight_severity { PREFLIGHT_WARNING, PREFLIGHT_ERROR };

struct preflight_finding {
	enum preflight_kind kind;
	enum preflight_severity severity;
	const char *name; /* "tcp-established": the kind as a word that stays the same */
	const char *subject; /* "process 17 (nginx)" */
	const char *why;
	const char *advice;
};

struct preflight {
	struct arena *arena;
	struct preflight_finding *findings;
	size_t n;
	bool inet_sockets; /* the container has sockets of the Internet's protocols */
};

/* "error", "warning". */
const char *preflight_severity_name(enum preflight_severity s);

/* Adds one; strings are copied. The severity and what to do are the kind's. */
void preflight_add(struct preflight *p, enum preflight_kind kind, const char *subject, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* What is of that kind is only a warning after all; or nothing. */
void preflight_lower(struct preflight *p, enum preflight_kind kind);
void preflight_drop(struct preflight *p, enum preflight_kind kind);

/* The first that is an error, or NULL. */
const struct preflight_finding *preflight_fails(const struct preflight *p);

/* One line: "process 17 (nginx): it has ...: give --tcp-established". */
const char *preflight_line(const struct preflight_finding *f, struct arena *a);

/* Options of a checkpoint with which some of it does not fail. */
struct preflight_options {
	bool tcp_established, tcp_skip_in_flight, ext_unix_sk, shell_job, file_locks, link_remap;
	uint64_t ghost_limit_bytes; /* deleted files up to here are saved; 0: as criu does by itself */
};

/* Adds what a configuration file of criu says (criu(8), "CONFIGURATION FILES"). */
void preflight_options_read(const char *text, struct preflight_options *o);

/* A unix socket of the container's network namespace and whom it is connected to; 0: nobody. */
struct preflight_unix {
	uint32_t inode, peer;
	bool named, datagram;
	bool in_flight; /* it is connected, and nobody has accepted it */
	uint32_t unread_bytes; /* what it has sent and nobody has read */
};

struct preflight_container {
	pid_t init; /* its first process */
	const pid_t *pids; /* all of them, as far as known; those that have ended meanwhile are passed over */
	size_t n_pids;
	const char *const *external_mounts; /* mount points that the restoring side mounts: absolute, in the container */
	size_t n_external_mounts;
	const struct preflight_unix *unix_sockets; /* NULL: not known, and not judged */
	size_t n_unix_sockets;
	struct preflight_options options;
};

/* -ESRCH when the first process has ended; -errno when what must be readable is not. Findings are no error. */
int preflight_container(struct preflight *p, const struct preflight_container *c, struct err *e);

/* ---- the parts, for tests and for each other ---- */

/* Its mounts, out of the text of /proc/PID/mountinfo. */
void preflight_mounts(struct preflight *p, const struct preflight_container *c, const char *subject, const char *mountinfo);

#endif
