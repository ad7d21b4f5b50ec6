#include "runtime/process/steps.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool parse_number(const char **at, unsigned long *ret)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	errno = 0;
	*ret = strtoul(*at, &end, 10);
	*at = end;
	return errno == 0 && *ret < LIST_MAX;
}

int number_list_parse(const char *text, struct number_list *ret, struct err *e)
{
	struct number_list list = { { 0 } };

	for (const char *at = text;; at++) {
		unsigned long first, last;
		if (!parse_number(&at, &first))
			goto bad;
		last = first;
		if (*at == '-' && (at++, !parse_number(&at, &last) || last < first))
			goto bad;
		for (; first <= last; first++)
			list.bits[first / LIST_WORD] |= 1UL << first % LIST_WORD;
		if (!*at)
			break;
		if (*at != ',')
			goto bad;
	}
	*ret = list;
	return 0;
bad:
	return err_say(e, EINVAL, "'%s' is not a list such as \"0-3,7\"", text);
}

static int plan_list(const char *text, struct arena *a, const struct number_list **ret, struct err *e)
{
	struct number_list list;

	if (!text || !*text)
		return 0;
	if (number_list_parse(text, &list, e) < 0)
		return -e->code;
	*ret = arena_dup(a, &list, sizeof(list));
	return 0;
}

int affinity_plan(struct process_plan *p, struct arena *a, struct err *e)
{
	const struct spec_cpu_affinity *c = p->process->exec_cpu_affinity;

	if (p->memory_policy && plan_list(p->memory_policy->nodes, a, &p->nodes, e) < 0)
		return err_wrap(e, "linux.memoryPolicy.nodes");
	/* As the name says: of exec only. */
	if (!c || !p->options.exec)
		return 0;
	if (plan_list(c->initial, a, &p->initial_cpus, e) < 0)
		return err_wrap(e, "process.execCPUAffinity.initial");
	if (plan_list(c->final, a, &p->final_cpus, e) < 0)
		return err_wrap(e, "process.execCPUAffinity.final");
	return 0;
}

static int set_affinity(pid_t pid, const struct number_list *cpus)
{
	return (int)syscall(SYS_sched_setaffinity, pid, sizeof(cpus->bits), cpus->bits);
}

int affinity_initial(const struct process_plan *p, pid_t pid, struct err *e)
{
	if (p->initial_cpus && set_affinity(pid, p->initial_cpus) < 0)
		return err_set(e, errno, "process.execCPUAffinity.initial: set CPU affinity");
	return 0;
}

int affinity_final(const struct process_plan *p, struct err *e)
{
	struct number_list all;

	if (p->final_cpus && set_affinity(0, p->final_cpus) < 0)
		return err_set(e, errno, "process.execCPUAffinity.final: set CPU affinity");
	/* Without a final one it is what the cgroup has, so initial must not stay. */
	if (p->initial_cpus && !p->final_cpus) {
		memset(&all, 0xff, sizeof(all));
		if (set_affinity(0, &all) < 0)
			return err_set(e, errno, "reset the CPU affinity");
	}
	return 0;
}

int memory_policy_set(const struct process_plan *p, struct err *e)
{
	const struct spec_memory_policy *m = p->memory_policy;

	if (!m)
		return 0;
	/* The kernel counts one bit less than it is told. */
	if (syscall(SYS_set_mempolicy, m->mode | (int)m->flags, p->nodes ? p->nodes->bits : NULL,
		    p->nodes ? LIST_MAX + 1UL : 0UL) < 0)
		return err_set(e, errno, "linux.memoryPolicy: set_mempolicy");
	return 0;
}
