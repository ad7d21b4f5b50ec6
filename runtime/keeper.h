/*
 * A program that passes on what a container without rights sends and receives: pasta(1). It goes into the background by itself
 * and does not see the container's end; a small process, the keeper, waits for that and ends it.
 */
#ifndef RUNTIME_KEEPER_H
#define RUNTIME_KEEPER_H

#include "lib/err.h"

#include <sys/types.h>

/*
 * Runs @argv, ended by NULL, and returns once it stands, or with what it said. @pidfd: of the container's first process, stays
 * the caller's.
 */
int keeper_start(const char *const *argv, int pidfd, struct err *e);

#endif
