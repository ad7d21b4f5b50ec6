/*
 * What keeps a process from being ended by a breakpoint of CRIU's that CRIU has not heard of when it is killed: the kernel then
 * delivers the signal, SIGTRAP, to a process that has no handler for it. So it is given one. It never runs: the container is
 * frozen by then, and what its threads were about to do is put back (threads.h). An image says of such a process what it had
 * itself (traps_in_images).
 *
 * Processes that catch SIGTRAP themselves are left as they are, and so are all on machines whose system calls are not known.
 */
#ifndef RUNTIME_CHECKPOINT_TRAPS_H
#define RUNTIME_CHECKPOINT_TRAPS_H

#include "lib/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * Of the process whose thread @tid is stopped by the caller, its tracer, as all of its threads are; @instruction is one for system
 * calls (tracee.h).
 */
void traps_catch(pid_t pid, pid_t tid, uint64_t instruction);
void traps_release(pid_t pid, pid_t tid, uint64_t instruction);

/* Whether a process may have that handler: it has one. */
bool traps_are_caught(pid_t pid);

/* In the images of a dump that is whole. */
int traps_in_images(int images, struct err *e);

#endif
