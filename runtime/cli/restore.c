#include "runtime/cli/checkpoint.h"
#include "runtime/cli/commands.h"
#include "runtime/lifecycle.h"
#include "runtime/supervise/supervise.h"

#include <errno.h>

struct options {
	struct criu_arguments criu;
	const char *bundle, *console_socket, *pid_file, *pidfd_socket;
	bool detach, keep, no_subreaper, ignored;
};

#define OPTION(name, letter, type, field, value, help) \
	CLI_OPTION(name, letter, type, struct options, field, value, help)

static const struct cli_option options_table[] = {
	OPTION("bundle", 'b', CLI_STRING, bundle, "DIR",
	       "directory with the configuration and the root (default: the current one)"),
	OPTION("detach", 'd', CLI_FLAG, detach, NULL, "return as soon as the container runs"),
	OPTION("pid-file", 0, CLI_STRING, pid_file, "FILE", "write the container's process id here"),
	OPTION("pidfd-socket", 0, CLI_STRING, pidfd_socket, "FILE", "socket which gets the process's pidfd"),
	OPTION("console-socket", 0, CLI_STRING, console_socket, "FILE", "socket which gets the terminal's descriptor"),
	OPTION("keep", 0, CLI_FLAG, keep, NULL, "do not delete the container when it has ended"),
	OPTION("no-subreaper", 0, CLI_FLAG, no_subreaper, NULL, "do not adopt what the container leaves behind"),
	OPTION("no-pivot", 0, CLI_IGNORED, ignored, NULL, "CRIU makes the mounts"),
	CRIU_OPTIONS(struct options),
	CRIU_TEXT(struct options, "lsm-profile", request.options.lsm_profile, "TYPE:NAME",
		  "the AppArmor profile or SELinux label to restore with: apparmor:NAME, selinux:LABEL"),
	CRIU_TEXT(struct options, "lsm-mount-context", request.options.lsm_mount_context, "LABEL",
		  "the SELinux label of the container's mounts"),
	{ 0 },
};

static int restore_launched(struct runtime *rt, const struct options *o, const char *id, struct checkpoint_request *r,
			    struct err *e)
{
	/* What its supervisor has. */
	const char *taken = o->console_socket ? "console-socket" : o->pid_file ? "pid-file" :
			    o->pidfd_socket   ? "pidfd-socket" : NULL;
	struct launched l;

	if (taken)
		return err_say(e, EINVAL, "--%s: not for container '%s', which was launched", taken, id);
	return launched_find_id(rt, id, &l, e) < 0 ? -e->code : supervise_restore(rt, &l, r, e);
}

static int run_restore(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct options *o = options;
	struct criu_arguments a = o->criu;
	int code = 0;

	(void)argc;
	if (criu_arguments_check(&a, e) < 0)
		return -e->code;
	a.request.check = true;
	const char *launched = o->bundle ? NULL : launched_id(rt, argv[0]);
	if (launched)
		return restore_launched(rt, o, launched, &a.request, e);
	if (!a.request.image_path)
		a.request.image_path = DEFAULT_IMAGE;
	const struct create_request r = {
		.id = argv[0],
		.bundle = o->bundle,
		.console_socket = o->console_socket,
		.pid_file = o->pid_file,
		.pidfd_socket = o->pidfd_socket,
		.run = true,
		.detach = o->detach,
		.keep = o->keep,
		.no_subreaper = o->no_subreaper,
		.restore = &a.request,
	};
	int n = lifecycle_run(rt, &r, &code, e);
	return n < 0 ? n : code;
}

const struct cli_command command_restore = {
	.name = "restore",
	.arguments = "ID",
	.summary = "Make a container from an image of 'ferry checkpoint'",
	.details = "The container is set up from the bundle's config.json and goes on where it was saved. Without --detach\n"
		   "waits for its end, deletes it, and exits as the program did. One that was launched and has ended goes\n"
		   "on by its name, without a bundle.\n",
	.group = CLI_LIFE,
	.options = options_table,
	.options_size = sizeof(struct options),
	.min_args = 1,
	.max_args = 1,
	.run = run_restore,
};
