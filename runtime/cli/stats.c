/* stats: what containers use, now and again. */
#include "runtime/cli/commands.h"
#include "runtime/cli/containers.h"
#include "runtime/cli/table.h"
#include "runtime/container.h"
#include "runtime/log.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <time.h>

struct options {
	const char *format, *interval;
	bool no_stream, all;
};

#define OPTION(name, letter, type, field, value, help) \
	CLI_OPTION(name, letter, type, struct options, field, value, help)

static const struct cli_option options_table[] = {
	OPTION("all", 'a', CLI_FLAG, all, NULL, "show containers that do not run, too"),
	OPTION("format", 0, CLI_STRING, format, "table|json", "how to print (default: table)"),
	OPTION("interval", 0, CLI_STRING, interval, "TIME", "time between two looks (default: 1s)"),
	OPTION("no-stream", 0, CLI_FLAG, no_stream, NULL, "look once and end"),
	{ 0 },
};

/* One container at one moment. */
struct sample {
	const char *id, *name;
	bool runs;
	int64_t time_us;
	double cpu_percent; /* of one processor; below 0: unknown */
	struct cgroup_stats s;
};

struct round {
	struct runtime rt; /* with an arena of its own, so that a long look does not grow */
	struct sample *samples;
	size_t n, n_running;
};

static double cpu_percent(const struct sample *now, const struct round *before)
{
	for (size_t i = 0; i < before->n; i++) {
		const struct sample *then = &before->samples[i];
		if (strcmp(then->id, now->id) != 0 || !then->runs || !then->s.cpu.set || !now->s.cpu.set ||
		    now->time_us <= then->time_us || now->s.cpu.usage_us < then->s.cpu.usage_us)
			continue;
		return 100.0 * (double)(now->s.cpu.usage_us - then->s.cpu.usage_us) /
		       (double)(now->time_us - then->time_us);
	}
	return -1;
}

/* One that ends while it is looked at does not run. */
static int look(struct runtime *rt, const struct cli_container *c, const struct round *before, struct sample *ret,
		struct err *e)
{
	cleanup_container struct container oci = CONTAINER_INIT;
	cleanup_close int cgroup = -1;
	struct sample s = { .id = c->l.id, .name = c->l.name, .runs = c->status.pid != 0, .cpu_percent = -1 };
	int r = 0;

	if (s.runs)
		r = container_open(rt, c->l.id, false, &oci, e);
	if (s.runs && r == 0)
		r = container_cgroup(rt, &oci, &cgroup, e);
	if (r == 0 && cgroup >= 0)
		r = cgroup_stats(cgroup, &rt->arena, &s.s, e);
	if (r == -ENOENT || r == -ENODEV)
		s.runs = false;
	else if (r < 0)
		return err_wrap(e, "container '%s'", c->l.name);
	s.time_us = clock_us();
	s.cpu_percent = cpu_percent(&s, before);
	*ret = s;
	return 0;
}

struct look_at {
	const struct round *before;
	struct round *now;
	bool all;
};

static int look_at_one(struct runtime *rt, const struct cli_container *c, void *to, struct err *e)
{
	struct look_at *l = to;
	struct sample s;

	if (look(rt, c, l->before, &s, e) < 0)
		return -e->code;
	l->now->n_running += s.runs;
	if (s.runs || l->all)
		*arena_push(&rt->arena, &l->now->samples, &l->now->n) = s;
	return 0;
}

/* ---- what is printed ---- */

static uint64_t stat_value(const struct sample *s, const char *key)
{
	for (size_t i = 0; i < s->s.memory.n_stat; i++)
		if (strcmp(s->s.memory.stat[i].key, key) == 0)
			return strtoull(s->s.memory.stat[i].value, NULL, 10);
	return 0;
}

/* Without the files in the page cache that nobody has used lately: they are given back when memory is wanted. */
static uint64_t memory_usage(const struct sample *s)
{
	uint64_t idle = stat_value(s, "inactive_file");

	return s->s.memory.current_bytes > idle ? s->s.memory.current_bytes - idle : 0;
}

static uint64_t memory_limit(const struct sample *s)
{
	struct sysinfo host;
	uint64_t all = sysinfo(&host) == 0 ? (uint64_t)host.totalram * host.mem_unit : UINT64_MAX;

	return s->s.memory.max_bytes < all ? s->s.memory.max_bytes : all;
}

static double memory_percent(const struct sample *s)
{
	uint64_t limit = memory_limit(s);

	return limit ? 100.0 * (double)memory_usage(s) / (double)limit : 0;
}

static void io_bytes(const struct sample *s, uint64_t *ret_read, uint64_t *ret_written)
{
	*ret_read = *ret_written = 0;
	for (size_t i = 0; i < s->s.io.n_devices; i++) {
		*ret_read += s->s.io.devices[i].rbytes;
		*ret_written += s->s.io.devices[i].wbytes;
	}
}

static const char *pressure_text(const struct cgroup_pressure *p, struct arena *a)
{
	return p->set ? arena_printf(a, "%.1f", p->some_avg10) : "-";
}

enum { COLUMNS = 7 };

static void add_row(const struct sample *s, struct arena *a, const char ***cells, size_t *n)
{
	uint64_t read, written;

	io_bytes(s, &read, &written);
	const char *row[COLUMNS] = {
		s->name,
		s->cpu_percent < 0 ? "-" : arena_printf(a, "%.2f%%", s->cpu_percent),
		!s->s.memory.set ? "-" : arena_printf(a, "%s / %s", cli_size(memory_usage(s), a),
						      cli_size(memory_limit(s), a)),
		!s->s.memory.set ? "-" : arena_printf(a, "%.2f%%", memory_percent(s)),
		!s->s.io.set ? "-" : arena_printf(a, "%s / %s", cli_size(read, a), cli_size(written, a)),
		!s->s.pids.set ? "-" : arena_printf(a, "%llu", (unsigned long long)s->s.pids.current),
		arena_printf(a, "%s / %s / %s", pressure_text(&s->s.cpu.pressure, a),
			     pressure_text(&s->s.memory.pressure, a), pressure_text(&s->s.io.pressure, a)),
	};
	for (size_t i = 0; i < COLUMNS; i++)
		*arena_push(a, cells, n) = row[i];
}

static void write_table(struct round *r, struct buf *out)
{
	static const char *const head[COLUMNS] = {
		"NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "BLOCK I/O", "PIDS", "PRESSURE CPU / MEM / IO",
	};
	const char **cells = NULL;
	size_t n = 0;

	for (size_t i = 0; i < COLUMNS; i++)
		*arena_push(&r->rt.arena, &cells, &n) = head[i];
	for (size_t i = 0; i < r->n; i++)
		add_row(&r->samples[i], &r->rt.arena, &cells, &n);
	cli_write_table(out, cells, COLUMNS, r->n + 1);
}

/* What the host does not count is left out. */
static void write_object(const struct sample *s, struct buf *out)
{
	const struct {
		const char *key;
		const struct cgroup_pressure *p;
	} pressures[] = {
		{ "Cpu", &s->s.cpu.pressure }, { "Memory", &s->s.memory.pressure }, { "Io", &s->s.io.pressure },
	};
	struct json_writer w = { .out = out };
	uint64_t read, written;

	json_begin_object(&w, NULL);
	json_string(&w, "Id", s->id);
	json_string(&w, "Name", s->name);
	json_bool(&w, "Running", s->runs);
	if (s->s.cpu.set)
		json_uint(&w, "CpuUsec", s->s.cpu.usage_us);
	if (s->cpu_percent >= 0)
		json_double(&w, "CpuPercent", s->cpu_percent);
	if (s->s.memory.set) {
		json_uint(&w, "MemoryUsage", memory_usage(s));
		json_uint(&w, "MemoryLimit", memory_limit(s));
		json_double(&w, "MemoryPercent", memory_percent(s));
	}
	if (s->s.io.set) {
		io_bytes(s, &read, &written);
		json_uint(&w, "IoRead", read);
		json_uint(&w, "IoWritten", written);
	}
	if (s->s.pids.set)
		json_uint(&w, "Pids", s->s.pids.current);
	json_begin_object(&w, "Pressure");
	for (size_t i = 0; i < sizeof(pressures) / sizeof(pressures[0]); i++)
		if (pressures[i].p->set)
			json_double(&w, pressures[i].key, pressures[i].p->some_avg10);
	json_end_object(&w);
	json_end_object(&w);
	buf_char(out, '\n');
}

static int print_round(struct round *r, bool json, bool redraw, struct err *e)
{
	cleanup_buf struct buf out = BUF_INIT;

	if (redraw)
		buf_str(&out, "\033[H\033[J");
	for (size_t i = 0; json && i < r->n; i++)
		write_object(&r->samples[i], &out);
	if (!json)
		write_table(r, &out);
	fputs(buf_text(&out), stdout);
	return fflush(stdout) == 0 ? 0 : err_set(e, errno, "write to standard output");
}

static void sleep_ms(int64_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* Names that are wrong are said once, not at each look. Returns how many are left. */
static int keep_known(struct runtime *rt, int argc, char **argv)
{
	int kept = 0;

	for (int i = 0; i < argc; i++) {
		struct cli_container ignored;
		struct err why = ERR_INIT;
		if (cli_container(rt, argv[i], &ignored, &why) == 0)
			argv[kept++] = argv[i];
		else
			log_error("%s", why.msg);
	}
	return kept;
}

static void begin(struct round *r, const struct runtime *rt)
{
	*r = (struct round){ .rt = *rt };
	r->rt.arena = ARENA_INIT;
}

static int run_stats(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	enum { FIRST_MS = 200 }; /* the first look tells nothing of the use of processors: the second follows soon */
	const struct options *o = options;
	bool json = o->format && strcmp(o->format, "json") == 0;
	int64_t interval_ms = 1000;
	struct round before, now;
	int r = 0, n_names = argc;

	if (o->format && !json && strcmp(o->format, "table") != 0)
		return err_say(e, EINVAL, "invalid format option \"%s\": use table or json", o->format);
	if (o->interval && cli_duration_ms(o->interval, &interval_ms, e) < 0)
		return err_wrap(e, "--interval");
	if (interval_ms <= 0)
		return err_say(e, EINVAL, "--interval must be more than nothing");
	begin(&before, rt);
	for (int looks = 0;; looks++) {
		begin(&now, rt);
		struct look_at l = { .before = &before, .now = &now, .all = o->all || argc > 0 };
		n_names = keep_known(&now.rt, n_names, argv);
		if (argc == 0 || n_names > 0)
			r = cli_each_container(&now.rt, n_names, argv, look_at_one, &l, e);
		bool redraw = !o->no_stream && !json && isatty(1);
		if (r >= 0 && looks > 0 && print_round(&now, json, redraw, e) < 0)
			r = -e->code;
		arena_finish(&before.rt.arena);
		before = now;
		/* Those that were named and have ended will not come back; of all there may be new ones. */
		bool ended = argc > 0 && (n_names == 0 || (looks > 0 && now.n_running == 0));
		if (r < 0 || ended || (looks > 0 && o->no_stream))
			break;
		sleep_ms(looks == 0 && interval_ms > FIRST_MS ? FIRST_MS : interval_ms);
	}
	arena_finish(&before.rt.arena);
	return r < 0 ? r : n_names < argc;
}

const struct cli_command command_stats = {
	.name = "stats",
	.arguments = "[CONTAINER...]",
	.summary = "Show what containers use, live",
	.details = "Without names it shows all that run. On a terminal the table is drawn anew each time. What the\n"
		   "kernel does not count on this machine is a dash. Pressure is the part of the last ten seconds in\n"
		   "which some of the container's processes waited, in percent.\n",
	.group = CLI_LOOK,
	.options = options_table,
	.options_size = sizeof(struct options),
	.max_args = -1,
	.run = run_stats,
};
