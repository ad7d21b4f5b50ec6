#include "runtime/cli/commands.h"

#include "lib/near.h"

#include <errno.h>
#include <string.h>

const struct cli_command *const cli_commands[] = {
	&command_launch,
	&command_run,
	&command_create,
	&command_start,
	&command_stop,
	&command_restart,
	&command_rm,
	&command_wait,
	&command_attach,
	&command_exec,
	&command_kill,
	&command_delete,
	&command_checkpoint,
	&command_restore,
	&command_clone,
	&command_ls,
	&command_inspect,
	&command_stats,
	&command_top,
	&command_diff,
	&command_check,
	&command_logs,
	&command_port,
	&command_list,
	&command_state,
	&command_ps,
	&command_events,
	&command_pause,
	&command_resume,
	&command_cp,
	&command_rename,
	&command_update,
	&command_snapshot,
	&command_snapshot_create,
	&command_snapshot_ls,
	&command_snapshot_show,
	&command_snapshot_diff,
	&command_snapshot_rollback,
	&command_snapshot_rm,
	&command_snapshot_prune,
	&command_snapshot_export,
	&command_snapshot_import,
	&command_snapshot_schedule,
	&command_snapshot_run,
	&command_template,
	&command_template_create,
	&command_template_ls,
	&command_template_rm,
	&command_image,
	&command_image_import,
	&command_image_export,
	&command_image_verify,
	&command_image_build,
	&command_image_pull,
	&command_image_push,
	&command_image_ls,
	&command_image_rm,
	&command_image_tag,
	&command_image_inspect,
	&command_image_history,
	&command_image_prune,
	&command_volume,
	&command_volume_create,
	&command_volume_ls,
	&command_volume_inspect,
	&command_volume_rm,
	&command_volume_prune,
	&command_network,
	&command_network_create,
	&command_network_ls,
	&command_network_inspect,
	&command_network_connect,
	&command_network_disconnect,
	&command_network_rm,
	&command_network_prune,
	&command_network_reload,
	&command_spec,
	&command_features,
	&command_help,
	&command_completion,
	&command_health,
	NULL,
};

#define GLOBAL(name, letter, type, field, value, help) \
	CLI_OPTION(name, letter, type, struct cli_global, field, value, help)

const struct cli_option cli_global_options[] = {
	GLOBAL("root", 0, CLI_STRING, root, "DIR",
	       "keep the state of containers here (default: /run/ferry, rootless $XDG_RUNTIME_DIR/ferry)"),
	GLOBAL("image-store", 0, CLI_STRING, image_store, "DIR",
	       "keep images here (default: /var/lib/ferry/images, rootless ~/.local/share/ferry/images)"),
	GLOBAL("log", 0, CLI_STRING, log, "FILE", "append messages to this file too"),
	GLOBAL("log-format", 0, CLI_STRING, log_format, "text|json", "format of the log file (default: text)"),
	GLOBAL("log-level", 0, CLI_STRING, log_level, "error|warning|info|debug",
	       "least important messages to write (default: warning)"),
	GLOBAL("debug", 0, CLI_FLAG, debug, NULL, "the same as --log-level debug"),
	GLOBAL("systemd-cgroup", 0, CLI_FLAG, systemd_cgroup, NULL, "the same as --cgroup-manager systemd"),
	GLOBAL("cgroup-manager", 0, CLI_STRING, cgroup_manager, "cgroupfs|systemd|disabled",
	       "how cgroups are made (default: cgroupfs)"),
	GLOBAL("rootless", 0, CLI_STRING, rootless, "true|false|auto",
	       "work without the host's root rights (default: auto)"),
	GLOBAL("version", 'v', CLI_FLAG, version, NULL, "print the version"),
	GLOBAL("help", 'h', CLI_FLAG, help, NULL, "print this help"),
	{ 0 },
};

const struct cli_command *cli_find(const char *name)
{
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}

const char *cli_member(const struct cli_command *family, const struct cli_command *c)
{
	const char *space = strchr(c->name, ' ');
	size_t len = space ? (size_t)(space - c->name) : 0;

	if (!space || (family && (strlen(family->name) != len || strncmp(family->name, c->name, len) != 0)))
		return NULL;
	return space + 1;
}

/* What other programs call it. */
static const char *elsewhere(const char *word)
{
	static const struct {
		const char *word, *name;
	} words[] = {
		{ "images", "image ls" }, { "rmi", "image rm" }, { "load", "image import" }, { "save", "image export" },
		{ "commit", "image build-from" }, { "unpause", "resume" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].name;
	return NULL;
}

static int unknown(struct arena *a, const struct cli_command *family, const char *word, struct err *e)
{
	struct near near = { .word = word };
	const char *other = family ? NULL : elsewhere(word);

	if (other)
		return err_say(e, EINVAL, "unknown command \"%s\": did you mean \"%s\"?", word, other);

	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		/* Who leaves the first word out is near, too. */
		const char *member = cli_member(family, *c), *form = family || member ? member : (*c)->name;
		if (form && (*c)->group != CLI_HIDDEN)
			near_offer(&near, form, (*c)->name);
	}
	return err_say(e, EINVAL, "unknown command \"%s%s%s\"%s", family ? family->name : "", family ? " " : "", word,
		       near_hint(&near, a));
}

int cli_find_words(struct arena *a, int argc, char **argv, const struct cli_command **ret, int *ret_words,
		   struct err *e)
{
	const struct cli_command *c = cli_find(argv[0]);

	*ret = NULL;
	if (!c || cli_member(NULL, c))
		return unknown(a, NULL, argv[0], e);
	*ret = c;
	*ret_words = 1;
	if (!c->family || argc < 2 || argv[1][0] == '-')
		return 0;
	*ret_words = 2;
	*ret = cli_find(arena_printf(a, "%s %s", argv[0], argv[1]));
	if (*ret)
		return 0;
	*ret = c;
	return unknown(a, c, argv[1], e);
}
