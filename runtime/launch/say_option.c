/* Who launches a container has written options, and no config.json: what an error says of its members it says of those. */
#include "runtime/launch/launch.h"

#include <ctype.h>
#include <string.h>

static const struct {
	const char *member, *option; /* a member stands for all that is in it */
} members[] = {
	{ "process.args", "the command" },
	{ "process.cwd", "--workdir" },
	{ "process.rlimits", "--ulimit" },
	{ "error setting rlimit type", "--ulimit: set" },
	{ "process.oomScoreAdj", "--oom-score-adj" },
	{ "process.user.additionalGids", "--group-add" },
	{ "process.user", "--user" },
	{ "process.apparmorProfile", "--security-opt apparmor" },
	{ "process.terminal", "--tty" },
	{ "linux.resources.memory.limit", "--memory" },
	{ "linux.resources.memory.swap", "--memory-swap" },
	{ "linux.resources.memory.reservation", "--memory-reservation" },
	{ "linux.resources.cpu.quota", "--cpus" },
	{ "linux.resources.cpu.shares", "--cpu-shares" },
	{ "linux.resources.cpu.cpus", "--cpuset-cpus" },
	{ "linux.resources.cpu.mems", "--cpuset-mems" },
	{ "linux.resources.pids", "--pids-limit" },
	{ "linux.resources.devices", "--device" },
	{ "linux.devices", "--device" },
	{ "linux.sysctl", "--sysctl" },
	{ "linux.seccomp", "--security-opt seccomp" },
	{ "linux.maskedPaths", "--security-opt mask" },
	{ "linux.cgroupsPath", "--cgroup-parent" },
	{ "linux.uidMappings", "--userns" },
	{ "linux.gidMappings", "--userns" },
};

/* The end of "[3].type" and its like. */
static const char *skip_rest(const char *at)
{
	for (;;) {
		if (*at == '[')
			at += strcspn(at, "]") + (strchr(at, ']') != NULL);
		else if (*at == '.' && isalpha((unsigned char)at[1]))
			at += 1 + strspn(at + 1, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
		else
			return at;
	}
}

/* Where a message speaks of the member, by a word of its own. NULL: nowhere. */
static const char *find(const char *message, const char *member)
{
	for (const char *at = message; (at = strstr(at, member)); at++)
		if ((at == message || at[-1] == ' ') && !isalnum((unsigned char)*skip_rest(at + strlen(member))))
			return at;
	return NULL;
}

int launch_say_option(struct err *e)
{
	struct err said = *e;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		const char *at = find(said.msg, members[i].member);
		if (!at)
			continue;
		err_say(e, said.code, "%.*s%s%s", (int)(at - said.msg), said.msg, members[i].option,
			skip_rest(at + strlen(members[i].member)));
		e->exec = said.exec;
		break;
	}
	return -e->code;
}
