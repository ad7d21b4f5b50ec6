#include "lib/clock.h"
#include "lib/file.h"
#include "runtime/cli/commands.h"
#include "runtime/supervise/log_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
	const char *tail, *since, *until;
	bool follow, timestamps, stdout_alone, stderr_alone;
};

#define OPTION(name, letter, type, field, value, help) \
	CLI_OPTION(name, letter, type, struct options, field, value, help)

static const struct cli_option logs_options[] = {
	OPTION("follow", 'f', CLI_FLAG, follow, NULL, "go on until the container has ended"),
	OPTION("tail", 'n', CLI_STRING, tail, "N", "the last N lines alone (default: all)"),
	OPTION("since", 0, CLI_STRING, since, "TIME", "from this time on: 2026-01-02T03:04:05Z, or 10m ago"),
	OPTION("until", 0, CLI_STRING, until, "TIME", "up to this time"),
	OPTION("timestamps", 't', CLI_FLAG, timestamps, NULL, "with the time before each line"),
	OPTION("stdout", 0, CLI_FLAG, stdout_alone, NULL, "standard output alone"),
	OPTION("stderr", 0, CLI_FLAG, stderr_alone, NULL, "standard error alone"),
	{ 0 },
};

/* What is not written yet, and to which stream. */
struct output {
	struct buf text;
	bool is_stderr, timestamps;
};

static int flush(void *data, struct err *e)
{
	struct output *out = data;
	int r = fd_write_all(out->is_stderr ? STDERR_FILENO : STDOUT_FILENO, out->text.data, out->text.len, e);

	out->text.len = 0;
	return r < 0 ? err_wrap(e, "write the log") : 0;
}

static int print(void *data, bool is_stderr, const char *time, const char *text, size_t n, bool first, bool whole,
		 struct err *e)
{
	struct output *out = data;

	if ((out->is_stderr != is_stderr || out->text.len > 65536) && flush(out, e) < 0)
		return -e->code;
	out->is_stderr = is_stderr;
	if (first && out->timestamps)
		buf_printf(&out->text, "%s ", time);
	buf_add(&out->text, text, n);
	if (whole)
		buf_char(&out->text, '\n');
	return 0;
}

/* As the log has it, which can be compared as text. */
static int read_time(const char *option, const char *text, struct arena *a, const char **ret, struct err *e)
{
	struct timespec t;

	if (!text)
		return 0;
	if (cli_moment(text, &t, e) < 0)
		return err_wrap(e, "--%s", option);
	*ret = arena_strdup(a, clock_rfc3339(t).text);
	return 0;
}

static int run_logs(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct options *o = options;
	struct output out = { .timestamps = o->timestamps };
	struct log_options log = {
		.tail = -1,
		.follow = o->follow,
		.no_stdout = o->stderr_alone && !o->stdout_alone,
		.no_stderr = o->stdout_alone && !o->stderr_alone,
		.print = print,
		.flush = flush,
		.data = &out,
	};
	struct launched l;
	char *end;

	(void)argc;
	if (o->tail && strcmp(o->tail, "all") != 0) {
		log.tail = strtoll(o->tail, &end, 10);
		if (end == o->tail || *end || log.tail < 0)
			return err_say(e, EINVAL, "--tail '%s': expected a number of lines", o->tail);
	}
	if (read_time("since", o->since, &rt->arena, &log.since, e) < 0 ||
	    read_time("until", o->until, &rt->arena, &log.until, e) < 0 || launched_find(rt, argv[0], &l, e) < 0)
		return -e->code;
	int r = log_read(rt, &l, &log, e);
	buf_finish(&out.text);
	return r;
}

const struct cli_command command_logs = {
	.name = "logs",
	.arguments = "CONTAINER",
	.summary = "Print what a launched container has printed",
	.group = CLI_LOOK,
	.options = logs_options,
	.options_size = sizeof(struct options),
	.min_args = 1,
	.max_args = 1,
	.run = run_logs,
};
