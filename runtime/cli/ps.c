/* ps, top: what ps(1) says, of the processes of one container. */
#include "runtime/cli/commands.h"
#include "runtime/cli/containers.h"
#include "runtime/container.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

struct options {
	const char *format;
};

static const struct cli_option options_table[] = {
	CLI_OPTION("format", 'f', CLI_STRING, struct options, format, "table|json", "how to print (default: table)"),
	{ 0 },
};

enum { OUTPUT_MAX = 64 << 20 };

static int container_pids(struct runtime *rt, const char *id, pid_t **ret, size_t *ret_n, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;
	cleanup_close int cgroup = -1;
	enum container_status s;

	if (container_find(rt, id, false, &c, e) < 0 || container_status(rt, &c, &s, e) < 0)
		return -e->code;
	if (s == STATUS_STOPPED)
		return err_say(e, ESRCH, "container not running");
	if (container_cgroup(rt, &c, &cgroup, e) < 0)
		return -e->code;
	if (cgroup < 0)
		return err_say(e, ENOTSUP, "the container has no cgroup of its own, so its processes cannot be told");
	return cgroup_pids(cgroup, &rt->arena, ret, ret_n, e);
}

static int ps_output(char *const argv[], struct buf *out, struct err *e)
{
	cleanup_close int reader = -1, writer = -1;
	posix_spawn_file_actions_t actions;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, errno, "make a pipe");
	reader = ends[0];
	writer = ends[1];
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, writer, 1);
	int r = posix_spawnp(&pid, "ps", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r != 0)
		return err_set(e, r, "run ps");
	close_fd(&writer);
	r = fd_read_all(reader, OUTPUT_MAX, out, e);
	close_fd(&reader);
	int status = proc_reap(pid);
	return r >= 0 && status != 0 ? err_say(e, EIO, "ps failed") : r;
}

/* The number of the word "PID" in a line, -1 without one. */
static int pid_column(const char *line)
{
	for (int column = 0; *(line += strspn(line, " \t")); column++) {
		size_t len = strcspn(line, " \t");
		if (len == 3 && strncmp(line, "PID", 3) == 0)
			return column;
		line += len;
	}
	return -1;
}

static long number_at(const char *line, int column)
{
	line += strspn(line, " \t");
	for (int i = 0; i < column && *line; i++) {
		line += strcspn(line, " \t");
		line += strspn(line, " \t");
	}
	return strtol(line, NULL, 10);
}

static int print_table(char *text, const pid_t *pids, size_t n, struct err *e)
{
	char *rest = text, *line = strsep(&rest, "\n");
	int column = pid_column(line);

	if (column < 0)
		return err_say(e, EINVAL, "couldn't find PID field in ps output");
	puts(line);
	while ((line = strsep(&rest, "\n"))) {
		long pid = number_at(line, column);
		for (size_t i = 0; i < n; i++) {
			if (pids[i] == pid) {
				puts(line);
				break;
			}
		}
	}
	return 0;
}

static void print_json(const pid_t *pids, size_t n)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct json_writer w = { .out = &out };

	json_begin_array(&w, NULL);
	for (size_t i = 0; i < n; i++)
		json_int(&w, NULL, pids[i]);
	json_end_array(&w);
	puts(buf_text(&out));
}

/* @argv: the container's id, and what ps is given. */
static int list_processes(struct runtime *rt, bool json, int argc, char **argv, struct err *e)
{
	cleanup_buf struct buf out = BUF_INIT;
	pid_t *pids = NULL;
	size_t n = 0;

	int r = container_pids(rt, argv[0], &pids, &n, e);
	if (r < 0)
		return r;
	if (json)
		return print_json(pids, n), 0;

	char **ps = arena_new_array(&rt->arena, (size_t)argc + 2, char *);
	ps[0] = (char *)"ps";
	ps[1] = (char *)"-ef";
	if (argc > 1)
		memcpy(ps + 1, argv + 1, (size_t)(argc - 1) * sizeof(*argv));
	r = ps_output(ps, &out, e);
	if (r < 0)
		return r;
	buf_char(&out, '\0');
	return print_table(out.data, pids, n, e);
}

static int run_ps(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct options *o = options;
	bool json = o->format && strcmp(o->format, "json") == 0;

	if (o->format && !json && strcmp(o->format, "table") != 0)
		return err_say(e, EINVAL, "invalid format option \"%s\": use table or json", o->format);
	return list_processes(rt, json, argc, argv, e);
}

static int run_top(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	struct cli_container c;

	(void)options;
	if (cli_container(rt, argv[0], &c, e) < 0)
		return -e->code;
	if (!c.status.pid)
		return err_say(e, ESRCH, "container '%s' is not running", c.l.name);
	argv[0] = (char *)c.l.id;
	return list_processes(rt, false, argc, argv, e);
}

const struct cli_command command_ps = {
	.name = "ps",
	.arguments = "CONTAINER [PS-OPTIONS]",
	.summary = "List the processes of a container",
	.details = "Runs ps(1) with the options given, or -ef, and prints the lines of the container's processes:\n"
		   "their ids are the host's. The options must leave a column named PID.\n",
	.group = CLI_LOOK,
	.options = options_table,
	.options_size = sizeof(struct options),
	.min_args = 1,
	.max_args = -1,
	.stop_at_first = true,
	.run = run_ps,
};

static const struct cli_option no_options[] = { { 0 } };

const struct cli_command command_top = {
	.name = "top",
	.arguments = "CONTAINER [PS-OPTIONS]",
	.summary = "Show the processes of a container, by its name",
	.details = "As 'ferry ps' does, in a table.\n",
	.group = CLI_LOOK,
	.options = no_options,
	.min_args = 1,
	.max_args = -1,
	.stop_at_first = true,
	.run = run_top,
};
