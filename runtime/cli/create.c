#include "runtime/cli/commands.h"
#include "runtime/lifecycle.h"

#include <errno.h>
#include <limits.h>

struct options {
	const char *bundle, *config, *console_socket, *pid_file, *pidfd_socket;
	bool no_pivot, no_new_keyring;
	struct spec_i64 preserve_fds;
	bool detach, keep, no_subreaper; /* run alone */
};

#define OPTION(name, letter, type, field, value, help) \
	CLI_OPTION(name, letter, type, struct options, field, value, help)

#define CREATE_OPTIONS \
	OPTION("bundle", 'b', CLI_STRING, bundle, "DIR", \
	       "directory with the configuration and the root (default: the current one)"), \
	OPTION("config", 'f', CLI_STRING, config, "FILE", "the configuration (default: config.json of the bundle)"), \
	OPTION("console-socket", 0, CLI_STRING, console_socket, "FILE", \
	       "socket which gets the terminal's descriptor"), \
	OPTION("pid-file", 0, CLI_STRING, pid_file, "FILE", "write the container's process id here"), \
	OPTION("pidfd-socket", 0, CLI_STRING, pidfd_socket, "FILE", "socket which gets the process's pidfd"), \
	OPTION("no-pivot", 0, CLI_FLAG, no_pivot, NULL, \
	       "move the root instead of pivot_root, for a host that runs from a ramdisk"), \
	OPTION("no-new-keyring", 0, CLI_FLAG, no_new_keyring, NULL, "keep the caller's session keyring"), \
	OPTION("preserve-fds", 0, CLI_INT, preserve_fds, "N", \
	       "pass N further descriptors on, after those of LISTEN_FDS")

static const struct cli_option create_options[] = {
	CREATE_OPTIONS,
	{ 0 },
};

static const struct cli_option run_options[] = {
	CREATE_OPTIONS,
	OPTION("detach", 'd', CLI_FLAG, detach, NULL, "return as soon as the container runs"),
	OPTION("keep", 0, CLI_FLAG, keep, NULL, "do not delete the container when it has ended"),
	OPTION("no-subreaper", 0, CLI_FLAG, no_subreaper, NULL, "do not adopt what the container leaves behind"),
	{ 0 },
};

static int fill(const struct options *o, const char *id, struct create_request *r, struct err *e)
{
	if (o->preserve_fds.v < 0 || o->preserve_fds.v > INT_MAX)
		return err_say(e, EINVAL, "--preserve-fds %lld: expected a number of descriptors",
			       (long long)o->preserve_fds.v);
	*r = (struct create_request){
		.id = id,
		.bundle = o->bundle,
		.config = o->config,
		.console_socket = o->console_socket,
		.pid_file = o->pid_file,
		.pidfd_socket = o->pidfd_socket,
		.no_pivot = o->no_pivot,
		.no_new_keyring = o->no_new_keyring,
		.preserve_fds = (unsigned)o->preserve_fds.v,
		.detach = o->detach,
		.keep = o->keep,
		.no_subreaper = o->no_subreaper,
	};
	return 0;
}

static int run_create(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	struct create_request r;

	(void)argc;
	int n = fill(options, argv[0], &r, e);
	return n < 0 ? n : lifecycle_create(rt, &r, e);
}

static int run_run(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	struct create_request r;
	int code = 0;

	(void)argc;
	int n = fill(options, argv[0], &r, e);
	if (n < 0)
		return n;
	r.run = true;
	n = lifecycle_run(rt, &r, &code, e);
	return n < 0 ? n : code;
}

const struct cli_command command_create = {
	.name = "create",
	.arguments = "ID",
	.summary = "Make a container, ready to be started",
	.details = "The container is set up from the bundle's config.json; its program waits for 'ferry start'.\n",
	.group = CLI_LIFE,
	.options = create_options,
	.options_size = sizeof(struct options),
	.min_args = 1,
	.max_args = 1,
	.run = run_create,
};

const struct cli_command command_run = {
	.name = "run",
	.arguments = "ID",
	.summary = "Make a container and run its program",
	.details = "Waits for the program's end, deletes the container, and exits as the program did. 'ferry spec'\n"
		   "writes a config.json to begin with.\n",
	.group = CLI_LIFE,
	.options = run_options,
	.options_size = sizeof(struct options),
	.min_args = 1,
	.max_args = 1,
	.run = run_run,
};
