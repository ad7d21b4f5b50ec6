#include "lib/near.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void distances(void **state)
{
	static const struct {
		const char *a, *b;
		size_t distance;
	} cases[] = {
		{ "", "", 0 },	      { "web", "web", 0 },   { "web", "WEB", 0 },     { "web", "wb", 1 },
		{ "web", "weeb", 1 }, { "web", "wub", 1 },   { "web", "wbe", 1 },     { "abcd", "badc", 2 },
		{ "", "abc", 3 },     { "abc", "", 3 },	     { "kitten", "sitting", 3 }, { "ab", "cdefghij", 6 },
	};
	char lengthy[300];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(near_distance(cases[i].a, cases[i].b, 5), cases[i].distance);
		assert_int_equal(near_distance(cases[i].b, cases[i].a, 5), cases[i].distance);
	}
	assert_int_equal(near_distance("kitten", "sitting", 2), 3);
	memset(lengthy, 'x', sizeof(lengthy));
	lengthy[sizeof(lengthy) - 1] = '\0';
	assert_int_equal(near_distance(lengthy, lengthy, 5), 6);
}

static const char *hint(const char *word, const char *const *names, struct arena *a)
{
	struct near near = { .word = word };

	for (; *names; names++)
		near_offer(&near, *names, *names);
	return near_hint(&near, a);
}

static void hints(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	const char *const names[] = { "database", "web", "web2", "wet", "websites", "db", NULL };

	(void)state;
	assert_string_equal(hint("wbe", names, &a), ": did you mean \"web\"?");
	assert_string_equal(hint("databse", names, &a), ": did you mean \"database\"?");
	assert_string_equal(hint("dat", names, &a), ": did you mean \"database\"?");
	assert_string_equal(hint("web3", names, &a), ": did you mean \"web\" or \"web2\"?");
	assert_string_equal(hint("we", names, &a), ": did you mean \"web\", \"wet\" or \"web2\"?");
	assert_string_equal(hint("mail", names, &a), "");
	assert_string_equal(hint("w", names, &a), "");
	assert_string_equal(hint("", names, &a), "");
}

/* A name that is known under several forms is told once. */
static void forms_of_one_name(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct near near = { .word = "ap" };

	(void)state;
	near_offer(&near, "db.example/team/app:1", "db.example/team/app:1");
	near_offer(&near, "app:1", "db.example/team/app:1");
	near_offer(&near, "app", "db.example/team/app:1");
	assert_string_equal(near_hint(&near, &a), ": did you mean \"db.example/team/app:1\"?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(distances),
		cmocka_unit_test(hints),
		cmocka_unit_test(forms_of_one_name),
	};
	return cmocka_run_group_tests_name("near", tests, NULL, NULL);
}
