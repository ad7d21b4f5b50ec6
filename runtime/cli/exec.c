#include "runtime/cli/commands.h"
#include "runtime/lifecycle.h"
#include "runtime/log.h"

#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

struct options {
	const char *console_socket, *pid_file, *pidfd_socket;
	const char *cwd, *user, *process, *process_label, *apparmor, *cgroup;
	struct cli_strings env, additional_gids, caps;
	struct spec_bool no_new_privs, tty;
	bool detach, ignore_paused;
	struct spec_i64 preserve_fds;
};

#define OPTION(name, letter, type, field, value, help) \
	CLI_OPTION(name, letter, type, struct options, field, value, help)

static const struct cli_option options_table[] = {
	OPTION("tty", 't', CLI_SWITCH, tty, NULL, "give the program a terminal"),
	OPTION("detach", 'd', CLI_FLAG, detach, NULL, "return as soon as the program runs"),
	OPTION("user", 'u', CLI_STRING, user, "UID[:GID]", "run as this user, in numbers"),
	OPTION("additional-gids", 'g', CLI_STRINGS, additional_gids, "GID", "a further group; may be repeated"),
	OPTION("cwd", 0, CLI_STRING, cwd, "DIR", "the program's current directory"),
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

enum { PROCESS_SIZE_MAX = 16 << 20 };

static int load_process(const char *path, struct arena *a, struct spec_process **ret, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;

	int r = file_read_at(AT_FDCWD, path, PROCESS_SIZE_MAX, &text, e);
	if (r < 0)
		return r;
	r = spec_parse_process(text.data, text.len, a, ret, e);
	return r < 0 ? err_wrap(e, "%s", path) : 0;
}

/* A later variable of the same name takes the place of the earlier one: getenv(3) finds the first. */
static int set_env(const struct cli_strings *set, struct arena *a, struct spec_process *p, struct err *e)
{
	const char **env = arena_new_array(a, p->n_env + set->n + 1, const char *);
	size_t n = p->n_env;

	if (n)
		memcpy(env, p->env, n * sizeof(*env));
	for (size_t i = 0; i < set->n; i++) {
		const char *equals = strchr(set->v[i], '=');
		if (!equals || equals == set->v[i])
			return err_say(e, EINVAL, "invalid environment variable \"%s\": expected NAME=VALUE",
				       set->v[i]);
		size_t len = (size_t)(equals + 1 - set->v[i]), at = 0;
		while (at < n && strncmp(env[at], set->v[i], len) != 0)
			at++;
		env[at] = set->v[i];
		n += at == n;
	}
	p->env = env;
	p->n_env = n;
	return 0;
}

/*
 * Not the inheritable set: what the program executes would get them too (CVE-2022-29162). Ambient ones follow where the
 * container's configuration has inheritable ones already, as engines expect.
 */
static int add_caps(const struct cli_strings *caps, struct arena *a, struct spec_process *p, struct err *e)
{
	struct spec_capabilities *c = arena_new(a, struct spec_capabilities);

	if (p->capabilities)
		*c = *p->capabilities;
	for (size_t i = 0; i < caps->n; i++) {
		int number = spec_cap_number(caps->v[i]);
		if (number < 0)
			return err_say(e, EINVAL, "unknown capability \"%s\"", caps->v[i]);
		uint64_t bit = (uint64_t)1 << number;
		c->set[CAPS_BOUNDING] |= bit;
		c->set[CAPS_EFFECTIVE] |= bit;
		c->set[CAPS_PERMITTED] |= bit;
		if (c->set[CAPS_INHERITABLE] & bit)
			c->set[CAPS_AMBIENT] |= bit;
	}
	p->capabilities = c;
	return 0;
}

static int add_gids(const struct cli_strings *gids, struct arena *a, struct spec_user *u, struct err *e)
{
	uint32_t *all = arena_new_array(a, u->n_additional_gids + gids->n, uint32_t);
	size_t n = u->n_additional_gids;

	if (n)
		memcpy(all, u->additional_gids, n * sizeof(*all));
	for (size_t i = 0; i < gids->n; i++) {
		struct spec_u64 none;
		struct err ignored;
		if (cli_user(gids->v[i], &all[n], &none, &ignored) < 0 || none.set)
			return err_say(e, EINVAL, "additional-gids must be a positive number %s", gids->v[i]);
		n++;
	}
	u->additional_gids = all;
	u->n_additional_gids = n;
	return 0;
}

static int apply_options(const struct options *o, struct arena *a, struct spec_process *p, struct err *e)
{
	struct spec_u64 gid;
	int r = 0;

	if (o->cwd && o->cwd[0] != '/')
		return err_say(e, EINVAL, "--cwd \"%s\": expected an absolute path", o->cwd);
	if (o->cwd)
		p->cwd = o->cwd;
	if (o->apparmor)
		p->apparmor_profile = o->apparmor;
	if (o->process_label)
		p->selinux_label = o->process_label;
	if (o->no_new_privs.set)
		p->no_new_privileges = o->no_new_privs.v;
	if (o->tty.set)
		p->terminal = o->tty.v;
	if (o->user) {
		r = cli_user(o->user, &p->user.uid, &gid, e);
		if (r < 0)
			return r;
		if (gid.set)
			p->user.gid = (uint32_t)gid.v;
	}
	if (o->additional_gids.n)
		r = add_gids(&o->additional_gids, a, &p->user, e);
	if (r >= 0 && o->caps.n)
		r = add_caps(&o->caps, a, p, e);
	if (r >= 0 && o->env.n)
		r = set_env(&o->env, a, p, e);
	return r;
}

/* The container's own process is the pattern, or a document is; options change either. */
static int make_process(const struct options *o, const struct spec *s, int n_args, char **args, struct arena *a,
			struct spec_process *p, struct err *e)
{
	struct spec_process *given = NULL;

	if (o->process) {
		int r = load_process(o->process, a, &given, e);
		if (r < 0)
			return r;
	} else {
		given = s->process;
	}
	if (given)
		*p = *given;
	else
		*p = (struct spec_process){ .cwd = "/" };
	if (!o->process) {
		/* A terminal is had by asking for it, whatever the container's first process has. */
		p->terminal = false;
		p->console_height = p->console_width = 0;
		p->args = NULL;
		p->n_args = 0;
	}
	if (n_args > 0) {
		p->args = (const char **)args;
		p->n_args = (size_t)n_args;
	}
	if (p->n_args == 0)
		return err_say(e, EINVAL, "process args cannot be empty");
	return apply_options(o, a, p, e);
}

static int check(const struct options *o, int argc, struct err *e)
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

static int execute(struct runtime *rt, const struct options *o, int argc, char **argv, int *ret_exit, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;
	struct spec_process process;
	struct spec *s;

	int r = container_open(rt, argv[0], false, &c, e);
	if (r < 0)
		return r;
	r = container_load_config(&c, &rt->arena, &s, e);
	if (r < 0)
		return r;
	r = make_process(o, s, argc - 1, argv + 1, &rt->arena, &process, e);
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
	.options_size = sizeof(struct options),
	.min_args = 1,
	.max_args = -1,
	.stop_at_first = true,
	.seal = true,
	.run = run_exec,
};
