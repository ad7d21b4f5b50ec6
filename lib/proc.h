/*
 * Processes. A pid alone may have been recycled, so a stored pid goes with its start time, and what is signalled is a
 * pidfd that was checked against it.
 */
#ifndef LIB_PROC_H
#define LIB_PROC_H

#include "lib/buf.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_stat {
	char state; /* as in /proc/PID/stat: R S D T Z X ... */
	pid_t ppid;
	uint64_t start_time; /* clock ticks since boot */
};

/* -ESRCH when there is no such process. */
int proc_stat(pid_t pid, struct proc_stat *ret, struct err *e);

/*
 * Opens a pidfd for the very process that was recorded. -ESRCH when it is gone, recycled, or a zombie.
 */
int proc_open(pid_t pid, uint64_t start_time, struct err *e);

/* Waits until the process behind the pidfd has ended. Returns 1 when it has, 0 on time-out. @timeout_ms -1: for ever. */
int proc_wait_end(int pidfd, int timeout_ms, struct err *e);

/* Waits for a child's end and takes it from the process table. Returns its wait status; -1 with errno. */
int proc_reap(pid_t pid);

/*
 * Runs @program, a path, with @input as its standard input (-1: /dev/null), and appends to @out what it writes to @heard, 1 or 2, but
 * for what is more than @max bytes; the other of the two is /dev/null. Returns its wait status; -1: it could not be run.
 */
int proc_hear(const char *program, char *const argv[], int input, int heard, size_t max, struct buf *out);

/*
 * The wait status of a process that is not our child and has ended. -EAGAIN: its parent has not waited for it yet; another
 * error: this kernel does not tell.
 */
int proc_ended_how(int pidfd);

/* Kills the children of a process's first thread, as many as there are now; reaps none. */
void proc_kill_children(pid_t pid);

/* Kills the child behind the pidfd, and reaps it. */
void proc_kill_child(int pidfd);

/*
 * clone3(2) with a pidfd for the parent and, unless @cgroup is -1, into that cgroup. With CLONE_PARENT the child becomes a
 * sibling, which is in the caller's cgroup anyway. Returns as fork(2) does.
 */
pid_t proc_clone(uint64_t flags, int cgroup, int *ret_pidfd);

/* False in a user namespace that somebody set up: root there has not the host's rights. */
bool proc_in_first_userns(void);

/* How a shell reports a wait status: the exit code, or 128 + signal. */
int proc_exit_code(int wait_status);

#endif
