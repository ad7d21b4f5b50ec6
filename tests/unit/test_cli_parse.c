#include "lib/signal.h"
#include "runtime/cli/cli.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct options {
	const char *name;
	bool flag, other;
	struct spec_bool maybe;
	struct spec_i64 number;
	struct cli_strings list;
};

#define OPTION(name, letter, type, field, value) CLI_OPTION(name, letter, type, struct options, field, value, "help")

static const struct cli_option table[] = {
	OPTION("name", 'n', CLI_STRING, name, "TEXT"),
	OPTION("flag", 'f', CLI_FLAG, flag, NULL),
	OPTION("other", 'o', CLI_FLAG, other, NULL),
	OPTION("maybe", 0, CLI_SWITCH, maybe, NULL),
	OPTION("number", 0, CLI_INT, number, "N"),
	OPTION("list", 'l', CLI_STRINGS, list, "X"),
	{ "old", 0, CLI_IGNORED, 0, NULL, "of no use any more" },
	{ "never", 0, CLI_REFUSED, 0, NULL, "for a reason" },
	{ 0 },
};

struct parsed {
	struct options o;
	struct arena arena;
	struct err e;
	char *argv[16];
	int n, result;
	bool help;
};

/* @line: words between single spaces. */
static struct parsed parse(char *line, bool stop)
{
	struct parsed p = { .arena = ARENA_INIT };
	int argc = 0;

	for (char *word; *line && (word = strsep(&line, " "));) {
		p.argv[argc++] = word;
		if (!line)
			break;
	}
	p.result = cli_parse(table, stop, &p.o, &p.arena, argc, p.argv, &p.n, &p.help, &p.e);
	return p;
}

static void parsed_free(struct parsed *p)
{
	arena_finish(&p->arena);
}
#define cleanup_parsed __attribute__((cleanup(parsed_free)))

#define PARSE(p, stop, text) \
	char line_##p[] = text; \
	cleanup_parsed struct parsed p = parse(line_##p, stop)

static void ways_to_write_an_option(void **state)
{
	static const char *const lines[] = { "--name x", "--name=x", "-name x", "-name=x", "-n x", "-n=x" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		char line[32];
		strcpy(line, lines[i]);
		cleanup_parsed struct parsed p = parse(line, false);
		assert_int_equal(p.result, 0);
		assert_string_equal(p.o.name, "x");
		assert_int_equal(p.n, 0);
	}
}

static void flags(void **state)
{
	(void)state;
	PARSE(a, false, "--flag -o --maybe=false --old");
	assert_int_equal(a.result, 0);
	assert_true(a.o.flag && a.o.other && a.o.maybe.set && !a.o.maybe.v);

	PARSE(b, false, "--flag=false -of");
	assert_int_equal(b.result, 0);
	assert_true(b.o.flag && b.o.other && !b.o.maybe.set);

	PARSE(c, false, "-f --flag=0");
	assert_false(c.o.flag);
	PARSE(d, false, "--flag=maybe");
	assert_int_equal(d.result, -EINVAL);
}

/* Letters together, and values right behind them. */
static void clusters(void **state)
{
	static const char *const good[] = { "-fn 8:/x", "-fn8:/x", "-fn=8:/x", "-of -n8:/x", "-fon 8:/x" };
	static const char *const bad[] = { "-fnx", "-nx", "-nf", "-fxn 1", "-fn", "-f8", "-nfo 1", "-fl", "--fn 8", "-fmaybe" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		char line[32];
		strcpy(line, good[i]);
		cleanup_parsed struct parsed p = parse(line, false);
		assert_int_equal(p.result, 0);
		assert_true(p.o.flag);
		assert_string_equal(p.o.name, "8:/x");
		assert_int_equal(p.n, 0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char line[32];
		strcpy(line, bad[i]);
		cleanup_parsed struct parsed p = parse(line, false);
		assert_int_equal(p.result, -EINVAL);
		assert_null(p.o.name);
	}
	PARSE(a, true, "-l/a=b:/c -l8 one -n2");
	assert_int_equal(a.o.list.n, 2);
	assert_string_equal(a.o.list.v[0], "/a=b:/c");
	assert_string_equal(a.o.list.v[1], "8");
	assert_int_equal(a.n, 2);
	assert_null(a.o.name);
}

static void values(void **state)
{
	(void)state;
	PARSE(a, false, "--number -1 -l a --list=b -l c=d --name=");
	assert_int_equal(a.result, 0);
	assert_true(a.o.number.set);
	assert_int_equal(a.o.number.v, -1);
	assert_int_equal(a.o.list.n, 3);
	assert_string_equal(a.o.list.v[0], "a");
	assert_string_equal(a.o.list.v[2], "c=d");
	assert_string_equal(a.o.name, "");
	arena_finish(&a.arena);

	/* Whatever stands behind it is the value. */
	PARSE(b, false, "--name --flag");
	assert_string_equal(b.o.name, "--flag");
	assert_false(b.o.flag);
}

static void arguments(void **state)
{
	(void)state;
	PARSE(a, false, "one --flag two - -o");
	assert_int_equal(a.n, 3);
	assert_string_equal(a.argv[1], "two");
	assert_string_equal(a.argv[2], "-");
	assert_true(a.o.flag && a.o.other);

	PARSE(b, true, "-f one --other -- two");
	assert_int_equal(b.n, 4);
	assert_string_equal(b.argv[1], "--other");
	assert_string_equal(b.argv[2], "--");
	assert_true(b.o.flag && !b.o.other);

	PARSE(c, false, "one -- --flag");
	assert_int_equal(c.n, 2);
	assert_string_equal(c.argv[1], "--flag");

	PARSE(d, true, "one -- --flag");
	assert_int_equal(d.n, 2);
	assert_string_equal(d.argv[1], "--flag");
	assert_false(c.o.flag || d.o.flag);

	PARSE(e, true, "-- one -- x");
	assert_int_equal(e.n, 3);
}

static void help(void **state)
{
	static const char *const lines[] = { "--help", "-h", "-help", "one --help" };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		char line[32];
		strcpy(line, lines[i]);
		cleanup_parsed struct parsed p = parse(line, false);
		assert_int_equal(p.result, 0);
		assert_true(p.help);
	}
	PARSE(a, true, "one --help");
	assert_false(a.help);
}

static void errors(void **state)
{
	static const struct {
		const char *line, *message;
	} bad[] = {
		{ "--nosuch", "flag provided but not defined: -nosuch" },
		{ "--nosuch=1", "flag provided but not defined: -nosuch" },
		{ "-x", "flag provided but not defined: -x" },
		{ "-fx", "flag provided but not defined: -fx" },
		{ "--numbre 3", "flag provided but not defined: -numbre: did you mean \"--number\"?" },
		{ "-nmae=x", "flag provided but not defined: -nmae: did you mean \"--name\"?" },
		{ "--name", "flag needs an argument: --name" },
		{ "-n", "flag needs an argument: -n" },
		{ "--number x", "invalid value \"x\" for --number: expected an integer" },
		{ "--number=", "invalid value \"\" for --number: expected an integer" },
		{ "--number 9999999999999999999", "invalid value \"9999999999999999999\" for --number: value out of range" },
		{ "--never", "--never is not supported: for a reason" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char line[64];
		strcpy(line, bad[i].line);
		cleanup_parsed struct parsed p = parse(line, false);
		assert_true(p.result < 0);
		assert_string_equal(p.e.msg, bad[i].message);
	}
}

static void signal_names(void **state)
{
	static const struct {
		const char *name;
		int number;
	} good[] = { { "KILL", SIGKILL },   { "SIGKILL", SIGKILL }, { "kill", SIGKILL },   { "sigterm", SIGTERM },
		     { "9", 9 },	    { "0", 0 },		    { "USR2", SIGUSR2 },   { "CLD", SIGCHLD },
		     { "SIGPOLL", SIGIO } };
	static const char *const bad[] = { "", "SIG", "SIG9", "-9", "65", "FOO", "9x", "+9", "RTMIN-1", "RTMAX+1",
					   "RTMIN+", "RTMIN+99", "RTMINx", "KILLER" };
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_int_equal(signal_number(good[i].name, &e), good[i].number);
	assert_int_equal(signal_number("RTMIN", &e), SIGRTMIN);
	assert_int_equal(signal_number("SIGRTMIN+3", &e), SIGRTMIN + 3);
	assert_int_equal(signal_number("rtmax-2", &e), SIGRTMAX - 2);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(signal_number(bad[i], &e), -EINVAL);
	signal_number("FOO", &e);
	assert_string_equal(e.msg, "unknown signal \"FOO\"");
}

static void sizes(void **state)
{
	static const struct {
		const char *text;
		int64_t bytes;
	} good[] = { { "0", 0 },	      { "1", 1 },		{ "512m", 512 << 20 },	{ "2G", 2LL << 30 },
		     { "1.5k", 1536 },	      { "1KiB", 1024 },		{ "10 MB", 10 << 20 },	{ "7b", 7 },
		     { "-1", -1 },	      { "1t", 1LL << 40 },	{ "1p", 1LL << 50 },
		     { "9223372036854775807", INT64_MAX },		{ "9007199254740993", 9007199254740993 } };
	static const char *const bad[] = { "", "-2", "m", "1x", "1kk", "1.m", ".5m", "0x10", "1 ", " 1", "1kibb",
					   "9223372036854775808", "99999999p", "1e3", "nan", "inf" };
	struct err e;
	int64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(cli_size_bytes(good[i].text, &v, &e), 0);
		assert_int_equal(v, good[i].bytes);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_true(cli_size_bytes(bad[i], &v, &e) < 0);
}

static void durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = { { "5s", 5000 }, { "500ms", 500 }, { "1m30s", 90000 }, { "1.5h", 5400000 },
		     { "0s", 0 }, { "1us", 0 } };
	static const char *const bad[] = { "", "5", "s", "-5s", "5s ", "5 s", "5d", "99999999999h" };
	struct err e;
	int64_t v;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		assert_int_equal(cli_duration_ms(good[i].text, &v, &e), 0);
		assert_int_equal(v, good[i].ms);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_true(cli_duration_ms(bad[i], &v, &e) < 0);
}

static void moments(void **state)
{
	static const char *const bad[] = { "", "yesterday", "-1", "2001-02-30", "10x", "1e3", " 1" };
	struct timespec before, after, t;
	struct err e;

	(void)state;
	assert_int_equal(cli_moment("2001-02-03T04:05:06Z", &t, &e), 0);
	assert_int_equal(t.tv_sec, 981173106);
	assert_int_equal(cli_moment("981173106", &t, &e), 0);
	assert_int_equal(t.tv_sec, 981173106);
	clock_gettime(CLOCK_REALTIME, &before);
	assert_int_equal(cli_moment("1h500ms", &t, &e), 0);
	clock_gettime(CLOCK_REALTIME, &after);
	assert_in_range(t.tv_sec + 3600, before.tv_sec - 1, after.tv_sec);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_true(cli_moment(bad[i], &t, &e) < 0);
}

static void users(void **state)
{
	static const char *const bad[] = { "", ":", "1:", ":1", "-1", "+1", "1:-1", "root", "1 ", " 1", "0x1", "1:2:3",
					   "4294967295", "4294967296", "99999999999999", "1:4294967295", "1x" };
	struct spec_u64 gid;
	uint32_t uid;
	struct err e;

	(void)state;
	assert_int_equal(cli_user("1000", &uid, &gid, &e), 0);
	assert_int_equal(uid, 1000);
	assert_false(gid.set);
	assert_int_equal(cli_user("0:4294967294", &uid, &gid, &e), 0);
	assert_int_equal(uid, 0);
	assert_true(gid.set && gid.v == 4294967294);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(cli_user(bad[i], &uid, &gid, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ways_to_write_an_option), cmocka_unit_test(flags), cmocka_unit_test(clusters),	   cmocka_unit_test(values),
		cmocka_unit_test(arguments),		   cmocka_unit_test(help),	   cmocka_unit_test(errors),
		cmocka_unit_test(signal_names),		   cmocka_unit_test(sizes),	   cmocka_unit_test(durations),
		cmocka_unit_test(moments),
		cmocka_unit_test(users),
	};
	return cmocka_run_group_tests_name("cli_parse", tests, NULL, NULL);
}
