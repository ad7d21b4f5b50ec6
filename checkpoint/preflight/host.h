/*
 * Whether this machine can make checkpoints at all: which criu there is, what it can do on this kernel, how it locks the
 * network. That criu and the kernel understand each other is not asked but proved, by a dump of a small process of our own
 * that has a TCP connection: `criu check` says "Looks good" on kernels where no such socket can be dumped.
 *
 * What was proved is kept in a file below the cache directory, for this kernel and this file of criu.
 */
#ifndef CHECKPOINT_PREFLIGHT_HOST_H
#define CHECKPOINT_PREFLIGHT_HOST_H

#include "checkpoint/checkpoint.h"
#include "checkpoint/preflight/preflight.h"

enum self_dump {
	SELF_DUMP_NOT_TRIED,
	SELF_DUMP_WORKS,
	SELF_DUMP_NO_SOCKETS, /* it works for processes without sockets of the Internet's protocols */
	SELF_DUMP_FAILS,
};

struct preflight_host {
	const char *program; /* NULL: there is none */
	unsigned version; /* 40101 is 4.1.1; 0: not known */
	const char *kernel;
	struct criu_features features;
	/* the one that works, CRIU_LOCK_IPTABLES or _NFTABLES; _SKIP: there is neither; _DEFAULT: not known */
	enum criu_network_lock lock;
	enum self_dump self_dump;
};

struct preflight_host_options {
	const char *criu; /* --criu; may be NULL */
	const char *cache_dir; /* made when missing */
	bool anew; /* what is in the cache does not count */
};

/*
 * What it cannot do becomes findings. Fails only when that cannot be found out: no room, no rights to make a process.
 */
int preflight_host(struct preflight *p, const struct preflight_host_options *o, struct preflight_host *ret, struct err *e);

/*
 * Compares this machine's processor with the one that was saved in @images, a directory (cpuinfo.img, by `criu cpuinfo dump`).
 * Images without it are good for any. @work: the directory for CRIU's log, which is removed again. Fails when CRIU could
 * not look, as in one that is read-only.
 */
int preflight_cpu(struct preflight *p, const char *program, int images, int work, struct err *e);

/* Saves into @images what the processor has. */
int preflight_cpu_save(const char *program, int images, int work, struct err *e);

/* "4.1.1" for 40101. */
const char *criu_version_text(unsigned version, struct arena *a);

/* ---- the parts ---- */

/*
 * Dumps a child of its own into a directory of @dir (made and removed here), and says how that went. *ret_cause, in the
 * arena: why not. @lock: how the network is locked. @sockets: the child has a TCP connection.
 * 1: it works; 0: it does not; -errno: it could not be tried.
 */
int self_dump(const char *program, int dir, enum criu_network_lock lock, bool sockets, struct arena *a,
	      const char **ret_cause, struct err *e);

#endif
