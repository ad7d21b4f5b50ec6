/* Whether a checkpoint of a container would succeed, before anything is frozen. */
#ifndef RUNTIME_CHECKPOINT_PREFLIGHT_H
#define RUNTIME_CHECKPOINT_PREFLIGHT_H

#include "checkpoint/preflight/preflight.h"
#include "checkpoint/preflight/host.h"
#include "runtime/checkpoint/checkpoint.h"

/* What this machine lacks. @criu: --criu; may be NULL. @anew: nothing that was proved before counts. */
int runtime_check_host(struct runtime *rt, const char *criu, bool anew, struct preflight *p, struct preflight_host *ret,
		       struct err *e);

/*
 * What of the container cannot be saved with these options. @plan: what CRIU will be told of it (checkpoint_plan). -ESRCH:
 * "container not running".
 */
int runtime_check_container(struct runtime *rt, struct container *c, const struct preflight_options *o,
			    const struct criu_options *plan, struct preflight *p, struct err *e);

/*
 * Both, for a checkpoint that is about to begin: what would make it fail is the error, -EBUSY, or -ENOTSUP for what this
 * machine lacks; what may go wrong is a message of the log. Without --network-lock it is chosen here.
 */
int runtime_check_before(struct runtime *rt, struct container *c, const struct checkpoint_request *r,
			 struct criu_options *o, struct preflight_host *ret, struct err *e);

#endif
