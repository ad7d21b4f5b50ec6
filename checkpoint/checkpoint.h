/*
 * Checkpoint and restore by CRIU, which is spoken to by its RPC: packets over a socket to `criu swrk`.
 *
 * Depends on lib/ and spec/. A conversation is one process and, but for a chain of pre-dumps, one request:
 *
 *	criu_find     which program
 *	criu_start    the process; `prepare` runs in it before CRIU does
 *	criu_ask      the request; answers what CRIU tells on its way
 *	criu_end
 *
 * Does not: freeze or kill anything, know containers, or read CRIU's log.
 */
#ifndef CHECKPOINT_CHECKPOINT_H
#define CHECKPOINT_CHECKPOINT_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- the program ---- */

#define CRIU_CONF "/etc/ferry/criu.conf"

/*
 * @given (--criu), or $FERRY_CRIU, or the path that is the one line of CRIU_CONF, or "criu" of PATH: the path to execute.
 * -ENOENT: it is not there, and where it was looked for.
 */
int criu_find(const char *given, struct arena *a, const char **ret, struct err *e);

/* The first executable @name in the directories that @path names between colons; in the arena. NULL: none. */
const char *program_in(const char *path, const char *name, struct arena *a);

struct criu {
	pid_t pid; /* a child of the caller; -1: none */
	int pidfd;
	int sock;
};

#define CRIU_INIT ((struct criu){ .pid = -1, .pidfd = -1, .sock = -1 })

struct criu_start {
	const char *program;
	const int *keep; /* descriptors that it has open under the same numbers; -1: none */
	size_t n_keep;
	int cgroup; /* its directory, to be started in; -1: the caller's */
	uint64_t namespaces; /* CLONE_NEW*, new ones for the process */
	bool quiet; /* standard output and error are /dev/null; else, and standard input always, the caller's */
	int (*attach)(void *data, pid_t pid, struct err *e); /* in the caller, before anything else is done; NULL */
	int (*prepare)(void *data, struct err *e); /* in the new process, before CRIU is executed; NULL */
	void *data;
};

/* Returns once CRIU has been executed. */
int criu_start(const struct criu_start *s, struct criu *ret, struct err *e);

/* Closes the conversation and waits for the process. Returns its wait status; -1: there was none. Does nothing twice. */
int criu_end(struct criu *c);

/* ---- requests ---- */

enum criu_request_type {
	CRIU_DUMP = 1,
	CRIU_RESTORE = 2,
	CRIU_CHECK = 3,
	CRIU_PRE_DUMP = 4, /* afterwards it waits for the next of the chain: criu_end when there is none */
	CRIU_NOTIFY = 6,
	CRIU_CPUINFO_DUMP = 7,
	CRIU_CPUINFO_CHECK = 8,
	CRIU_FEATURE_CHECK = 9,
	CRIU_VERSION = 10,
};

enum criu_cgroup_mode {
	CRIU_CGROUPS_IGNORE,
	CRIU_CGROUPS_NONE,
	CRIU_CGROUPS_PROPS,
	CRIU_CGROUPS_SOFT,
	CRIU_CGROUPS_FULL,
	CRIU_CGROUPS_STRICT,
	CRIU_CGROUPS_DEFAULT,
};

/* How a pre-dump reads memory: while the processes are held, or from outside when they go on. */
enum criu_pre_dump_mode { CRIU_PRE_DUMP_DEFAULT, CRIU_PRE_DUMP_SPLICE, CRIU_PRE_DUMP_READ };

enum criu_network_lock { CRIU_LOCK_DEFAULT, CRIU_LOCK_IPTABLES, CRIU_LOCK_NFTABLES, CRIU_LOCK_SKIP };

/* A mount that CRIU leaves to us. Dump: where it is, and a name; restore: the name, and the host's path. */
struct criu_mount {
	const char *key, *value;
};

/* A descriptor of the CRIU process that takes the place of what was dumped as @key: "pipe:[123]", "extRootNetNS". */
struct criu_inherit {
	const char *key;
	int fd;
};

/* A namespace that is joined, by its name in /proc/PID/ns. */
struct criu_join {
	const char *kind, *path;
};

/* Absent: false, NULL, 0, and -1 of descriptors. Descriptors are the caller's: CRIU finds them by the caller's pid. */
struct criu_options {
	int images; /* directory */
	int work; /* directory of logs and statistics; -1: that of the images */
	int log_level; /* 1 errors to 4 debug */
	const char *log_file; /* a name in the work directory */
	const char *config_file; /* settings that override these */
	const char *parent; /* images of the pre-dump before, relative to the directory of the images */
	pid_t pid; /* dump */
	const char *root; /* dump: the container's on the host. Restore: a mount point */
	const char *freeze_cgroup; /* absolute */
	enum criu_cgroup_mode cgroups;
	enum criu_network_lock network_lock;
	enum criu_pre_dump_mode pre_dump_mode;
	bool leave_running, ext_unix_sockets, tcp_established, tcp_skip_in_flight, tcp_close, shell_job, file_locks;
	bool link_remap, auto_dedup, track_memory, lazy_pages, evasive_devices, orphan_pts_master;
	bool notify; /* CRIU tells what it is about to do, and waits for the answer */
	bool sibling; /* restore: the first process is the caller's child */
	uint32_t stop_timeout_s; /* dump: for all processes to stand still; 0: 10 s */
	uint32_t ghost_limit_bytes; /* deleted files up to here are kept in the image; 0: 1 MiB */
	uint32_t empty_namespaces; /* CLONE_NEWNET: what is in it is not dumped and not restored */
	const char *page_server; /* address; NULL: pages go to the images */
	int page_server_port;
	int status; /* a descriptor that gets a NUL once lazy pages can be asked for; -1 */
	const char *lsm_profile, *lsm_mount_context;
	struct criu_mount *mounts;
	size_t n_mounts;
	const char **external; /* "net[4026532000]:extRootNetNS" */
	size_t n_external;
	struct criu_inherit *inherit;
	size_t n_inherit;
	struct criu_join *join;
	size_t n_join;
};

#define CRIU_OPTIONS_INIT ((struct criu_options){ .images = -1, .work = -1, .status = -1 })

struct criu_features {
	bool mem_track, lazy_pages, pidfd_store;
};

/*
 * @name: "network-lock", "post-dump", "setup-namespaces", "post-restore", ... @pid: with the latter two, of the first process.
 * @fd: with "orphan-pts-master", the callee's to close; else -1. On < 0 CRIU gives up, and the error is that of criu_ask.
 */
typedef int criu_notified(void *data, const char *name, pid_t pid, int fd, struct err *e);

struct criu_request {
	enum criu_request_type type;
	const struct criu_options *options; /* NULL: none */
	struct criu_features features; /* CRIU_FEATURE_CHECK: which are asked about */
	bool keep_open; /* more requests follow */
	criu_notified *notified; /* NULL: all is well */
	void *data;
};

struct criu_answer {
	pid_t pid; /* CRIU_RESTORE: the first process */
	struct criu_features features;
	unsigned version; /* 40101 is 4.1.1 */
	int code; /* an errno that CRIU gives for a failure; 0 */
	bool refused; /* it failed because of the caller's own answer to a notification */
};

/* @ret may be NULL. When CRIU fails the error names what it was to do; the cause is in its log. */
int criu_ask(struct criu *c, const struct criu_request *q, struct criu_answer *ret, struct err *e);

/* A whole conversation, quiet and in the caller's cgroup: criu_start, criu_ask, criu_end. */
int criu_ask_alone(const char *program, const struct criu_request *q, struct criu_answer *ret, struct err *e);

/* The version, by a process of its own. */
int criu_version(const char *program, unsigned *ret, struct err *e);

/* Which of these this kernel and CRIU have, likewise. */
int criu_features(const char *program, struct criu_features *ret, struct err *e);

#endif
