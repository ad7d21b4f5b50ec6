/* snapshot export, import: snapshots as archives. */
#include "runtime/snapshot/snapshot.h"

#include "lib/fd.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/output.h"
#include "runtime/images.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct export_options {
	const char *output;
};

static const struct cli_option export_options[] = {
	CLI_OPTION("output", 'o', CLI_STRING, struct export_options, output, "FILE",
		   "write the archive here (default: standard output)"),
	{ 0 },
};

struct export {
	struct runtime *rt;
	struct launched l;
	const char *name;
};

static int write_archive(void *data, int to, struct err *e)
{
	const struct export *x = data;

	return snapshot_export(x->rt, &x->l, x->name, to, e);
}

static int run_export(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct export_options *o = options;
	struct export x = { .rt = rt };

	(void)argc;
	if (snapshot_split(rt, argv[0], &x.l, &x.name, e) < 0 || images_enter_userns(rt, e) < 0)
		return -e->code;
	return cli_write_output(o->output, write_archive, &x, &rt->arena, e);
}

struct import_options {
	bool create;
	const char *storage;
};

static const struct cli_option import_options[] = {
	CLI_OPTION("create", 0, CLI_FLAG, struct import_options, create, NULL, "make the container, too, which is not there yet"),
	CLI_OPTION("storage", 0, CLI_STRING, struct import_options, storage, "DIR", "with --create: keep its files below this directory"),
	{ 0 },
};

static int import(struct runtime *rt, const struct import_options *o, const char *container, int from, const char *snapshot,
		  const char **ret_container, const char **ret, struct err *e)
{
	struct launched l;

	*ret_container = container;
	if (o->storage && !o->create)
		return err_say(e, EINVAL, "--storage is for --create");
	if (o->create)
		return snapshot_import_container(rt, o->storage, container, from, snapshot, ret, e);
	int r = launched_find(rt, container, &l, e);
	if (r == -ENOENT)
		return err_say(e, ENOENT, "%s (--create makes it, too)", arena_strdup(&rt->arena, e->msg));
	if (r < 0 || images_enter_userns(rt, e) < 0)
		return -e->code;
	*ret_container = l.name;
	return snapshot_import(rt, &l, from, snapshot, NULL, ret, e);
}

static int run_import(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const char *file = argc > 1 ? argv[1] : "-", *container, *name;
	cleanup_close int opened = -1;
	int from = STDIN_FILENO;

	if (strcmp(file, "-") != 0)
		from = opened = open(file, O_RDONLY | O_CLOEXEC);
	else if (isatty(STDIN_FILENO))
		return err_say(e, EINVAL, "standard input is a terminal: say a file, or use a pipe");
	if (from < 0)
		return err_set(e, errno, "open '%s'", file);
	if (import(rt, options, argv[0], from, argc > 2 ? argv[2] : NULL, &container, &name, e) < 0)
		return -e->code;
	printf("%s/%s\n", container, name);
	return 0;
}

const struct cli_command command_snapshot_export = {
	.name = "snapshot export",
	.arguments = "SNAPSHOT",
	.summary = "Write a snapshot into an archive",
	.group = CLI_CHANGE,
	.options = export_options,
	.options_size = sizeof(struct export_options),
	.min_args = 1,
	.max_args = 1,
	.run = run_export,
};

const struct cli_command command_snapshot_import = {
	.name = "snapshot import",
	.arguments = "CONTAINER [FILE [NAME]]",
	.summary = "Make a snapshot of a container from an archive",
	.details = "Without a file, or with -, the archive is read from standard input. The container must be of the same\n"
		   "image.\n",
	.group = CLI_CHANGE,
	.options = import_options,
	.options_size = sizeof(struct import_options),
	.min_args = 1,
	.max_args = 3,
	.run = run_import,
};
