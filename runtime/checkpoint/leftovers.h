/*
 * What CRIU has open and mapped in a process when it is killed: a socket, its log, and where its code is. By itself that would
 * stay, and the process could not be saved any more, since these are not the container's.
 */
#ifndef RUNTIME_CHECKPOINT_LEFTOVERS_H
#define RUNTIME_CHECKPOINT_LEFTOVERS_H

#include "runtime/checkpoint/tracee.h"

enum { LEFTOVERS_MAX = 64 };

/* The descriptors that a process has open, ascending. Returns how many; -1: they are not known, or more than @room. */
int leftovers_note(pid_t pid, int *fds, size_t room);

/* Which calls it must make to be without what it had not then. Returns how many of LEFTOVERS_MAX. */
size_t leftovers_find(pid_t pid, const int *fds, size_t n, struct tracee_call *calls);

#endif
