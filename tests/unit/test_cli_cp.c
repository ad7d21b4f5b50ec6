/* What cp makes of its arguments. */
#include "runtime/cli/cp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void places(void **state)
{
	static const struct {
		const char *text, *container, *path; /* container NULL: on the host */
	} cases[] = {
		{ "web:/etc", "web", "/etc" }, { "web:etc/x", "web", "/etc/x" }, { "web:", "web", "/" },
		{ "web:/a:b", "web", "/a:b" }, { "./web:/etc", NULL, "./web:/etc" }, { "/a:b", NULL, "/a:b" },
		{ "dir/a:b", NULL, "dir/a:b" }, { ":x", NULL, ":x" }, { "x", NULL, "x" }, { "", NULL, "" },
	};
	cleanup_arena struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cp_place p = cp_parse(cases[i].text, &a);
		assert_string_equal(p.path, cases[i].path);
		assert_int_equal(p.container != NULL, cases[i].container != NULL);
		if (p.container)
			assert_string_equal(p.container, cases[i].container);
	}
}

static void parts(void **state)
{
	static const struct {
		const char *path, *dir, *name;
		bool must_be_dir, content;
	} cases[] = {
		{ "a", ".", "a", false, false }, { "a/b", "a", "b", false, false }, { "/a", "/", "a", false, false },
		{ "/a/b/", "/a", "b", true, false }, { "/a/b//", "/a", "b", true, false },
		{ "/a/b/.", "/a", "b", true, true }, { "a/.", ".", "a", true, true }, { "/", "/", "", true, true },
		{ "/.", "/", "", true, true }, { ".", ".", "", true, true }, { "..", ".", "..", true, true },
		{ "a/..", "a", "..", true, true }, { ".a", ".", ".a", false, false },
		{ "a/.b", "a", ".b", false, false }, { "a.", ".", "a.", false, false },
	};
	cleanup_arena struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cp_parts p;
		cp_split(cases[i].path, &a, &p);
		assert_string_equal(p.dir, cases[i].dir);
		assert_string_equal(p.name, cases[i].name);
		assert_int_equal(p.must_be_dir, cases[i].must_be_dir);
		assert_int_equal(p.content, cases[i].content);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places),
		cmocka_unit_test(parts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
