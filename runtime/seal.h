/*
 * The program's own file must not be writable from inside a container: a process there can reach it through
 * /proc/PID/exe of a ferry that is entering the container (CVE-2019-5736). So where there are such processes, or the
 * container's own may trace others, ferry runs from a sealed copy in memory.
 *
 * Where there are none, which is the first process of a new pid namespace, one way is left: the container's program is
 * /proc/self/exe, or a script whose interpreter it is. Then this static program runs in the container, notices, and ends:
 * nobody else is there who could have opened its file, and no code of the container has run.
 */
#ifndef RUNTIME_SEAL_H
#define RUNTIME_SEAL_H

#include "lib/err.h"

/*
 * Executes the program again from a sealed copy, with the same arguments and environment, and does not return; or
 * returns 0 when it is one already, or when nothing in a container could write its file: fs-verity, or a user (or root
 * of a user namespace) who could not either.
 */
int seal_self(char **argv, struct err *e);

/*
 * Fails when this program runs from a file that is not in its own file system tree: somebody in a container executed
 * /proc/self/exe of a ferry that was about to become the container's program. First thing in main.
 */
int seal_check(struct err *e);

#endif
