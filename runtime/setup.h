/*
 * What the parent has planned and opened for a container's first process, which inherits it by clone: nothing is
 * serialised, nothing is parsed twice. And the messages between the two.
 *
 *	parent (create.c)                         first process (init.c)
 *	                  -- GO(pid) ->           ids are mapped, the cgroup is right
 *	attaches networks                         namespaces, mounts
 *	                  <- HOOKS --             only with prestart or createRuntime hooks
 *	runs them         -- HOOKS_DONE ->
 *	                                          createContainer hooks, pivot_root, sealing
 *	                  <- READY(console) --    everything but the program itself stands
 *	records the pid
 *	                  -- RELEASE ->           create: wait at the start socket; run: go on
 *	                  <- (end of file) --     run: the program has been executed
 *
 * In a plain `run`, with nobody to wait for, GO and READY are left out: the first process works while the parent records
 * it, and finds RELEASE already there.
 *
 * At any point either side may send an error instead, or vanish: the parent then undoes everything, the first process
 * exits. So a parent that is killed leaves no container running that is not recorded.
 */
#ifndef RUNTIME_SETUP_H
#define RUNTIME_SETUP_H

#include "cgroups/cgroups.h"
#include "namespaces/namespaces.h"
#include "runtime/container.h"
#include "runtime/lifecycle.h"
#include "runtime/process/process.h"

enum setup_message { MSG_PID = 1, MSG_GO, MSG_HOOKS, MSG_HOOKS_DONE, MSG_READY, MSG_RELEASE };

struct setup {
	const struct spec *spec;
	const struct create_request *request;
	struct buf config; /* the text of spec, to be kept */
	struct container *container;
	struct ns_plan ns;
	struct rootfs_plan *rootfs;
	struct cgroup_host cgroup_host;
	struct cgroup_plan *cgroup;
	struct process_plan process;
	int cgroup_fd; /* for CLONE_INTO_CGROUP, or -1 */
	int console_socket; /* connected, or -1 */
	int listener; /* create: the start socket, or -1 */
	bool waits_for_go; /* there is something to do for the first process before it may begin */
	bool tells_ready; /* the parent waits for what it has to say: hooks to be run, a terminal, that all stands */
	int parent_end, child_end; /* of the message pair */
	int pidfd; /* of the first process, in the parent */
	int late; /* as in struct run_handles */
};

/*
 * Clones the first process, through a stage process where the plan asks for one. Returns its pid, which is the caller's
 * child, with s->pidfd set; in the first process it does not return.
 */
pid_t setup_spawn(struct setup *s, struct err *e);

/* Waits for the process that a stage has cloned beside itself, and for the stage's end. Returns its pid. */
pid_t receive_from_stage(int sock, pid_t stage, int *ret_pidfd, struct err *e);

/* The first process's whole story. */
_Noreturn void init_main(struct setup *s);

/* The state document for hooks, ended by NUL, in @out. */
void setup_state(const struct setup *s, enum container_status status, pid_t pid, struct buf *out);

#endif
