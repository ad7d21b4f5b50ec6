#include "runtime/process/steps.h"

#include "lib/sys.h"

#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* All but the standard three and what --preserve-fds and LISTEN_FDS pass on. */
static int close_others(const struct process_plan *p, struct err *e)
{
	unsigned first = 3 + p->options.listen_fds + p->options.preserve_fds;

	if (sys_close_range(first, UINT_MAX, CLOSE_RANGE_CLOEXEC) < 0)
		return err_set(e, errno, "close_range");
	return 0;
}

/*
 * Installs seccomp before capabilities are set where it needs CAP_SYS_ADMIN. That is as late as it can be: the profile
 * must allow capset, prctl and execve.
 */
static int seccomp_with_rights(const struct process_plan *p, const char *state_json, struct err *e)
{
	if (p->process->no_new_privileges || !p->filter.len)
		return 0;
	/* Changing from root to another user has kept them permitted but not effective. */
	if (p->process->user.uid != 0 && caps_raise_permitted(e) < 0)
		return -e->code;
	return seccomp_install(p, state_json, e);
}

static int seccomp_without_rights(const struct process_plan *p, const char *state_json, struct err *e)
{
	if (!p->process->no_new_privileges)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, errno, "set no_new_privs");
	return seccomp_install(p, state_json, e);
}

/* Ids first, as they cost capabilities; then capabilities. What comes before the ids needs the old rights. */
static int become(const struct process_plan *p, const char *state_json, struct err *e)
{
	if (user_own_stdio(&p->process->user, e) < 0 || caps_drop_bounding(p, e) < 0 || caps_keep(p, e) < 0)
		return -e->code;
	if (user_become(p, e) < 0)
		return -e->code;
	if (!p->notes->in_cwd && cwd_enter(p, e) < 0)
		return -e->code;
	/* What was looked up as root may not be what the user can reach; execve will tell. */
	if (!p->notes->program[0] && lookup_program(p->process->args[0], p->env, p->notes->program, e) < 0)
		return -e->code;
	if (seccomp_with_rights(p, state_json, e) < 0 || caps_set(p, e) < 0)
		return -e->code;
	return seccomp_without_rights(p, state_json, e);
}

static int execute(const struct process_plan *p, struct err *e)
{
	const char *const *args = p->process->args;
	char *program = p->notes->program;

	execve(program, (char *const *)args, (char *const *)p->env);
	int code = errno;
	/* Found as root, but not the user's to execute, or gone since: then the search is the user's own. */
	if ((code == EACCES || code == ENOENT) && !strchr(args[0], '/')) {
		char again[PATH_MAX];
		if (lookup_program(args[0], p->env, again, e) < 0)
			return -e->code;
		if (strcmp(again, program) != 0) {
			execve(again, (char *const *)args, (char *const *)p->env);
			code = errno;
			strcpy(program, again);
		}
	}
	return lookup_exec_failed(program, code, e);
}

static int block_signals(bool all, struct err *e)
{
	sigset_t set;

	if (all)
		sigfillset(&set);
	else
		sigemptyset(&set);
	return sigprocmask(SIG_SETMASK, &set, NULL) < 0 ? err_set(e, errno, "set the signal mask") : 0;
}

int process_exec(const struct process_plan *p, const char *state_json, struct err *e)
{
	struct env_room room;

	/* The runtime's own blocked signals, and its caller's; with an init, what comes is for that to pass on. */
	if (block_signals(p->options.init, e) < 0)
		return -e->code;
	if (lsm_set_exec(p->process, e) < 0)
		return -e->code;
	env_complete(p, &room);
	if (close_others(p, e) < 0 || become(p, state_json, e) < 0)
		return -e->code;
	if (p->options.init && (reaper_split(p, e) < 0 || block_signals(false, e) < 0))
		return -e->code;
	return execute(p, e);
}
