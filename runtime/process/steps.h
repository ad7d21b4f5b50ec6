/* The steps that process_prepare and process_exec are made of; internal to the folder. */
#ifndef RUNTIME_PROCESS_STEPS_H
#define RUNTIME_PROCESS_STEPS_H

#include "runtime/process/process.h"

#include <limits.h>

/* A set of small numbers, as the kernel's calls for processors and memory nodes take it. */
enum { LIST_MAX = 4096, LIST_WORD = 8 * sizeof(unsigned long) };
struct number_list {
	unsigned long bits[LIST_MAX / LIST_WORD];
};

/* What process_prepare found out and process_exec uses. */
struct process_notes {
	char program[PATH_MAX]; /* the file that args[0] leads to; empty: not looked up yet */
	bool in_cwd;
};

/* caps.c. Leaves out of @p->caps what cannot be granted, with warnings. */
int caps_plan(struct process_plan *p, struct arena *a, struct err *e);
int caps_drop_bounding(const struct process_plan *p, struct err *e);
int caps_keep(const struct process_plan *p, struct err *e); /* over the change of ids */
int caps_raise_permitted(struct err *e); /* makes all that is permitted effective */
int caps_set(const struct process_plan *p, struct err *e);

/* seccomp.c: from the profile to what the plan holds of it. */
int seccomp_plan(const struct spec_seccomp *s, struct arena *a, struct process_plan *ret, struct err *e);
/* Installs the program and sends its listener, if it has one. */
int seccomp_install(const struct process_plan *p, const char *state_json, struct err *e);

/* seccomp_compile.c: the profile as a BPF program, by libseccomp. */
int seccomp_compile(const struct spec_seccomp *s, struct arena *a, struct sock_fprog *ret, struct err *e);

/* seccomp_names.c: the specification's names as libseccomp's and the kernel's values. */
int seccomp_action(const char *name, const struct spec_u64 *errno_ret, uint32_t *ret, struct err *e);
int seccomp_operator(const char *name, int *ret, struct err *e);
int seccomp_arch(const char *name, uint32_t *ret, struct err *e);
int seccomp_flag(const char *name, unsigned *ret, struct err *e);

/* seccomp_enosys.c: @program with a beginning that answers ENOSYS to system calls newer than the profile. */
int seccomp_add_enosys(const struct spec_seccomp *s, uint32_t default_action, struct arena *a,
		       struct sock_fprog *program, struct err *e);

/*
 * seccomp_cache.c. The key is all that the program depends on. A cache that cannot be read or written is as good as an
 * empty one, so neither fails: load returns false when there is no such program.
 */
void seccomp_cache_key(const struct spec_seccomp *s, struct buf *ret);
bool seccomp_cache_load(const char *dir, const struct buf *key, struct arena *a, struct sock_fprog *ret);
void seccomp_cache_store(const char *dir, const struct buf *key, const struct sock_fprog *program);

/* seccomp_listener.c. The document is made before the program is installed, while memory needs no listener. */
int seccomp_listener_connect(const char *path, struct err *e);
int seccomp_listener_document(const struct process_plan *p, const char *state_json, struct buf *out, struct err *e);
int seccomp_listener_send(const struct process_plan *p, const struct buf *document, int notify_fd, struct err *e);

/* user.c */
int user_plan(const struct process_plan *p, struct err *e);
int user_own_stdio(const struct spec_user *u, struct err *e);
int user_become(const struct process_plan *p, struct err *e);

/* lsm.c. A label or profile is used from the next execve on. */
int lsm_plan(const struct spec_process *p, struct err *e);
int lsm_set_exec(const struct spec_process *p, struct err *e);
int lsm_set_keycreate(const char *selinux_label, struct err *e); /* "": back to the default */

/* rlimits.c */
int rlimits_set(const struct spec_process *p, struct err *e);
int rlimits_make_room(const struct spec_process *p, pid_t pid, struct err *e);

/* scheduler.c */
int scheduler_set(const struct spec_process *p, struct err *e);

/* affinity.c: lists such as "0-3,7", execCPUAffinity, the memory policy. */
int number_list_parse(const char *text, struct number_list *ret, struct err *e);
int affinity_plan(struct process_plan *p, struct arena *a, struct err *e);
int affinity_initial(const struct process_plan *p, pid_t pid, struct err *e);
int affinity_final(const struct process_plan *p, struct err *e);
int memory_policy_set(const struct process_plan *p, struct err *e);

/* keyring.c */
int keyring_join(const struct process_plan *p, struct err *e);

/* env.c */
void env_plan(struct process_plan *p, struct arena *a);
const char *env_find(const char *const *env, const char *name); /* the value; NULL */

/*
 * What only the child knows: HOME, from the container's own /etc/passwd, when there is none, and LISTEN_PID. The text
 * lies in @room, which must live until execve.
 */
struct env_room {
	char home[PATH_MAX], listen_pid[32];
};
void env_complete(const struct process_plan *p, struct env_room *room);

/* passwd.c: the home directory of @uid by /etc/passwd; "/" when it says nothing. */
void passwd_home(uid_t uid, char *ret, size_t size);

/* lookup.c: finds args[0] as execvp(3) would, with the error texts that engines know. */
int lookup_program(const char *name, const char *const *env, char ret[PATH_MAX], struct err *e);
int lookup_exec_failed(const char *program, int code, struct err *e); /* it was found, but execve did not take it */

/*
 * reaper.c: --init. Splits this process, which has all signals blocked, in two: the init takes its place and does not
 * return; it returns in the child, which becomes the program.
 */
enum { REAPER_ARGS = 4 }; /* how many more the init has than the program, with the end */
int reaper_split(const struct process_plan *p, struct err *e);

/* cwd.c */
int cwd_enter(const struct process_plan *p, struct err *e);

#endif
