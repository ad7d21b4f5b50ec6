/* network rm, prune, reload: networks go, or stand again. */
#include "runtime/cli/commands.h"
#include "runtime/cli/network.h"
#include "runtime/log.h"
#include "runtime/networks.h"
#include "runtime/supervise/supervise.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct rm_options {
	bool force;
};

static const struct cli_option rm_options[] = {
	CLI_OPTION("force", 'f', CLI_FLAG, struct rm_options, force, NULL,
		   "remove the containers that use it, too; one that is not there is no error"),
	{ 0 },
};

static const struct cli_option prune_options[] = {
	{ "force", 'f', CLI_IGNORED, .help = "nothing is asked before" },
	{ 0 },
};

static const struct cli_option no_options[] = { { 0 } };

/* ---- rm ---- */

/* A container takes what it has back itself, and wants the lock for it. */
static int remove_containers(struct runtime *rt, const char *name, struct err *e)
{
	struct launched *all = NULL;
	size_t n = 0;

	if (launched_list(rt, &all, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++) {
		if (network_is_wanted(&all[i], name) && supervise_remove(rt, &all[i], true, e) < 0)
			return err_wrap(e, "remove the container \"%s\"", all[i].name);
	}
	return 0;
}

static int rm_one(struct runtime *rt, const char *name, bool force, struct err *e)
{
	cleanup_net struct net n = NET_INIT;
	struct network_use use;

	if (force && remove_containers(rt, name, e) < 0)
		return -e->code;
	if (network_use_load(rt, &n, &use, e) < 0)
		return -e->code;
	for (size_t i = 0; i < use.n_launched; i++)
		if (network_is_wanted(&use.launched[i], name))
			return err_say(e, EBUSY, "the network \"%s\" is used by %s: remove these containers, or give "
				       "--force, which does", name, network_users(&use, name, &rt->arena));
	int r = network_remove(&n, name, &rt->arena, e);
	if (r == -ENOENT && force)
		return 0;
	if (r >= 0)
		puts(name);
	return r;
}

static int run_rm(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct rm_options *o = options;
	bool failed = false;

	for (int i = 0; i < argc; i++) {
		if (rm_one(rt, argv[i], o->force, e) < 0) {
			log_error("%s", e->msg);
			failed = true;
		}
	}
	return failed ? 1 : 0;
}

/* ---- prune ---- */

static int run_prune(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	cleanup_net struct net n = NET_INIT;
	struct network *all = NULL;
	struct network_use use;
	size_t n_all = 0;

	(void)options, (void)argc, (void)argv;
	if (network_use_load(rt, &n, &use, e) < 0 || network_list(&n, &rt->arena, &all, &n_all, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n_all; i++) {
		if (strcmp(all[i].name, NETWORK_DEFAULT) == 0 || network_is_used(&use, all[i].name))
			continue;
		if (network_remove(&n, all[i].name, &rt->arena, e) < 0)
			return -e->code;
		puts(all[i].name);
	}
	return 0;
}

/* ---- reload ---- */

static int run_reload(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	cleanup_net struct net n = NET_INIT;

	(void)options, (void)argc, (void)argv;
	return networks_open(true, &n, e) < 0 ? -e->code : net_reload(&n, &rt->arena, e);
}

const struct cli_command command_network_rm = {
	.name = "network rm",
	.arguments = "NETWORK...",
	.summary = "Remove networks",
	.group = CLI_NETWORKS,
	.options = rm_options,
	.options_size = sizeof(struct rm_options),
	.min_args = 1,
	.max_args = -1,
	.run = run_rm,
};

const struct cli_command command_network_prune = {
	.name = "network prune",
	.arguments = "",
	.summary = "Remove the networks that no container uses",
	.group = CLI_NETWORKS,
	.options = prune_options,
	.options_size = 1, /* nothing is kept of what is ignored */
	.run = run_prune,
};

const struct cli_command command_network_reload = {
	.name = "network reload",
	.arguments = "",
	.summary = "Make bridges, rules and resolver anew for all containers, as after nft flush ruleset",
	.group = CLI_NETWORKS,
	.stateless = true,
	.options = no_options,
	.run = run_reload,
};
