/* snapshot schedule, run: snapshots that are made by themselves. */
#include "runtime/cli/snapshot.h"

#include "lib/clock.h"
#include "runtime/cli/commands.h"
#include "runtime/images.h"
#include "runtime/log.h"
#include "runtime/snapshot/schedule.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct schedule_options {
	struct spec_i64 keep[KEEP_KINDS];
	const char *expire;
	bool memory;
};

static const struct cli_option schedule_options[] = {
	CLI_OPTION("expire", 0, CLI_STRING, struct schedule_options, expire, "TIME", "each goes when it is that old: \"1d 2w\""),
	CLI_OPTION("memory", 0, CLI_FLAG, struct schedule_options, memory, NULL, "keep the memory of its processes, too"),
	SNAPSHOT_KEEP_OPTIONS(struct schedule_options),
	{ 0 },
};

static const struct cli_option no_options[] = { { 0 } };

/* ---- schedule ---- */

static bool has_settings(const struct schedule_options *o)
{
	for (int kind = 0; kind < KEEP_KINDS; kind++)
		if (o->keep[kind].set)
			return true;
	return o->expire || o->memory;
}

/* "@daily, expire 2w, keep-last 7: next at 2026-11-23T00:00:00Z" */
static int print_timetable(struct runtime *rt, const struct launched *l, struct err *e)
{
	cleanup_snapshots struct snapshots s = SNAPSHOTS_INIT;
	struct snapshot_timetable t;
	time_t next;

	if (snapshots_open(rt, l, SNAPSHOTS_READ, &s, e) < 0)
		return -e->code;
	int r = timetable_load(rt, &s, &t, e);
	if (r == -ENOENT) {
		puts("never");
		return 0;
	}
	if (r < 0)
		return r;
	printf("%s%s", t.schedule, t.memory ? ", memory" : "");
	if (t.expire)
		printf(", expire %s", t.expire);
	for (int kind = 0; kind < KEEP_KINDS; kind++)
		if (t.keep.keep[kind])
			printf(", keep-%s %lld", keep_name(kind), (long long)t.keep.keep[kind]);
	if (timetable_next(&t, &next))
		printf(": next at %.19sZ", clock_rfc3339((struct timespec){ .tv_sec = next }).text);
	putchar('\n');
	return 0;
}

static int read_timetable(struct runtime *rt, const struct schedule_options *o, const char *text,
			  struct snapshot_timetable *ret, struct err *e)
{
	struct snapshot_timetable t = { .schedule = text, .expire = o->expire, .memory = o->memory };
	struct schedule schedule;
	time_t ignored;

	if (schedule_parse(text, &schedule, e) < 0 || snapshot_read_keep(o->keep, &t.keep, e) < 0)
		return -e->code;
	if (o->expire && expiry_after(o->expire, time(NULL), &ignored, e) < 0)
		return err_wrap(e, "--expire");
	if (o->memory && rt->rootless)
		return err_say(e, EPERM, "--memory: criu, by which it is saved, needs this machine's root");
	t.last = arena_strdup(&rt->arena, clock_now_rfc3339().text);
	if (!timetable_next(&t, &ignored))
		return err_say(e, EINVAL, "invalid schedule '%s': there is no such day", text);
	*ret = t;
	return 0;
}

static int run_schedule(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct schedule_options *o = options;
	cleanup_snapshots struct snapshots s = SNAPSHOTS_INIT;
	bool never = argc > 1 && strcmp(argv[1], "never") == 0;
	struct snapshot_timetable t;
	struct snapshot ignored = { 0 };
	struct launched l;

	if (argc > 1 && !never && read_timetable(rt, o, argv[1], &t, e) < 0)
		return -e->code;
	if ((argc < 2 || never) && has_settings(o))
		return err_say(e, EINVAL, "--expire, --memory and --keep-... are for a new schedule: say which");
	if (launched_find(rt, argv[0], &l, e) < 0)
		return -e->code;
	if (argc < 2)
		return print_timetable(rt, &l, e);
	if (!never && snapshot_find_files(rt, &l, &ignored, e) < 0)
		return -e->code;
	if (images_enter_userns(rt, e) < 0 || snapshots_open(rt, &l, never ? SNAPSHOTS_CHANGE : SNAPSHOTS_MAKE, &s, e) < 0)
		return -e->code;
	return s.dir < 0 ? 0 : timetable_save(&s, never ? NULL : &t, e);
}

/* ---- run ---- */

static int prune(struct runtime *rt, const struct snapshots *s, const struct retention *keep, time_t now, struct err *e)
{
	struct snapshot_verdict *verdicts;
	size_t n;

	if (snapshots_judge(rt, s, keep, now, &verdicts, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		if (snapshot_goes(&verdicts[i]) && snapshot_remove(rt, s, verdicts[i].s.name, e) < 0)
			return -e->code;
	return 0;
}

static int make(struct runtime *rt, const struct launched *l, const struct snapshot_timetable *t, time_t now, struct err *e)
{
	struct snapshot_request r = { .no_memory = !t->memory };
	const char *name;

	if (snapshot_expires(t->expire, now, &rt->arena, &r.expires, e) < 0 || snapshot_create(rt, l, &r, &name, e) < 0)
		return -e->code;
	printf("%s/%s\n", l->name, name);
	return 0;
}

/* 1: it has a schedule, and by that one is due. */
static int is_due(struct runtime *rt, const struct launched *l, time_t now, struct snapshot_timetable *t, struct err *e)
{
	cleanup_snapshots struct snapshots s = SNAPSHOTS_INIT;
	struct launched_status status;
	time_t next;

	if (snapshots_open(rt, l, SNAPSHOTS_READ, &s, e) < 0)
		return -e->code;
	int r = timetable_load(rt, &s, t, e);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (!timetable_next(t, &next) || next > now)
		return 0;
	/* What does not run writes nothing. */
	return launched_status(rt, l, &status, e) < 0 ? -e->code : status.pid != 0;
}

static int run_one(struct runtime *rt, const struct launched *l, time_t now, struct err *e)
{
	cleanup_snapshots struct snapshots s = SNAPSHOTS_INIT;
	struct snapshot_timetable t;

	int r = is_due(rt, l, now, &t, e);
	if (r <= 0)
		return r;
	if (make(rt, l, &t, now, e) < 0 || snapshots_open(rt, l, SNAPSHOTS_CHANGE, &s, e) < 0)
		return -e->code;
	/* It may have been changed meanwhile. */
	if ((r = timetable_load(rt, &s, &t, e)) < 0)
		return r == -ENOENT ? 0 : r;
	t.last = arena_strdup(&rt->arena, clock_rfc3339((struct timespec){ .tv_sec = now }).text);
	return timetable_save(&s, &t, e) < 0 ? -e->code : prune(rt, &s, &t.keep, now, e);
}

/* Whether there is a schedule or not. */
static int remove_expired(struct runtime *rt, const struct launched *l, time_t now, struct err *e)
{
	const struct retention none = { 0 };
	cleanup_snapshots struct snapshots s = SNAPSHOTS_INIT;

	return snapshots_open(rt, l, SNAPSHOTS_CHANGE, &s, e) < 0 ? -e->code : prune(rt, &s, &none, now, e);
}

static int run_run(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	struct launched *all;
	time_t now = time(NULL);
	int code = 0;
	size_t n;

	(void)options, (void)argc, (void)argv;
	if (launched_list(rt, &all, &n, e) < 0 || images_enter_userns(rt, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++) {
		struct err why = ERR_INIT;
		if (remove_expired(rt, &all[i], now, &why) >= 0 && run_one(rt, &all[i], now, &why) >= 0)
			continue;
		log_error("%s", why.msg);
		code = 1;
	}
	return code;
}

const struct cli_command command_snapshot_schedule = {
	.name = "snapshot schedule",
	.arguments = "CONTAINER [SCHEDULE]",
	.summary = "Have snapshots of a container made by themselves, or say when they are",
	.details = "SCHEDULE is @hourly, @daily, @weekly, @monthly, @yearly, the five words of cron in UTC, or never.\n"
		   "It needs the unit ferry-snapshot.timer, or 'snapshot run' every minute.\n",
	.group = CLI_CHANGE,
	.options = schedule_options,
	.options_size = sizeof(struct schedule_options),
	.min_args = 1,
	.max_args = 2,
	.run = run_schedule,
};

const struct cli_command command_snapshot_run = {
	.name = "snapshot run",
	.arguments = "",
	.summary = "Make the snapshots that are due by their schedules, and remove what has expired",
	.details = "Those of containers that run. The unit ferry-snapshot.timer calls it.\n",
	.group = CLI_CHANGE,
	.options = no_options,
	.run = run_run,
};
