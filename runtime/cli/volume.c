/* volume: the family of commands for directories that outlive containers; create, ls, inspect. */
#include "runtime/cli/volume.h"

#include "lib/clock.h"
#include "lib/json.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/format.h"
#include "runtime/cli/image.h"
#include "runtime/cli/table.h"
#include "runtime/launch/launched_name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

struct create_options {
	struct cli_strings labels;
	const char *driver;
};

struct ls_options {
	struct cli_strings filters;
	const char *format;
	bool quiet;
};

struct inspect_options {
	const char *format;
};

static const struct cli_option create_options[] = {
	CLI_OPTION("label", 'l', CLI_STRINGS, struct create_options, labels, "NAME[=VALUE]", "a label; may be repeated"),
	CLI_OPTION("driver", 'd', CLI_STRING, struct create_options, driver, "local", "there is no other"),
	{ 0 },
};

static const struct cli_option ls_options[] = {
	CLI_OPTION("filter", 0, CLI_STRINGS, struct ls_options, filters, "KEY=VALUE",
		   "only those with this name, label or dangling=true|false"),
	CLI_OPTION("format", 'f', CLI_STRING, struct ls_options, format, "table|json|names",
		   "print a table, a JSON array, or names alone (default: table)"),
	CLI_OPTION("quiet", 'q', CLI_FLAG, struct ls_options, quiet, NULL, "print names alone"),
	{ 0 },
};

static const struct cli_option inspect_options[] = {
	CLI_OPTION("format", 'f', CLI_STRING, struct inspect_options, format, "PATH", "print this alone: .Mountpoint"),
	{ 0 },
};

const char *volume_user_name(struct runtime *rt, const char *dir)
{
	const char *slash = strrchr(dir, '/'), *id = slash ? slash + 1 : dir;

	return launched_name(rt, &(struct launched){ .id = id, .name = id, .dir = dir });
}

const char *volume_user_names(struct runtime *rt, const struct volume *v)
{
	const char *text = "";

	for (size_t i = 0; i < v->n_users; i++)
		text = arena_printf(&rt->arena, "%s%s%s", text, i ? ", " : "", volume_user_name(rt, v->users[i]));
	return text;
}

/* ---- create ---- */

static const char *random_name(struct arena *a, struct err *e)
{
	unsigned char bytes[32];
	const char *name = "";

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return err_set(e, errno, "getrandom"), NULL;
	for (size_t i = 0; i < sizeof(bytes); i++)
		name = arena_printf(a, "%s%02x", name, bytes[i]);
	return name;
}

static int run_create(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct create_options *o = options;
	cleanup_volumes struct volumes all = VOLUMES_INIT;
	struct volume v = {
		.name = argc ? argv[0] : random_name(&rt->arena, e),
		.anonymous = !argc,
		.created = clock_now_rfc3339().text,
	};

	if (!v.name)
		return -e->code;
	if (o->driver && strcmp(o->driver, "local") != 0)
		return err_say(e, ENOTSUP, "--driver '%s': volumes are directories of this machine, 'local'", o->driver);
	for (size_t i = 0; i < o->labels.n; i++) {
		const char *text = o->labels.v[i], *equals = strchr(text, '=');
		if (!*text || equals == text)
			return err_say(e, EINVAL, "--label '%s': expected NAME or NAME=VALUE", text);
		*arena_push(&rt->arena, &v.labels, &v.n_labels) = (struct spec_pair){
			equals ? arena_strndup(&rt->arena, text, (size_t)(equals - text)) : text, equals ? equals + 1 : "" };
	}
	if (volumes_open(rt, true, &all, e) < 0 || volumes_lock(&all, e) < 0 || volume_make(&all, &v, e) < 0)
		return -e->code;
	puts(v.name);
	return 0;
}

/* ---- ls ---- */

bool volume_has_label(const struct volume *v, const char *text)
{
	const char *equals = strchr(text, '=');
	size_t len = equals ? (size_t)(equals - text) : strlen(text);

	for (size_t i = 0; i < v->n_labels; i++)
		if (strlen(v->labels[i].key) == len && strncmp(v->labels[i].key, text, len) == 0 &&
		    (!equals || strcmp(v->labels[i].value, equals + 1) == 0))
			return true;
	return false;
}

/* 1 or 0; -EINVAL for a filter that makes no sense. */
static int is_wanted(const struct volume *v, const struct cli_strings *filters, struct err *e)
{
	bool wanted = true;

	for (size_t i = 0; i < filters->n; i++) {
		const char *text = filters->v[i];
		if (strncmp(text, "name=", 5) == 0)
			wanted &= strstr(v->name, text + 5) != NULL;
		else if (strncmp(text, "label=", 6) == 0)
			wanted &= volume_has_label(v, text + 6);
		else if (strcmp(text, "dangling=true") == 0 || strcmp(text, "dangling=false") == 0)
			wanted &= (v->n_users == 0) == (text[9] == 't');
		else
			return err_say(e, EINVAL,
				       "--filter '%s': expected name=TEXT, label=NAME[=VALUE] or dangling=true|false", text);
	}
	return wanted;
}

static void write_volume(struct runtime *rt, const struct volume *v, struct json_writer *w)
{
	json_begin_object(w, NULL);
	json_string(w, "Name", v->name);
	json_string(w, "Driver", "local");
	json_string(w, "Mountpoint", v->data);
	json_string(w, "CreatedAt", v->created);
	json_begin_object(w, "Labels");
	for (size_t i = 0; i < v->n_labels; i++)
		json_string(w, v->labels[i].key, v->labels[i].value);
	json_end_object(w);
	json_begin_object(w, "Options");
	json_end_object(w);
	json_string(w, "Scope", "local");
	json_bool(w, "Anonymous", v->anonymous);
	json_begin_array(w, "UsedBy");
	for (size_t i = 0; i < v->n_users; i++)
		json_string(w, NULL, volume_user_name(rt, v->users[i]));
	json_end_array(w);
	json_end_object(w);
}

static void print_table(struct runtime *rt, const struct volume *volumes, size_t n)
{
	cleanup_buf struct buf out = BUF_INIT;
	const char **cells = NULL;
	size_t n_cells = 0;

	*arena_push(&rt->arena, &cells, &n_cells) = "NAME";
	*arena_push(&rt->arena, &cells, &n_cells) = "CREATED";
	*arena_push(&rt->arena, &cells, &n_cells) = "USED BY";
	for (size_t i = 0; i < n; i++) {
		*arena_push(&rt->arena, &cells, &n_cells) = volumes[i].name;
		*arena_push(&rt->arena, &cells, &n_cells) = image_age(volumes[i].created, &rt->arena);
		*arena_push(&rt->arena, &cells, &n_cells) = volume_user_names(rt, &volumes[i]);
	}
	cli_write_table(&out, cells, 3, n_cells / 3);
	fputs(buf_text(&out), stdout);
}

static void print_json(struct runtime *rt, const struct volume *volumes, size_t n, const char *path)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct json_writer w = { .out = &out, .pretty = path != NULL };

	json_begin_array(&w, NULL);
	for (size_t i = 0; i < n; i++)
		write_volume(rt, &volumes[i], &w);
	json_end_array(&w);
	puts(buf_text(&out));
}

static int run_ls(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct ls_options *o = options;
	const char *format = o->quiet ? "names" : o->format ? o->format : "table";
	cleanup_volumes struct volumes all = VOLUMES_INIT;
	struct volume *volumes = NULL;
	size_t n = 0, kept = 0;

	(void)argc, (void)argv;
	if (strcmp(format, "table") != 0 && strcmp(format, "json") != 0 && strcmp(format, "names") != 0)
		return err_say(e, EINVAL, "invalid --format '%s': use table, json or names", format);
	/* A filter that makes no sense does not depend on what there is. */
	if (is_wanted(&(struct volume){ .name = "" }, &o->filters, e) < 0)
		return -e->code;
	int r = volumes_open(rt, false, &all, e);
	if (r >= 0)
		r = volumes_list(&all, &rt->arena, &volumes, &n, e);
	if (r < 0 && r != -ENOENT)
		return r;
	for (size_t i = 0; i < n; i++)
		if (is_wanted(&volumes[i], &o->filters, e) > 0)
			volumes[kept++] = volumes[i];
	if (*format == 'j')
		print_json(rt, volumes, kept, NULL);
	else if (*format == 't')
		print_table(rt, volumes, kept);
	for (size_t i = 0; *format == 'n' && i < kept; i++)
		puts(volumes[i].name);
	return 0;
}

/* ---- inspect ---- */

static int print_part(struct runtime *rt, const struct volume *v, const char *path, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT, out = BUF_INIT;
	struct json_writer w = { .out = &text };
	struct json doc;

	write_volume(rt, v, &w);
	if (json_parse(buf_text(&text), text.len, &rt->arena, &doc, e) < 0 || cli_format(&doc, path, &out, e) < 0)
		return -e->code;
	fputs(buf_text(&out), stdout);
	return 0;
}

static int run_inspect(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct inspect_options *o = options;
	cleanup_volumes struct volumes all = VOLUMES_INIT;
	struct volume *volumes = NULL, v;
	size_t n = 0;

	int r = volumes_open(rt, false, &all, e);
	if (r < 0)
		return r == -ENOENT ? err_say(e, ENOENT, "no volume \"%s\"", argv[0]) : r;
	for (int i = 0; i < argc; i++) {
		if (volume_find(&all, argv[i], &rt->arena, &v, e) < 0)
			return -e->code;
		*arena_push(&rt->arena, &volumes, &n) = v;
	}
	if (!o->format)
		print_json(rt, volumes, n, "");
	for (size_t i = 0; o->format && i < n; i++)
		if (print_part(rt, &volumes[i], o->format, e) < 0)
			return -e->code;
	return 0;
}

static const struct cli_option no_options[] = { { 0 } };

const struct cli_command command_volume = {
	.name = "volume",
	.arguments = "COMMAND",
	.summary = "Work with volumes, directories that outlive containers",
	.group = CLI_IMAGES,
	.stateless = true,
	.options = no_options,
	.family = true,
	.max_args = -1,
};

const struct cli_command command_volume_create = {
	.name = "volume create",
	.arguments = "[NAME]",
	.summary = "Make a volume",
	.details = "One that is there stays as it is. Without a name it gets one of 64 digits.\n",
	.group = CLI_IMAGES,
	.stateless = true,
	.options = create_options,
	.options_size = sizeof(struct create_options),
	.max_args = 1,
	.run = run_create,
};

const struct cli_command command_volume_ls = {
	.name = "volume ls",
	.arguments = "",
	.summary = "List the volumes that there are",
	.group = CLI_IMAGES,
	.stateless = true,
	.options = ls_options,
	.options_size = sizeof(struct ls_options),
	.run = run_ls,
};

const struct cli_command command_volume_inspect = {
	.name = "volume inspect",
	.arguments = "VOLUME...",
	.summary = "Print all that is known of volumes as JSON",
	.group = CLI_IMAGES,
	.stateless = true,
	.options = inspect_options,
	.options_size = sizeof(struct inspect_options),
	.min_args = 1,
	.max_args = -1,
	.run = run_inspect,
};
