#include "runtime/cli/exec.h"

#include "runtime/cli/commands.h"
#include "runtime/lifecycle.h"
#include "runtime/log.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define OPTION(name, letter, type, field, value, help) \
	CLI_OPTION(name, letter, type, struct exec_options, field, value, help)

static const struct cli_option options_table[] = {
	OPTION("tty", 't', CLI_SWITCH, tty, NULL, "give the program a terminal"),
	{ "interactive", 'i', CLI_IGNORED, .help = "standard input is always passed on" },
	OPTION("detach", 'd', CLI_FLAG, detach, NULL, "return as soon as the program runs"),
	OPTION("user", 'u', CLI_STRING, user, "UID[:GID]", "run as this user, in numbers"),
	OPTION("additional-gids", 'g', CLI_STRINGS, additional_gids, "GID", "a further group; may be repeated"),
	OPTION("cwd", 0, CLI_STRING, cwd, "DIR", "the program's current directory"),
	OPTION("workdir", 'w', CLI_STRING, cwd, "DIR", "the same"),
	OPTION("env", 'e', CLI_STRINGS, env, "NAME=VALUE", "set an environment variable; may be repeated"),
	OPTION("cap", 'c', CLI_STRINGS, caps, "CAPABILITY", "add a capability; may be repeated"),
	OPTION("no-new-privs", 0, CLI_SWITCH, no_new_privs, NULL, "let nothing that it executes gain rights"),
	OPTION("apparmor", 0, CLI_STRING, apparmor, "PROFILE", "run under this AppArmor profile"),
	OPTION("process-label", 0, CLI_STRING, process_label, "LABEL", "run with this SELinux label"),
	OPTION("process", 'p', CLI_STRING, process, "FILE", "read the process from this JSON document"),
	OPTION("cgroup", 0, CLI_STRING, cgroup, "PATH", "run in this cgroup below the container's"),
	OPTION("ignore-paused", 0, CLI_FLAG, ignore_paused, NULL, "do not refuse a paused container: wait with it"),
	OPTION("console-socket", 0, CLI_STRING, console_socket, "FILE", "socket which gets the terminal's descriptor"),
	OPTION("pid-file", 0, CLI_STRING, pid_file, "FILE", "write the process id here"),
	OPTION("pidfd-socket", 0, CLI_STRING, pidfd_socket, "FILE", "socket which gets the process's pidfd"),
	OPTION("preserve-fds", 0, CLI_INT, preserve_fds, "N",
	       "pass N further descriptors on, after those of LISTEN_FDS"),
	{ 0 },
};

static int check(const struct exec_options *o, int argc, struct err *e)
{
	if (!o->process && argc < 2)
		return err_say(e, EINVAL, "\"exec\" requires a minimum of 2 argument(s)");
	if (o->preserve_fds.v < 0 || o->preserve_fds.v > INT_MAX)
		return err_say(e, EINVAL, "--preserve-fds %lld: expected a number of descriptors",
			       (long long)o->preserve_fds.v);
	if (o->cgroup && strchr(o->cgroup, ':'))
		return err_say(e, EINVAL, "--cgroup \"%s\": cgroup version 2 has no controllers to choose from",
			       o->cgroup);
	return 0;
}

static int execute(struct runtime *rt, const struct exec_options *o, int argc, char **argv, int *ret_exit,
		   struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;
	struct spec_process process;
	struct spec *s;

	int r = container_find(rt, argv[0], false, &c, e);
	if (r < 0)
		return r;
	r = container_load_config(&c, &rt->arena, &s, e);
	if (r < 0)
		return r;
	r = exec_process_make(o, s, argc - 1, argv + 1, &rt->arena, &process, e);
	if (r < 0)
		return r;
	struct exec_request request = {
		.id = argv[0],
		.process = &process,
		.console_socket = o->console_socket,
		.pid_file = o->pid_file,
		.pidfd_socket = o->pidfd_socket,
		.cgroup = o->cgroup,
		.detach = o->detach,
		.ignore_paused = o->ignore_paused,
		.preserve_fds = (unsigned)o->preserve_fds.v,
	};
	return lifecycle_exec(rt, &c, s, &request, ret_exit, e);
}

static int run_exec(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	int code = 0;

	int r = check(options, argc, e);
	if (r < 0)
		return r;
	/* 255, as runc and ssh do: 1 would look like the program's own. */
	if (execute(rt, options, argc, argv, &code, e) < 0) {
		log_error("exec failed: %s", e->msg);
		return 255;
	}
	return code;
}

const struct cli_command command_exec = {
	.name = "exec",
	.arguments = "CONTAINER COMMAND [ARGUMENTS]",
	.summary = "Run a further program in a running container",
	.details = "The user, environment, capabilities and so on are those of the container's own process unless an\n"
		   "option says otherwise. With --process the command comes from the document. Exits as the program\n"
		   "does, and with 255 when it could not be run.\n",
	.group = CLI_LIFE,
	.options = options_table,
	.options_size = sizeof(struct exec_options),
	.min_args = 1,
	.max_args = -1,
	.stop_at_first = true,
	.seal = true,
	.run = run_exec,
};
