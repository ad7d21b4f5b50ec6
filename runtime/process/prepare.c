#include "runtime/process/steps.h"

#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>

static int grant_oom_score_adj(const struct process_plan *p, pid_t pid, struct err *e)
{
	char path[48], value[24];

	if (!p->process->oom_score_adj.set)
		return 0;
	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/oom_score_adj", (int)pid);
	else
		strcpy(path, "/proc/self/oom_score_adj");
	snprintf(value, sizeof(value), "%lld", (long long)p->process->oom_score_adj.v);
	if (file_write_at(AT_FDCWD, path, value, e) < 0)
		return err_wrap(e, "process.oomScoreAdj");
	return 0;
}

int process_grant(const struct process_plan *p, pid_t pid, struct err *e)
{
	if (grant_oom_score_adj(p, pid, e) < 0 || affinity_initial(p, pid, e) < 0)
		return -e->code;
	return p->userns ? rlimits_make_room(p->process, pid, e) : 0;
}

/*
 * Early, so that `create` says what cannot work. With all rights still, so what the user may not reach is found out
 * later; the reverse, a directory that root may not enter but the user may, exists on network file systems.
 */
static int find_program(const struct process_plan *p, struct err *e)
{
	const char *name = p->process->args[0];

	if (cwd_enter(p, e) < 0) {
		if (e->code != EACCES)
			return -e->code;
		if (name[0] != '/')
			return 0;
	}
	if (lookup_program(name, p->env, p->notes->program, e) < 0)
		return e->code == EACCES && p->process->user.uid != 0 ? 0 : -e->code;
	return 0;
}

bool process_needs_grant(const struct process_plan *p)
{
	return p->process->oom_score_adj.set || p->initial_cpus || (p->userns && p->process->n_rlimits);
}

int process_prepare(const struct process_plan *p, struct err *e)
{
	if (keyring_join(p, e) < 0)
		return err_wrap(e, "session keyring");
	if (scheduler_set(p->process, e) < 0 || affinity_final(p, e) < 0 || memory_policy_set(p, e) < 0)
		return -e->code;
	if (p->personality && personality(p->personality->domain) < 0)
		return err_set(e, errno, "linux.personality: personality(0x%lx)", p->personality->domain);
	if (rlimits_set(p->process, e) < 0)
		return -e->code;
	return find_program(p, e);
}
