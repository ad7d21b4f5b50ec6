/* image rm, prune: names go, and what is then of no use. */
#include "runtime/cli/commands.h"
#include "runtime/cli/image.h"
#include "runtime/cli/table.h"
#include "runtime/images.h"
#include "runtime/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct rm_options {
	bool force;
};

struct prune_options {
	const char *format;
	bool all, dry_run;
};

static const struct cli_option rm_options[] = {
	CLI_OPTION("force", 'f', CLI_FLAG, struct rm_options, force, NULL,
		   "also what containers use, and all names of an id"),
	{ 0 },
};

static const struct cli_option prune_options[] = {
	CLI_OPTION("all", 'a', CLI_FLAG, struct prune_options, all, NULL, "every image that no container uses"),
	CLI_OPTION("dry-run", 'n', CLI_FLAG, struct prune_options, dry_run, NULL, "only say what would be removed"),
	CLI_OPTION("format", 0, CLI_STRING, struct prune_options, format, "text|json", "how to print (default: text)"),
	{ "force", 'f', CLI_IGNORED, .help = "nothing is asked before" },
	{ 0 },
};

/* ---- rm ---- */

struct removal {
	struct store *store;
	const struct store_user *users;
	size_t n_users;
	bool force;
};

static const struct store_user *user_of(const struct store_user *users, size_t n, const struct store_image *image)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(users[i].digest, image->digest) == 0)
			return &users[i];
	return NULL;
}

/* The last name is the image itself. */
static int check_unused(const struct removal *m, const char *text, const struct store_image *image, struct err *e)
{
	const struct store_user *user = user_of(m->users, m->n_users, image);

	if (!user || m->force)
		return 0;
	return err_say(e, EBUSY, "the image \"%s\" is used by the container \"%s\": remove that before, or give "
		       "--force, which keeps the layers as long as it is there", text, image_user_name(user));
}

static int remove_image(const struct removal *m, const struct store_image *image, const char *name, struct arena *a,
			struct err *e)
{
	size_t n = name ? 1 : image->n_names;
	bool last = n == image->n_names;

	for (size_t i = 0; i < n; i++) {
		const char *which = name ? name : image->names[i];
		if (store_remove_name(m->store, which, image->digest, e) < 0)
			return -e->code;
		printf("Untagged: %s\n", which);
	}
	if (last && store_remove_name(m->store, NULL, image->digest, e) < 0)
		return -e->code;
	if (last && !user_of(m->users, m->n_users, image))
		printf("Deleted: %s\n", image_id_text(image->id ? image->id : image->digest, true, a));
	return 0;
}

static int rm_one(const struct removal *m, const char *text, struct arena *a, struct err *e)
{
	const struct store_image *image;
	struct store_image *images;
	const char *name;
	size_t n;

	/* Anew for each: the one before may have changed what names mean. */
	if (store_list(m->store, a, &images, &n, e) < 0 || store_choose(images, n, text, a, &image, &name, e) < 0)
		return -e->code;
	if (!name && image->n_names > 1 && !m->force)
		return err_say(e, EBUSY, "the image \"%s\" has %zu names, \"%s\" and others: remove those, or give "
			       "--force", text, image->n_names, image->names[0]);
	if ((!name || image->n_names == 1) && check_unused(m, text, image, e) < 0)
		return -e->code;
	return remove_image(m, image, name, a, e);
}

static int run_rm(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	cleanup_store struct store s = STORE_INIT;
	struct removal m = { .store = &s, .force = ((const struct rm_options *)options)->force };
	struct store_user *users = NULL;
	struct store_prune p = { 0 };
	bool failed = false;

	if (images_enter_userns(rt, e) < 0 || images_open(rt, false, &s, e) < 0 || images_lock_alone(&s, e) < 0 ||
	    store_users(&s, &rt->arena, &users, &m.n_users, e) < 0)
		return -e->code;
	m.users = users;
	for (int i = 0; i < argc; i++) {
		if (rm_one(&m, argv[i], &rt->arena, e) < 0) {
			log_error("%s", e->msg);
			failed = true;
		}
	}
	if (store_sweep(&s, &p, e) < 0)
		return -e->code;
	return failed ? 1 : 0;
}

/* ---- prune ---- */

/* Which images shall lose their names: those that have none, or all, but for what containers use. */
static int choose(const struct prune_options *o, const struct store *s, struct arena *a, const struct store_image **ret,
		  size_t *ret_n, struct err *e)
{
	struct store_user *users = NULL;
	struct store_image *images = NULL, *chosen = NULL;
	size_t n = 0, n_users = 0, n_chosen = 0;

	if (store_list(s, a, &images, &n, e) < 0 || store_users(s, a, &users, &n_users, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		if ((o->all || !images[i].n_names) && !user_of(users, n_users, &images[i]))
			*arena_push(a, &chosen, &n_chosen) = images[i];
	*ret = chosen;
	*ret_n = n_chosen;
	return 0;
}

static void print_json(const struct store_image *images, size_t n, const struct store_prune *p, struct arena *a)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct json_writer w = { .out = &out };

	json_begin_object(&w, NULL);
	json_begin_array(&w, "ImagesDeleted");
	for (size_t i = 0; i < n; i++) {
		json_begin_object(&w, NULL);
		image_write_summary(&w, &images[i], a);
		json_end_object(&w);
	}
	json_end_array(&w);
	json_uint(&w, "Blobs", p->blobs);
	json_uint(&w, "Layers", p->layers_removed);
	json_int(&w, "SpaceReclaimed", p->freed_bytes);
	json_end_object(&w);
	puts(buf_text(&out));
}

static void print_text(const struct store_image *images, size_t n, const struct store_prune *p, struct arena *a)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < images[i].n_names; k++)
			printf("Untagged: %s\n", images[i].names[k]);
		printf("Deleted: %s\n", images[i].id ? images[i].id : images[i].digest);
	}
	printf("%s %s: %zu blobs, %zu layers\n", p->dry_run ? "Would free" : "Freed",
	       cli_size((uint64_t)p->freed_bytes, a), p->blobs, p->layers_removed);
}

static int run_prune(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	cleanup_store struct store s = STORE_INIT;
	const struct prune_options *o = options;
	struct store_prune p = { .dry_run = o->dry_run };
	const struct store_image *images = NULL;
	const char **drop = NULL;
	size_t n = 0;

	(void)argc, (void)argv;
	if (o->format && strcmp(o->format, "text") != 0 && strcmp(o->format, "json") != 0)
		return err_say(e, EINVAL, "invalid --format '%s': use text or json", o->format);
	int r = images_enter_userns(rt, e);
	if (r >= 0)
		r = images_open(rt, false, &s, e);
	if (r < 0 && r != -ENOENT)
		return r;
	if (r >= 0) {
		if (images_lock_alone(&s, e) < 0 || choose(o, &s, &rt->arena, &images, &n, e) < 0)
			return -e->code;
		for (size_t i = 0; i < n; i++)
			*arena_push(&rt->arena, &drop, &p.n_drop) = images[i].digest;
		p.drop = drop;
		if (store_sweep(&s, &p, e) < 0)
			return -e->code;
	}
	if (o->format && *o->format == 'j')
		print_json(images, n, &p, &rt->arena);
	else
		print_text(images, n, &p, &rt->arena);
	return 0;
}

const struct cli_command command_image_rm = {
	.name = "image rm",
	.arguments = "IMAGE...",
	.summary = "Remove images",
	.group = CLI_IMAGES,
	.stateless = true,
	.options = rm_options,
	.options_size = sizeof(struct rm_options),
	.min_args = 1,
	.max_args = -1,
	.run = run_rm,
};

const struct cli_command command_image_prune = {
	.name = "image prune",
	.arguments = "",
	.summary = "Remove what no name and no container leads to",
	.group = CLI_IMAGES,
	.stateless = true,
	.options = prune_options,
	.options_size = sizeof(struct prune_options),
	.run = run_prune,
};
