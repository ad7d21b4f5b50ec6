/*
 * What the threads of a container were about to do before CRIU came.
 *
 * CRIU has each of them run code of its own for a moment: it puts instructions in the place of others, and sets registers. What
 * was there before it alone knows: if it is killed then, the process is lost. So it is noted before; and since nothing of the
 * container does anything of its own until it is thawed again, it can be put back whatever has become of it.
 *
 *	threads_new     in ferry: memory that is the guard's, too
 *	threads_note    in ferry, with all of the container frozen, before CRIU has asked for anything
 *	threads_release in whoever has the container go on
 *	threads_claim   in ferry, before the container is thawed; in the guard (guard.h), when CRIU is about to exit by a signal
 *
 * In the guard, once CRIU has let go of them, with all of the container frozen again:
 *
 *	threads_hold    stops them
 *	threads_clean   if that says so, with the container thawed: what is CRIU's is closed and unmapped
 *	threads_let_go  with it frozen: puts back what they were about to do
 *
 * A breakpoint of CRIU's that CRIU did not hear of would end the process all the same; so none has it end, for as long (traps.h).
 */
#ifndef RUNTIME_CHECKPOINT_THREADS_H
#define RUNTIME_CHECKPOINT_THREADS_H

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct threads;

/* NULL: there is no memory for it. */
struct threads *threads_new(void);
void threads_free(struct threads *t);

/*
 * Of all threads of these processes; what was noted before is forgotten. One that cannot be noted is left out, but if it waits and
 * cannot be interrupted, as for a child of vfork(2), which also a frozen container may, it is *ret_waits, else 0: CRIU would
 * wait for it as well. @cgroup is that of the container, which is frozen, and is again when this returns; -1: none is.
 */
int threads_note(struct threads *t, int cgroup, const pid_t *pids, size_t n, pid_t *ret_waits, struct err *e);

/* Breakpoints have their own effect again. Needs nothing that was noted: the next command can do it, too. */
int threads_release(int cgroup, bool frozen_after, struct err *e);

/* Who comes first may have them go on, or put back: the other must leave them alone. */
enum threads_claim { THREADS_NOT_NOTED, THREADS_MINE, THREADS_OTHERS };
enum threads_claim threads_claim(struct threads *t);

/* True: they have something of CRIU's, and can be rid of it, since each of them is held. */
bool threads_hold(struct threads *t);
void threads_clean(struct threads *t);
void threads_let_go(struct threads *t);

#endif
