/* Whether a checkpoint of a container would succeed, before anything is frozen. */
#ifndef RUNTIME_PREFLIGHT_H
#define RUNTIME_PREFLIGHT_H

#include "checkpoint/preflight.h"
#include "checkpoint/preflight_host.h"
#include "runtime/container.h"

/* What this machine lacks. @criu: --criu; may be NULL. @anew: nothing that was proved before counts. */
int runtime_check_host(struct runtime *rt, const char *criu, bool anew, struct preflight *p, struct preflight_host *ret,
		       struct err *e);

/* What of the container cannot be saved with these options. -ESRCH: "container not running". */
int runtime_check_container(struct runtime *rt, struct container *c, const struct preflight_options *o,
			    struct preflight *p, struct err *e);

/*
 * Both, for a checkpoint that is about to begin: what would make it fail is the error; what may go wrong is a message of the
 * log. *ret: with the criu and the network lock that work. -EBUSY, or -ENOTSUP for what this machine lacks.
 */
int runtime_check_before(struct runtime *rt, struct container *c, const char *criu, const struct preflight_options *o,
			 struct preflight_host *ret, struct err *e);

#endif
