/* completion: scripts for shells, written from the tables of commands and options, so that they cannot lag behind. */
#include "runtime/cli/commands.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct cli_option no_options[] = { { 0 } };

static bool shown(const struct cli_command *c)
{
	return c->group != CLI_HIDDEN;
}

/* Whether the first argument names a container that exists. */
static bool takes_container(const struct cli_command *c)
{
	return strncmp(c->arguments, "CONTAINER", 9) == 0;
}

static bool is_choice(const struct cli_option *o)
{
	return cli_takes_value(o) && strchr(o->value, '|');
}

/* "text|json" as words with spaces between. */
static void print_choice(const char *value)
{
	for (; *value; value++)
		putchar(*value == '|' ? ' ' : *value);
}

/* For a string between single quotes in a shell. */
static void print_quoted(const char *text, const char *escaped_too)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else if (strchr(escaped_too, *text))
			printf("\\%c", *text);
		else
			putchar(*text);
	}
}

/* ---- bash ---- */

static void bash_names(const struct cli_option *table)
{
	for (const struct cli_option *o = table; o->name; o++) {
		if (o->type == CLI_REFUSED)
			continue;
		printf("--%s ", o->name);
		if (o->letter)
			printf("-%c ", o->letter);
	}
}

/* A case for each option that is followed by a value. @command: "" before the command. */
static void bash_values(const char *command, const struct cli_option *table)
{
	for (const struct cli_option *o = table; o->name; o++) {
		if (!cli_takes_value(o))
			continue;
		printf("\t%s,--%s", command, o->name);
		if (o->letter)
			printf("|%s,-%c", command, o->letter);
		fputs(") ", stdout);
		if (is_choice(o)) {
			fputs("COMPREPLY=($(compgen -W '", stdout);
			print_choice(o->value);
			fputs("' -- \"$cur\"))", stdout);
		} else if (strcmp(o->value, "FILE") == 0) {
			fputs("COMPREPLY=($(compgen -f -- \"$cur\"))", stdout);
		} else if (strcmp(o->value, "DIR") == 0) {
			fputs("COMPREPLY=($(compgen -d -- \"$cur\"))", stdout);
		} else {
			putchar(':');
		}
		fputs("; return ;;\n", stdout);
	}
}

static void bash_commands(void)
{
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		if (shown(*c))
			printf("%s ", (*c)->name);
}

static void print_bash(void)
{
	fputs("# bash completion for ferry, written by 'ferry completion bash'\n"
	      "_ferry()\n"
	      "{\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= at=0 i options\n"
	      "\tlocal -a root=()\n"
	      "\tCOMPREPLY=()\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tcase ${COMP_WORDS[i]} in\n"
	      "\t\t--root) root=(--root \"${COMP_WORDS[i+1]}\"); ((i++)) ;;\n"
	      "\t\t",
	      stdout);
	const char *bar = "";
	for (const struct cli_option *o = cli_global_options; o->name; o++) {
		if (!cli_takes_value(o) || strcmp(o->name, "root") == 0)
			continue;
		printf("%s--%s", bar, o->name);
		bar = "|";
	}
	fputs(") ((i++)) ;;\n"
	      "\t\t-*) ;;\n"
	      "\t\t*) command=${COMP_WORDS[i]}; at=$i; break ;;\n"
	      "\t\tesac\n"
	      "\tdone\n"
	      "\tcase $command,$prev in\n",
	      stdout);
	bash_values("", cli_global_options);
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		if (shown(*c))
			bash_values((*c)->name, (*c)->options);
	fputs("\tesac\n\tcase $command in\n\t'') options='", stdout);
	bash_names(cli_global_options);
	fputs("' ;;\n", stdout);
	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		if (!shown(*c))
			continue;
		printf("\t%s) options='", (*c)->name);
		bash_names((*c)->options);
		fputs("--help' ;;\n", stdout);
	}
	fputs("\tesac\n"
	      "\tif [[ $cur == -* ]]; then\n"
	      "\t\tCOMPREPLY=($(compgen -W \"$options\" -- \"$cur\"))\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\tcase $command in\n"
	      "\t''|help) COMPREPLY=($(compgen -W '",
	      stdout);
	bash_commands();
	fputs("' -- \"$cur\")) ;;\n\t", stdout);
	bar = "";
	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		if (!shown(*c) || !takes_container(*c))
			continue;
		printf("%s%s", bar, (*c)->name);
		bar = "|";
	}
	fputs(") COMPREPLY=($(compgen -W \"$(ferry \"${root[@]}\" list -q 2>/dev/null)\" -- \"$cur\")) ;;\n"
	      "\tesac\n"
	      "}\n"
	      "complete -F _ferry ferry\n",
	      stdout);
}

/* ---- zsh ---- */

static void zsh_option(const struct cli_option *o, const char *indent)
{
	const char *more = o->type == CLI_STRINGS ? "*" : "";

	if (o->type == CLI_REFUSED)
		return;
	if (o->letter && *more)
		printf("%s'*'{-%c,--%s}'[", indent, o->letter, o->name);
	else if (o->letter)
		printf("%s'(-%c --%s)'{-%c,--%s}'[", indent, o->letter, o->name, o->letter, o->name);
	else
		printf("%s'%s--%s[", indent, more, o->name);
	print_quoted(o->help, "[]:\\");
	putchar(']');
	if (cli_takes_value(o)) {
		putchar(':');
		print_quoted(o->value, "[]:\\");
		putchar(':');
		if (is_choice(o)) {
			putchar('(');
			print_choice(o->value);
			putchar(')');
		} else if (strcmp(o->value, "FILE") == 0) {
			fputs("_files", stdout);
		} else if (strcmp(o->value, "DIR") == 0) {
			fputs("_files -/", stdout);
		}
	}
	fputs("' \\\n", stdout);
}

static void zsh_arguments(const struct cli_command *c)
{
	printf("\t\t%s) _arguments \\\n", c->name);
	for (const struct cli_option *o = c->options; o->name; o++)
		zsh_option(o, "\t\t\t");
	fputs("\t\t\t'--help[explain the command]'", stdout);
	if (takes_container(c))
		fputs(" \\\n\t\t\t'1:container:_ferry_containers'", stdout);
	else if (strcmp(c->name, "help") == 0)
		fputs(" \\\n\t\t\t'1:command:_ferry_commands'", stdout);
	if (strcmp(c->name, "exec") == 0)
		fputs(" \\\n\t\t\t'*::command: _normal'", stdout);
	fputs(" ;;\n", stdout);
}

static void print_zsh(void)
{
	fputs("#compdef ferry\n"
	      "# zsh completion for ferry, written by 'ferry completion zsh'\n"
	      "_ferry_containers()\n"
	      "{\n"
	      "\tlocal -a ids\n"
	      "\tids=(${(f)\"$(ferry ${ferry_root:+--root $ferry_root} list -q 2>/dev/null)\"})\n"
	      "\tcompadd -a ids\n"
	      "}\n"
	      "_ferry_commands()\n"
	      "{\n"
	      "\tlocal -a commands=(\n",
	      stdout);
	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		if (!shown(*c))
			continue;
		printf("\t\t'%s:", (*c)->name);
		print_quoted((*c)->summary, "");
		fputs("'\n", stdout);
	}
	fputs("\t)\n"
	      "\t_describe command commands\n"
	      "}\n"
	      "_ferry()\n"
	      "{\n"
	      "\tlocal curcontext=\"$curcontext\" state line ferry_root\n"
	      "\ttypeset -A opt_args\n"
	      "\t_arguments -C \\\n",
	      stdout);
	for (const struct cli_option *o = cli_global_options; o->name; o++)
		zsh_option(o, "\t\t");
	fputs("\t\t'1:command:_ferry_commands' \\\n"
	      "\t\t'*::argument:->argument'\n"
	      "\t[[ $state == argument ]] || return\n"
	      "\tferry_root=${opt_args[--root]}\n"
	      "\tcase $words[1] in\n",
	      stdout);
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		if (shown(*c))
			zsh_arguments(*c);
	fputs("\tesac\n"
	      "}\n"
	      "if [[ $funcstack[1] == _ferry ]]; then _ferry \"$@\"; else compdef _ferry ferry; fi\n",
	      stdout);
}

/* ---- fish ---- */

static void fish_option(const char *condition, const struct cli_option *o)
{
	if (o->type == CLI_REFUSED)
		return;
	printf("complete -c ferry -n '%s' -l %s", condition, o->name);
	if (o->letter)
		printf(" -s %c", o->letter);
	if (is_choice(o)) {
		fputs(" -x -a '", stdout);
		print_choice(o->value);
		putchar('\'');
	} else if (cli_takes_value(o) && strcmp(o->value, "DIR") == 0) {
		fputs(" -x -a '(__fish_complete_directories)'", stdout);
	} else if (cli_takes_value(o)) {
		fputs(strcmp(o->value, "FILE") == 0 ? " -r -F" : " -x", stdout);
	}
	fputs(" -d '", stdout);
	print_quoted(o->help, "");
	fputs("'\n", stdout);
}

static void print_fish(void)
{
	fputs("# fish completion for ferry, written by 'ferry completion fish'\n"
	      "complete -c ferry -f\n",
	      stdout);
	for (const struct cli_option *o = cli_global_options; o->name; o++)
		fish_option("__fish_use_subcommand", o);
	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		char condition[64];
		if (!shown(*c))
			continue;
		printf("complete -c ferry -n '__fish_use_subcommand' -a %s -d '", (*c)->name);
		print_quoted((*c)->summary, "");
		fputs("'\n", stdout);
		snprintf(condition, sizeof(condition), "__fish_seen_subcommand_from %s", (*c)->name);
		for (const struct cli_option *o = (*c)->options; o->name; o++)
			fish_option(condition, o);
		if (takes_container(*c))
			printf("complete -c ferry -n '%s' -a '(ferry list -q 2>/dev/null)' -d container\n", condition);
	}
}

static int run_completion(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	static const struct {
		const char *shell;
		void (*print)(void);
	} shells[] = { { "bash", print_bash }, { "zsh", print_zsh }, { "fish", print_fish } };

	(void)rt, (void)options, (void)argc;
	for (size_t i = 0; i < sizeof(shells) / sizeof(*shells); i++)
		if (strcmp(shells[i].shell, argv[0]) == 0)
			return shells[i].print(), 0;
	return err_say(e, EINVAL, "no completion for \"%s\": there is one for bash, zsh and fish", argv[0]);
}

const struct cli_command command_completion = {
	.name = "completion",
	.arguments = "bash|zsh|fish",
	.summary = "Print a shell's completion script for ferry",
	.group = CLI_HIDDEN,
	.options = no_options,
	.min_args = 1,
	.max_args = 1,
	.run = run_completion,
};
