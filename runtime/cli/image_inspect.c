/* image inspect, history, tag: one image, closely. */
#include "runtime/cli/commands.h"
#include "runtime/cli/format.h"
#include "runtime/cli/image.h"
#include "runtime/cli/table.h"
#include "runtime/images.h"
#include "runtime/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct inspect_options {
	const char *format;
	bool manifest;
};

struct history_options {
	const char *format;
	bool no_trunc;
};

static const struct cli_option inspect_options[] = {
	CLI_OPTION("format", 'f', CLI_STRING, struct inspect_options, format, "PATH",
		   "print one part of each: .Config.Env, .RootFS.Layers[0]"),
	CLI_OPTION("manifest", 0, CLI_FLAG, struct inspect_options, manifest, NULL,
		   "print the manifest as it is, byte for byte: what a signature is of"),
	{ 0 },
};

static const struct cli_option history_options[] = {
	CLI_OPTION("format", 0, CLI_STRING, struct history_options, format, "table|json",
		   "print a table or a JSON array (default: table)"),
	CLI_OPTION("no-trunc", 0, CLI_FLAG, struct history_options, no_trunc, NULL, "print everything in full"),
	{ 0 },
};

static const struct cli_option no_options[] = { { 0 } };

/* ---- inspect ---- */

static void write_layers(struct json_writer *w, const struct store *s, const struct store_image *image, struct arena *a)
{
	json_begin_array(w, "Layers");
	for (size_t i = 0; i < image->manifest.n_layers; i++) {
		const struct image_descriptor *layer = &image->manifest.layers[i];
		json_begin_object(w, NULL);
		json_string(w, "Digest", layer->digest);
		json_string(w, "DiffId", image->config.diff_ids[i]);
		json_string(w, "MediaType", layer->media_type);
		json_int(w, "Size", layer->size_bytes);
		json_string(w, "Path", store_layer_path(s, image->config.diff_ids[i], a));
		json_end_object(w);
	}
	json_end_array(w);
}

/* Config is what the image's own document has, members that are unknown here, too. */
static int write_image(const struct store *s, const struct store_image *image, struct arena *a, struct json_writer *w,
		       struct err *e)
{
	const struct image_config *c = &image->config;
	struct store_user *users = NULL;
	const struct json *config;
	struct json doc;
	const char *text;
	size_t len, n = 0;

	if (store_read(s, image->id, a, &text, &len, e) < 0 || json_parse(text, len, a, &doc, e) < 0 ||
	    store_users(s, a, &users, &n, e) < 0)
		return -e->code;
	config = json_get(&doc, "config");
	json_begin_object(w, NULL);
	image_write_summary(w, image, a);
	json_string(w, "Author", c->author ? c->author : "");
	json_string(w, "Architecture", c->architecture ? c->architecture : "");
	if (c->variant)
		json_string(w, "Variant", c->variant);
	json_string(w, "Os", c->os ? c->os : "");
	json_value(w, "Config", config && config->type == JSON_OBJECT ? config : &(struct json){ .type = JSON_OBJECT });
	json_begin_object(w, "RootFS");
	json_string(w, "Type", "layers");
	json_strings(w, "Layers", c->diff_ids, c->n_diff_ids);
	json_end_object(w);
	write_layers(w, s, image, a);
	json_begin_array(w, "Containers");
	for (size_t i = 0; i < n; i++)
		if (strcmp(users[i].digest, image->digest) == 0)
			json_string(w, NULL, image_user_name(&users[i]));
	json_end_array(w);
	json_end_object(w);
	return 0;
}

static int print_part(const struct store *s, const struct store_image *image, const char *format, struct arena *a,
		      struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT, out = BUF_INIT;
	struct json_writer w = { .out = &text };
	struct json doc;

	if (write_image(s, image, a, &w, e) < 0 || json_parse(buf_text(&text), text.len, a, &doc, e) < 0 ||
	    cli_format(&doc, format, &out, e) < 0)
		return -e->code;
	fputs(buf_text(&out), stdout);
	return 0;
}

static int print_manifest(const struct store *s, const struct store_image *image, struct arena *a, struct err *e)
{
	const char *text;
	size_t len;

	if (store_read(s, image->digest, a, &text, &len, e) < 0)
		return -e->code;
	fwrite(text, 1, len, stdout);
	return 0;
}

/* Those that there are, are printed, whatever is wrong with others. */
static int run_inspect(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct inspect_options *o = options;
	cleanup_store struct store s = STORE_INIT;
	cleanup_buf struct buf out = BUF_INIT;
	struct json_writer w = { .out = &out, .pretty = true };
	bool failed = false;

	if (o->manifest && o->format)
		return err_say(e, EINVAL, "--manifest and --format contradict each other");
	if (images_open(rt, false, &s, e) < 0 || store_lock_shared(&s, e) < 0)
		return -e->code;
	json_begin_array(&w, NULL);
	for (int i = 0; i < argc; i++) {
		struct store_image image;
		int r = store_find(&s, argv[i], &rt->arena, &image, e);
		if (r >= 0)
			r = o->manifest ? print_manifest(&s, &image, &rt->arena, e) :
			    o->format ? print_part(&s, &image, o->format, &rt->arena, e) :
					write_image(&s, &image, &rt->arena, &w, e);
		if (r < 0) {
			log_error("%s", e->msg);
			failed = true;
		}
	}
	json_end_array(&w);
	if (!o->format && !o->manifest)
		puts(buf_text(&out));
	return failed ? 1 : 0;
}

/* ---- history ---- */

/* A step of the image's making, with what it added. */
struct step {
	const struct image_history *history;
	const struct image_descriptor *layer; /* NULL: none */
};

/* The lowest first. What has layers and no history is told, too. */
static struct step *steps_of(const struct store_image *image, struct arena *a, size_t *ret_n)
{
	static const struct image_history unknown;
	const struct image_manifest *m = &image->manifest;
	struct step *steps = NULL;
	size_t layer = 0;

	*ret_n = 0;
	for (size_t i = 0; i < image->config.n_history; i++) {
		const struct image_history *h = &image->config.history[i];
		bool has_layer = !h->empty_layer && layer < m->n_layers;
		*arena_push(a, &steps, ret_n) = (struct step){ h, has_layer ? &m->layers[layer] : NULL };
		layer += has_layer;
	}
	for (; layer < m->n_layers; layer++)
		*arena_push(a, &steps, ret_n) = (struct step){ &unknown, &m->layers[layer] };
	return steps;
}

/* One line, and unless @whole no longer than fits beside the rest. */
static const char *one_line(const char *text, bool whole, struct arena *a)
{
	enum { ROOM = 45 };
	char *line = arena_strdup(a, text ? text : "");
	size_t characters = 0;

	for (char *c = line; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
		characters += ((unsigned char)*c & 0xc0) != 0x80;
		if (!whole && characters == ROOM && c[1]) {
			*c = '\0';
			return arena_printf(a, "%s…", line);
		}
	}
	return line;
}

static void print_history(const struct step *steps, size_t n, const struct store_image *image, bool whole,
			  struct arena *a)
{
	enum { COLUMNS = 5 };
	cleanup_buf struct buf out = BUF_INIT;
	const char **cells = arena_new_array(a, (n + 1) * COLUMNS, const char *);
	static const char *const head[COLUMNS] = { "IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT" };

	memcpy(cells, head, sizeof(head));
	for (size_t i = 0; i < n; i++) {
		const struct step *step = &steps[n - 1 - i];
		const char **row = cells + (i + 1) * COLUMNS;
		row[0] = i == 0 ? image_id_text(image->id, whole, a) : "<missing>";
		row[1] = image_age(step->history->created, a);
		row[2] = one_line(step->history->created_by, whole, a);
		row[3] = cli_size(step->layer ? (uint64_t)step->layer->size_bytes : 0, a);
		row[4] = one_line(step->history->comment, whole, a);
	}
	cli_write_table(&out, cells, COLUMNS, n + 1);
	fputs(buf_text(&out), stdout);
}

static void print_history_json(const struct step *steps, size_t n, const struct store_image *image)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct json_writer w = { .out = &out };

	json_begin_array(&w, NULL);
	for (size_t i = 0; i < n; i++) {
		const struct step *step = &steps[n - 1 - i];
		json_begin_object(&w, NULL);
		json_string(&w, "Id", i == 0 ? image->id : "<missing>");
		json_string(&w, "Created", step->history->created);
		json_string(&w, "CreatedBy", step->history->created_by ? step->history->created_by : "");
		json_int(&w, "Size", step->layer ? step->layer->size_bytes : 0);
		json_string(&w, "Digest", step->layer ? step->layer->digest : NULL);
		json_string(&w, "Comment", step->history->comment ? step->history->comment : "");
		json_end_object(&w);
	}
	json_end_array(&w);
	puts(buf_text(&out));
}

static int run_history(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct history_options *o = options;
	cleanup_store struct store s = STORE_INIT;
	struct store_image image;
	size_t n;

	(void)argc;
	if (o->format && strcmp(o->format, "table") != 0 && strcmp(o->format, "json") != 0)
		return err_say(e, EINVAL, "invalid --format '%s': use table or json", o->format);
	if (images_open(rt, false, &s, e) < 0 || store_find(&s, argv[0], &rt->arena, &image, e) < 0)
		return -e->code;
	const struct step *steps = steps_of(&image, &rt->arena, &n);
	if (o->format && *o->format == 'j')
		print_history_json(steps, n, &image);
	else
		print_history(steps, n, &image, o->no_trunc, &rt->arena);
	return 0;
}

/* ---- tag ---- */

static int run_tag(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	cleanup_store struct store s = STORE_INIT;
	struct store_image image;

	(void)options;
	if (images_open(rt, false, &s, e) < 0 || store_lock_shared(&s, e) < 0 ||
	    store_find(&s, argv[0], &rt->arena, &image, e) < 0)
		return -e->code;
	/* All of them are looked at before the first is set. */
	for (int i = 1; i < argc; i++) {
		struct image_reference r;
		if (image_reference_parse(argv[i], &rt->arena, &r, e) < 0)
			return -e->code;
		if (r.digest)
			return err_say(e, EINVAL, "\"%s\" is no new name: a digest belongs to one image", argv[i]);
		argv[i] = (char *)image_reference_text(&r, &rt->arena);
	}
	for (int i = 1; i < argc; i++)
		if (store_set_name(&s, argv[i], image.digest, e) < 0)
			return -e->code;
	return 0;
}

const struct cli_command command_image_inspect = {
	.name = "image inspect",
	.arguments = "IMAGE...",
	.summary = "Print all that is known of images as JSON",
	.group = CLI_IMAGES,
	.stateless = true,
	.options = inspect_options,
	.options_size = sizeof(struct inspect_options),
	.min_args = 1,
	.max_args = -1,
	.run = run_inspect,
};

const struct cli_command command_image_history = {
	.name = "image history",
	.arguments = "IMAGE",
	.summary = "Show how an image was made",
	.group = CLI_IMAGES,
	.stateless = true,
	.options = history_options,
	.options_size = sizeof(struct history_options),
	.min_args = 1,
	.max_args = 1,
	.run = run_history,
};

const struct cli_command command_image_tag = {
	.name = "image tag",
	.arguments = "IMAGE NAME...",
	.summary = "Give an image more names",
	.group = CLI_IMAGES,
	.stateless = true,
	.options = no_options,
	.min_args = 2,
	.max_args = -1,
	.run = run_tag,
};
