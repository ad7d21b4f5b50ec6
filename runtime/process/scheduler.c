#include "runtime/process/steps.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/* sched_setattr(2)'s, which one of the kernel's and the C library's headers has, depending on their age. */
struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

enum { WHO_PROCESS = 1, CLASS_SHIFT = 13 }; /* ioprio_set(2) */

int scheduler_set(const struct spec_process *p, struct err *e)
{
	const struct spec_scheduler *s = p->scheduler;
	const struct spec_io_priority *io = p->io_priority;

	if (s) {
		struct attr a = {
			.size = sizeof(a),
			.policy = s->policy,
			.flags = s->flags,
			.nice = s->nice,
			.priority = (uint32_t)s->priority,
			.runtime = s->runtime_ns,
			.deadline = s->deadline_ns,
			.period = s->period_ns,
		};
		if (syscall(SYS_sched_setattr, 0, &a, 0) < 0)
			return err_set(e, errno, "process.scheduler: error setting scheduler");
	}
	if (io && syscall(SYS_ioprio_set, WHO_PROCESS, 0, io->class << CLASS_SHIFT | io->priority) < 0)
		return err_set(e, errno, "process.ioPriority: failed to set io priority");
	return 0;
}
