/*
 * What keeps a container whole when CRIU is killed in the middle of a dump.
 *
 * CRIU holds the processes as their tracer, with the cgroup thawed: when it dies the kernel lets them go on at once, while
 * their connections are still in repair, where reading fails. So CRIU has a tracer too, for the one event that it is about to
 * exit: a process that freezes the cgroup before CRIU's end lets go of anything. The same when CRIU gives up without letting go
 * by itself, as it does when somebody sends SIGCONT to what it holds. Then it has threads go on where they were, without anything
 * of CRIU's (threads.h). All else is up to checkpoint_recover.
 *
 * A pre-dump CRIU makes in a process that it forks, and says nothing before it freezes the container. So there it is that
 * process which is watched, and stopped when it is about to take hold of the first one of the container's.
 */
#ifndef RUNTIME_CHECKPOINT_GUARD_H
#define RUNTIME_CHECKPOINT_GUARD_H

#include "runtime/checkpoint/threads.h"

#include <stdbool.h>
#include <sys/types.h>

/*
 * In the process that becomes CRIU, and in the guard: ^C at the terminal, a service that is stopped, and memory that runs
 * out, which end the caller, do not end it.
 */
void guard_stay(void);

struct guard {
	pid_t criu; /* waits for its request */
	bool forks; /* it is one for a pre-dump */
	int cgroup; /* the container's; -1: there is no guard */
	bool paused; /* it is to stay frozen in the end */
	struct threads *threads; /* what is noted meanwhile; NULL */
	int lock; /* stays open with the guard */
};

/*
 * Freezes the container, and notes what its threads are about to do (threads.h): CRIU, which takes it for paused, holds its
 * processes then. What has to come to an end first does so while nothing is frozen; -EBUSY: in 10 s it did not.
 */
int guard_note(const struct guard *g, struct err *e);

/*
 * Begins to watch. The guard is a child of the caller, to be waited for; it ends with CRIU. If it outlives the caller, it thaws
 * the cgroup in its place, unless CRIU was killed.
 */
int guard_start(const struct guard *g, struct err *e);

#endif
