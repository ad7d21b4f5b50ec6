/* template: names for snapshots that are there to be cloned. */
#include "lib/clock.h"
#include "lib/json.h"
#include "runtime/clone/clone.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/format.h"
#include "runtime/cli/image.h"
#include "runtime/cli/snapshot.h"
#include "runtime/cli/table.h"
#include "runtime/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct create_options {
	const char *hook, *description;
};

struct ls_options {
	const char *format;
	bool quiet;
};

static const struct cli_option create_options[] = {
	CLI_OPTION("description", 0, CLI_STRING, struct create_options, description, "TEXT", "what it is for, in a line"),
	CLI_OPTION("hook", 0, CLI_STRING, struct create_options, hook, "PROGRAM",
		   "run this program in each clone, as of 'clone --hook'"),
	{ 0 },
};

static const struct cli_option ls_options[] = {
	CLI_OPTION("format", 'f', CLI_STRING, struct ls_options, format, "table|json|names",
		   "print a table, a JSON array, or names alone (default: table)"),
	CLI_OPTION("quiet", 'q', CLI_FLAG, struct ls_options, quiet, NULL, "print names alone"),
	{ 0 },
};

static const struct cli_option no_options[] = { { 0 } };

/* ---- create ---- */

static int run_create(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct create_options *o = options;
	const struct template t = {
		.name = argv[1],
		.source = argv[0],
		.hook = o->hook,
		.description = o->description,
		.created = arena_strdup(&rt->arena, clock_now_rfc3339().text),
	};

	(void)argc;
	if (snapshot_check_description(o->description, e) < 0)
		return err_wrap(e, "--description");
	if (template_create(rt, &t, e) < 0)
		return -e->code;
	puts(t.name);
	return 0;
}

/* ---- ls ---- */

/* A container may have another name by now. */
static const char *source_text(struct runtime *rt, const struct template *t)
{
	const char *slash = strchr(t->source, '/');
	struct err gone = ERR_INIT;
	struct launched l;

	return launched_find_id(rt, arena_strndup(&rt->arena, t->source, (size_t)(slash - t->source)), &l, &gone) < 0 ?
		       t->source : arena_printf(&rt->arena, "%s%s", l.name, slash);
}

static void print_table(struct runtime *rt, const struct template *all, size_t n)
{
	enum { COLUMNS = 5 };
	const char **cells = arena_new_array(&rt->arena, (n + 1) * COLUMNS, const char *);
	static const char *const heads[COLUMNS] = { "NAME", "SOURCE", "CREATED", "HOOK", "DESCRIPTION" };
	cleanup_buf struct buf out = BUF_INIT;

	memcpy(cells, heads, sizeof(heads));
	for (size_t i = 0; i < n; i++) {
		const char **row = cells + (i + 1) * COLUMNS;
		row[0] = all[i].name;
		row[1] = source_text(rt, &all[i]);
		row[2] = image_age(all[i].created, &rt->arena);
		row[3] = all[i].hook ? all[i].hook : "";
		row[4] = all[i].description ? all[i].description : "";
	}
	cli_write_table(&out, cells, COLUMNS, n + 1);
	fputs(buf_text(&out), stdout);
}

static void print_json(struct runtime *rt, const struct template *all, size_t n)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct json_writer w = { .out = &out, .pretty = true };

	json_begin_array(&w, NULL);
	for (size_t i = 0; i < n; i++) {
		json_begin_object(&w, NULL);
		json_string(&w, "Name", all[i].name);
		json_string(&w, "Source", source_text(rt, &all[i]));
		json_string(&w, "Created", all[i].created);
		json_string(&w, "Hook", all[i].hook ? all[i].hook : "");
		json_string(&w, "Description", all[i].description ? all[i].description : "");
		json_end_object(&w);
	}
	json_end_array(&w);
	puts(buf_text(&out));
}

static int run_ls(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct ls_options *o = options;
	const char *format = o->quiet ? "names" : o->format ? o->format : "table";
	struct template *all;
	size_t n;

	(void)argc, (void)argv;
	if (strcmp(format, "table") != 0 && strcmp(format, "json") != 0 && strcmp(format, "names") != 0)
		return err_say(e, EINVAL, "--format '%s': expected table, json or names", format);
	if (template_list(rt, &all, &n, e) < 0)
		return -e->code;
	if (strcmp(format, "json") == 0)
		print_json(rt, all, n);
	else if (strcmp(format, "table") == 0)
		print_table(rt, all, n);
	for (size_t i = 0; strcmp(format, "names") == 0 && i < n; i++)
		puts(all[i].name);
	return 0;
}

/* ---- rm ---- */

static int run_rm(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	int code = 0;

	(void)options, (void)e;
	for (int i = 0; i < argc; i++) {
		struct err why = ERR_INIT;
		if (template_remove(rt, argv[i], &why) == 0)
			puts(argv[i]);
		else {
			log_error("%s", why.msg);
			code = 1;
		}
	}
	return code;
}

const struct cli_command command_template = {
	.name = "template",
	.arguments = "COMMAND",
	.summary = "Work with names for snapshots that are there to be cloned",
	.group = CLI_CHANGE,
	.stateless = true,
	.options = no_options,
	.family = true,
	.max_args = -1,
};

const struct cli_command command_template_create = {
	.name = "template create",
	.arguments = "SOURCE NAME",
	.summary = "Give a snapshot with memory a name by which 'ferry clone' finds it",
	.details = "The source is as of 'ferry clone'. What its clones share is made, so that the first of them is as\n"
		   "fast as any other.\n",
	.group = CLI_CHANGE,
	.options = create_options,
	.options_size = sizeof(struct create_options),
	.min_args = 2,
	.max_args = 2,
	.run = run_create,
};

const struct cli_command command_template_ls = {
	.name = "template ls",
	.arguments = "",
	.summary = "List templates",
	.group = CLI_CHANGE,
	.options = ls_options,
	.options_size = sizeof(struct ls_options),
	.run = run_ls,
};

const struct cli_command command_template_rm = {
	.name = "template rm",
	.arguments = "TEMPLATE...",
	.summary = "Remove templates; their snapshots and clones stay",
	.group = CLI_CHANGE,
	.options = no_options,
	.min_args = 1,
	.max_args = -1,
	.run = run_rm,
};
