/*
 * What the threads of a container were about to do before CRIU came.
 *
 * CRIU has each of them run code of its own for a moment: it puts instructions in the place of others, and sets registers. What
 * was there before it alone knows: if it is killed then, the process is lost. So it is noted before.
 *
 *	threads_new        in ferry: memory that is the guard's, too
 *	threads_note       in ferry, with all of the container frozen, before CRIU has asked for anything
 *	threads_find_held  in the guard (guard.h), when CRIU is about to exit: which ones it holds
 *	threads_put_back   in the guard, once it has let go of them, with all of the container frozen again
 *
 * A process that is at a step of CRIU's, rather than stopped between two, comes to the end of it without anybody who hears of that,
 * and may be ended by it. Descriptors and mappings of CRIU's that a process has then are not removed.
 */
#ifndef RUNTIME_CHECKPOINT_THREADS_H
#define RUNTIME_CHECKPOINT_THREADS_H

#include "lib/err.h"

#include <stddef.h>
#include <sys/types.h>

struct threads;

/* NULL: there is no memory for it. */
struct threads *threads_new(void);
void threads_free(struct threads *t);

/* Of all threads of these processes. One that cannot be noted is left out. */
int threads_note(struct threads *t, const pid_t *pids, size_t n, struct err *e);

void threads_find_held(struct threads *t);
void threads_put_back(const struct threads *t);

#endif
