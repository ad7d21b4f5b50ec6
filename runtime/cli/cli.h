/*
 * The command line: one table of commands, each with a table of options. The same tables parse, print --help, and give
 * the shell completions.
 *
 * Options are accepted as --name VALUE, --name=VALUE, -n VALUE and, as Go programs do, -name VALUE; flags together, -it, and
 * behind them one with a value, -dp VALUE; and a value that does not begin with a letter right behind the letter, -p80.
 */
#ifndef RUNTIME_CLI_H
#define RUNTIME_CLI_H

#include "lib/buf.h"
#include "lib/err.h"
#include "runtime/runtime.h"
#include "spec/spec.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

enum cli_type {
	CLI_FLAG, /* bool */
	CLI_SWITCH, /* struct spec_bool: a flag that can also say no, --name=false */
	CLI_STRING, /* const char * */
	CLI_STRINGS, /* struct cli_strings: may be repeated */
	CLI_INT, /* struct spec_i64 */
	CLI_IGNORED, /* accepted for compatibility; documented as such. A flag */
	CLI_REFUSED, /* an option that callers know but that ferry cannot honour: a clear error. Takes no value */
};

struct cli_strings {
	const char **v;
	size_t n;
};

struct cli_option {
	const char *name; /* long name */
	char letter; /* 0: none */
	enum cli_type type;
	size_t offset; /* in the command's options struct */
	/*
	 * What --help calls the value: "N". The completions know "FILE", "DIR", and words to choose from: "table|json".
	 */
	const char *value;
	const char *help; /* one line; CLI_REFUSED: why */
};

/* For offset: what a field of the command's options is. */
#define CLI_OPTION(name, letter, type, st, field, value, help) \
	{ name, letter, type, offsetof(st, field), value, help }

/* Under which heading --help lists a command. */
enum cli_group { CLI_LIFE, CLI_LOOK, CLI_CHANGE, CLI_IMAGES, CLI_NETWORKS, CLI_OTHER, CLI_HIDDEN };

/*
 * A member of a family of commands is called by two words: "image ls". The family, "image", has a row before those of
 * its members; it does nothing but explain itself.
 */
struct cli_command {
	const char *name; /* in full */
	/* "CONTAINER [SIGNAL]", "IMAGE...": the completions know what begins so; a new container's is "ID" */
	const char *arguments;
	const char *summary; /* one line */
	const char *details; /* what --help says besides, lines ended by newlines; may be NULL */
	enum cli_group group;
	const struct cli_option *options; /* ended by a row without a name */
	size_t options_size; /* of the struct that they fill */
	int min_args, max_args; /* max -1: any number */
	bool stop_at_first; /* what follows the first argument is not ours to parse: exec */
	bool family; /* without run */
	bool stateless; /* needs no place for the state of containers: an ordinary user may have none, as after su(1) */
	bool runs_program; /* fails with 125, 126 or 127, as env(1) does: main.c */
	bool seal; /* joins what runs already: from a sealed copy (runtime/seal.h) */
	/* @options: the filled struct. Returns the exit code, or < 0 with the error. */
	int (*run)(struct runtime *rt, const void *options, int argc, char **argv, struct err *e);
};

/* The table, ended by NULL. runtime/cli/commands.c */
extern const struct cli_command *const cli_commands[];
extern const struct cli_option cli_global_options[];

struct cli_global {
	const char *root, *image_store, *log, *log_format, *log_level, *rootless, *cgroup_manager;
	bool debug, systemd_cgroup, version, help;
};

/*
 * Parses argv[0..argc) into @options by @table. *ret_args: how many arguments remain, moved to the front of argv.
 * *ret_help: --help or -h was there. Strings stay argv's. "--" ends the options and is dropped, also when it stands
 * right after the argument at which @stop_at_first stopped.
 */
int cli_parse(const struct cli_option *table, bool stop_at_first, void *options, struct arena *a, int argc, char **argv,
	      int *ret_args, bool *ret_help, struct err *e);

const struct cli_command *cli_find(const char *name);

/*
 * By the first word or the first two of a command line, @argc being at least 1. *ret_words: how many it took.
 * -EINVAL: there is none, with those that are nearly like it; *ret is then the family that has no such member, or
 * NULL.
 */
int cli_find_words(struct arena *a, int argc, char **argv, const struct cli_command **ret, int *ret_words,
		   struct err *e);

/* "ls" for "image ls", if that is a member of @family (of any, if that is NULL); else NULL. */
const char *cli_member(const struct cli_command *family, const struct cli_command *c);

void cli_print_help(void); /* of the program */
void cli_print_command_help(const struct cli_command *c);
void cli_print_version(void);

/* Where the help text of each option starts; and the text to the left of it: "-b, --bundle DIR". */
enum { CLI_HELP_COLUMN = 30 };
void cli_option_usage(const struct cli_option *o, struct buf *out);

/* Whether the option is followed by a value. */
bool cli_takes_value(const struct cli_option *o);

/* For more than one command. Negative errors are filled in, and name only the text: the caller says which option. */
int cli_size_bytes(const char *text, int64_t *ret, struct err *e); /* "512m", "1.5GiB", "-1" */
int cli_duration_ms(const char *text, int64_t *ret, struct err *e); /* "5s", "1m30s", "250ms" */
int cli_moment(const char *text, struct timespec *ret, struct err *e); /* "10m" ago, RFC 3339, or seconds since 1970 */
int cli_user(const char *text, uint32_t *ret_uid, struct spec_u64 *ret_gid, struct err *e); /* "1000", "1000:100" */

#endif
