/* snapshot prune: removes snapshots that have expired, and with --keep-... all but those. */
#include "runtime/snapshot/snapshot.h"

#include "lib/clock.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/image.h"
#include "runtime/cli/table.h"
#include "runtime/images.h"
#include "runtime/snapshot/retention.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct prune_options {
	struct spec_i64 keep[KEEP_KINDS];
	bool dry_run;
};

#define KEEP(kind, name, help) CLI_OPTION(name, 0, CLI_INT, struct prune_options, keep[kind], "N", help)
static const struct cli_option prune_options[] = {
	KEEP(KEEP_LAST, "keep-last", "keep the newest N of each container"),
	KEEP(KEEP_HOURLY, "keep-hourly", "keep the newest of each of the last N hours that have any"),
	KEEP(KEEP_DAILY, "keep-daily", "the same for days, which begin at midnight of UTC"),
	KEEP(KEEP_WEEKLY, "keep-weekly", "the same for weeks, which begin on Mondays"),
	KEEP(KEEP_MONTHLY, "keep-monthly", "the same for months"),
	KEEP(KEEP_YEARLY, "keep-yearly", "the same for years"),
	CLI_OPTION("dry-run", 'n', CLI_FLAG, struct prune_options, dry_run, NULL, "only say what would be removed, and why not"),
	{ 0 },
};

/* One snapshot, and what becomes of it. */
struct verdict {
	const struct launched *l;
	struct snapshot s;
	bool expired, chosen; /* chosen: the options say of how many are kept */
	unsigned kept; /* bits 1 << KEEP_* */
};

struct pruning {
	struct retention keep;
	bool chosen;
	time_t now;
	struct verdict *all;
	size_t n;
};

static int read_options(const struct prune_options *o, struct pruning *p, struct err *e)
{
	for (int kind = 0; kind < KEEP_KINDS; kind++) {
		if (!o->keep[kind].set)
			continue;
		if (o->keep[kind].v < 1)
			return err_say(e, EINVAL, "--keep-%s %lld: expected a number from 1 on", keep_name(kind),
				       (long long)o->keep[kind].v);
		p->keep.keep[kind] = o->keep[kind].v;
		p->chosen = true;
	}
	return 0;
}

static bool goes(const struct verdict *v)
{
	return v->expired || (v->chosen && !v->kept);
}

/* Both times have been checked when they were read. */
static time_t seconds(const char *time)
{
	struct timespec t = { 0 };

	clock_parse(time, &t);
	return t.tv_sec;
}

static bool has_expired(const struct snapshot *s, time_t now)
{
	return s->expires && seconds(s->expires) <= now;
}

/* Those of one container, the newest first; what has expired is no reason to remove another. */
static int judge(struct runtime *rt, struct pruning *p, const struct launched *l, const struct snapshots *s,
		 struct err *e)
{
	struct snapshot *all;
	size_t n, left = 0, first = p->n;

	if (snapshots_list(rt, s, &all, &n, e) < 0)
		return -e->code;
	time_t *times = arena_new_array(&rt->arena, n, time_t);
	unsigned *why = arena_new_array(&rt->arena, n, unsigned);
	for (size_t i = n; i-- > 0;) {
		struct verdict v = { l, all[i], has_expired(&all[i], p->now), p->chosen, 0 };
		if (!v.expired)
			times[left++] = seconds(all[i].created);
		*arena_push(&rt->arena, &p->all, &p->n) = v;
	}
	retention_apply(&p->keep, times, left, why);
	for (size_t i = first, at = 0; i < p->n; i++)
		if (!p->all[i].expired)
			p->all[i].kept = why[at++];
	return 0;
}

static int prune_one(struct runtime *rt, struct pruning *p, const struct launched *l, bool dry_run, struct err *e)
{
	cleanup_snapshots struct snapshots s = SNAPSHOTS_INIT;
	size_t first = p->n;

	if (snapshots_open(rt, l, dry_run ? SNAPSHOTS_READ : SNAPSHOTS_CHANGE, &s, e) < 0 || judge(rt, p, l, &s, e) < 0)
		return -e->code;
	for (size_t i = first; !dry_run && i < p->n; i++) {
		if (!goes(&p->all[i]))
			continue;
		if (snapshot_remove(rt, &s, p->all[i].s.name, e) < 0)
			return -e->code;
		printf("%s/%s\n", l->name, p->all[i].s.name);
	}
	return 0;
}

/* ---- what it says ---- */

static const char *reason(const struct verdict *v, struct arena *a)
{
	const char *text = "";

	if (v->expired)
		return "remove: it has expired";
	if (!v->chosen)
		return "keep";
	if (!v->kept)
		return "remove";
	for (int kind = 0; kind < KEEP_KINDS; kind++)
		if (v->kept & 1U << kind)
			text = arena_printf(a, "%s%s%s", text, *text ? ", " : "", keep_name(kind));
	return arena_printf(a, "keep: %s", text);
}

static void print_table(const struct pruning *p, struct arena *a)
{
	enum { COLUMNS = 3 };
	cleanup_buf struct buf out = BUF_INIT;
	const char **cells = arena_new_array(a, (p->n + 1) * COLUMNS, const char *);

	cells[0] = "SNAPSHOT";
	cells[1] = "CREATED";
	cells[2] = "WHAT BECOMES OF IT";
	for (size_t i = 0; i < p->n; i++) {
		const char **row = cells + (i + 1) * COLUMNS;
		row[0] = arena_printf(a, "%s/%s", p->all[i].l->name, p->all[i].s.name);
		row[1] = image_age(p->all[i].s.created, a);
		row[2] = reason(&p->all[i], a);
	}
	cli_write_table(&out, cells, COLUMNS, p->n + 1);
	fputs(buf_text(&out), stdout);
}

static void print_sum(const struct pruning *p, bool dry_run, struct arena *a)
{
	uint64_t bytes = 0;
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (!goes(&p->all[i]))
			continue;
		bytes += p->all[i].s.bytes;
		n++;
	}
	printf("%s %s: %zu %s\n", dry_run ? "Would free" : "Freed", cli_size(bytes, a), n, n == 1 ? "snapshot" : "snapshots");
}

static int run_prune(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct prune_options *o = options;
	struct launched *containers = arena_new_array(&rt->arena, (size_t)argc, struct launched);
	struct pruning p = { .now = time(NULL) };
	size_t n = (size_t)argc;

	if (read_options(o, &p, e) < 0 || (argc == 0 && launched_list(rt, &containers, &n, e) < 0))
		return -e->code;
	for (int i = 0; i < argc; i++)
		if (launched_find(rt, argv[i], &containers[i], e) < 0)
			return -e->code;
	if (!o->dry_run && images_enter_userns(rt, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		if (prune_one(rt, &p, &containers[i], o->dry_run, e) < 0)
			return -e->code;
	if (o->dry_run)
		print_table(&p, &rt->arena);
	print_sum(&p, o->dry_run, &rt->arena);
	return 0;
}

const struct cli_command command_snapshot_prune = {
	.name = "snapshot prune",
	.arguments = "[CONTAINER...]",
	.summary = "Remove snapshots that have expired, or that need not be kept",
	.details = "With one or more of --keep-..., those that none of them keeps are removed, of each container for itself.\n",
	.group = CLI_CHANGE,
	.options = prune_options,
	.options_size = sizeof(struct prune_options),
	.max_args = -1,
	.run = run_prune,
};
