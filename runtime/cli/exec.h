/* The options of `exec`, and the process that they make. */
#ifndef RUNTIME_CLI_EXEC_H
#define RUNTIME_CLI_EXEC_H

#include "runtime/cli/cli.h"

struct exec_options {
	const char *console_socket, *pid_file, *pidfd_socket;
	const char *cwd, *user, *process, *process_label, *apparmor, *cgroup;
	struct cli_strings env, additional_gids, caps;
	struct spec_bool no_new_privs, tty;
	bool detach, ignore_paused;
	struct spec_i64 preserve_fds;
};

/*
 * The container's own process is the pattern, or the document of --process is; options change either. @args: the
 * command, which may be missing with a document. What *ret points to lives in @a, @s and @args.
 */
int exec_process_make(const struct exec_options *o, const struct spec *s, int n_args, char **args, struct arena *a,
		      struct spec_process *ret, struct err *e);

#endif
