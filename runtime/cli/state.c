#include "runtime/cli/commands.h"
#include "runtime/container.h"
#include "runtime/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct list_options {
	const char *format;
	bool quiet;
};

static const struct cli_option state_options[] = { { 0 } };

static const struct cli_option list_options[] = {
	CLI_OPTION("format", 'f', CLI_STRING, struct list_options, format, "table|json",
		   "how to print (default: table)"),
	CLI_OPTION("quiet", 'q', CLI_FLAG, struct list_options, quiet, NULL, "print ids alone"),
	{ 0 },
};

static int run_state(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;
	cleanup_buf struct buf out = BUF_INIT;
	enum container_status s;

	(void)options, (void)argc;
	if (container_find(rt, argv[0], false, &c, e) < 0 || container_status(rt, &c, &s, e) < 0)
		return -e->code;
	container_write_state(&c, s, &out, true);
	puts(buf_text(&out));
	return 0;
}

/* A line of the table; its columns are those of runc, wide enough for the longest of each. */
enum { COLUMNS = 6 };
struct row {
	const char *cell[COLUMNS];
};

struct list {
	struct row *rows;
	size_t n;
	struct buf json;
};

static int list_one(struct runtime *rt, const char *id, struct list *l, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;
	enum container_status s;

	if (container_open(rt, id, false, &c, e) < 0 || container_status(rt, &c, &s, e) < 0)
		return -e->code;
	*arena_push(&rt->arena, &l->rows, &l->n) = (struct row){ {
		id,
		arena_printf(&rt->arena, "%d", s == STATUS_STOPPED ? 0 : (int)c.pid),
		container_status_name(s),
		c.bundle ? c.bundle : "",
		c.created ? c.created : "",
		c.owner ? c.owner : "",
	} };
	if (l->n > 1)
		buf_char(&l->json, ',');
	container_write_state(&c, s, &l->json, false);
	return 0;
}

static void print_table(const struct list *l)
{
	static const struct row head = { { "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER" } };
	size_t width[COLUMNS];

	for (size_t i = 0; i < COLUMNS; i++) {
		width[i] = 9;
		for (size_t n = 0; n < l->n; n++)
			if (strlen(l->rows[n].cell[i]) > width[i])
				width[i] = strlen(l->rows[n].cell[i]);
	}
	for (size_t n = 0; n <= l->n; n++) {
		const struct row *r = n == 0 ? &head : &l->rows[n - 1];
		for (size_t i = 0; i + 1 < COLUMNS; i++)
			printf("%-*s", (int)width[i] + 3, r->cell[i]);
		puts(r->cell[COLUMNS - 1]);
	}
}

static int run_list(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct list_options *o = options;
	bool json = o->format && strcmp(o->format, "json") == 0;
	struct list l = { .json = BUF_INIT };
	const char **ids = NULL;
	size_t n = 0;

	(void)argc, (void)argv;
	if (o->format && !json && strcmp(o->format, "table") != 0)
		return err_say(e, EINVAL, "invalid format option \"%s\": use table or json", o->format);
	int r = container_list(rt, &ids, &n, e);
	if (r < 0 && r != -ENOENT)
		return r;
	if (o->quiet) {
		for (size_t i = 0; i < n; i++)
			puts(ids[i]);
		return 0;
	}
	for (size_t i = 0; i < n; i++) {
		struct err why = ERR_INIT;
		r = list_one(rt, ids[i], &l, &why);
		/* One may have been deleted meanwhile; and one that cannot be read must not hide the others. */
		if (r < 0 && r != -ENOENT)
			log_warn("load container %s: %s", ids[i], why.msg);
	}
	if (json)
		printf("[%s]\n", buf_text(&l.json));
	else
		print_table(&l);
	buf_finish(&l.json);
	return 0;
}

const struct cli_command command_state = {
	.name = "state",
	.arguments = "CONTAINER",
	.summary = "Print the state of a container as JSON",
	.group = CLI_LOOK,
	.options = state_options,
	.min_args = 1,
	.max_args = 1,
	.run = run_state,
};

const struct cli_command command_list = {
	.name = "list",
	.arguments = "",
	.summary = "List the containers below the state root",
	.group = CLI_LOOK,
	.options = list_options,
	.options_size = sizeof(struct list_options),
	.run = run_list,
};
