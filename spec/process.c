/* config.md, "Process". */
#include "spec/tables.h"

#include <limits.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/resource.h>

static const struct field console_fields[] = {
	{ "height", FIELD_UINT, AT(struct spec_process, console_height), .required = true },
	{ "width", FIELD_UINT, AT(struct spec_process, console_width), .required = true },
};
static const struct object console = { FIELDS(console_fields) };

static const struct field user_fields[] = {
	{ "uid", FIELD_UINT, AT(struct spec_user, uid) },
	{ "gid", FIELD_UINT, AT(struct spec_user, gid) },
	{ "umask", FIELD_OPT_UINT, AT(struct spec_user, umask), .max = UINT32_MAX },
	{ "additionalGids", FIELD_UINT32S, AT(struct spec_user, additional_gids),
	  COUNT(struct spec_user, n_additional_gids) },
};
static const struct object user = { FIELDS(user_fields) };

/* ---- rlimits ---- */

static const struct name rlimit_names[] = {
	{ "RLIMIT_AS", RLIMIT_AS }, { "RLIMIT_CORE", RLIMIT_CORE }, { "RLIMIT_CPU", RLIMIT_CPU },
	{ "RLIMIT_DATA", RLIMIT_DATA }, { "RLIMIT_FSIZE", RLIMIT_FSIZE }, { "RLIMIT_LOCKS", RLIMIT_LOCKS },
	{ "RLIMIT_MEMLOCK", RLIMIT_MEMLOCK }, { "RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE }, { "RLIMIT_NICE", RLIMIT_NICE },
	{ "RLIMIT_NOFILE", RLIMIT_NOFILE }, { "RLIMIT_NPROC", RLIMIT_NPROC }, { "RLIMIT_RSS", RLIMIT_RSS },
	{ "RLIMIT_RTPRIO", RLIMIT_RTPRIO }, { "RLIMIT_RTTIME", RLIMIT_RTTIME },
	{ "RLIMIT_SIGPENDING", RLIMIT_SIGPENDING }, { "RLIMIT_STACK", RLIMIT_STACK }, { 0 },
};

const char *spec_rlimit_name(unsigned index)
{
	return index < sizeof(rlimit_names) / sizeof(rlimit_names[0]) ? rlimit_names[index].name : NULL;
}

static const struct field rlimit_fields[] = {
	{ "type", FIELD_STRING, AT(struct spec_rlimit, type), .required = true },
	{ "type", FIELD_NAME, AT(struct spec_rlimit, resource), .names = rlimit_names },
	{ "soft", FIELD_UINT, AT(struct spec_rlimit, soft), .required = true },
	{ "hard", FIELD_UINT, AT(struct spec_rlimit, hard), .required = true },
};
static const struct object rlimit = { FIELDS(rlimit_fields), .size = sizeof(struct spec_rlimit) };

/* ---- scheduling ---- */

static const struct name policy_names[] = {
	{ "SCHED_OTHER", SCHED_NORMAL }, { "SCHED_FIFO", SCHED_FIFO }, { "SCHED_RR", SCHED_RR },
	{ "SCHED_BATCH", SCHED_BATCH }, { "SCHED_ISO", 4 }, { "SCHED_IDLE", SCHED_IDLE },
	{ "SCHED_DEADLINE", SCHED_DEADLINE }, { 0 },
};

static const struct name scheduler_flag_names[] = {
	{ "SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK }, { "SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM },
	{ "SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN }, { "SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY },
	{ "SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS },
	{ "SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN },
	{ "SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX }, { 0 },
};

static const struct field scheduler_fields[] = {
	{ "policy", FIELD_NAME, AT(struct spec_scheduler, policy), .names = policy_names, .required = true },
	{ "nice", FIELD_INT, AT(struct spec_scheduler, nice), .min = -20, .max = 19 },
	{ "priority", FIELD_INT, AT(struct spec_scheduler, priority) },
	{ "flags", FIELD_NAME_BITS, AT(struct spec_scheduler, flags), .names = scheduler_flag_names },
	{ "runtime", FIELD_UINT, AT(struct spec_scheduler, runtime_ns) },
	{ "deadline", FIELD_UINT, AT(struct spec_scheduler, deadline_ns) },
	{ "period", FIELD_UINT, AT(struct spec_scheduler, period_ns) },
};

/* What does not go with the policy would be ignored by the kernel. */
static int finish_scheduler(struct decode *d, const struct json *value, void *to)
{
	const struct spec_scheduler *s = to;
	bool realtime = s->policy == SCHED_FIFO || s->policy == SCHED_RR;

	(void)value;
	if (s->priority && !realtime)
		return decode_bad(d, "priority", "only SCHED_FIFO and SCHED_RR have one");
	if ((s->runtime_ns || s->deadline_ns || s->period_ns) && s->policy != SCHED_DEADLINE)
		return decode_bad(d, NULL, "runtime, deadline and period are for SCHED_DEADLINE only");
	return 0;
}

static const struct object scheduler = { FIELDS(scheduler_fields), sizeof(struct spec_scheduler), finish_scheduler };

static const struct name io_class_names[] = {
	{ "IOPRIO_CLASS_RT", IOPRIO_CLASS_RT }, { "IOPRIO_CLASS_BE", IOPRIO_CLASS_BE },
	{ "IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE }, { 0 },
};

static const struct field io_priority_fields[] = {
	{ "class", FIELD_NAME, AT(struct spec_io_priority, class), .names = io_class_names, .required = true },
	{ "priority", FIELD_INT, AT(struct spec_io_priority, priority), .min = 0, .max = 7 },
};
static const struct object io_priority = { FIELDS(io_priority_fields), .size = sizeof(struct spec_io_priority) };

static const struct field affinity_fields[] = {
	{ "initial", FIELD_STRING, AT(struct spec_cpu_affinity, initial) },
	{ "final", FIELD_STRING, AT(struct spec_cpu_affinity, final) },
};

static int finish_affinity(struct decode *d, const struct json *value, void *to)
{
	const struct spec_cpu_affinity *a = to;
	const char *list[] = { a->initial, a->final };

	(void)value;
	for (int i = 0; i < 2; i++)
		if (list[i] && list[i][strspn(list[i], "0123456789, -")])
			return decode_bad(d, i ? "final" : "initial", "'%s' is not a list of CPUs", list[i]);
	return 0;
}

static const struct object affinity = { FIELDS(affinity_fields), sizeof(struct spec_cpu_affinity), finish_affinity };

/* ---- process ---- */

static const struct field process_fields[] = {
	{ "terminal", FIELD_BOOL, AT(struct spec_process, terminal) },
	{ "consoleSize", FIELD_WITHIN, .object = &console },
	{ "cwd", FIELD_STRING, AT(struct spec_process, cwd), .required = true },
	{ "args", FIELD_STRINGS, AT(struct spec_process, args), COUNT(struct spec_process, n_args) },
	{ "env", FIELD_STRINGS, AT(struct spec_process, env), COUNT(struct spec_process, n_env) },
	{ "user", FIELD_EMBEDDED, AT(struct spec_process, user), .object = &user },
	{ "capabilities", FIELD_CUSTOM, .decode = decode_capabilities },
	{ "rlimits", FIELD_OBJECTS, AT(struct spec_process, rlimits), COUNT(struct spec_process, n_rlimits),
	  .object = &rlimit },
	{ "apparmorProfile", FIELD_STRING, AT(struct spec_process, apparmor_profile) },
	{ "selinuxLabel", FIELD_STRING, AT(struct spec_process, selinux_label) },
	{ "noNewPrivileges", FIELD_BOOL, AT(struct spec_process, no_new_privileges) },
	{ "oomScoreAdj", FIELD_OPT_INT, AT(struct spec_process, oom_score_adj), .min = -1000, .max = 1000 },
	{ "scheduler", FIELD_POINTER, AT(struct spec_process, scheduler), .object = &scheduler },
	{ "ioPriority", FIELD_POINTER, AT(struct spec_process, io_priority), .object = &io_priority },
	{ "execCPUAffinity", FIELD_POINTER, AT(struct spec_process, exec_cpu_affinity), .object = &affinity },
};

static int finish_process(struct decode *d, const struct json *value, void *to)
{
	struct spec_process *p = to;

	(void)value;
	if (*p->cwd != '/')
		return decode_bad(d, "cwd", "'%s' is not an absolute path", p->cwd);
	if (!p->n_args)
		return decode_bad(d, "args", p->args ? "must not be empty" : "missing");
	for (size_t i = 0; i < p->n_env; i++)
		if (!strchr(p->env[i], '=') || p->env[i][0] == '=')
			return decode_bad(d, "env", "'%s' is not NAME=VALUE", p->env[i]);
	if (!p->env)
		p->env = arena_new_array(d->arena, 1, const char *);
	for (size_t i = 0; i < p->n_rlimits; i++)
		for (size_t k = 0; k < i; k++)
			if (p->rlimits[i].resource == p->rlimits[k].resource)
				return decode_bad(d, "rlimits", "%s is there twice", p->rlimits[i].type);
	return 0;
}

const struct object process_object = { FIELDS(process_fields), sizeof(struct spec_process), finish_process };

int spec_parse_process(const char *text, size_t len, struct arena *a, struct spec_process **ret, struct err *e)
{
	struct spec_process *p = arena_new(a, struct spec_process);
	int r = decode_document(text, len, &process_object, a, p, e);

	if (r == 0)
		*ret = p;
	return r;
}
