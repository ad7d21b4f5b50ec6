/*
 * The OCI runtime specification 1.3 (Linux platform) as plain structs.
 *
 *	struct arena arena = ARENA_INIT;
 *	struct spec *spec;
 *	spec_load(bundle_fd, "config.json", &arena, &spec, &err);    decode, then check for contradictions
 *	...
 *	arena_finish(&arena);
 *
 * Depends on lib/ only. Mounts, opens and changes nothing. Everything here lives in the arena that was given and is
 * read-only to those who plan from it. Member names are the specification's in the kernel's spelling.
 *
 * Conventions: an absent string is NULL; an absent number has .set false; an absent object is a NULL pointer; arrays
 * come with n_NAME. Errors carry the JSON path: "linux.resources.pids.limit: expected an integer, got a string".
 * Unknown members are ignored, as the specification asks. A value that is decoded but that ferry cannot honour is
 * refused here ("linux.intelRdt: not supported").
 */
#ifndef SPEC_SPEC_H
#define SPEC_SPEC_H

#include "lib/arena.h"
#include "lib/buf.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SPEC_VERSION "1.3.0" /* the newest specification this program knows */
#define SPEC_VERSION_MIN "1.0.0"

struct spec_i64 {
	bool set;
	int64_t v;
};

struct spec_u64 {
	bool set;
	uint64_t v;
};

struct spec_bool {
	bool set;
	bool v;
};

struct spec_pair {
	const char *key, *value;
};

/* config.md, "Root" */
struct spec_root {
	const char *path; /* relative to the bundle unless absolute */
	bool readonly;
	/*
	 * Not in config.json, set by `launch`: a file system that is mounted, in the container's own mount namespace, as the
	 * root in place of path, which is then an empty directory. Its destination is "/". With mappings its layers are
	 * idmapped by them.
	 */
	const struct spec_mount *mount;
};

struct spec_idmap {
	uint32_t container_id, host_id, size;
};

/* config.md, "Mounts" */
struct spec_mount {
	const char *destination; /* absolute */
	const char *source, *type;
	const char **options;
	size_t n_options;
	struct spec_idmap *uid_mappings, *gid_mappings;
	size_t n_uid_mappings, n_gid_mappings;
};

/* config.md, "Process" */
struct spec_user {
	uint32_t uid, gid;
	struct spec_u64 umask;
	uint32_t *additional_gids;
	size_t n_additional_gids;
};

enum spec_cap_set { CAPS_BOUNDING, CAPS_EFFECTIVE, CAPS_INHERITABLE, CAPS_PERMITTED, CAPS_AMBIENT, CAP_SETS };

struct spec_capabilities {
	uint64_t set[CAP_SETS]; /* bit N is capability number N */
	const char **unknown; /* names this program does not know: the specification asks for a warning */
	size_t n_unknown;
};

struct spec_rlimit {
	int resource; /* RLIMIT_* */
	const char *type; /* "RLIMIT_NOFILE" */
	uint64_t soft, hard;
};

struct spec_scheduler {
	uint32_t policy; /* SCHED_* */
	int32_t nice;
	int32_t priority;
	uint64_t flags; /* SCHED_FLAG_* */
	uint64_t runtime_ns, deadline_ns, period_ns;
};

struct spec_io_priority {
	int class; /* IOPRIO_CLASS_* */
	int priority;
};

struct spec_cpu_affinity {
	const char *initial, *final; /* lists such as "0-3,7" */
};

struct spec_process {
	bool terminal;
	uint16_t console_height, console_width; /* 0 and 0: not given */
	const char *cwd; /* absolute */
	const char **args; /* ended by NULL */
	size_t n_args;
	const char **env; /* "NAME=value", ended by NULL */
	size_t n_env;
	struct spec_user user;
	struct spec_capabilities *capabilities; /* NULL: none are kept */
	struct spec_rlimit *rlimits;
	size_t n_rlimits;
	const char *apparmor_profile, *selinux_label;
	bool no_new_privileges;
	struct spec_i64 oom_score_adj;
	struct spec_scheduler *scheduler;
	struct spec_io_priority *io_priority;
	struct spec_cpu_affinity *exec_cpu_affinity;
};

/* config.md, "POSIX-platform Hooks" */
enum spec_hook_kind {
	HOOK_PRESTART, HOOK_CREATE_RUNTIME, HOOK_CREATE_CONTAINER, HOOK_START_CONTAINER, HOOK_POSTSTART, HOOK_POSTSTOP,
	HOOK_KINDS,
};

struct spec_hook {
	const char *path; /* absolute */
	const char **args, **env; /* ended by NULL; args may be NULL: then the path alone */
	struct spec_i64 timeout_s;
};

struct spec_hooks {
	struct spec_hook *of[HOOK_KINDS];
	size_t n[HOOK_KINDS];
};

/* "prestart", "createRuntime", ... */
extern const char *const spec_hook_names[HOOK_KINDS];

/* config-linux.md, "Namespaces" */
struct spec_namespace {
	uint64_t flag; /* CLONE_NEW* */
	const char *path; /* NULL: a new one */
};

struct spec_time_offset {
	bool set;
	int64_t secs;
	uint32_t nanosecs;
};

enum spec_device_type { DEVICE_ALL = 'a', DEVICE_CHAR = 'c', DEVICE_BLOCK = 'b', DEVICE_FIFO = 'p' };

struct spec_device {
	enum spec_device_type type; /* 'u' is decoded as 'c' */
	const char *path; /* absolute */
	int64_t major, minor;
	mode_t mode; /* permission bits; 0666 when not given */
	uint32_t uid, gid;
};

struct spec_device_rule {
	bool allow;
	enum spec_device_type type;
	int64_t major, minor; /* -1: any */
	bool read, write, mknod;
};

struct spec_net_device {
	const char *host_name, *name; /* name in the container; NULL: unchanged */
};

/* config-linux.md, "Control groups". The same document is read by `update --resources`. */
struct spec_hugepage {
	const char *page_size; /* "2MB" */
	uint64_t limit_bytes;
};

struct spec_rdma {
	const char *device;
	struct spec_u64 hca_handles, hca_objects;
};

struct spec_weight_device {
	int64_t major, minor;
	struct spec_u64 weight, leaf_weight;
};

struct spec_throttle_device {
	int64_t major, minor;
	uint64_t rate; /* bytes or operations a second */
};

enum spec_throttle { THROTTLE_READ_BPS, THROTTLE_WRITE_BPS, THROTTLE_READ_IOPS, THROTTLE_WRITE_IOPS, THROTTLES };

struct spec_memory {
	struct spec_i64 limit, reservation, swap; /* bytes; -1 no limit; swap counts memory and swap together */
	struct spec_i64 kernel, kernel_tcp; /* obsolete */
	struct spec_u64 swappiness;
	bool disable_oom_killer, use_hierarchy, check_before_update;
};

struct spec_cpu {
	struct spec_u64 shares;
	struct spec_i64 quota; /* microseconds a period; <= 0: no limit */
	struct spec_u64 burst, period; /* microseconds */
	struct spec_i64 realtime_runtime;
	struct spec_u64 realtime_period;
	const char *cpus, *mems; /* lists such as "0-3,7" */
	struct spec_i64 idle;
};

struct spec_resources {
	struct spec_device_rule *devices; /* in order, the last match decides */
	size_t n_devices;
	struct spec_memory *memory;
	struct spec_cpu *cpu;
	struct spec_i64 pids_limit; /* -1 no limit; 0 is a limit */
	struct spec_u64 blkio_weight, blkio_leaf_weight;
	struct spec_weight_device *weight_devices;
	size_t n_weight_devices;
	struct spec_throttle_device *throttle[THROTTLES];
	size_t n_throttle[THROTTLES];
	struct spec_hugepage *hugepages;
	size_t n_hugepages;
	struct spec_rdma *rdma;
	size_t n_rdma;
	struct spec_u64 net_class_id; /* linux.resources.network: version 1 only */
	size_t n_net_priorities;
	struct spec_pair *unified; /* cgroup v2 file -> what to write */
	size_t n_unified;
};

/* config-linux.md, "Seccomp" */
struct spec_seccomp_arg {
	uint32_t index;
	uint64_t value, value_two;
	const char *op; /* "SCMP_CMP_EQ", known to be valid */
};

struct spec_seccomp_rule {
	const char **names;
	size_t n_names;
	const char *action; /* "SCMP_ACT_ERRNO", known to be valid */
	struct spec_u64 errno_ret;
	struct spec_seccomp_arg *args;
	size_t n_args;
};

struct spec_seccomp {
	const char *default_action;
	struct spec_u64 default_errno_ret;
	const char **architectures; /* "SCMP_ARCH_X86_64" */
	size_t n_architectures;
	const char **flags; /* "SECCOMP_FILTER_FLAG_LOG" */
	size_t n_flags;
	const char *listener_path, *listener_metadata;
	struct spec_seccomp_rule *rules;
	size_t n_rules;
};

struct spec_personality {
	unsigned long domain; /* PER_LINUX or PER_LINUX32 */
};

struct spec_memory_policy {
	int mode; /* MPOL_* */
	unsigned flags; /* MPOL_F_*, already shifted to where set_mempolicy(2) wants them */
	const char *nodes; /* a list such as "0-3,7" */
};

/* config-linux.md */
struct spec_linux {
	struct spec_namespace *namespaces;
	size_t n_namespaces;
	struct spec_idmap *uid_mappings, *gid_mappings;
	size_t n_uid_mappings, n_gid_mappings;
	struct spec_time_offset offset_monotonic, offset_boottime;
	struct spec_device *devices;
	size_t n_devices;
	struct spec_net_device *net_devices;
	size_t n_net_devices;
	const char *cgroups_path;
	const char *rootfs_propagation; /* one of shared slave private unbindable, with or without a leading r */
	const char *mount_label;
	const char **masked_paths, **readonly_paths;
	size_t n_masked_paths, n_readonly_paths;
	struct spec_pair *sysctl;
	size_t n_sysctl;
	struct spec_resources *resources;
	struct spec_seccomp *seccomp;
	struct spec_personality *personality;
	struct spec_memory_policy *memory_policy;
};

/* config.md */
struct spec {
	const char *oci_version;
	const char *hostname, *domainname;
	struct spec_pair *annotations;
	size_t n_annotations;
	struct spec_root *root;
	struct spec_process *process;
	struct spec_mount *mounts;
	size_t n_mounts;
	struct spec_hooks hooks;
	struct spec_linux lx; /* linux; all absent when the document has none */
};

/* Decodes a configuration, then checks it (spec_check). @path is relative to @dirfd. */
int spec_load(int dirfd, const char *path, struct arena *a, struct spec **ret, struct err *e);
int spec_parse(const char *text, size_t len, struct arena *a, struct spec **ret, struct err *e);

/* A process document, as `exec --process` takes it, with paths from its own top ("user.uid: ..."). */
int spec_parse_process(const char *text, size_t len, struct arena *a, struct spec_process **ret, struct err *e);

/* A resources document, as `update --resources` takes it. */
int spec_parse_resources(const char *text, size_t len, struct arena *a, struct spec_resources **ret, struct err *e);

/*
 * What `ferry spec` writes: the convention's example configuration, an interactive sh. With @rootless: a user namespace
 * that maps @uid and @gid to root, and no resources.
 */
void spec_write_example(struct buf *out, bool rootless, uid_t uid, gid_t gid);

/* Member tables used by more than one folder. */

/* "cap_chown", "CAP_CHOWN" -> 0; -1 when unknown. spec_cap_name gives "CAP_CHOWN", NULL past the last known. */
int spec_cap_number(const char *name);
const char *spec_cap_name(unsigned number);

/* "RLIMIT_AS" and its like, by an index; NULL past the last. */
const char *spec_rlimit_name(unsigned index);

/* CLONE_NEW* for "pid", "network", ... 0 when unknown; and back. file is the name in /proc/PID/ns ("net"). */
struct spec_namespace_name {
	uint64_t flag;
	const char *name, *file;
};
extern const struct spec_namespace_name spec_namespace_names[8];
uint64_t spec_namespace_flag(const char *name);

/* The namespace of that kind in the specification, or NULL. */
const struct spec_namespace *spec_find_namespace(const struct spec *s, uint64_t flag);

/* What @id of a container is on the host; one that is not mapped: itself. */
uint32_t spec_host_id(const struct spec_idmap *maps, size_t n, uint32_t id);

/* An annotation's value, or NULL. */
const char *spec_annotation(const struct spec *s, const char *key);

/* The state document (runtime.md, "State"), as hooks and `state` get it. */
struct spec_state {
	const char *id, *status, *bundle;
	pid_t pid; /* 0 when there is none, as runc writes it */
	const struct spec_pair *annotations;
	size_t n_annotations;
	const char *rootfs, *created, *owner; /* NULL: left out; runc's additions that engines read */
};
void spec_write_state(struct buf *out, const struct spec_state *s, bool pretty);

#endif
