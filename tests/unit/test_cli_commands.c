/* The table of commands: what it prints, and what its options make. */
#include "runtime/cli/cli.h"
#include "runtime/cli/exec.h"
#include "runtime/cli/event_stats.h"

#include "lib/json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *help_of(const struct cli_command *c)
{
	FILE *terminal = stdout;
	char *text = NULL;
	size_t n = 0;

	stdout = open_memstream(&text, &n);
	if (c)
		cli_print_command_help(c);
	else
		cli_print_help();
	fclose(stdout);
	stdout = terminal;
	return text;
}

static void every_option_is_explained(void **state)
{
	(void)state;
	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		char *text = help_of(*c);
		assert_non_null(strstr(text, (*c)->summary));
		for (const struct cli_option *o = (*c)->options; o->name; o++) {
			char word[64];
			snprintf(word, sizeof(word), "--%s", o->name);
			assert_non_null(strstr(text, word));
			assert_true(o->help && *o->help);
		}
		free(text);
	}
}

static void every_command_is_listed(void **state)
{
	char *text = help_of(NULL);

	(void)state;
	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		assert_ptr_equal(cli_find((*c)->name), *c);
		if ((*c)->group != CLI_HIDDEN && !cli_member(NULL, *c))
			assert_non_null(strstr(text, (*c)->summary));
	}
	assert_null(cli_find("nosuch"));
	/* Engines ask for the help of these to learn whether they can be used. */
	assert_non_null(cli_find("checkpoint"));
	assert_non_null(cli_find("restore"));
	free(text);
}

static const struct cli_command *found(int argc, char **argv, int expected_words)
{
	cleanup_arena struct arena a = ARENA_INIT;
	const struct cli_command *c;
	struct err e;
	int words;

	assert_int_equal(cli_find_words(&a, argc, argv, &c, &words, &e), 0);
	assert_int_equal(words, expected_words);
	return c;
}

static void families(void **state)
{
	static const struct cli_command family = { .name = "image", .family = true };
	static const struct cli_command member = { .name = "image ls" }, other = { .name = "images" };
	cleanup_arena struct arena a = ARENA_INIT;
	const struct cli_command *c;
	struct err e;
	int words;

	(void)state;
	assert_string_equal(cli_member(&family, &member), "ls");
	assert_string_equal(cli_member(NULL, &member), "ls");
	assert_null(cli_member(&other, &member));
	assert_null(cli_member(&family, &other));
	assert_null(cli_member(NULL, &family));

	assert_string_equal(found(1, (char *[]){ "image" }, 1)->name, "image");
	assert_string_equal(found(2, (char *[]){ "image", "--help" }, 1)->name, "image");
	assert_string_equal(found(2, (char *[]){ "list", "image" }, 1)->name, "list");
	assert_int_equal(cli_find_words(&a, 2, (char *[]){ "image", "lss" }, &c, &words, &e), -EINVAL);
	assert_ptr_equal(c, cli_find("image"));
	assert_int_equal(cli_find_words(&a, 1, (char *[]){ "image ls" }, &c, &words, &e), -EINVAL);
	assert_null(c);
	assert_int_equal(cli_find_words(&a, 1, (char *[]){ "strat" }, &c, &words, &e), -EINVAL);
	assert_string_equal(e.msg, "unknown command \"strat\": did you mean \"start\"?");
	assert_int_equal(cli_find_words(&a, 1, (char *[]){ "rmi" }, &c, &words, &e), -EINVAL);
	assert_string_equal(e.msg, "unknown command \"rmi\": did you mean \"image rm\"?");
	/* A member without its family. */
	assert_int_equal(cli_find_words(&a, 1, (char *[]){ "pull" }, &c, &words, &e), -EINVAL);
	assert_string_equal(e.msg, "unknown command \"pull\": did you mean \"image pull\"?");
}

/* A table with a mistake would make a command that cannot be used as it says. */
static void tables_are_sound(void **state)
{
	(void)state;
	for (const struct cli_command *const *c = cli_commands; *c; c++) {
		for (const struct cli_command *const *d = cli_commands; d < c; d++)
			assert_string_not_equal((*c)->name, (*d)->name);
		assert_int_equal((*c)->family, !(*c)->run);
		assert_true((*c)->options_size || !(*c)->options->name);
		assert_non_null((*c)->arguments);
		for (const struct cli_option *o = (*c)->options; o->name; o++) {
			assert_int_equal(cli_takes_value(o), o->value != NULL);
			if (o->type != CLI_IGNORED && o->type != CLI_REFUSED)
				assert_true(o->offset < (*c)->options_size);
			for (const struct cli_option *p = (*c)->options; p < o; p++) {
				assert_string_not_equal(o->name, p->name);
				assert_true(!o->letter || o->letter != p->letter);
			}
		}
	}
}

/* What engines pass, for each command. */
static void engines_options_are_known(void **state)
{
	static const struct {
		const char *command, *options;
	} known[] = {
		{ "create", "bundle b console-socket pid-file no-pivot no-new-keyring preserve-fds pidfd-socket f "
			    "config" },
		{ "run", "bundle console-socket pid-file no-pivot no-new-keyring preserve-fds config d detach keep "
			 "no-subreaper" },
		{ "exec", "console-socket cwd e env t tty u user g additional-gids p process d detach pid-file "
			  "process-label apparmor no-new-privs c cap preserve-fds cgroup ignore-paused pidfd-socket" },
		{ "kill", "a all" },
		{ "delete", "f force" },
		{ "list", "f format q quiet" },
		{ "ps", "f format" },
		{ "spec", "b bundle rootless" },
		{ "update", "r resources blkio-weight cpu-period cpu-quota cpu-share cpu-burst cpu-idle cpu-rt-period "
			    "cpu-rt-runtime cpuset-cpus cpuset-mems memory memory-reservation memory-swap pids-limit "
			    "l3-cache-schema mem-bw-schema" },
		{ "events", "interval stats" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		const struct cli_command *c = cli_find(known[i].command);
		char *words = strdup(known[i].options), *rest = words;
		assert_non_null(c);
		for (char *word; (word = strsep(&rest, " "));) {
			const struct cli_option *o = c->options;
			while (o->name && strcmp(o->name, word) != 0 && (word[1] || o->letter != word[0]))
				o++;
			if (!o->name)
				fail_msg("%s lacks %s", known[i].command, word);
		}
		free(words);
	}
}

/* ---- exec ---- */

static const char *base_args[] = { "sh", NULL };
static const char *base_env[] = { "PATH=/bin", "A=1", NULL };
static uint32_t base_gids[] = { 5 };
static struct spec_capabilities base_caps = { .set = { [CAPS_BOUNDING] = 1, [CAPS_INHERITABLE] = 1 << 7 } };
static struct spec_process base = {
	.terminal = true,
	.cwd = "/work",
	.args = base_args,
	.n_args = 1,
	.env = base_env,
	.n_env = 2,
	.user = { .uid = 1, .gid = 2, .additional_gids = base_gids, .n_additional_gids = 1 },
	.capabilities = &base_caps,
	.no_new_privileges = true,
};
static const struct spec base_spec = { .process = &base };

static void exec_inherits(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	char *args[] = { "ls", "-l", NULL };
	struct exec_options o = { 0 };
	struct spec_process p;
	struct err e;

	(void)state;
	assert_int_equal(exec_process_make(&o, &base_spec, 2, args, &a, &p, &e), 0);
	assert_false(p.terminal);
	assert_string_equal(p.cwd, "/work");
	assert_int_equal(p.n_args, 2);
	assert_string_equal(p.args[1], "-l");
	assert_null(p.args[2]);
	assert_int_equal(p.n_env, 2);
	assert_int_equal(p.user.uid, 1);
	assert_true(p.no_new_privileges);
	assert_int_equal(exec_process_make(&o, &base_spec, 0, args, &a, &p, &e), -EINVAL);
}

static void exec_options_change(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	const char *env[] = { "B=2", "A=3", "A=4" }, *gids[] = { "10", "11" }, *caps[] = { "CAP_KILL", "cap_setuid" };
	char *args[] = { "id", NULL };
	struct exec_options o = {
		.tty = { true, true }, .no_new_privs = { true, false }, .user = "7", .cwd = "/", .env = { env, 3 },
		.additional_gids = { gids, 2 }, .caps = { caps, 2 }, .apparmor = "x", .process_label = "y",
	};
	struct spec_process p;
	struct err e;

	(void)state;
	assert_int_equal(exec_process_make(&o, &base_spec, 1, args, &a, &p, &e), 0);
	assert_true(p.terminal && !p.no_new_privileges);
	assert_int_equal(p.user.uid, 7);
	assert_int_equal(p.user.gid, 2);
	assert_int_equal(p.user.n_additional_gids, 3);
	assert_int_equal(p.user.additional_gids[2], 11);
	assert_int_equal(p.n_env, 3);
	assert_string_equal(p.env[1], "A=4");
	assert_string_equal(p.env[2], "B=2");
	assert_null(p.env[3]);
	assert_string_equal(p.apparmor_profile, "x");
	assert_string_equal(p.selinux_label, "y");

	uint64_t kill = 1 << 5, setuid = 1 << 7;
	assert_int_equal(p.capabilities->set[CAPS_BOUNDING], 1 | kill | setuid);
	assert_int_equal(p.capabilities->set[CAPS_EFFECTIVE], kill | setuid);
	assert_int_equal(p.capabilities->set[CAPS_PERMITTED], kill | setuid);
	assert_int_equal(p.capabilities->set[CAPS_INHERITABLE], setuid);
	assert_int_equal(p.capabilities->set[CAPS_AMBIENT], setuid);
	/* The container's own is untouched. */
	assert_int_equal(base_caps.set[CAPS_BOUNDING], 1);
}

static void exec_refuses(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	const char *env[] = { "NAME" }, *empty[] = { "=x" }, *gids[] = { "-1" }, *pair[] = { "1:2" };
	const char *caps[] = { "CAP_X" };
	const struct exec_options bad[] = {
		{ .env = { env, 1 } }, { .env = { empty, 1 } }, { .additional_gids = { gids, 1 } },
		{ .additional_gids = { pair, 1 } }, { .caps = { caps, 1 } }, { .cwd = "x" }, { .user = "root" },
		{ .user = "" },
	};
	char *args[] = { "id", NULL };
	struct spec_process p;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(exec_process_make(&bad[i], &base_spec, 1, args, &a, &p, &e), -EINVAL);
}

/* ---- events ---- */

static const struct json *at(const struct json *o, const char *a, const char *b, const char *c)
{
	const char *const path[] = { a, b, c };

	for (size_t i = 0; i < 3 && path[i]; i++) {
		o = json_get(o, path[i]);
		assert_non_null(o);
	}
	return o;
}

static void stats_document(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_buf struct buf out = BUF_INIT;
	struct spec_pair lines[] = { { "anon", "4096" }, { "file", "8192" } };
	struct cgroup_io_device disk = { .major = 8, .rbytes = 100, .wbytes = 200, .rios = 3, .wios = 4 };
	struct cgroup_stats s = {
		.cpu = { .set = true, .usage_us = 5, .user_us = 3, .system_us = 2, .nr_throttled = 9 },
		.memory = { .set = true, .current_bytes = 100, .peak_bytes = 300, .max_bytes = UINT64_MAX,
			    .swap_current_bytes = 50, .swap_max_bytes = 10, .stat = lines, .n_stat = 2 },
		.pids = { .set = true, .current = 2, .max = UINT64_MAX },
		.io = { .set = true, .devices = &disk, .n_devices = 1 },
	};
	struct json j;
	struct err e;

	(void)state;
	stats_write(&out, "web", &s);
	assert_null(strchr(out.data, '\n'));
	assert_int_equal(json_parse(out.data, out.len, &a, &j, &e), 0);
	assert_string_equal(at(&j, "type", NULL, NULL)->text, "stats");
	assert_string_equal(at(&j, "id", NULL, NULL)->text, "web");
	const struct json *d = at(&j, "data", NULL, NULL);
	assert_string_equal(at(d, "cpu", "usage", "total")->text, "5000");
	assert_string_equal(at(d, "cpu", "usage", "user")->text, "3000");
	assert_string_equal(at(d, "cpu", "throttling", "throttledPeriods")->text, "9");
	assert_string_equal(at(d, "memory", "cache", NULL)->text, "8192");
	assert_string_equal(at(d, "memory", "usage", "limit")->text, "18446744073709551615");
	assert_string_equal(at(d, "memory", "usage", "max")->text, "300");
	assert_string_equal(at(d, "memory", "swap", "usage")->text, "150");
	assert_string_equal(at(d, "memory", "swap", "limit")->text, "18446744073709551615");
	assert_string_equal(at(d, "memory", "raw", "anon")->text, "4096");
	assert_string_equal(at(d, "pids", "limit", NULL)->text, "0");
	const struct json *io = at(d, "blkio", "ioServiceBytesRecursive", NULL);
	assert_int_equal(io->n, 2);
	assert_string_equal(json_get(&io->members[1].value, "op")->text, "Write");
	assert_string_equal(json_get(&io->members[1].value, "value")->text, "200");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_option_is_explained), cmocka_unit_test(every_command_is_listed),
		cmocka_unit_test(families),
		cmocka_unit_test(tables_are_sound),	     cmocka_unit_test(engines_options_are_known),
		cmocka_unit_test(exec_inherits),	     cmocka_unit_test(exec_options_change),
		cmocka_unit_test(exec_refuses),		     cmocka_unit_test(stats_document),
	};
	return cmocka_run_group_tests_name("cli_commands", tests, NULL, NULL);
}
