/*
 * The verbs: create, start, run, exec, kill, delete. Each is one story told in its own file.
 */
#ifndef RUNTIME_LIFECYCLE_H
#define RUNTIME_LIFECYCLE_H

#include "runtime/container.h"
#include "runtime/runtime.h"

#include <stdbool.h>

/* A container that runs, in the hands of who watches over it: descriptors that are his to close. */
struct run_handles {
	pid_t pid;
	int pidfd;
	int cgroup; /* its directory; -1: it has none */
	int master; /* the other end of its terminal; -1: it has none */
	int late; /* -1; or what may take the kernel long to close: to be done when nobody waits */
};

#define RUN_HANDLES_INIT ((struct run_handles){ .pidfd = -1, .cgroup = -1, .master = -1, .late = -1 })

struct create_network;
struct checkpoint_request;

struct create_request {
	const char *id;
	const char *bundle; /* NULL: the current directory */
	const char *config; /* NULL: config.json of the bundle */
	struct spec *spec; /* a launched container's, whose directory keeps the config.json. NULL otherwise */
	const char *console_socket, *pid_file, *pidfd_socket;
	bool no_pivot, no_new_keyring;
	unsigned preserve_fds;

	/* run only */
	bool run;
	bool detach, keep, no_subreaper;
	bool launched; /* the bundle is a launched container's directory */
	bool init; /* the program is the child of a small init (runtime/reaper), which is one of the mounts */
	struct run_handles *ret_handles; /* with detach: filled for the supervisor; NULL */
	const struct create_network *network; /* runtime/attach.h; NULL: its network is as the configuration says */
	const char *const *network_program; /* its words but for the pid, ended by NULL: runtime/keeper.h; NULL */
	bool network_if_possible; /* without that program, too */
	const char *network_of; /* id of a container that runs: its network namespace is joined; NULL */
	const struct checkpoint_request *restore; /* its processes come from an image: runtime/checkpoint; NULL: a new one */
};

/* create: the container waits for start. */
int lifecycle_create(struct runtime *rt, const struct create_request *r, struct err *e);

/*
 * create and start in one. Without detach it waits for the end and deletes the container (unless keep);
 * *ret_exit is the program's exit code.
 */
int lifecycle_run(struct runtime *rt, const struct create_request *r, int *ret_exit, struct err *e);

int lifecycle_start(struct runtime *rt, const char *id, struct err *e);

struct exec_request {
	const char *id;
	struct spec_process *process; /* whole */
	const char *console_socket, *pid_file, *pidfd_socket;
	const char *cgroup; /* --cgroup: a path below the container's; NULL */
	bool detach, ignore_paused;
	int *ret_pidfd; /* with detach: of the process, which is the caller's child; NULL */
	unsigned preserve_fds;
};
int lifecycle_exec(struct runtime *rt, struct container *c, const struct spec *s, const struct exec_request *r,
		   int *ret_exit, struct err *e);

int lifecycle_kill(struct runtime *rt, const char *id, int signal, bool all, struct err *e);
int lifecycle_delete(struct runtime *rt, const char *id, bool force, struct err *e);

#endif
