#include "runtime/cli/commands.h"
#include "runtime/container.h"

#include "lib/fd.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

struct options {
	const char *resources;
	struct spec_i64 cpu_period, cpu_quota, cpu_share, cpu_burst, cpu_idle, cpu_rt_period, cpu_rt_runtime;
	struct spec_i64 blkio_weight, pids_limit;
	const char *cpuset_cpus, *cpuset_mems, *memory, *memory_reservation, *memory_swap;
};

#define OPTION(name, letter, type, field, value, help) \
	CLI_OPTION(name, letter, type, struct options, field, value, help)

static const struct cli_option options_table[] = {
	OPTION("resources", 'r', CLI_STRING, resources, "FILE",
	       "read the limits from this JSON document; - is standard input"),
	OPTION("blkio-weight", 0, CLI_INT, blkio_weight, "N", "share of input and output, 10 to 1000"),
	OPTION("cpu-period", 0, CLI_INT, cpu_period, "USEC", "length of the period that --cpu-quota is for"),
	OPTION("cpu-quota", 0, CLI_INT, cpu_quota, "USEC", "processor time in each period; -1 for no limit"),
	OPTION("cpu-burst", 0, CLI_INT, cpu_burst, "USEC", "unused time that may be saved up"),
	OPTION("cpu-share", 0, CLI_INT, cpu_share, "N", "share of processor time, 2 to 262144"),
	OPTION("cpu-idle", 0, CLI_INT, cpu_idle, "0|1", "1 runs the container only when nothing else wants to"),
	OPTION("cpu-rt-period", 0, CLI_INT, cpu_rt_period, "USEC", "length of the real-time period"),
	OPTION("cpu-rt-runtime", 0, CLI_INT, cpu_rt_runtime, "USEC", "real-time processor time in each such period"),
	OPTION("cpuset-cpus", 0, CLI_STRING, cpuset_cpus, "LIST", "processors to use: 0-3,7"),
	OPTION("cpuset-mems", 0, CLI_STRING, cpuset_mems, "LIST", "memory nodes to use"),
	OPTION("memory", 0, CLI_STRING, memory, "SIZE", "memory: bytes, or with k, m, g; -1 for no limit"),
	OPTION("memory-reservation", 0, CLI_STRING, memory_reservation, "SIZE",
	       "memory that is not reclaimed for others"),
	OPTION("memory-swap", 0, CLI_STRING, memory_swap, "SIZE", "memory and swap together; -1 for no limit"),
	OPTION("pids-limit", 0, CLI_INT, pids_limit, "N", "number of processes; -1 for no limit"),
	{ "l3-cache-schema", 0, CLI_REFUSED, 0, NULL, "there is no Intel RDT in ferry" },
	{ "mem-bw-schema", 0, CLI_REFUSED, 0, NULL, "there is no Intel RDT in ferry" },
	{ 0 },
};

enum { DOCUMENT_MAX = 16 << 20 };

static int read_document(const char *path, struct arena *a, struct spec_resources **ret, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;
	int r;

	if (strcmp(path, "-") == 0)
		r = fd_read_all(STDIN_FILENO, DOCUMENT_MAX, &text, e);
	else
		r = file_read_at(AT_FDCWD, path, DOCUMENT_MAX, &text, e);
	if (r < 0)
		return r;
	r = spec_parse_resources(buf_text(&text), text.len, a, ret, e);
	return r < 0 ? err_wrap(e, "%s", strcmp(path, "-") == 0 ? "standard input" : path) : 0;
}

static int set_size(const char *name, const char *text, struct spec_i64 *ret, struct err *e)
{
	/* An empty one is as good as none: that is how some callers leave it out. */
	if (!text || !*text)
		return 0;
	int r = cli_size_bytes(text, &ret->v, e);
	if (r < 0)
		return err_wrap(e, "--%s", name);
	ret->set = true;
	return 0;
}

static int set_unsigned(const char *name, struct spec_i64 from, struct spec_u64 *ret, struct err *e)
{
	if (!from.set)
		return 0;
	if (from.v < 0)
		return err_say(e, EINVAL, "--%s %lld: expected a positive number", name, (long long)from.v);
	*ret = (struct spec_u64){ .set = true, .v = (uint64_t)from.v };
	return 0;
}

/* What the options say goes over what the document says. */
static int apply_options(const struct options *o, struct arena *a, struct spec_resources *r, struct err *e)
{
	struct spec_memory *m = r->memory ? r->memory : arena_new(a, struct spec_memory);
	struct spec_cpu *c = r->cpu ? r->cpu : arena_new(a, struct spec_cpu);

	if (set_size("memory", o->memory, &m->limit, e) < 0 ||
	    set_size("memory-reservation", o->memory_reservation, &m->reservation, e) < 0 ||
	    set_size("memory-swap", o->memory_swap, &m->swap, e) < 0 ||
	    set_unsigned("cpu-share", o->cpu_share, &c->shares, e) < 0 ||
	    set_unsigned("cpu-period", o->cpu_period, &c->period, e) < 0 ||
	    set_unsigned("cpu-burst", o->cpu_burst, &c->burst, e) < 0 ||
	    set_unsigned("cpu-rt-period", o->cpu_rt_period, &c->realtime_period, e) < 0 ||
	    set_unsigned("blkio-weight", o->blkio_weight, &r->blkio_weight, e) < 0)
		return -e->code;
	if (o->cpu_quota.set)
		c->quota = o->cpu_quota;
	if (o->cpu_rt_runtime.set)
		c->realtime_runtime = o->cpu_rt_runtime;
	if (o->cpu_idle.set && o->cpu_idle.v != 0 && o->cpu_idle.v != 1)
		return err_say(e, EINVAL, "--cpu-idle %lld: expected 0 or 1", (long long)o->cpu_idle.v);
	if (o->cpu_idle.set)
		c->idle = o->cpu_idle;
	if (o->cpuset_cpus && *o->cpuset_cpus)
		c->cpus = o->cpuset_cpus;
	if (o->cpuset_mems && *o->cpuset_mems)
		c->mems = o->cpuset_mems;
	if (o->pids_limit.set)
		r->pids_limit = o->pids_limit;
	r->memory = m;
	r->cpu = c;
	return 0;
}

static int apply(struct runtime *rt, const char *id, const struct spec_resources *r, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;
	struct cgroup_host host;
	enum container_status s;

	int n = container_find(rt, id, true, &c, e);
	if (n < 0)
		return n;
	n = container_status(rt, &c, &s, e);
	if (n < 0)
		return n;
	if (s == STATUS_STOPPED || s == STATUS_CREATING)
		return err_say(e, EINVAL, "container not running");
	if (c.cgroup.driver == CGROUP_DISABLED || !c.cgroup.path)
		return err_say(e, ENOTSUP, "the container has no cgroup of its own, so it has no limits to change");
	n = cgroup_host_find(&rt->arena, &host, e);
	if (n < 0)
		return n;
	n = cgroup_update(&c.cgroup, &host, r, e);
	cgroup_host_close(&host);
	return n;
}

static int run_update(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct options *o = options;
	struct spec_resources *r;
	int n = 0;

	(void)argc;
	if (o->resources)
		n = read_document(o->resources, &rt->arena, &r, e);
	else
		r = arena_new(&rt->arena, struct spec_resources);
	if (n >= 0)
		n = apply_options(o, &rt->arena, r, e);
	return n < 0 ? n : apply(rt, argv[0], r, e);
}

const struct cli_command command_update = {
	.name = "update",
	.arguments = "CONTAINER",
	.summary = "Change the limits of a container",
	.details = "Only what is given changes. The document of --resources is that of linux.resources in\n"
		   "config.json; options go over it. Memory that shrinks below what is used never kills: pages are\n"
		   "reclaimed, or it is an error.\n",
	.group = CLI_CHANGE,
	.options = options_table,
	.options_size = sizeof(struct options),
	.min_args = 1,
	.max_args = 1,
	.run = run_update,
};
