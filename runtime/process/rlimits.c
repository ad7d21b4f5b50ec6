#include "runtime/process/steps.h"

#include <errno.h>
#include <sys/resource.h>

int rlimits_set(const struct spec_process *p, struct err *e)
{
	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct spec_rlimit *l = &p->rlimits[i];
		struct rlimit lim = { .rlim_cur = l->soft, .rlim_max = l->hard };
		if (prlimit(0, l->resource, &lim, NULL) < 0)
			return err_set(e, errno, "error setting rlimit type %s to %llu:%llu", l->type,
				       (unsigned long long)l->soft, (unsigned long long)l->hard);
	}
	return 0;
}

/*
 * Raises hard limits only, to what the child will then set itself: a small soft limit could hinder its setting up.
 * That the raise is not allowed is left for the child to say.
 */
int rlimits_make_room(const struct spec_process *p, pid_t pid, struct err *e)
{
	for (size_t i = 0; i < p->n_rlimits; i++) {
		const struct spec_rlimit *l = &p->rlimits[i];
		struct rlimit lim;
		if (prlimit(pid, l->resource, NULL, &lim) < 0)
			return err_set(e, errno, "read rlimit %s", l->type);
		if (l->hard <= lim.rlim_max)
			continue;
		lim.rlim_max = l->hard;
		if (prlimit(pid, l->resource, &lim, NULL) < 0 && errno != EPERM)
			return err_set(e, errno, "raise the hard limit %s to %llu", l->type,
				       (unsigned long long)l->hard);
	}
	return 0;
}
