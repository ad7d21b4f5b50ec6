/* volume rm, prune: never what a container uses. */
#include "lib/fd.h"
#include "overlay/changes.h"
#include "runtime/cli/commands.h"
#include "runtime/cli/table.h"
#include "runtime/cli/volume.h"
#include "runtime/images.h"
#include "runtime/launch/launched.h"
#include "runtime/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct rm_options {
	bool force;
};

struct prune_options {
	struct cli_strings filters;
	bool all, dry_run;
};

static const struct cli_option rm_options[] = {
	CLI_OPTION("force", 'f', CLI_FLAG, struct rm_options, force, NULL, "one that is not there is no error"),
	{ 0 },
};

static const struct cli_option prune_options[] = {
	CLI_OPTION("all", 'a', CLI_FLAG, struct prune_options, all, NULL, "also those that were named by their makers"),
	CLI_OPTION("dry-run", 'n', CLI_FLAG, struct prune_options, dry_run, NULL, "only say what would be removed"),
	CLI_OPTION("filter", 0, CLI_STRINGS, struct prune_options, filters, "label[!]=NAME[=VALUE]",
		   "only those with this label, or without"),
	{ "force", 'f', CLI_IGNORED, .help = "nothing is asked before" },
	{ 0 },
};

/* What killed commands left of containers uses nothing; and files of users that are mapped to the caller's go, too. */
static int begin(struct runtime *rt, struct volumes *ret, struct err *e)
{
	struct launched *containers;
	size_t n;

	if (launched_list(rt, &containers, &n, e) < 0 || images_enter_userns(rt, e) < 0)
		return -e->code;
	int r = volumes_open(rt, false, ret, e);
	return r < 0 ? r : volumes_lock(ret, e);
}

static int rm_one(struct runtime *rt, struct volumes *all, const char *name, struct err *e)
{
	struct volume v;
	int r = volume_find(all, name, &rt->arena, &v, e);

	if (r < 0)
		return r;
	if (v.n_users > 0)
		return err_say(e, EBUSY, "the volume \"%s\" is used by %s %s: remove %s before", name,
			       v.n_users == 1 ? "the container" : "the containers", volume_user_names(rt, &v),
			       v.n_users == 1 ? "that" : "those");
	return volume_remove(all, name, e);
}

static int run_rm(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct rm_options *o = options;
	cleanup_volumes struct volumes all = VOLUMES_INIT;
	bool failed = false;

	int r = begin(rt, &all, e);
	if (r == -ENOENT && all.dir < 0)
		return o->force ? 0 : err_say(e, ENOENT, "no volume \"%s\"", argv[0]);
	if (r < 0)
		return r;
	for (int i = 0; i < argc; i++) {
		r = rm_one(rt, &all, argv[i], e);
		if (r == 0)
			puts(argv[i]);
		else if (r != -ENOENT || !o->force) {
			log_error("%s", e->msg);
			failed = true;
		}
	}
	return failed ? 1 : 0;
}

static int is_wanted(const struct volume *v, const struct prune_options *o, struct err *e)
{
	bool wanted = v->n_users == 0 && (o->all || v->anonymous);

	for (size_t i = 0; i < o->filters.n; i++) {
		const char *text = o->filters.v[i];
		bool without = strncmp(text, "label!=", 7) == 0;
		if (!without && strncmp(text, "label=", 6) != 0)
			return err_say(e, EINVAL, "--filter '%s': expected label=NAME[=VALUE] or label!=NAME[=VALUE]", text);
		wanted &= volume_has_label(v, text + 6 + without) != without;
	}
	return wanted;
}

static int run_prune(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct prune_options *o = options;
	cleanup_volumes struct volumes all = VOLUMES_INIT;
	struct volume *volumes = NULL;
	uint64_t sum = 0, bytes;
	size_t n = 0, removed = 0;

	(void)argc, (void)argv;
	if (is_wanted(&(struct volume){ .name = "" }, o, e) < 0)
		return -e->code;
	int r = begin(rt, &all, e);
	if (r >= 0)
		r = volumes_list(&all, &rt->arena, &volumes, &n, e);
	if (r < 0 && r != -ENOENT)
		return r;
	for (size_t i = 0; i < n; i++) {
		if (is_wanted(&volumes[i], o, e) <= 0)
			continue;
		if (overlay_size(volumes[i].data, &bytes, e) < 0 ||
		    (!o->dry_run && volume_remove(&all, volumes[i].name, e) < 0))
			return -e->code;
		puts(volumes[i].name);
		sum += bytes;
		removed++;
	}
	printf("%s %s: %zu %s\n", o->dry_run ? "Would free" : "Freed", cli_size(sum, &rt->arena), removed,
	       removed == 1 ? "volume" : "volumes");
	return 0;
}

const struct cli_command command_volume_rm = {
	.name = "volume rm",
	.arguments = "VOLUME...",
	.summary = "Remove volumes with all that is in them",
	.group = CLI_IMAGES,
	.options = rm_options,
	.options_size = sizeof(struct rm_options),
	.min_args = 1,
	.max_args = -1,
	.run = run_rm,
};

const struct cli_command command_volume_prune = {
	.name = "volume prune",
	.arguments = "",
	.summary = "Remove volumes that nobody named and no container uses",
	.group = CLI_IMAGES,
	.options = prune_options,
	.options_size = sizeof(struct prune_options),
	.run = run_prune,
};
