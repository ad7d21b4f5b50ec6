/*
 * ferry [OPTIONS] COMMAND: finds the command, prepares what each of them works with, runs it, and reports.
 * What lies between main and the command costs every container its start time: nothing is opened without need.
 */
#include "lib/fd.h"
#include "runtime/cli/cli.h"
#include "runtime/log.h"
#include "runtime/seal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int open_log(const struct cli_global *g, struct err *e)
{
	const char *level = g->log_level ? g->log_level : "warning";
	bool debug = g->debug || strcmp(level, "debug") == 0;

	if (!debug && strcmp(level, "error") != 0 && strcmp(level, "warning") != 0 && strcmp(level, "info") != 0)
		return err_say(e, EINVAL, "invalid --log-level '%s': use error, warning, info or debug", level);
	if (!debug && strcmp(level, "error") == 0)
		log_errors_alone();
	return log_open(g->log, g->log_format, debug, e);
}

static int cgroup_manager(const struct cli_global *g, const char **ret, struct err *e)
{
	if (g->systemd_cgroup && g->cgroup_manager && strcmp(g->cgroup_manager, "systemd") != 0)
		return err_say(e, EINVAL, "--systemd-cgroup and --cgroup-manager %s contradict each other",
			       g->cgroup_manager);
	*ret = g->systemd_cgroup ? "systemd" : g->cgroup_manager;
	return 0;
}

static int check_count(const struct cli_command *c, int argc, struct err *e)
{
	if (c->min_args == c->max_args && argc != c->min_args)
		return err_say(e, EINVAL, "\"%s\" requires exactly %d argument(s)", c->name, c->min_args);
	if (argc < c->min_args)
		return err_say(e, EINVAL, "\"%s\" requires a minimum of %d argument(s)", c->name, c->min_args);
	if (c->max_args >= 0 && argc > c->max_args)
		return err_say(e, EINVAL, "\"%s\" requires a maximum of %d argument(s)", c->name, c->max_args);
	return 0;
}

/*
 * Of commands that run a program in their place: 127, it was not found; 126, it could not be executed; 125 for all else, so
 * that whoever calls can tell it from the program's own.
 */
static int exit_code(const struct cli_command *c, const struct err *e)
{
	if (!c || !c->runs_program)
		return 1;
	return !e->exec ? 125 : e->code == ENOENT ? 127 : 126;
}

/* The command line was wrong: the log gets the message, a person also where to read on. */
static int usage_error(const struct cli_command *c, const struct err *e)
{
	log_error("%s", e->msg);
	if (c)
		fprintf(stderr, "See 'ferry %s --help'.\n", c->name);
	else
		fprintf(stderr, "See 'ferry --help'.\n");
	return exit_code(c, e);
}

/* Also what did not fit in between was not written. */
static int check_output(struct err *e)
{
	int code = fflush(stdout) != 0 ? errno : ferror(stdout) ? EIO : 0;

	return code ? err_set(e, code, "write to standard output") : 0;
}

/* @whole: the command line as it was, for a copy of this program to start again with. */
static int run_command(const struct cli_command *c, struct runtime *rt, int argc, char **argv, char **whole)
{
	struct err e = ERR_INIT;
	bool help = false;
	int n = 0;

	void *options = arena_alloc(&rt->arena, c->options_size ? c->options_size : 1);
	int r = cli_parse(c->options, c->stop_at_first, options, &rt->arena, argc, argv, &n, &help, &e);
	help = help || c->family;
	if (r >= 0 && !help)
		r = check_count(c, n, &e);
	if (r < 0)
		return usage_error(c, &e);
	/* What follows the arguments in argv was moved away: they end like an argv of their own. */
	argv[n] = NULL;

	if (!help && c->seal)
		r = seal_self(whole, &e);
	if (help)
		cli_print_command_help(c);
	else if (r >= 0)
		r = c->run(rt, options, n, argv, &e);
	if (r >= 0 && check_output(&e) < 0)
		r = -e.code;
	if (r < 0) {
		log_error("%s", e.msg);
		return exit_code(c, &e);
	}
	return r;
}

static int dispatch(const struct cli_global *g, struct arena *a, int argc, char **argv, char **whole)
{
	struct err e = ERR_INIT;
	struct runtime rt;
	const char *manager = NULL;
	const struct cli_command *c = NULL;
	int words = 0;

	int r = cli_find_words(a, argc, argv, &c, &words, &e);
	if (r >= 0)
		r = cgroup_manager(g, &manager, &e);
	if (r < 0)
		return usage_error(c && c->family ? c : NULL, &e);
	/* Any name will do for what is never opened. */
	r = runtime_init(&rt, c->stateless && !g->root ? "/run/ferry" : g->root, g->rootless, manager, &e);
	rt.argv = whole;
	rt.image_store = g->image_store;
	if (r < 0) {
		log_error("%s", e.msg);
		return exit_code(c, &e);
	}
	r = run_command(c, &rt, argc - words, argv + words, whole);
	runtime_finish(&rt);
	return r;
}

int main(int argc, char **argv)
{
	struct cli_global g = { 0 };
	struct err e = ERR_INIT;
	cleanup_arena struct arena arena = ARENA_INIT;
	bool help = false;
	int n = 0;

	fd_open_standard();
	if (seal_check(&e) < 0)
		return usage_error(NULL, &e);
	/* Parsing moves arguments about. */
	char **whole = arena_dup(&arena, argv, ((size_t)argc + 1) * sizeof(*argv));
	if (argc > 0)
		argc--, argv++;
	int r = cli_parse(cli_global_options, true, &g, &arena, argc, argv, &n, &help, &e);
	if (r >= 0)
		r = open_log(&g, &e);
	if (r < 0)
		return usage_error(NULL, &e);
	argv[n] = NULL;
	if (!g.version && !g.help && !help && n > 0)
		return dispatch(&g, &arena, n, argv, whole);
	if (g.version)
		cli_print_version();
	else
		cli_print_help();
	if (check_output(&e) == 0)
		return 0;
	log_error("%s", e.msg);
	return 1;
}
