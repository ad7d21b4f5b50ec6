#include "runtime/cli/commands.h"
#include "runtime/launch/launch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
	const char *name, *hostname, *storage, *workdir, *user, *memory, *cpus;
	struct spec_i64 pids;
	struct cli_strings env, volumes;
	bool detach, rm, interactive, tty, no_tty, read_only, share_home;
};

#define OPTION(name, letter, type, field, value, help) \
	CLI_OPTION(name, letter, type, struct options, field, value, help)

static const struct cli_option launch_options[] = {
	OPTION("detach", 'd', CLI_FLAG, detach, NULL, "run in the background and print the container's name"),
	OPTION("name", 0, CLI_STRING, name, "NAME", "name of the container (default: two words)"),
	OPTION("rm", 0, CLI_FLAG, rm, NULL, "delete the container with all its files when it has ended"),
	OPTION("env", 'e', CLI_STRINGS, env, "NAME[=VALUE]", "set an environment variable, or pass it on"),
	OPTION("volume", 'v', CLI_STRINGS, volumes, "SRC:DST[:OPTS]",
	       "show a file or directory of the host, for writing too"),
	OPTION("workdir", 'w', CLI_STRING, workdir, "DIR", "directory to start in (default: /)"),
	OPTION("user", 'u', CLI_STRING, user, "USER[:GROUP]", "user to run as, by name or number (default: root)"),
	OPTION("memory", 0, CLI_STRING, memory, "SIZE", "limit of memory: 512m, 2g"),
	OPTION("cpus", 0, CLI_STRING, cpus, "NUMBER", "limit of processor time: 1.5 is one processor and a half"),
	OPTION("pids", 0, CLI_INT, pids, "N", "limit of processes and threads"),
	OPTION("hostname", 0, CLI_STRING, hostname, "NAME", "host name in the container (default: its name)"),
	OPTION("read-only", 0, CLI_FLAG, read_only, NULL, "let the container write to volumes and memory alone"),
	OPTION("interactive", 'i', CLI_FLAG, interactive, NULL,
	       "keep standard input open, as is always done without -d"),
	OPTION("tty", 't', CLI_FLAG, tty, NULL, "give it a terminal (default: when there is one)"),
	OPTION("no-tty", 'T', CLI_FLAG, no_tty, NULL, "give it no terminal"),
	OPTION("share-home", 0, CLI_FLAG, share_home, NULL, "show /root and /home, to be written to as copies"),
	OPTION("storage", 0, CLI_STRING, storage, "DIR",
	       "keep the files of containers here (default: /var/lib/ferry/launch)"),
	{ 0 },
};

/* "1.5" processors as microseconds in each period. */
static int parse_cpus(const char *text, struct spec_i64 *ret, struct err *e)
{
	char *end;
	double v = strtod(text, &end);

	/* Less than a hundredth is less than the kernel takes; no machine has a million. */
	if (*end || strspn(text, "0123456789.") != strlen(text) || !(v >= 0.01 && v <= 1e6))
		return err_say(e, EINVAL, "--cpus '%s': expected a number of processors, such as 0.5 or 2", text);
	*ret = (struct spec_i64){ .set = true, .v = (int64_t)(v * LAUNCH_CPU_PERIOD_US + 0.5) };
	return 0;
}

static int fill(const struct options *o, int argc, char **argv, struct launch_options *l, struct err *e)
{
	*l = (struct launch_options){
		.template = argv[0],
		.name = o->name,
		.hostname = o->hostname,
		.storage = o->storage,
		.env = o->env.v,
		.n_env = o->env.n,
		.volumes = o->volumes.v,
		.n_volumes = o->volumes.n,
		.workdir = o->workdir,
		.user = o->user,
		.pids = o->pids,
		.detach = o->detach,
		.rm = o->rm,
		.read_only = o->read_only,
		.terminal = o->tty,
		.no_terminal = o->no_tty,
		.share_home = o->share_home,
		.command = (const char **)argv + 1,
		.n_command = (size_t)argc - 1,
	};
	if (o->memory) {
		l->memory_bytes.set = true;
		if (cli_size_bytes(o->memory, &l->memory_bytes.v, e) < 0)
			return err_wrap(e, "--memory");
	}
	if (o->tty && o->no_tty)
		return err_say(e, EINVAL, "--tty and --no-tty contradict each other");
	if (o->detach && (o->tty || o->interactive))
		return err_say(e, EINVAL,
			       "--detach leaves nobody to talk to the container: not with --tty or --interactive");
	return o->cpus ? parse_cpus(o->cpus, &l->cpu_quota_us, e) : 0;
}

static int run_launch(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct options *o = options;
	struct launch_options l;
	const char *name = NULL;
	int code = 0;

	if (fill(o, argc, argv, &l, e) < 0)
		return err_wrap(e, "launch");
	if (launch_run(rt, &l, &name, &code, e) < 0)
		return err_wrap(e, "launch");
	if (o->detach)
		printf("%s\n", name);
	return code;
}

const struct cli_command command_launch = {
	.name = "launch",
	.arguments = "host [COMMAND...]",
	.summary = "Run a command in a container made from this machine",
	.details = "The container sees this machine's own files, but for secrets, and what it writes is its own.\n"
		   "Without a command it runs a shell. Deleting the container ('ferry delete', or --rm) deletes what\n"
		   "it wrote.\n",
	.group = CLI_LIFE,
	.options = launch_options,
	.options_size = sizeof(struct options),
	.min_args = 1,
	.max_args = -1,
	.stop_at_first = true,
	.run = run_launch,
};
