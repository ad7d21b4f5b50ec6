#include "lib/signal.h"
#include "runtime/cli/commands.h"
#include "runtime/lifecycle.h"

#include <errno.h>
#include <signal.h>

struct kill_options {
	const char *signal;
	bool all;
};

struct delete_options {
	bool force;
};

static const struct cli_option kill_options[] = {
	CLI_OPTION("all", 'a', CLI_FLAG, struct kill_options, all, NULL, "signal every process of the container"),
	CLI_OPTION("signal", 's', CLI_STRING, struct kill_options, signal, "SIGNAL", "the same as SIGNAL behind CONTAINER"),
	{ 0 },
};

static const struct cli_option delete_options[] = {
	CLI_OPTION("force", 'f', CLI_FLAG, struct delete_options, force, NULL,
		   "kill it first if it runs; no error if there is none"),
	{ 0 },
};

static int run_kill(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct kill_options *o = options;
	const char *text = argc > 1 ? argv[1] : o->signal;

	if (argc > 1 && o->signal)
		return err_say(e, EINVAL, "--signal %s and the signal '%s': say one of them", o->signal, argv[1]);
	int signal = text ? signal_number(text, e) : SIGTERM;

	return signal < 0 ? signal : lifecycle_kill(rt, argv[0], signal, o->all, e);
}

static int run_delete(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct delete_options *o = options;

	(void)argc;
	return lifecycle_delete(rt, argv[0], o->force, e);
}

const struct cli_command command_kill = {
	.name = "kill",
	.arguments = "CONTAINER [SIGNAL]",
	.summary = "Send a signal to a container's first process",
	.details = "SIGNAL is a name or a number: KILL, SIGKILL, 9, RTMIN+3. Without one it is TERM.\n",
	.group = CLI_LIFE,
	.options = kill_options,
	.options_size = sizeof(struct kill_options),
	.min_args = 1,
	.max_args = 2,
	.run = run_kill,
};

const struct cli_command command_delete = {
	.name = "delete",
	.arguments = "CONTAINER",
	.summary = "Remove a stopped container and all that belongs to it",
	.group = CLI_LIFE,
	.options = delete_options,
	.options_size = sizeof(struct delete_options),
	.min_args = 1,
	.max_args = 1,
	.run = run_delete,
};
