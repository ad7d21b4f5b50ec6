#include "runtime/cli/commands.h"
#include "runtime/container.h"
#include "runtime/launch/launched_event.h"

#include "lib/fd.h"

#include <errno.h>

static const struct cli_option no_options[] = { { 0 } };

static int set_frozen(struct runtime *rt, const char *id, bool frozen, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;
	cleanup_close int cgroup = -1;
	struct err none = ERR_INIT;
	enum container_status s;
	struct launched l;

	if (container_find(rt, id, true, &c, e) < 0 || container_status(rt, &c, &s, e) < 0)
		return -e->code;
	if (frozen && s != STATUS_RUNNING && s != STATUS_CREATED)
		return err_say(e, EINVAL, "container not running or created: %s", container_status_name(s));
	if (!frozen && s != STATUS_PAUSED)
		return err_say(e, EINVAL, "container not paused");
	if (container_cgroup(rt, &c, &cgroup, e) < 0)
		return -e->code;
	if (cgroup < 0)
		return err_say(e, ENOTSUP, "the container has no cgroup of its own, so it cannot be paused");
	if (cgroup_freeze(cgroup, frozen, e) < 0)
		return -e->code;
	if (c.launched && launched_find_id(rt, c.id, &l, &none) == 0)
		launched_event_note(rt, &l, frozen ? "pause" : "unpause", NULL, NULL);
	return 0;
}

static int run_pause(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	(void)options, (void)argc;
	return set_frozen(rt, argv[0], true, e);
}

static int run_resume(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	(void)options, (void)argc;
	return set_frozen(rt, argv[0], false, e);
}

const struct cli_command command_pause = {
	.name = "pause",
	.arguments = "CONTAINER",
	.summary = "Freeze all processes of a container",
	.group = CLI_CHANGE,
	.options = no_options,
	.min_args = 1,
	.max_args = 1,
	.run = run_pause,
};

const struct cli_command command_resume = {
	.name = "resume",
	.arguments = "CONTAINER",
	.summary = "Let a paused container go on",
	.group = CLI_CHANGE,
	.options = no_options,
	.min_args = 1,
	.max_args = 1,
	.run = run_resume,
};
