/* image build-from: what a container wrote as a layer on its image. */
#include "runtime/cli/commands.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "overlay/image/image.h"
#include "runtime/images.h"
#include "runtime/launch/launched.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

struct options {
	const char *message, *author;
	struct cli_strings changes;
	bool quiet;
};

static const struct cli_option build_options[] = {
	CLI_OPTION("message", 'm', CLI_STRING, struct options, message, "TEXT", "what was done, for 'image history'"),
	CLI_OPTION("author", 'a', CLI_STRING, struct options, author, "TEXT", "who did it"),
	CLI_OPTION("change", 'c', CLI_STRINGS, struct options, changes, "INSTRUCTION",
		   "change the configuration by an instruction of a Dockerfile: 'CMD [\"sh\"]'; may be repeated"),
	CLI_OPTION("quiet", 'q', CLI_FLAG, struct options, quiet, NULL, "print the id alone"),
	{ 0 },
};

static int run_build(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct options *o = options;
	cleanup_store struct store store = STORE_INIT;
	const char *name = argv[1];
	struct store_image base;
	struct image_added added;
	struct launched l;

	(void)argc;
	if (launched_find(rt, argv[0], &l, e) < 0)
		return -e->code;
	if (!l.image_digest)
		return err_say(e, EINVAL, "container \"%s\" is not made from an image but from %s: what it wrote "
			       "belongs on that, and makes no image by itself", l.name, l.image);
	if (l.cloned_from)
		return err_say(e, ENOTSUP, "container \"%s\" is a clone: what it wrote belongs on the snapshot that it is made of, "
			       "'%s', and makes no layer of the image by itself", l.name, l.cloned_from);
	if (images_enter_userns(rt, e) < 0 || images_open(rt, false, &store, e) < 0 ||
	    store_find(&store, l.image_digest, &rt->arena, &base, e) < 0)
		return err_wrap(e, "the image of container \"%s\"", l.name);
	const char *path = arena_printf(&rt->arena, "%s/upper", l.dir);
	cleanup_close int upper = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (upper < 0)
		return err_set(e, errno, "open '%s'", path);
	struct clock_text now = clock_now_rfc3339();
	struct image_commit commit = {
		.upper = upper,
		.base = &base,
		.names = &name,
		.n_names = 1,
		.message = o->message,
		.author = o->author,
		.created = now.text,
		.changes = o->changes.v,
		.n_changes = o->changes.n,
		.rootless = rt->rootless,
	};
	if (image_commit(&store, &commit, &rt->arena, &added, e) < 0)
		return err_wrap(e, "build-from \"%s\"", l.name);
	if (o->quiet)
		printf("%s\n", added.id);
	else
		printf("%s %s\n", added.names[0], added.id);
	return 0;
}

const struct cli_command command_image_build = {
	.name = "image build-from",
	.arguments = "CONTAINER NAME",
	.summary = "Make an image of a launched container",
	.details = "What the container wrote, its volumes apart, becomes a layer on the image that it was launched from.\n"
		   "A container that runs goes on running: what it writes meanwhile may be there or not, so stop or pause\n"
		   "it first where that matters.\n",
	.group = CLI_IMAGES,
	.options = build_options,
	.options_size = sizeof(struct options),
	.min_args = 2,
	.max_args = 2,
	.run = run_build,
};
