#include "lib/signal.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/shaping.h"
#include "runtime/launch/launch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOG_FILES_MAX = 1000, STOP_TIMEOUT_MAX_S = 1000000 };

struct options {
	const char *name, *hostname, *storage, *workdir, *user, *entrypoint, *rootfs;
	const char *memory, *memory_swap, *memory_reservation, *shm_size, *cpus, *cpuset_cpus, *cpuset_mems;
	const char *ip, *ip6, *mac_address, *pid, *ipc, *uts, *userns, *cgroup_parent;
	const char *restart, *stop_signal, *health_cmd, *health_interval, *health_timeout, *health_start_period;
	const char *health_start_interval;
	struct spec_i64 pids, cpu_shares, oom_score_adj, stop_timeout_s, health_retries;
	struct cli_strings env, env_files, volumes, mounts, tmpfs, cap_add, cap_drop, security_opts, devices, ulimits;
	struct cli_strings sysctls, group_add, labels, label_files, add_hosts, dns, dns_search, dns_options, log_opts;
	struct cli_strings networks, network_aliases, publish, expose;
	struct cli_shaping shaping;
	bool no_healthcheck, detach, rm, interactive, tty, no_tty, read_only, share_home, privileged, init, publish_all;
};

#define OPTION(name, letter, type, field, value, help) \
	CLI_OPTION(name, letter, type, struct options, field, value, help)

static const struct cli_option launch_options[] = {
	OPTION("detach", 'd', CLI_FLAG, detach, NULL, "run in the background and print the container's name"),
	OPTION("interactive", 'i', CLI_FLAG, interactive, NULL,
	       "keep standard input open, for 'ferry attach'; always done without -d"),
	OPTION("tty", 't', CLI_FLAG, tty, NULL, "give it a terminal (default: when there is one)"),
	OPTION("no-tty", 'T', CLI_FLAG, no_tty, NULL, "give it no terminal"),
	OPTION("rm", 0, CLI_FLAG, rm, NULL, "delete the container with all its files when it has ended"),
	OPTION("restart", 0, CLI_STRING, restart, "no|on-failure|always|unless-stopped",
	       "start it again when it has ended; on-failure:N: at most N times (default: no)"),
	OPTION("name", 0, CLI_STRING, name, "NAME", "name of the container (default: two words)"),
	OPTION("hostname", 'h', CLI_STRING, hostname, "NAME", "host name in the container (default: its name)"),
	OPTION("env", 'e', CLI_STRINGS, env, "NAME[=VALUE]", "set an environment variable, or pass it on"),
	OPTION("env-file", 0, CLI_STRINGS, env_files, "FILE", "the same for each line of a file"),
	OPTION("label", 'l', CLI_STRINGS, labels, "NAME[=VALUE]", "a label, for people and programs to find it by"),
	OPTION("label-file", 0, CLI_STRINGS, label_files, "FILE", "the same for each line of a file"),
	OPTION("volume", 'v', CLI_STRINGS, volumes, "SRC:DST[:OPTS]",
	       "show a file or directory of the host, or a volume, for writing too"),
	OPTION("mount", 0, CLI_STRINGS, mounts, "KEY=VALUE,...", "a mount: type=bind|tmpfs|volume,source=,target=,readonly"),
	OPTION("tmpfs", 0, CLI_STRINGS, tmpfs, "DST[:OPTS]", "a directory in memory"),
	OPTION("shm-size", 0, CLI_STRING, shm_size, "SIZE", "size of /dev/shm (default: 64m)"),
	OPTION("read-only", 0, CLI_FLAG, read_only, NULL, "let the container write to volumes and memory alone"),
	OPTION("workdir", 'w', CLI_STRING, workdir, "DIR", "directory to start in (default: the image's, or /)"),
	OPTION("user", 'u', CLI_STRING, user, "USER[:GROUP]",
	       "user to run as, by name or number (default: the image's, or root)"),
	OPTION("group-add", 0, CLI_STRINGS, group_add, "GROUP", "one more group of the user"),
	OPTION("init", 0, CLI_FLAG, init, NULL, "begin with a small init that reaps processes and passes signals on"),
	OPTION("entrypoint", 0, CLI_STRING, entrypoint, "PROGRAM", "run this instead of the image's entrypoint and command"),
	OPTION("memory", 'm', CLI_STRING, memory, "SIZE", "limit of memory: 512m, 2g"),
	OPTION("memory-swap", 0, CLI_STRING, memory_swap, "SIZE", "limit of memory and swap together; -1: none"),
	OPTION("memory-reservation", 0, CLI_STRING, memory_reservation, "SIZE", "memory that is taken from others first"),
	OPTION("cpus", 0, CLI_STRING, cpus, "NUMBER", "limit of processor time: 1.5 is one processor and a half"),
	OPTION("cpu-shares", 'c', CLI_INT, cpu_shares, "N", "share of processor time beside others, who have 1024"),
	OPTION("cpuset-cpus", 0, CLI_STRING, cpuset_cpus, "LIST", "processors to run on: 0-3,7"),
	OPTION("cpuset-mems", 0, CLI_STRING, cpuset_mems, "LIST", "memory nodes to use"),
	OPTION("pids-limit", 0, CLI_INT, pids, "N", "limit of processes and threads; -1: none"),
	OPTION("pids", 0, CLI_INT, pids, "N", "the same"),
	OPTION("ulimit", 0, CLI_STRINGS, ulimits, "NAME=SOFT[:HARD]", "limit of each process, as setrlimit(2) names it"),
	OPTION("oom-score-adj", 0, CLI_INT, oom_score_adj, "N", "how willingly it is killed when memory runs out"),
	OPTION("cgroup-parent", 0, CLI_STRING, cgroup_parent, "CGROUP", "cgroup, or slice of systemd, to make its cgroup in"),
	OPTION("cap-add", 0, CLI_STRINGS, cap_add, "CAPABILITY", "give it a capability, or ALL"),
	OPTION("cap-drop", 0, CLI_STRINGS, cap_drop, "CAPABILITY", "take a capability away, or ALL"),
	OPTION("security-opt", 0, CLI_STRINGS, security_opts, "OPTION",
	       "no-new-privileges, seccomp=, apparmor=, label=, mask=, unmask="),
	OPTION("privileged", 0, CLI_FLAG, privileged, NULL, "all capabilities and devices, no filter, nothing masked"),
	OPTION("device", 0, CLI_STRINGS, devices, "HOST[:PATH[:rwm]]", "give it a device of the host"),
	OPTION("sysctl", 0, CLI_STRINGS, sysctls, "NAME=VALUE", "set a kernel parameter of its namespaces"),
	OPTION("network", 0, CLI_STRINGS, networks, "NAME[:KEY=VALUE,...]",
	       "a network (default: ferry): ip=, ip6=, mac=, alias=, interface=; or none, host, container:NAME, ns:PATH, pasta"),
	OPTION("publish", 'p', CLI_STRINGS, publish, "[[ADDRESS:]HOST:]CONTAINER[/PROTOCOL]",
	       "pass a port of this machine, or a range, on to the container"),
	OPTION("publish-all", 'P', CLI_FLAG, publish_all, NULL, "publish all ports that the image or --expose names"),
	OPTION("expose", 0, CLI_STRINGS, expose, "PORT[/PROTOCOL]", "a port that it listens on"),
	OPTION("ip", 0, CLI_STRING, ip, "ADDRESS", "its IPv4 address (default: a free one)"),
	OPTION("ip6", 0, CLI_STRING, ip6, "ADDRESS", "its IPv6 address"),
	OPTION("mac-address", 0, CLI_STRING, mac_address, "ADDRESS", "its hardware address"),
	OPTION("network-alias", 0, CLI_STRINGS, network_aliases, "NAME", "another name by which its networks know it"),
	OPTION("network-rate", 0, CLI_STRING, shaping.rate, "RATE", "limit of what it sends and receives: 10mbit"),
	OPTION("network-burst", 0, CLI_STRING, shaping.burst, "SIZE", "what may pass above that at once"),
	OPTION("network-delay", 0, CLI_STRING, shaping.delay, "TIME", "delay what it sends: 20ms"),
	OPTION("network-jitter", 0, CLI_STRING, shaping.jitter, "TIME", "by how much the delay varies"),
	OPTION("network-loss", 0, CLI_STRING, shaping.loss, "PERCENT", "lose a part of what it sends: 0.5%"),
	OPTION("add-host", 0, CLI_STRINGS, add_hosts, "NAME:ADDRESS", "a line of /etc/hosts; host-gateway is this machine"),
	OPTION("dns", 0, CLI_STRINGS, dns, "ADDRESS", "a name server (default: the network's, or the host's)"),
	OPTION("dns-search", 0, CLI_STRINGS, dns_search, "DOMAIN", "a domain to look for names in; '.' for none"),
	OPTION("dns-option", 0, CLI_STRINGS, dns_options, "OPTION", "an option for /etc/resolv.conf"),
	OPTION("pid", 0, CLI_STRING, pid, "private|host", "whose processes it sees"),
	OPTION("ipc", 0, CLI_STRING, ipc, "private|host", "whose shared memory and message queues it sees"),
	OPTION("uts", 0, CLI_STRING, uts, "private|host", "whose host name it has"),
	OPTION("userns", 0, CLI_STRING, userns, "host|auto|keep-id|0:FIRST:COUNT", "the ids of the host that its ids are"),
	OPTION("rootfs", 0, CLI_STRING, rootfs, "DIR[:O]",
	       "run in a directory instead of an image; with :O what is written stays out of it"),
	OPTION("stop-signal", 0, CLI_STRING, stop_signal, "SIGNAL", "what 'ferry stop' sends (default: the image's, or TERM)"),
	OPTION("stop-timeout", 0, CLI_INT, stop_timeout_s, "SECONDS", "how long 'ferry stop' waits before KILL (default: 10)"),
	OPTION("health-cmd", 0, CLI_STRING, health_cmd, "COMMAND", "shell command that checks its health"),
	OPTION("health-interval", 0, CLI_STRING, health_interval, "TIME", "time between checks (default: 30s)"),
	OPTION("health-timeout", 0, CLI_STRING, health_timeout, "TIME", "how long a check may take (default: 30s)"),
	OPTION("health-retries", 0, CLI_INT, health_retries, "N", "failures in a row that make it unhealthy (default: 3)"),
	OPTION("health-start-period", 0, CLI_STRING, health_start_period, "TIME", "time in which failures do not count"),
	OPTION("health-start-interval", 0, CLI_STRING, health_start_interval, "TIME",
	       "time between checks until then (default: 5s)"),
	OPTION("no-healthcheck", 0, CLI_FLAG, no_healthcheck, NULL, "make no checks, whatever the image says"),
	OPTION("log-opt", 0, CLI_STRINGS, log_opts, "KEY=VALUE", "max-size= and max-file= of what it prints (default: 10m, 3)"),
	OPTION("share-home", 0, CLI_FLAG, share_home, NULL, "with 'host': show /root and /home, to be written to as copies"),
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

static int parse_sizes(const struct options *o, struct launch_options *l, struct err *e)
{
	const struct {
		const char *option, *text;
		struct spec_i64 *to;
	} sizes[] = {
		{ "--memory", o->memory, &l->memory_bytes },
		{ "--memory-swap", o->memory_swap, &l->memory_swap_bytes },
		{ "--memory-reservation", o->memory_reservation, &l->memory_reservation_bytes },
		{ "--shm-size", o->shm_size, &l->shm_bytes },
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		if (!sizes[i].text)
			continue;
		sizes[i].to->set = true;
		if (cli_size_bytes(sizes[i].text, &sizes[i].to->v, e) < 0)
			return err_wrap(e, "%s", sizes[i].option);
	}
	return 0;
}

static int parse_times(const struct options *o, struct launch_options *l, struct err *e)
{
	const struct {
		const char *option, *text;
		struct spec_i64 *to;
	} times[] = {
		{ "--health-interval", o->health_interval, &l->health_interval_ms },
		{ "--health-timeout", o->health_timeout, &l->health_timeout_ms },
		{ "--health-start-period", o->health_start_period, &l->health_start_period_ms },
		{ "--health-start-interval", o->health_start_interval, &l->health_start_interval_ms },
	};

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (!times[i].text)
			continue;
		times[i].to->set = true;
		if (cli_duration_ms(times[i].text, &times[i].to->v, e) < 0)
			return err_wrap(e, "%s", times[i].option);
	}
	if (o->stop_timeout_s.set && (o->stop_timeout_s.v < 0 || o->stop_timeout_s.v > STOP_TIMEOUT_MAX_S))
		return err_say(e, EINVAL, "--stop-timeout %lld: expected seconds, from 0 on", (long long)o->stop_timeout_s.v);
	l->stop_timeout_ms = (struct spec_i64){ o->stop_timeout_s.set, o->stop_timeout_s.v * 1000 };
	if (o->stop_signal && (l->stop_signal = signal_number(o->stop_signal, e)) <= 0)
		return l->stop_signal < 0 ? err_wrap(e, "--stop-signal") :
		       err_say(e, EINVAL, "--stop-signal: 0 is no signal");
	return 0;
}

/* "on-failure:3" */
static int parse_restart(const char *text, struct launch_options *l, struct err *e)
{
	static const enum restart_policy policies[] = { RESTART_NO, RESTART_ON_FAILURE, RESTART_ALWAYS,
							RESTART_UNLESS_STOPPED };
	size_t n = strcspn(text, ":");
	char *end;

	for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
		const char *name = restart_policy_name(policies[i]);
		if (strlen(name) != n || strncmp(text, name, n) != 0)
			continue;
		l->restart = policies[i];
		if (!text[n])
			return 0;
		l->restart_max = strtol(text + n + 1, &end, 10);
		if (policies[i] == RESTART_ON_FAILURE && !*end && text[n + 1] >= '0' && text[n + 1] <= '9' &&
		    l->restart_max <= INT32_MAX)
			return 0;
	}
	return err_say(e, EINVAL, "--restart '%s': expected no, on-failure[:N], always or unless-stopped", text);
}

static int parse_log_opt(const char *text, struct launch_options *l, struct err *e)
{
	char *end;

	if (strncmp(text, "max-size=", 9) == 0) {
		l->log_max_bytes.set = true;
		if (cli_size_bytes(text + 9, &l->log_max_bytes.v, e) < 0)
			return err_wrap(e, "--log-opt max-size");
		if (l->log_max_bytes.v == -1 || l->log_max_bytes.v > 0)
			return 0;
	} else if (strncmp(text, "max-file=", 9) == 0) {
		l->log_files = (struct spec_i64){ true, strtol(text + 9, &end, 10) };
		if (text[9] && !*end && l->log_files.v >= 1 && l->log_files.v <= LOG_FILES_MAX)
			return 0;
	}
	return err_say(e, EINVAL, "--log-opt '%s': expected max-size=SIZE, where -1 is no end, or max-file=N", text);
}

static struct launch_list list(const struct cli_strings *s)
{
	return (struct launch_list){ s->v, s->n };
}

static int fill(const struct options *o, int argc, char **argv, struct launch_options *l, struct err *e)
{
	if (!o->rootfs && argc == 0)
		return err_say(e, EINVAL, "expected the name of an image, or 'host'");
	int first = o->rootfs ? 0 : 1;
	*l = (struct launch_options){
		.template = o->rootfs ? NULL : argv[0],
		.rootfs = o->rootfs,
		.name = o->name, .hostname = o->hostname, .storage = o->storage,
		.env = list(&o->env), .env_files = list(&o->env_files),
		.labels = list(&o->labels), .label_files = list(&o->label_files),
		.volumes = list(&o->volumes), .mounts = list(&o->mounts), .tmpfs = list(&o->tmpfs),
		.cap_add = list(&o->cap_add), .cap_drop = list(&o->cap_drop), .security_opts = list(&o->security_opts),
		.devices = list(&o->devices), .ulimits = list(&o->ulimits), .sysctls = list(&o->sysctls),
		.group_add = list(&o->group_add), .add_hosts = list(&o->add_hosts), .dns = list(&o->dns),
		.dns_search = list(&o->dns_search), .dns_options = list(&o->dns_options),
		.networks = list(&o->networks), .network_aliases = list(&o->network_aliases),
		.publish = list(&o->publish), .publish_all = o->publish_all, .expose = list(&o->expose),
		.ip = o->ip, .ip6 = o->ip6, .mac_address = o->mac_address,
		.workdir = o->workdir, .user = o->user, .entrypoint = o->entrypoint,
		.pid_mode = o->pid, .ipc_mode = o->ipc, .uts_mode = o->uts, .userns = o->userns,
		.cgroup_parent = o->cgroup_parent, .cpuset_cpus = o->cpuset_cpus, .cpuset_mems = o->cpuset_mems,
		.cpu_shares = o->cpu_shares, .pids = o->pids, .oom_score_adj = o->oom_score_adj,
		.detach = o->detach, .rm = o->rm, .stdin_open = o->interactive, .terminal = o->tty,
		.no_terminal = o->no_tty, .read_only = o->read_only, .share_home = o->share_home,
		.privileged = o->privileged, .health_cmd = o->health_cmd, .health_retries = o->health_retries,
		.no_healthcheck = o->no_healthcheck, .init = o->init,
		.command = (const char **)argv + first,
		.n_command = (size_t)(argc - first),
	};
	if (o->tty && o->no_tty)
		return err_say(e, EINVAL, "--tty and --no-tty contradict each other");
	if (parse_sizes(o, l, e) < 0 || parse_times(o, l, e) < 0 || cli_shaping(&o->shaping, &l->shaping, e) < 0)
		return -e->code;
	if (o->restart && parse_restart(o->restart, l, e) < 0)
		return -e->code;
	for (size_t i = 0; i < o->log_opts.n; i++)
		if (parse_log_opt(o->log_opts.v[i], l, e) < 0)
			return -e->code;
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
	.arguments = "IMAGE|host [COMMAND...]",
	.summary = "Run a command in a container made from an image, or from this machine",
	.details = "What the container writes is its own; deleting it ('ferry delete', or --rm) deletes that.\n"
		   "With 'host' it sees this machine's own files, but for secrets, and runs a shell unless a command is\n"
		   "given. With --rootfs DIR there is no image to be named.\n",
	.group = CLI_LIFE,
	.options = launch_options,
	.options_size = sizeof(struct options),
	.min_args = 0,
	.max_args = -1,
	.stop_at_first = true,
	.runs_program = true,
	.run = run_launch,
};
