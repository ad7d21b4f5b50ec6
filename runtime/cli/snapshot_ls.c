/* snapshot ls, show: the snapshots that there are. */
#include "runtime/snapshot/snapshot.h"

#include "lib/clock.h"
#include "lib/json.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/format.h"
#include "runtime/cli/image.h"
#include "runtime/cli/table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct ls_options {
	const char *format;
	bool quiet;
};

struct show_options {
	const char *format;
};

static const struct cli_option ls_options[] = {
	CLI_OPTION("format", 'f', CLI_STRING, struct ls_options, format, "table|json|names",
		   "print a table, a JSON array, or names alone (default: table)"),
	CLI_OPTION("quiet", 'q', CLI_FLAG, struct ls_options, quiet, NULL, "print names alone"),
	{ 0 },
};

static const struct cli_option show_options[] = {
	CLI_OPTION("format", 'f', CLI_STRING, struct show_options, format, "PATH", "print this alone: .Created"),
	{ 0 },
};

struct found {
	const struct launched *l;
	struct snapshot s;
	const char *dir;
};

static void write_text(struct json_writer *w, const char *key, const char *text)
{
	json_string(w, key, text ? text : "");
}

static void write_snapshot(const struct found *f, struct arena *a, struct json_writer *w)
{
	json_begin_object(w, NULL);
	json_string(w, "Name", arena_printf(a, "%s/%s", f->l->name, f->s.name));
	json_string(w, "Container", f->l->name);
	json_string(w, "Snapshot", f->s.name);
	json_string(w, "Created", f->s.created);
	write_text(w, "Expires", f->s.expires);
	write_text(w, "Description", f->s.description);
	write_text(w, "Parent", f->s.parent);
	json_bool(w, "Memory", f->s.memory);
	json_uint(w, "Size", f->s.bytes);
	json_uint(w, "MemorySize", f->s.memory_bytes);
	json_string(w, "Digest", f->s.digests);
	json_string(w, "Directory", f->dir);
	json_end_object(w);
}

static void print_json(const struct found *found, size_t n, bool pretty, struct arena *a)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct json_writer w = { .out = &out, .pretty = pretty };

	json_begin_array(&w, NULL);
	for (size_t i = 0; i < n; i++)
		write_snapshot(&found[i], a, &w);
	json_end_array(&w);
	puts(buf_text(&out));
}

/* ---- ls ---- */

static const char *expires_text(const char *expires, struct arena *a)
{
	struct timespec t = { 0 };

	if (!expires || !clock_parse(expires, &t))
		return "never";
	int64_t left = (int64_t)t.tv_sec - (int64_t)time(NULL);
	return left > 0 ? arena_printf(a, "in %s", cli_age(left, a)) : "now";
}

static void print_table(const struct found *found, size_t n, struct arena *a)
{
	static const char *const head[] = { "SNAPSHOT", "CREATED", "EXPIRES", "SIZE", "MEMORY", "DESCRIPTION" };
	enum { COLUMNS = sizeof(head) / sizeof(head[0]) };
	cleanup_buf struct buf out = BUF_INIT;
	const char **cells = arena_new_array(a, (n + 1) * COLUMNS, const char *);

	memcpy(cells, head, sizeof(head));
	for (size_t i = 0; i < n; i++) {
		const struct snapshot *s = &found[i].s;
		const char **row = cells + (i + 1) * COLUMNS;
		row[0] = arena_printf(a, "%s/%s", found[i].l->name, s->name);
		row[1] = image_age(s->created, a);
		row[2] = expires_text(s->expires, a);
		row[3] = cli_size(s->bytes, a);
		row[4] = s->memory ? cli_size(s->memory_bytes, a) : "no";
		row[5] = s->description ? s->description : "";
	}
	cli_write_table(&out, cells, COLUMNS, n + 1);
	fputs(buf_text(&out), stdout);
}

static int add_all(struct runtime *rt, const struct launched *l, struct found **all, size_t *n, struct err *e)
{
	cleanup_snapshots struct snapshots s = SNAPSHOTS_INIT;
	struct snapshot *some;
	size_t n_some;

	if (snapshots_open(rt, l, SNAPSHOTS_READ, &s, e) < 0 || snapshots_list(rt, &s, &some, &n_some, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n_some; i++)
		*arena_push(&rt->arena, all, n) = (struct found){
			l, some[i], snapshot_directory(&s, &some[i], &rt->arena) };
	return 0;
}

static int run_ls(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct ls_options *o = options;
	const char *format = o->quiet ? "names" : o->format ? o->format : "table";
	struct launched *containers = arena_new_array(&rt->arena, (size_t)argc, struct launched);
	size_t n_containers = (size_t)argc, n = 0;
	struct found *all = NULL;

	if (strcmp(format, "table") != 0 && strcmp(format, "json") != 0 && strcmp(format, "names") != 0)
		return err_say(e, EINVAL, "invalid --format '%s': use table, json or names", format);
	if (argc == 0 && launched_list(rt, &containers, &n_containers, e) < 0)
		return -e->code;
	for (int i = 0; i < argc; i++)
		if (launched_find(rt, argv[i], &containers[i], e) < 0)
			return -e->code;
	for (size_t i = 0; i < n_containers; i++)
		if (add_all(rt, &containers[i], &all, &n, e) < 0)
			return -e->code;
	if (*format == 'j')
		print_json(all, n, false, &rt->arena);
	else if (*format == 't')
		print_table(all, n, &rt->arena);
	for (size_t i = 0; *format == 'n' && i < n; i++)
		printf("%s/%s\n", all[i].l->name, all[i].s.name);
	return 0;
}

/* ---- show ---- */

static int print_part(const struct found *f, const char *path, struct arena *a, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT, out = BUF_INIT;
	struct json_writer w = { .out = &text };
	struct json doc;

	write_snapshot(f, a, &w);
	if (json_parse(buf_text(&text), text.len, a, &doc, e) < 0 || cli_format(&doc, path, &out, e) < 0)
		return -e->code;
	fputs(buf_text(&out), stdout);
	return 0;
}

static int find(struct runtime *rt, const char *text, struct found *ret, struct err *e)
{
	cleanup_snapshots struct snapshots s = SNAPSHOTS_INIT;
	struct launched *l = arena_new(&rt->arena, struct launched);
	const char *name;

	if (snapshot_split(rt, text, l, &name, e) < 0 || snapshots_open(rt, l, SNAPSHOTS_READ, &s, e) < 0)
		return -e->code;
	ret->l = l;
	if (snapshot_load(rt, &s, name, &ret->s, e) < 0)
		return -e->code;
	ret->dir = snapshot_directory(&s, &ret->s, &rt->arena);
	return 0;
}

static int run_show(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct show_options *o = options;
	struct found *all = arena_new_array(&rt->arena, (size_t)argc, struct found);

	for (int i = 0; i < argc; i++)
		if (find(rt, argv[i], &all[i], e) < 0)
			return -e->code;
	if (!o->format)
		print_json(all, (size_t)argc, true, &rt->arena);
	for (int i = 0; o->format && i < argc; i++)
		if (print_part(&all[i], o->format, &rt->arena, e) < 0)
			return -e->code;
	return 0;
}

const struct cli_command command_snapshot_ls = {
	.name = "snapshot ls",
	.arguments = "[CONTAINER...]",
	.summary = "List the snapshots that there are",
	.details = "The oldest of each container first.\n",
	.group = CLI_CHANGE,
	.options = ls_options,
	.options_size = sizeof(struct ls_options),
	.max_args = -1,
	.run = run_ls,
};

const struct cli_command command_snapshot_show = {
	.name = "snapshot show",
	.arguments = "SNAPSHOT...",
	.summary = "Print all that is known of snapshots as JSON",
	.group = CLI_CHANGE,
	.options = show_options,
	.options_size = sizeof(struct show_options),
	.min_args = 1,
	.max_args = -1,
	.run = run_show,
};
