/* image ls: the images of the store. */
#include "runtime/cli/commands.h"
#include "runtime/cli/image.h"
#include "runtime/cli/table.h"
#include "runtime/images.h"
#include "runtime/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct ls_options {
	const char *format;
	bool quiet, no_trunc, digests;
};

#define OPTION(name, letter, type, field, value, help) \
	CLI_OPTION(name, letter, type, struct ls_options, field, value, help)

static const struct cli_option ls_options[] = {
	OPTION("format", 'f', CLI_STRING, format, "table|json|names",
	       "print a table, a JSON array, or names alone (default: table)"),
	OPTION("quiet", 'q', CLI_FLAG, quiet, NULL, "print ids alone"),
	OPTION("no-trunc", 0, CLI_FLAG, no_trunc, NULL, "print ids in full"),
	OPTION("digests", 0, CLI_FLAG, digests, NULL, "add the digests of the manifests"),
	{ 0 },
};

struct rows {
	const char **cells;
	size_t n; /* of the cells */
};

static void cell(struct arena *a, struct rows *rows, const char *text)
{
	*arena_push(a, &rows->cells, &rows->n) = text;
}

static void add_row(const struct ls_options *o, const struct store_image *image, const char *name, struct arena *a,
		    struct rows *rows)
{
	const char *repository = "<none>", *tag = "<none>";

	if (name)
		image_split_name(name, a, &repository, &tag);
	cell(a, rows, repository);
	cell(a, rows, tag);
	if (o->digests)
		cell(a, rows, image->digest);
	cell(a, rows, image->id ? image_id_text(image->id, o->no_trunc, a) : "<none>");
	cell(a, rows, image->damage ? "damaged" : image_age(image->config.created, a));
	cell(a, rows, cli_size((uint64_t)image->size_bytes, a));
}

static void print_table(const struct ls_options *o, const struct store_image *images, size_t n, struct arena *a)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct rows rows = { 0 };
	size_t columns = o->digests ? 6 : 5;

	cell(a, &rows, "NAME");
	cell(a, &rows, "TAG");
	if (o->digests)
		cell(a, &rows, "DIGEST");
	cell(a, &rows, "IMAGE ID");
	cell(a, &rows, "CREATED");
	cell(a, &rows, "SIZE");
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < images[i].n_names; k++)
			add_row(o, &images[i], images[i].names[k], a, &rows);
		if (!images[i].n_names)
			add_row(o, &images[i], NULL, a, &rows);
	}
	cli_write_table(&out, rows.cells, columns, rows.n / columns);
	fputs(buf_text(&out), stdout);
}

static void print_json(const struct store_image *images, size_t n, struct arena *a)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct json_writer w = { .out = &out };

	json_begin_array(&w, NULL);
	for (size_t i = 0; i < n; i++) {
		json_begin_object(&w, NULL);
		image_write_summary(&w, &images[i], a);
		json_end_object(&w);
	}
	json_end_array(&w);
	puts(buf_text(&out));
}

static void print_names(const struct store_image *images, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < images[i].n_names; k++)
			puts(images[i].names[k]);
}

static void print_ids(const struct ls_options *o, const struct store_image *images, size_t n, struct arena *a)
{
	for (size_t i = 0; i < n; i++)
		if (images[i].id)
			puts(image_id_text(images[i].id, o->no_trunc, a));
}

static void warn_of_damage(const struct store_image *images, size_t n)
{
	for (const struct store_image *i = images; i < images + n; i++)
		if (i->damage)
			log_warn("the image %s is damaged: %s", i->n_names ? i->names[0] : i->digest, i->damage);
}

static int run_ls(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	cleanup_store struct store s = STORE_INIT;
	const struct ls_options *o = options;
	const char *format = o->format ? o->format : "table";
	struct store_image *images = NULL;
	size_t n = 0;

	(void)argc, (void)argv;
	if (strcmp(format, "table") != 0 && strcmp(format, "json") != 0 && strcmp(format, "names") != 0)
		return err_say(e, EINVAL, "invalid --format '%s': use table, json or names", format);
	int r = images_open(rt, false, &s, e);
	if (r >= 0)
		r = store_list(&s, &rt->arena, &images, &n, e);
	/* Where there is no store there are no images, and that is no error. */
	if (r < 0 && (r != -ENOENT || s.dir >= 0))
		return r;
	warn_of_damage(images, n);
	if (o->quiet)
		print_ids(o, images, n, &rt->arena);
	else if (*format == 'j')
		print_json(images, n, &rt->arena);
	else if (*format == 'n')
		print_names(images, n);
	else
		print_table(o, images, n, &rt->arena);
	return 0;
}

const struct cli_command command_image_ls = {
	.name = "image ls",
	.arguments = "",
	.summary = "List the images that there are",
	.group = CLI_IMAGES,
	.stateless = true,
	.options = ls_options,
	.options_size = sizeof(struct ls_options),
	.run = run_ls,
};
