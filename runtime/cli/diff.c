/* diff, snapshot diff: what a container has changed in its root. */
#include "runtime/cli/commands.h"
#include "runtime/cli/containers.h"
#include "runtime/images.h"
#include "runtime/launch/launched_overlays.h"
#include "runtime/snapshot/snapshot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct cli_option no_options[] = { { 0 } };

/* From, to: as launched_changes takes them. */
static int print_changes(struct runtime *rt, const struct launched *l, const char *from, const char *to, struct err *e)
{
	struct overlay_change *changes;
	size_t n;

	if (launched_changes(rt, l, from, to, &changes, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		printf("%c %s\n", changes[i].kind, changes[i].path);
	return 0;
}

static int run_diff(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	struct cli_container c;

	(void)options, (void)argc;
	if (cli_container(rt, argv[0], &c, e) < 0)
		return -e->code;
	if (!c.l.dir)
		return err_say(e, ENOTSUP, "container '%s' was not launched: nobody knows what its root was before",
			       c.l.name);
	return print_changes(rt, &c.l, NULL, NULL, e);
}

static int find_snapshot(struct runtime *rt, const char *text, struct launched *l, const char **ret_dir, struct err *e)
{
	cleanup_snapshots struct snapshots s = SNAPSHOTS_INIT;
	struct snapshot found;
	const char *name;

	if (snapshot_split(rt, text, l, &name, e) < 0 || snapshots_open(rt, l, SNAPSHOTS_READ, &s, e) < 0 ||
	    snapshot_load(rt, &s, name, &found, e) < 0)
		return -e->code;
	*ret_dir = snapshot_directory(&s, &found, &rt->arena);
	return 0;
}

static int run_snapshot_diff(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const char *from, *to = NULL;
	struct launched l, other;

	(void)options;
	if (find_snapshot(rt, argv[0], &l, &from, e) < 0 || (argc > 1 && find_snapshot(rt, argv[1], &other, &to, e) < 0))
		return -e->code;
	if (to && strcmp(l.dir, other.dir) != 0)
		return err_say(e, EINVAL, "'%s' and '%s' are of different containers", argv[0], argv[1]);
	return images_enter_userns(rt, e) < 0 ? -e->code : print_changes(rt, &l, from, to, e);
}

const struct cli_command command_diff = {
	.name = "diff",
	.arguments = "CONTAINER",
	.summary = "List the files that a container added, changed or deleted",
	.details = "Each line is A, C or D and a path. What lies in volumes is not among them.\n",
	.group = CLI_LOOK,
	.options = no_options,
	.min_args = 1,
	.max_args = 1,
	.run = run_diff,
};

const struct cli_command command_snapshot_diff = {
	.name = "snapshot diff",
	.arguments = "SNAPSHOT [SNAPSHOT]",
	.summary = "List what has changed since a snapshot, or from one to another",
	.details = "Each line is A, C or D and a path, as of 'diff'.\n",
	.group = CLI_CHANGE,
	.options = no_options,
	.min_args = 1,
	.max_args = 2,
	.run = run_snapshot_diff,
};
