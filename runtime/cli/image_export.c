/* image export, image verify: images out of the store, and whether they are what they were. */
#include "runtime/cli/commands.h"

#include "overlay/image/image.h"
#include "runtime/cli/image_display.h"
#include "runtime/cli/output.h"
#include "runtime/images.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- export ---- */

struct export_options {
	const char *output, *format;
};

static const struct cli_option export_options[] = {
	CLI_OPTION("output", 'o', CLI_STRING, struct export_options, output, "FILE",
		   "write the archive here (default: standard output)"),
	CLI_OPTION("format", 'f', CLI_STRING, struct export_options, format, "oci|docker-archive",
		   "an OCI image layout, or what 'docker load' of any age reads (default: oci)"),
	{ 0 },
};

static int read_format(const char *text, enum image_format *ret, struct err *e)
{
	*ret = IMAGE_FORMAT_OCI;
	if (!text || strcmp(text, "oci") == 0)
		return 0;
	if (strcmp(text, "docker-archive") != 0)
		return err_say(e, EINVAL, "invalid --format '%s': use oci or docker-archive", text);
	*ret = IMAGE_FORMAT_DOCKER;
	return 0;
}

/* The image's name that @text says, in full; NULL when it says an id: then the archive has all names. */
static const char *name_that_was_said(const struct store_image *image, const char *text, struct arena *a)
{
	struct image_reference r;
	struct err ignored;

	if (image_reference_parse(text, a, &r, &ignored) < 0)
		return NULL;
	const char *full = image_reference_text(&r, a);
	for (size_t i = 0; i < image->n_names; i++) {
		const char *slash = strchr(image->names[i], '/');
		if (strcmp(image->names[i], full) == 0 || (!r.host && slash && strcmp(slash + 1, full) == 0))
			return image->names[i];
	}
	return NULL;
}

struct archive {
	const struct store *store;
	const struct store_image *images;
	const char *const *names;
	size_t n;
	enum image_format format;
};

static int write_archive(void *data, int to, struct err *e)
{
	const struct archive *x = data;

	return image_export(x->store, x->images, x->names, x->n, x->format, to, e);
}

static int run_export(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct export_options *o = options;
	cleanup_store struct store store = STORE_INIT;
	struct store_image *images = arena_new_array(&rt->arena, (size_t)argc, struct store_image);
	const char **names = arena_new_array(&rt->arena, (size_t)argc, const char *);
	enum image_format format;

	if (read_format(o->format, &format, e) < 0)
		return -e->code;
	if (images_open(rt, false, &store, e) < 0 || store_lock_shared(&store, e) < 0)
		return -e->code;
	for (int i = 0; i < argc; i++) {
		if (store_find(&store, argv[i], &rt->arena, &images[i], e) < 0)
			return -e->code;
		names[i] = name_that_was_said(&images[i], argv[i], &rt->arena);
	}
	struct archive x = { &store, images, names, (size_t)argc, format };
	return cli_write_output(o->output, write_archive, &x, &rt->arena, e) < 0 ? err_wrap(e, "export") : 0;
}

const struct cli_command command_image_export = {
	.name = "image export",
	.arguments = "IMAGE...",
	.summary = "Write images into an archive",
	.details = "The layers are written as they came, so that all digests stay the same. The archive is read by 'ferry\n"
		   "image import', 'podman load', 'docker load' and skopeo.\n",
	.group = CLI_IMAGES,
	.stateless = true,
	.options = export_options,
	.options_size = sizeof(struct export_options),
	.min_args = 1,
	.max_args = -1,
	.run = run_export,
};

/* ---- verify ---- */

struct verify_options {
	bool quiet;
};

static const struct cli_option verify_options[] = {
	CLI_OPTION("quiet", 'q', CLI_FLAG, struct verify_options, quiet, NULL,
		   "print only what differs, and no progress"),
	{ 0 },
};

/* One name for what may have several, or none. */
static const char *title(const struct store_image *i)
{
	return i->n_names ? i->names[0] : i->id;
}

/* Returns 1 when something differs. */
static int verify_one(struct runtime *rt, const struct store *s, const struct store_image *image, bool quiet)
{
	cleanup_image_display struct image_display display;
	struct image_progress progress = image_display_begin(&display, quiet);
	struct err e = ERR_INIT;

	if (image_verify(s, image, rt->rootless, &progress, &e) < 0) {
		printf("%s: %s\n", title(image), e.msg);
		return 1;
	}
	if (!quiet)
		printf("%s: ok\n", title(image));
	return 0;
}

static int run_verify(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct verify_options *o = options;
	cleanup_store struct store store = STORE_INIT;
	struct store_image *images = arena_new_array(&rt->arena, (size_t)argc, struct store_image);
	size_t n = (size_t)argc;
	int code = 0;

	if (images_enter_userns(rt, e) < 0 || images_open(rt, false, &store, e) < 0 ||
	    store_lock_shared(&store, e) < 0)
		return -e->code;
	for (int i = 0; i < argc; i++)
		if (store_find(&store, argv[i], &rt->arena, &images[i], e) < 0)
			return -e->code;
	if (argc == 0 && store_list(&store, &rt->arena, &images, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		code |= verify_one(rt, &store, &images[i], o->quiet);
	return code;
}

const struct cli_command command_image_verify = {
	.name = "image verify",
	.arguments = "IMAGE...",
	.summary = "Check that images are what they were",
	.details = "Reads every layer and compares it with its digest, and what it was unpacked to with it. Without an\n"
		   "argument it is all images. The exit code is 1 when something differs.\n",
	.group = CLI_IMAGES,
	.stateless = true,
	.options = verify_options,
	.options_size = sizeof(struct verify_options),
	.max_args = -1,
	.run = run_verify,
};
