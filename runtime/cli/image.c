/* image: the family of commands for what lies in the image store. */
#include "runtime/cli/commands.h"

static const struct cli_option no_options[] = { { 0 } };

const struct cli_command command_image = {
	.name = "image",
	.arguments = "COMMAND",
	.summary = "Work with images: what containers are launched from",
	.group = CLI_HIDDEN,
	.options = no_options,
	.family = true,
	.max_args = -1,
};
