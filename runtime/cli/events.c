/* events: statistics and out-of-memory events of a container, in the JSON that runc prints and engines read. */
#include "runtime/cli/event_stats.h"

#include "runtime/cli/commands.h"
#include "runtime/container.h"

#include "lib/fd.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>

struct options {
	const char *interval;
	bool stats;
};

static const struct cli_option options_table[] = {
	CLI_OPTION("interval", 0, CLI_STRING, struct options, interval, "TIME",
		   "time between two lines of statistics (default: 5s)"),
	CLI_OPTION("stats", 0, CLI_FLAG, struct options, stats, NULL, "print one line of statistics and end"),
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

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int follow(struct watch *w, int64_t interval_ms, struct err *e)
{
	int64_t next = now_ms() + interval_ms;
	int r = w->memory >= 0 ? print_oom(w, false, e) : 0;

	while (r >= 0) {
		struct pollfd p[] = { { .fd = w->process, .events = POLLIN }, { .fd = w->memory, .events = POLLPRI } };
		int64_t left = next - now_ms();
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
		if (r >= 0 && now_ms() >= next) {
			r = print_stats(w, e);
			next = now_ms() + interval_ms;
		}
	}
	/* Its cgroup goes with the container. */
	return r == -ENOENT || r == -ENODEV ? 0 : r;
}

static int run_events(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;
	cleanup_close int cgroup = -1, process = -1, memory = -1;
	const struct options *o = options;
	int64_t interval_ms = 5000;
	enum container_status s;
	int r;

	(void)argc;
	if (o->interval && (r = cli_duration_ms(o->interval, &interval_ms, e)) < 0)
		return err_wrap(e, "--interval");
	if (interval_ms <= 0)
		return err_say(e, EINVAL, "duration interval must be greater than 0");
	r = container_find(rt, argv[0], false, &c, e);
	if (r >= 0)
		r = container_status(rt, &c, &s, e);
	if (r < 0)
		return r;
	if (s == STATUS_STOPPED || s == STATUS_CREATING)
		return err_say(e, EINVAL, "container with id %s is not running", argv[0]);
	r = container_cgroup(rt, &c, &cgroup, e);
	if (r < 0)
		return r;
	if (cgroup < 0)
		return err_say(e, ENOTSUP, "the container has no cgroup of its own, so there are no statistics of it");

	struct watch w = { .id = argv[0], .cgroup = cgroup, .process = -1, .memory = -1 };
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

const struct cli_command command_events = {
	.name = "events",
	.arguments = "CONTAINER",
	.summary = "Print statistics and out-of-memory events of a container",
	.details = "Prints one JSON document a line until the container ends.\n",
	.group = CLI_LOOK,
	.options = options_table,
	.options_size = sizeof(struct options),
	.min_args = 1,
	.max_args = 1,
	.run = run_events,
};
