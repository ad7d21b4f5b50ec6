/* snapshot: the family of commands for what containers had written at a moment; create, rollback, rm. */
#include "runtime/cli/snapshot.h"

#include "lib/clock.h"
#include "runtime/cli/commands.h"
#include "runtime/images.h"
#include "runtime/log.h"
#include "runtime/snapshot/retention.h"

#include <errno.h>
#include <stdio.h>

struct create_options {
	const char *description, *expire;
	bool no_memory;
};

static const struct cli_option create_options[] = {
	CLI_OPTION("description", 0, CLI_STRING, struct create_options, description, "TEXT", "what it is for, in a line"),
	CLI_OPTION("expire", 0, CLI_STRING, struct create_options, expire, "TIME",
		   "'snapshot prune' removes it when it is that old: \"1d 2w\""),
	CLI_OPTION("no-memory", 0, CLI_FLAG, struct create_options, no_memory, NULL,
		   "of a container that runs keep the files alone"),
	{ 0 },
};

struct rollback_options {
	bool no_memory;
};

static const struct cli_option rollback_options[] = {
	CLI_OPTION("no-memory", 0, CLI_FLAG, struct rollback_options, no_memory, NULL, "put the files back alone"),
	{ 0 },
};

static const struct cli_option no_options[] = { { 0 } };

/* ---- create ---- */

int snapshot_expires(const char *after, time_t from, struct arena *a, const char **ret, struct err *e)
{
	struct timespec expires = { 0 };

	*ret = NULL;
	if (!after)
		return 0;
	if (expiry_after(after, from, &expires.tv_sec, e) < 0)
		return -e->code;
	*ret = arena_strdup(a, clock_rfc3339(expires).text);
	return 0;
}

static int run_create(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct create_options *o = options;
	struct snapshot_request r = {
		.name = argc > 1 ? argv[1] : NULL,
		.description = o->description,
		.no_memory = o->no_memory,
		.advice = "--no-memory keeps its files alone",
	};
	struct launched l;
	const char *name;

	if (snapshot_check_description(o->description, e) < 0)
		return err_wrap(e, "--description");
	if (snapshot_expires(o->expire, time(NULL), &rt->arena, &r.expires, e) < 0)
		return err_wrap(e, "--expire");
	if (launched_find(rt, argv[0], &l, e) < 0 || images_enter_userns(rt, e) < 0 || snapshot_create(rt, &l, &r, &name, e) < 0)
		return -e->code;
	printf("%s/%s\n", l.name, name);
	return 0;
}

/* ---- rollback ---- */

static int run_rollback(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct rollback_options *o = options;
	struct launched l;
	const char *name;

	(void)argc;
	if (snapshot_split(rt, argv[0], &l, &name, e) < 0 || images_enter_userns(rt, e) < 0 ||
	    snapshot_rollback(rt, &l, name, o->no_memory, e) < 0)
		return -e->code;
	printf("%s/%s\n", l.name, name);
	return 0;
}

/* ---- rm ---- */

static int remove_one(struct runtime *rt, const struct launched *l, const char *name, struct err *e)
{
	cleanup_snapshots struct snapshots s = SNAPSHOTS_INIT;
	struct snapshot found;
	int r;

	if (snapshots_open(rt, l, SNAPSHOTS_CHANGE, &s, e) < 0)
		return -e->code;
	r = snapshot_load(rt, &s, name, &found, e);
	if (r == -ENOENT)
		return r;
	/* One that cannot be read can be removed all the same. */
	*e = ERR_INIT;
	return snapshot_remove(rt, &s, name, e);
}

static int run_rm(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	struct launched *containers = arena_new_array(&rt->arena, (size_t)argc, struct launched);
	const char **names = arena_new_array(&rt->arena, (size_t)argc, const char *);
	int code = 0;

	(void)options;
	for (int i = 0; i < argc; i++)
		if (snapshot_split(rt, argv[i], &containers[i], &names[i], e) < 0)
			return -e->code;
	if (images_enter_userns(rt, e) < 0)
		return -e->code;
	for (int i = 0; i < argc; i++) {
		struct err why = ERR_INIT;
		if (remove_one(rt, &containers[i], names[i], &why) == 0)
			printf("%s/%s\n", containers[i].name, names[i]);
		else {
			log_error("%s", why.msg);
			code = 1;
		}
	}
	return code;
}

const struct cli_command command_snapshot = {
	.name = "snapshot",
	.arguments = "COMMAND",
	.summary = "Work with snapshots of launched containers, to go back to",
	.group = CLI_CHANGE,
	.stateless = true,
	.options = no_options,
	.family = true,
	.max_args = -1,
};

const struct cli_command command_snapshot_create = {
	.name = "snapshot create",
	.arguments = "CONTAINER [NAME]",
	.summary = "Keep what a container has written and, if it runs, its processes and their memory",
	.details = "Without a name it is snap0, snap1, and so on. A container that runs stands still for a moment.\n",
	.group = CLI_CHANGE,
	.options = create_options,
	.options_size = sizeof(struct create_options),
	.min_args = 1,
	.max_args = 2,
	.run = run_create,
};

const struct cli_command command_snapshot_rollback = {
	.name = "snapshot rollback",
	.arguments = "SNAPSHOT",
	.summary = "Give a container the files of a snapshot, and the processes that it had",
	.details = "What the container has written since is gone. With memory, one that runs is ended, and goes on where it was\n"
		   "at the snapshot; without, it must not run.\n",
	.group = CLI_CHANGE,
	.options = rollback_options,
	.options_size = sizeof(struct rollback_options),
	.min_args = 1,
	.max_args = 1,
	.run = run_rollback,
};

const struct cli_command command_snapshot_rm = {
	.name = "snapshot rm",
	.arguments = "SNAPSHOT...",
	.summary = "Remove snapshots",
	.group = CLI_CHANGE,
	.options = no_options,
	.min_args = 1,
	.max_args = -1,
	.run = run_rm,
};
