#include "runtime/cli/commands.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>

static const struct {
	enum cli_group group;
	const char *title;
} groups[] = {
	{ CLI_LIFE, "The life of a container" },
	{ CLI_LOOK, "What containers do" },
	{ CLI_CHANGE, "Changing a running container" },
	{ CLI_IMAGES, "Images and volumes" },
	{ CLI_NETWORKS, "Networks" },
	{ CLI_OTHER, "Besides" },
};

void cli_print_version(void)
{
	const struct scmp_version *v = seccomp_version();

	printf("ferry version %s\nspec: %s\n", FERRY_VERSION, SPEC_VERSION);
	if (v)
		printf("libseccomp: %u.%u.%u\n", v->major, v->minor, v->micro);
}

void cli_option_usage(const struct cli_option *o, struct buf *out)
{
	if (o->letter)
		buf_printf(out, "-%c, --%s", o->letter, o->name);
	else
		buf_printf(out, "    --%s", o->name);
	if (cli_takes_value(o))
		buf_printf(out, " %s", o->value);
}

/* The left column, and the text beside it: below it where the left one is too wide. */
static void print_row(const char *left, const char *text)
{
	if (strlen(left) + 2 > CLI_HELP_COLUMN - 2)
		printf("  %s\n%*s%s\n", left, CLI_HELP_COLUMN, "", text);
	else
		printf("  %-*s%s\n", CLI_HELP_COLUMN - 2, left, text);
}

static void print_options(const struct cli_option *table)
{
	bool letters = false;

	for (const struct cli_option *o = table; o->name; o++)
		letters = letters || o->letter;
	for (const struct cli_option *o = table; o->name; o++) {
		cleanup_buf struct buf left = BUF_INIT, text = BUF_INIT;
		cli_option_usage(o, &left);
		if (o->type == CLI_IGNORED)
			buf_str(&text, "accepted for compatibility: ");
		if (o->type == CLI_REFUSED)
			buf_str(&text, "not supported: ");
		buf_str(&text, o->help);
		print_row(buf_text(&left) + (letters ? 0 : 4), buf_text(&text));
	}
}

/* The rows of one group; or of a family, which has no groups, by the words that follow its name. */
static void print_commands(const struct cli_command *family, enum cli_group group)
{
	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		const char *member = cli_member(family, *c);
		if (family ? member != NULL : !member && (*c)->group == group)
			printf("  %-12s%s\n", family ? member : (*c)->name, (*c)->summary);
	}
}

void cli_print_help(void)
{
	printf("Usage: ferry [OPTIONS] COMMAND [ARGUMENTS]\n\n"
	       "Runs containers as the Open Container Initiative specifies them.\n");
	for (size_t g = 0; g < sizeof(groups) / sizeof(*groups); g++) {
		printf("\n%s:\n", groups[g].title);
		print_commands(NULL, groups[g].group);
	}
	printf("\nOptions:\n");
	print_options(cli_global_options);
	printf("\n'ferry COMMAND --help' says more about a command; so does its manual page, ferry-COMMAND(1).\n");
}

void cli_print_command_help(const struct cli_command *c)
{
	printf("Usage: ferry %s%s%s%s\n\n%s.\n", c->name, c->options->name ? " [OPTIONS]" : "",
	       *c->arguments ? " " : "", c->arguments, c->summary);
	if (c->details)
		printf("\n%s", c->details);
	if (c->family) {
		printf("\nCommands:\n");
		print_commands(c, 0);
		printf("\n'ferry %s COMMAND --help' says more about each; so does the manual page, ferry-%s(1).\n",
		       c->name, c->name);
	}
	if (c->options->name) {
		printf("\nOptions:\n");
		print_options(c->options);
	}
}

static const struct cli_option help_options[] = { { 0 } };

static int run_help(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	const struct cli_command *c;
	int words = 0;

	(void)options;
	if (argc == 0)
		return cli_print_help(), 0;
	int r = cli_find_words(&rt->arena, argc, argv, &c, &words, e);
	if (r < 0)
		return r;
	if (words < argc)
		return err_say(e, EINVAL, "the command \"%s\" has no commands of its own", c->name);
	cli_print_command_help(c);
	return 0;
}

const struct cli_command command_help = {
	.name = "help",
	.arguments = "[COMMAND]",
	.summary = "Explain ferry or one of its commands",
	.group = CLI_OTHER,
	.options = help_options,
	.max_args = 2,
	.run = run_help,
};
