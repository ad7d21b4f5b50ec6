#include "runtime/cli/commands.h"

#include <string.h>

const struct cli_command *const cli_commands[] = {
	&command_launch,
	&command_run,
	&command_create,
	&command_start,
	&command_exec,
	&command_kill,
	&command_delete,
	&command_list,
	&command_state,
	&command_ps,
	&command_events,
	&command_pause,
	&command_resume,
	&command_update,
	&command_spec,
	&command_features,
	&command_help,
	&command_completion,
	NULL,
};

#define GLOBAL(name, letter, type, field, value, help) \
	CLI_OPTION(name, letter, type, struct cli_global, field, value, help)

const struct cli_option cli_global_options[] = {
	GLOBAL("root", 0, CLI_STRING, root, "DIR",
	       "keep the state of containers here (default: /run/ferry, rootless $XDG_RUNTIME_DIR/ferry)"),
	GLOBAL("log", 0, CLI_STRING, log, "FILE", "append messages to this file too"),
	GLOBAL("log-format", 0, CLI_STRING, log_format, "text|json", "format of the log file (default: text)"),
	GLOBAL("log-level", 0, CLI_STRING, log_level, "error|warning|info|debug",
	       "least important messages to write (default: warning)"),
	GLOBAL("debug", 0, CLI_FLAG, debug, NULL, "the same as --log-level debug"),
	GLOBAL("systemd-cgroup", 0, CLI_FLAG, systemd_cgroup, NULL, "the same as --cgroup-manager systemd"),
	GLOBAL("cgroup-manager", 0, CLI_STRING, cgroup_manager, "cgroupfs|systemd|disabled",
	       "how cgroups are made (default: cgroupfs)"),
	GLOBAL("rootless", 0, CLI_STRING, rootless, "true|false|auto",
	       "work without the host's root rights (default: auto)"),
	GLOBAL("version", 'v', CLI_FLAG, version, NULL, "print the version"),
	GLOBAL("help", 'h', CLI_FLAG, help, NULL, "print this help"),
	{ 0 },
};

const struct cli_command *cli_find(const char *name)
{
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}
