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

/* Of the first word: the commands that stand alone, and the families. */
static bool is_first(const struct cli_command *c)
{
	return shown(c) && !cli_member(NULL, c);
}

enum { LISTS = 3 };

/*
 * What an argument may name that exists: how the text of a command's arguments begins then, and what lists the names.
 */
static const struct subject {
	const char *begin, *name;
	const char *lists[LISTS + 1];
} subjects[] = {
	{ "CONTAINER", "container", { "ls -q" } },
	{ "IMAGE", "image", { "image ls --format names" } },
	{ "VOLUME", "volume", { "volume ls -q" } },
	{ "NETWORK", "network", { "network ls -q" } },
	{ "SNAPSHOT", "snapshot", { "snapshot ls -q" } },
	{ "SOURCE", "source", { "template ls -q", "snapshot ls -q", "ls -q" } },
	{ "TEMPLATE", "template", { "template ls -q" } },
};
enum { N_SUBJECTS = sizeof(subjects) / sizeof(*subjects) };

static bool takes(const struct cli_command *c, const struct subject *s)
{
	return strncmp(c->arguments + (c->arguments[0] == '['), s->begin, strlen(s->begin)) == 0;
}

/* "IMAGE...": not the first argument alone. */
static bool takes_many(const struct cli_command *c, const struct subject *s)
{
	return takes(c, s) && strncmp(c->arguments + strlen(s->begin), "...", 3) == 0;
}

/* Each of them between @before and @after. */
static void print_lists(const struct subject *s, const char *before, const char *after)
{
	for (const char *const *list = s->lists; *list; list++)
		printf("%s%s%s", before, *list, after);
}

/* The global options that say where to look for what exists. */
static bool says_where(const struct cli_option *o)
{
	return strcmp(o->name, "root") == 0 || strcmp(o->name, "image-store") == 0;
}

/* "--root|--log": those that are followed by a value, and say where, or do not. */
static void print_valued(bool where, const char *between)
{
	const char *bar = "";

	for (const struct cli_option *o = cli_global_options; o->name; o++) {
		if (!cli_takes_value(o) || says_where(o) != where)
			continue;
		printf("%s--%s", bar, o->name);
		bar = between;
	}
}

static void print_words(const struct cli_command *family, const char *between)
{
	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		if (family ? cli_member(family, *c) != NULL && shown(*c) : is_first(*c))
			printf("%s%s", family ? cli_member(family, *c) : (*c)->name, between);
	}
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
		printf("\t'%s,--%s'", command, o->name);
		if (o->letter)
			printf("|'%s,-%c'", command, o->letter);
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

/*
 * What comes after a command: a family's members, or names of what exists. Bash takes the colon of a name for the end
 * of a word, and wants what follows it alone.
 */
static void bash_arguments(const struct cli_command *c)
{
	if (c->family) {
		printf("\t'%s') COMPREPLY=($(compgen -W '", c->name);
		print_words(c, " ");
		fputs("' -- \"$cur\")) ;;\n", stdout);
	}
	for (const struct subject *s = subjects; s < subjects + N_SUBJECTS; s++)
		if (takes(c, s)) {
			printf("\t'%s') cur=${COMP_LINE:0:COMP_POINT}; cur=${cur##* }\n"
			       "\t\tCOMPREPLY=($(compgen -W \"$(",
			       c->name);
			print_lists(s, "ferry \"${where[@]}\" ", " 2>/dev/null; ");
			fputs(")\" -- \"$cur\"))\n"
			      "\t\t[[ $cur != *:* ]] || COMPREPLY=(\"${COMPREPLY[@]#\"${cur%%:*}:\"}\") ;;\n",
			      stdout);
		}
}

static void print_bash(void)
{
	fputs("# bash completion for ferry, written by 'ferry completion bash'\n"
	      "_ferry()\n"
	      "{\n"
	      "\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= i options\n"
	      "\tlocal -a where=()\n"
	      "\tCOMPREPLY=()\n"
	      "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	      "\t\tcase ${COMP_WORDS[i]} in\n"
	      "\t\t",
	      stdout);
	print_valued(true, "|");
	fputs(") where+=(\"${COMP_WORDS[i]}\" \"${COMP_WORDS[i+1]}\"); ((i++)) ;;\n\t\t", stdout);
	print_valued(false, "|");
	fputs(") ((i++)) ;;\n"
	      "\t\t-*) ;;\n"
	      "\t\t*) command+=${command:+ }${COMP_WORDS[i]}\n"
	      "\t\t\tcase $command in\n",
	      stdout);
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		if ((*c)->family)
			printf("\t\t\t%s) continue ;;\n", (*c)->name);
	fputs("\t\t\tesac\n"
	      "\t\t\tbreak ;;\n"
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
		printf("\t'%s') options='", (*c)->name);
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
	print_words(NULL, " ");
	fputs("' -- \"$cur\")) ;;\n", stdout);
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		if (shown(*c))
			bash_arguments(*c);
	fputs("\tesac\n"
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
	printf("\t\t'%s') _arguments \\\n", c->name);
	for (const struct cli_option *o = c->options; o->name; o++)
		zsh_option(o, "\t\t\t");
	fputs("\t\t\t'--help[explain the command]'", stdout);
	for (const struct subject *s = subjects; s < subjects + N_SUBJECTS; s++)
		if (takes(c, s)) {
			printf(" \\\n\t\t\t'%s:%s: _ferry_names", takes_many(c, s) ? "*" : "1", s->name);
			print_lists(s, " \"", "\"");
			putchar('\'');
		}
	if (strcmp(c->name, "help") == 0)
		fputs(" \\\n\t\t\t'1:command:_ferry_commands'", stdout);
	else if (c->family)
		printf(" \\\n\t\t\t'1:command:_ferry_commands_%s'", c->name);
	if (strcmp(c->name, "exec") == 0)
		fputs(" \\\n\t\t\t'*::command: _normal'", stdout);
	fputs(" ;;\n", stdout);
}

/* The function that offers the members of a family, or the commands of the first word. */
static void zsh_commands(const struct cli_command *family)
{
	printf("_ferry_commands%s%s()\n"
	       "{\n"
	       "\tlocal -a commands=(\n",
	       family ? "_" : "", family ? family->name : "");
	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		if (!shown(*c) || (family ? !cli_member(family, *c) : cli_member(NULL, *c) != NULL))
			continue;
		printf("\t\t'%s:", family ? cli_member(family, *c) : (*c)->name);
		print_quoted((*c)->summary, "");
		fputs("'\n", stdout);
	}
	fputs("\t)\n"
	      "\t_describe command commands\n"
	      "}\n",
	      stdout);
}

static void print_zsh(void)
{
	fputs("#compdef ferry\n"
	      "# zsh completion for ferry, written by 'ferry completion zsh'\n"
	      "_ferry_names()\n"
	      "{\n"
	      "\tlocal list\n"
	      "\tlocal -a names\n"
	      "\tfor list; do\n"
	      "\t\tnames+=(${(f)\"$(ferry $ferry_where ${=list} 2>/dev/null)\"})\n"
	      "\tdone\n"
	      "\tcompadd -a names\n"
	      "}\n",
	      stdout);
	zsh_commands(NULL);
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		if ((*c)->family)
			zsh_commands(*c);
	fputs("_ferry()\n"
	      "{\n"
	      "\tlocal curcontext=\"$curcontext\" state line\n"
	      "\tlocal -a ferry_where\n"
	      "\ttypeset -A opt_args\n"
	      "\t_arguments -C \\\n",
	      stdout);
	for (const struct cli_option *o = cli_global_options; o->name; o++)
		zsh_option(o, "\t\t");
	fputs("\t\t'1:command:_ferry_commands' \\\n"
	      "\t\t'*::argument:->argument'\n"
	      "\t[[ $state == argument ]] || return\n"
	      "\tlocal option\n"
	      "\tfor option in ",
	      stdout);
	print_valued(true, " ");
	fputs("; do\n"
	      "\t\t[[ -z $opt_args[$option] ]] || ferry_where+=($option $opt_args[$option])\n"
	      "\tdone\n"
	      "\tcase $words[1] in\n",
	      stdout);
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		if ((*c)->family)
			printf("\t\t%s) (( CURRENT == 2 )) || { words[1,2]=(\"$words[1,2]\"); (( CURRENT-- )) } ;;\n",
			       (*c)->name);
	fputs("\tesac\n"
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

static void fish_command(const struct cli_command *c)
{
	const char *member = cli_member(NULL, c);
	char condition[64];

	printf("complete -c ferry -n '__ferry_at %.*s' -a %s -d '", member ? (int)(member - 1 - c->name) : 0, c->name,
	       member ? member : c->name);
	print_quoted(c->summary, "");
	fputs("'\n", stdout);
	snprintf(condition, sizeof(condition), "__ferry_at %s", c->name);
	for (const struct cli_option *o = c->options; o->name; o++)
		fish_option(condition, o);
	for (const struct subject *s = subjects; s < subjects + N_SUBJECTS; s++)
		if (takes(c, s)) {
			printf("complete -c ferry -n '%s' -a '(", condition);
			print_lists(s, "ferry $__ferry_where ", " 2>/dev/null; ");
			printf(")' -d %s\n", s->name);
		}
}

static void print_fish(void)
{
	fputs("# fish completion for ferry, written by 'ferry completion fish'\n"
	      "complete -c ferry -f\n"
	      "# Whether the command that stands on the line is this one; and where it says to look for what exists.\n"
	      "function __ferry_at\n"
	      "\tset -l found\n"
	      "\tset -l before\n"
	      "\tset -g __ferry_where\n"
	      "\tfor word in (commandline -opc)[2..-1]\n"
	      "\t\tswitch \"$before\"\n"
	      "\t\tcase ",
	      stdout);
	print_valued(true, " ");
	fputs("\n"
	      "\t\t\tset -a __ferry_where $before $word\n"
	      "\t\t\tset before\n"
	      "\t\t\tcontinue\n"
	      "\t\tcase ",
	      stdout);
	print_valued(false, " ");
	fputs("\n"
	      "\t\t\tset before\n"
	      "\t\t\tcontinue\n"
	      "\t\tend\n"
	      "\t\tset before $word\n"
	      "\t\tstring match -q -- '-*' $word; and continue\n"
	      "\t\tset -a found $word\n"
	      "\t\tcontains -- \"$found\" ''",
	      stdout);
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		if ((*c)->family)
			printf(" %s", (*c)->name);
	fputs("; or break\n"
	      "\tend\n"
	      "\ttest \"$found\" = \"$argv\"\n"
	      "end\n",
	      stdout);
	for (const struct cli_option *o = cli_global_options; o->name; o++)
		fish_option("__ferry_at", o);
	for (const struct cli_command *const *c = cli_commands; *c; c++)
		if (shown(*c))
			fish_command(*c);
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
