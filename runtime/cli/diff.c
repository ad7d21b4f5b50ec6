/* diff: what a container has changed in its root. */
#include "runtime/cli/commands.h"
#include "runtime/cli/containers.h"
#include "runtime/launch/launched_overlays.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct cli_option no_options[] = { { 0 } };

static int run_diff(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	struct overlay_change *changes;
	struct cli_container c;
	size_t n;

	(void)options, (void)argc;
	if (cli_container(rt, argv[0], &c, e) < 0)
		return -e->code;
	if (!c.l.dir)
		return err_say(e, ENOTSUP, "container '%s' was not launched: nobody knows what its root was before",
			       c.l.name);
	if (launched_changes(rt, &c.l, &changes, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		printf("%c %s\n", changes[i].kind, changes[i].path);
	return 0;
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
