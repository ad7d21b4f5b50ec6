/* A program that is run in a clone as soon as that goes on. */
#include "runtime/clone/clone.h"

#include "runtime/container.h"
#include "runtime/lifecycle.h"

#include <errno.h>
#include <string.h>

/* Those that it has already have no such names: they begin with FERRY_CLONE_. */
static void add_variables(struct arena *a, const char *const *variables, struct spec_process *p)
{
	const char **env = NULL;
	size_t n = 0;

	for (size_t i = 0; i < p->n_env; i++)
		*arena_push(a, &env, &n) = p->env[i];
	for (; *variables; variables++)
		*arena_push(a, &env, &n) = *variables;
	p->env = env;
	p->n_env = n;
}

static int run(struct runtime *rt, const struct launched *l, const char *program, const char *const *variables,
	       int *ret_exit, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;
	const char *args[] = { program, NULL };
	struct spec_process process;
	struct spec *s;

	if (container_open(rt, l->id, false, &c, e) < 0 || container_load_config(&c, &rt->arena, &s, e) < 0)
		return -e->code;
	process = *s->process;
	process.terminal = false;
	process.args = args;
	process.n_args = 1;
	add_variables(&rt->arena, variables, &process);
	const struct exec_request request = { .id = l->id, .process = &process };
	return lifecycle_exec(rt, &c, s, &request, ret_exit, e);
}

int clone_run_hook(struct runtime *rt, const struct launched *l, const char *program, const char *const *variables,
		   struct err *e)
{
	int code = 0;

	if (run(rt, l, program, variables, &code, e) < 0)
		return err_wrap(e, "hook '%s'", program);
	return code == 0 ? 0 : err_say(e, ECANCELED, "hook '%s' ended with exit code %d", program, code);
}
