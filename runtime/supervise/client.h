/* Inside the commands' side of the supervisor. */
#ifndef RUNTIME_SUPERVISE_CLIENT_H
#define RUNTIME_SUPERVISE_CLIENT_H

#include "runtime/launch/launched.h"
#include "runtime/supervise/protocol.h"

#include <stdint.h>

/* A connection on which this was asked. -ESRCH: there is no supervisor, and nothing to supervise. */
int client_request(struct runtime *rt, const struct launched *l, uint32_t kind, int64_t number, struct err *e);

#endif
