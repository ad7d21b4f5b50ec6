/*
 * From a spec_process to a running program: ids, capabilities, limits, labels, seccomp, and the execve.
 *
 * The parent plans: looks everything up, compiles the seccomp program (or reads it from the cache), so that the child
 * allocates nothing. The child applies in the one order that works, and executes.
 *
 *	P  process_plan_make
 *	P  process_plan_open   connects to the seccomp listener, whose path is the host's
 *	P  process_grant       while C waits to begin: what only the runtime's own rights can give it
 *	C  process_prepare     keyring, scheduler, rlimits, cwd, looks the program up: needs the old rights
 *	C  (startContainer hooks)
 *	C  process_exec        ids, capabilities, labels, no_new_privs, seccomp, execve: returns only with an error
 */
#ifndef RUNTIME_PROCESS_H
#define RUNTIME_PROCESS_H

#include "spec/spec.h"

#include <linux/filter.h>

#define PROCESS_PLAN_INIT { .listener_fd = -1 }

/* The file in a container's root that is the init, where what process_init_save has made in another directory is mounted. */
#define PROCESS_INIT ".ferry-init"
int process_init_save(int dir, struct err *e);

struct process_options {
	const char *cache_dir; /* where compiled seccomp programs are kept; NULL: nowhere */
	bool new_keyring; /* a session keyring of its own */
	const char *keyring_name;
	bool keep_groups; /* setgroups(2) was given up in this user namespace */
	unsigned preserve_fds; /* --preserve-fds: 3 .. 3 + N - 1 stay open, after those of LISTEN_FDS */
	unsigned listen_fds; /* LISTEN_FDS: passed on with its environment variables */
	bool init; /* the program is the child of a small init, PROCESS_INIT of its root, which is the first process */
	bool exec; /* a further process of a running container: labels and affinity differ */
};

struct process_plan {
	const struct spec_process *process;
	struct process_options options;
	const char **env; /* what the program gets: HOME added when missing, LISTEN_* where passed on */
	uint64_t caps[CAP_SETS];
	struct sock_fprog filter; /* len 0: no seccomp */
	unsigned filter_flags; /* SECCOMP_FILTER_FLAG_* */
	const char *listener_path, *listener_metadata; /* SCMP_ACT_NOTIFY */
	const char **warnings; /* what could not be granted, for the log */
	size_t n_warnings;
	/* what the implementation needs besides */
	const struct spec_personality *personality;
	const struct spec_memory_policy *memory_policy;
	const struct number_list *nodes; /* of the memory policy */
	const struct number_list *initial_cpus, *final_cpus; /* execCPUAffinity; NULL: not given */
	bool userns; /* it will be in a user namespace of its own, where it has all rights but not the host's */
	size_t env_room; /* where in env there is room for what only the child knows */
	int listener_fd; /* process_plan_open; -1 without a listener */
	const char **init_argv; /* room for its arguments */
	pid_t pid; /* as the listener should see it; 0: as in the state document. The child may set it */
	struct process_notes *notes; /* from process_prepare to process_exec */
};

/* @s gives seccomp, personality and memory policy; @p is s->process, or exec's own. */
int process_plan_make(const struct spec *s, const struct spec_process *p, const struct process_options *o,
		      struct arena *a, struct process_plan *ret, struct err *e);

/* Before the child is cloned, which inherits what is opened here. Does nothing without a seccomp listener. */
int process_plan_open(struct process_plan *p, struct err *e);
void process_plan_close(struct process_plan *p);

/*
 * In the parent, while the child @pid waits and still has the credentials that it was cloned with: its oom_score_adj
 * (whose file it cannot write any more once its credentials have changed), the room for hard limits that a user
 * namespace's root may not raise, and execCPUAffinity.initial. @pid 0: the caller itself, which is to join a container
 * and has not yet.
 */
int process_grant(const struct process_plan *p, pid_t pid, struct err *e);

/* Whether process_grant has anything to do. */
bool process_needs_grant(const struct process_plan *p);

/* In the child, inside its namespaces and root, with full rights there. */
int process_prepare(const struct process_plan *p, struct err *e);

/*
 * Becomes the program. @state_json: the container's state for a seccomp listener, with its pid; may be NULL.
 * Error texts are runc's where engines parse them: "exec: \"x\": executable file not found in $PATH".
 */
int process_exec(const struct process_plan *p, const char *state_json, struct err *e);

/* For `features`: what this kernel and library can do, each ended by NULL. */
const char *const *seccomp_action_names(void);
const char *const *seccomp_operator_names(void);
const char *const *seccomp_arch_names(void);
const char *const *seccomp_known_flags(void);
bool seccomp_flag_supported(const char *name); /* by this kernel */
bool apparmor_enabled(void);
bool selinux_enabled(void);

#endif
