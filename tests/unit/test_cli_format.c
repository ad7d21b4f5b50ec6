#include "runtime/cli/format.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char text[] = "{\"State\":{\"Pid\":7,\"Error\":\"a \\\"b\\\"\",\"Dead\":false},\"List\":[{\"x\":null},1.50],"
			   "\"Labels\":{\"a.b\":\"c\"}}";

static void paths(void **state)
{
	static const struct {
		const char *path, *result;
	} cases[] = {
		{ ".State.Pid", "7\n" },
		{ ".State.Error", "a \"b\"\n" },
		{ ".State.Dead", "false\n" },
		{ ".State", "{\"Pid\":7,\"Error\":\"a \\\"b\\\"\",\"Dead\":false}\n" },
		{ ".List[1]", "1.50\n" },
		{ ".List[0].x", "null\n" },
		{ ".Labels[\"a.b\"]", "c\n" },
		{ "{{.State.Pid}}", "7\n" },
		{ "{{ .State.Pid }}", "7\n" },
	};
	cleanup_arena struct arena a = ARENA_INIT;
	struct json doc;
	struct err e;

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &a, &doc, &e), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_buf struct buf out = BUF_INIT;
		assert_int_equal(cli_format(&doc, cases[i].path, &out, &e), 0);
		assert_string_equal(buf_text(&out), cases[i].result);
	}
}

static void the_whole(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_buf struct buf out = BUF_INIT;
	struct json doc;
	struct err e;

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &a, &doc, &e), 0);
	assert_int_equal(cli_format(&doc, ".", &out, &e), 0);
	assert_memory_equal(buf_text(&out), text, strlen(text));
}

static void bad_paths(void **state)
{
	static const char *const bad[] = {
		"", "State", "..", ".State.", ".State..Pid", ".List[", ".List[x]", ".List[-1]", ".List[2]", ".List[0",
		".Labels[\"a.b]", "{{", "{{}}", "{{.State.Pid", ".State[0]", ".List.x", ".State.Pid.x",
		".List[99999999999999999999]",
	};
	cleanup_arena struct arena a = ARENA_INIT;
	struct json doc;
	struct err e;

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &a, &doc, &e), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cleanup_buf struct buf out = BUF_INIT;
		assert_int_equal(cli_format(&doc, bad[i], &out, &e), -EINVAL);
		assert_int_equal(out.len, 0);
	}
	cleanup_buf struct buf out = BUF_INIT;
	cli_format(&doc, ".State.Pud", &out, &e);
	assert_string_equal(e.msg, "--format '.State.Pud': no 'Pud': there is Pid, Error, Dead");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(the_whole),
		cmocka_unit_test(bad_paths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
