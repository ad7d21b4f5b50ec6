/*
 * events: of one container statistics and out-of-memory events, in the JSON that runc prints and engines read; without
 * one what happens to launched containers.
 */
#include "runtime/cli/event_stats.h"

#include "runtime/cli/commands.h"
#include "runtime/cli/journal.h"
#include "runtime/container.h"

#include "lib/clock.h"
#include "lib/fd.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

struct options {
	const char *interval, *since, *until, *format;
	struct cli_strings filters;
	bool stats;
};

#define OPTION(name, letter, type, field, value, help) \
	CLI_OPTION(name, letter, type, struct options, field, value, help)

static const struct cli_option options_table[] = {
	OPTION("interval", 0, CLI_STRING, interval, "TIME",
	       "of CONTAINER: time between two lines of statistics (default: 5s)"),
	OPTION("stats", 0, CLI_FLAG, stats, NULL, "of CONTAINER: print one line of statistics and end"),
	OPTION("filter", 'f', CLI_STRINGS, filters, "KEY=VALUE",
	       "print only what has this container, event or image"),
	OPTION("format", 0, CLI_STRING, format, "text|json", "how to print (default: text)"),
	OPTION("since", 0, CLI_STRING, since, "TIME", "print what happened since then, too: 10m ago, or a date"),
	OPTION("until", 0, CLI_STRING, until, "TIME", "end then"),
	{ 0 },
};

/* What is watched while the container lives. */
struct watch {
	const char *id;
	int cgroup, process, memory;
	uint64_t oom_kills;
};

static int print_line(struct buf *line, struct err *e)
{
	puts(buf_text(line));
	/* A reader at the other end of a pipe waits for it. */
	return fflush(stdout) == 0 ? 0 : err_set(e, errno, "write to standard output");
}

static int print_stats(const struct watch *w, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_buf struct buf line = BUF_INIT;
	struct cgroup_stats s;

	int r = cgroup_stats(w->cgroup, &a, &s, e);
	if (r < 0)
		return r;
	stats_write(&line, w->id, &s);
	return print_line(&line, e);
}

/* memory.events changed: only a process that was killed for want of memory is an event. */
static int print_oom(struct watch *w, bool print, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct cgroup_stats s;

	int r = cgroup_stats(w->cgroup, &a, &s, e);
	if (r < 0)
		return r;
	for (; print && w->oom_kills < s.memory.events_oom_kill && r >= 0; w->oom_kills++) {
		cleanup_buf struct buf line = BUF_INIT;
		struct json_writer out = { .out = &line };
		json_begin_object(&out, NULL);
		json_string(&out, "type", "oom");
		json_string(&out, "id", w->id);
		json_end_object(&out);
		r = print_line(&line, e);
	}
	w->oom_kills = s.memory.events_oom_kill;
	return r;
}

static int follow(struct watch *w, int64_t interval_ms, struct err *e)
{
	int64_t next = clock_ms() + interval_ms;
	int r = w->memory >= 0 ? print_oom(w, false, e) : 0;

	while (r >= 0) {
		struct pollfd p[] = { { .fd = w->process, .events = POLLIN }, { .fd = w->memory, .events = POLLPRI } };
		int64_t left = next - clock_ms();
		int n = poll(p, 2, left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left);
		if (n < 0 && errno != EINTR)
			return err_set(e, errno, "wait for events");
		if (n > 0 && p[0].revents) {
			/* What it ended of may be news still. */
			struct err ignored = ERR_INIT;
			if (w->memory >= 0)
				print_oom(w, true, &ignored);
			return 0;
		}
		if (n > 0 && p[1].revents)
			r = print_oom(w, true, e);
		if (r >= 0 && clock_ms() >= next) {
			r = print_stats(w, e);
			next = clock_ms() + interval_ms;
		}
	}
	/* Its cgroup goes with the container. */
	return r == -ENOENT || r == -ENODEV ? 0 : r;
}

static int watch_container(struct runtime *rt, const struct options *o, const char *id, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;
	cleanup_close int cgroup = -1, process = -1, memory = -1;
	int64_t interval_ms = 5000;
	enum container_status s;
	int r;

	if (o->interval && (r = cli_duration_ms(o->interval, &interval_ms, e)) < 0)
		return err_wrap(e, "--interval");
	if (interval_ms <= 0)
		return err_say(e, EINVAL, "duration interval must be greater than 0");
	r = container_find(rt, id, false, &c, e);
	if (r >= 0)
		r = container_status(rt, &c, &s, e);
	if (r < 0)
		return r;
	if (s == STATUS_STOPPED || s == STATUS_CREATING)
		return err_say(e, EINVAL, "container with id %s is not running", id);
	r = container_cgroup(rt, &c, &cgroup, e);
	if (r < 0)
		return r;
	if (cgroup < 0)
		return err_say(e, ENOTSUP, "the container has no cgroup of its own, so there are no statistics of it");

	struct watch w = { .id = id, .cgroup = cgroup, .process = -1, .memory = -1 };
	if (o->stats)
		return print_stats(&w, e);
	process = container_pidfd(&c, e);
	if (process < 0)
		return process;
	memory = cgroup_watch_memory_events(cgroup, e);
	if (memory < 0 && memory != -ENOTSUP)
		return memory;
	w.process = process;
	w.memory = memory;
	return follow(&w, interval_ms, e);
}

static int run_events(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct options *o = options;
	const struct journal_options journal = {
		.since = o->since,
		.until = o->until,
		.filters = o->filters,
		.json = o->format && strcmp(o->format, "json") == 0,
	};

	if (o->format && !journal.json && strcmp(o->format, "text") != 0)
		return err_say(e, EINVAL, "invalid format option \"%s\": use text or json", o->format);
	if (argc > 0 && (o->since || o->until || o->format || o->filters.n > 0))
		return err_say(e, EINVAL, "--filter, --format, --since and --until are without CONTAINER: say "
			       "--filter container=%s", argv[0]);
	if (argc == 0 && (o->stats || o->interval))
		return err_say(e, EINVAL, "--stats and --interval need a CONTAINER");
	return argc > 0 ? watch_container(rt, o, argv[0], e) : journal_print(rt, &journal, e);
}

const struct cli_command command_events = {
	.name = "events",
	.arguments = "[CONTAINER]",
	.summary = "Print what happens to launched containers; or statistics of one",
	.details = "Without CONTAINER it prints what happens to all launched containers, until it is interrupted.\n"
		   "With one it prints statistics and out-of-memory events, one JSON document a line, until that\n"
		   "ends.\n",
	.group = CLI_LOOK,
	.options = options_table,
	.options_size = sizeof(struct options),
	.max_args = 1,
	.run = run_events,
};
