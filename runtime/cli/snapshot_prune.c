/* snapshot prune: removes snapshots that have expired, and with --keep-... all but those. */
#include "runtime/cli/snapshot.h"

#include "runtime/cli/commands.h"
#include "runtime/cli/image.h"
#include "runtime/cli/table.h"
#include "runtime/images.h"
#include "runtime/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct prune_options {
	struct spec_i64 keep[KEEP_KINDS];
	bool dry_run;
};

static const struct cli_option prune_options[] = {
	SNAPSHOT_KEEP_OPTIONS(struct prune_options),
	CLI_OPTION("dry-run", 'n', CLI_FLAG, struct prune_options, dry_run, NULL, "only say what would be removed, and why not"),
	{ 0 },
};

struct pruned {
	const struct launched *l;
	struct snapshot_verdict v;
};

struct pruning {
	struct retention keep;
	bool dry_run;
	time_t now;
	struct pruned *all;
	size_t n;
};

int snapshot_read_keep(const struct spec_i64 *options, struct retention *ret, struct err *e)
{
	struct retention keep = { 0 };

	for (int kind = 0; kind < KEEP_KINDS; kind++) {
		if (!options[kind].set)
			continue;
		if (options[kind].v < 1)
			return err_say(e, EINVAL, "--keep-%s %lld: expected a number from 1 on", keep_name(kind),
				       (long long)options[kind].v);
		keep.keep[kind] = options[kind].v;
	}
	*ret = keep;
	return 0;
}

static int prune_one(struct runtime *rt, struct pruning *p, const struct launched *l, struct err *e)
{
	cleanup_snapshots struct snapshots s = SNAPSHOTS_INIT;
	struct snapshot_verdict *verdicts;
	size_t n;

	if (snapshots_open(rt, l, p->dry_run ? SNAPSHOTS_READ : SNAPSHOTS_CHANGE, &s, e) < 0 ||
	    snapshots_judge(rt, &s, &p->keep, p->now, &verdicts, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++) {
		bool goes = !p->dry_run && snapshot_goes(&verdicts[i]);
		if (goes && snapshot_remove(rt, &s, verdicts[i].s.name, e) < 0)
			return -e->code;
		if (goes)
			printf("%s/%s\n", l->name, verdicts[i].s.name);
		*arena_push(&rt->arena, &p->all, &p->n) = (struct pruned){ l, verdicts[i] };
	}
	return 0;
}

/* ---- what it says ---- */

static const char *reason(const struct snapshot_verdict *v, struct arena *a)
{
	const char *text = "";

	if (v->user && (v->expired || (v->chosen && !v->kept)))
		return arena_printf(a, "keep: there are clones of it, as %s", v->user);
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
		row[0] = arena_printf(a, "%s/%s", p->all[i].l->name, p->all[i].v.s.name);
		row[1] = image_age(p->all[i].v.s.created, a);
		row[2] = reason(&p->all[i].v, a);
	}
	cli_write_table(&out, cells, COLUMNS, p->n + 1);
	fputs(buf_text(&out), stdout);
}

static void print_sum(const struct pruning *p, struct arena *a)
{
	uint64_t bytes = 0;
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++) {
		if (!snapshot_goes(&p->all[i].v))
			continue;
		bytes += p->all[i].v.s.bytes + p->all[i].v.s.memory_bytes;
		n++;
	}
	printf("%s %s: %zu %s\n", p->dry_run ? "Would free" : "Freed", cli_size(bytes, a), n, n == 1 ? "snapshot" : "snapshots");
}

static int run_prune(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct prune_options *o = options;
	struct launched *containers = arena_new_array(&rt->arena, (size_t)argc, struct launched);
	struct pruning p = { .now = time(NULL), .dry_run = o->dry_run };
	size_t n = (size_t)argc;
	int code = 0;

	if (snapshot_read_keep(o->keep, &p.keep, e) < 0 || (argc == 0 && launched_list(rt, &containers, &n, e) < 0))
		return -e->code;
	for (int i = 0; i < argc; i++)
		if (launched_find(rt, argv[i], &containers[i], e) < 0)
			return -e->code;
	if (!o->dry_run && images_enter_userns(rt, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++) {
		struct err why = ERR_INIT;
		if (prune_one(rt, &p, &containers[i], &why) >= 0)
			continue;
		log_error("%s", why.msg);
		code = 1;
	}
	if (o->dry_run)
		print_table(&p, &rt->arena);
	print_sum(&p, &rt->arena);
	return code;
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
