/* rename: another name for a launched container. */
#include "runtime/cli/commands.h"
#include "runtime/launch/launched_event.h"
#include "runtime/launch/network.h"

static const struct cli_option no_options[] = { { 0 } };

static int run_rename(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	struct launched l;

	(void)options, (void)argc;
	if (launched_find(rt, argv[0], &l, e) < 0 || launched_rename(rt, &l, argv[1], e) < 0)
		return -e->code;
	const char *old = l.name;
	l.name = argv[1];
	if (launch_renamed(rt, &l, e) < 0)
		return -e->code;
	launched_event_note(rt, &l, "rename", "oldName", old);
	return 0;
}

const struct cli_command command_rename = {
	.name = "rename",
	.arguments = "CONTAINER NAME",
	.summary = "Give a launched container another name",
	.group = CLI_CHANGE,
	.options = no_options,
	.min_args = 2,
	.max_args = 2,
	.run = run_rename,
};
