#include "runtime/process/steps.h"

#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>

int process_plan_make(const struct spec *s, const struct spec_process *p, const struct process_options *o,
		      struct arena *a, struct process_plan *ret, struct err *e)
{
	struct process_plan plan = {
		.process = p,
		.options = *o,
		.personality = s->lx.personality,
		.memory_policy = s->lx.memory_policy,
		.userns = spec_find_namespace(s, CLONE_NEWUSER),
		.listener_fd = -1,
	};

	if (!p->args || !p->args[0])
		return err_say(e, EINVAL, "process.args: must not be empty");
	plan.notes = arena_new(a, struct process_notes);
	if (o->init)
		plan.init_argv = arena_new_array(a, p->n_args + REAPER_ARGS, const char *);
	env_plan(&plan, a);
	if (user_plan(&plan, e) < 0 || lsm_plan(p, e) < 0)
		return -e->code;
	if (caps_plan(&plan, a, e) < 0 || affinity_plan(&plan, a, e) < 0)
		return -e->code;
	if (s->lx.seccomp && seccomp_plan(s->lx.seccomp, a, &plan, e) < 0)
		return err_wrap(e, "linux.seccomp");
	*ret = plan;
	return 0;
}

int process_plan_open(struct process_plan *p, struct err *e)
{
	if (p->listener_path && (p->listener_fd = seccomp_listener_connect(p->listener_path, e)) < 0)
		return p->listener_fd;
	return 0;
}

void process_plan_close(struct process_plan *p)
{
	close_fd(&p->listener_fd);
}
