#include "lib/json.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the four above. */
#include <cmocka.h>

static void test_errors(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{ "", "line 1, column 1: parse error: premature EOF" },
		{ "[1,", "line 1, column 4: parse error: premature EOF" },
		{ "[1] x", "line 1, column 6: parse error: trailing garbage" },
		{ "{\n \"a\": 1,\n b}", "line 3, column 3: lexical error: invalid char in json text." },
		{ "{\"a\":1,\"a\":2}", "line 1, column 14: \"a\" is there twice in one object" },
		{ "\"a\\u0000b\"", "line 1, column 11: a string holds a NUL byte" },
		{ "{\"a\\u0000b\":1}", "line 1, column 12: a string holds a NUL byte" },
		{ "\"\xff\"", "line 1, column 3: lexical error: invalid bytes in UTF8 string." },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cleanup_arena struct arena a = ARENA_INIT;
		struct err e = ERR_INIT;
		struct json j;
		assert_int_equal(json_parse(rows[i].text, strlen(rows[i].text), &a, &j, &e), -EINVAL);
		assert_string_equal(e.msg, rows[i].error);
	}
}

/* The writer gives back what the parser read. */
static void test_round_trip(void **state)
{
	static const char text[] = "{\"a\":[1,2.50,{\"x\":null,\"y\":{}}],\"b\":\"q\\n\\\"\\\\\\u0001\xc3\xa9\",\"c\":[],"
				   "\"d\":true,\"e\":18446744073709551615}";
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = { .out = &b };
	struct err e = ERR_INIT;
	struct json j;
	uint64_t u;

	(void)state;
	assert_int_equal(json_parse(text, strlen(text), &a, &j, &e), 0);
	json_value(&w, NULL, &j);
	assert_string_equal(buf_text(&b), text);
	assert_int_equal(json_get(&j, "a")->n, 3);
	assert_null(json_get(&j, "z"));
	assert_null(json_get(json_get(&j, "a"), "x"));
	assert_true(json_uint64(json_get(&j, "e"), &u) && u == UINT64_MAX);
	assert_false(json_uint64(json_get(&j, "b"), &u));
}

static void test_many_members(void **state)
{
	(void)state;

	for (int twice = 0; twice < 2; twice++) {
		cleanup_arena struct arena a = ARENA_INIT;
		cleanup_buf struct buf b = BUF_INIT;
		struct err e = ERR_INIT;
		struct json j;
		buf_char(&b, '{');
		for (int i = 0; i < 1000; i++)
			buf_printf(&b, "%s\"k%d\":[[%d],{}]", i ? "," : "", twice && i == 999 ? 500 : i, i);
		buf_char(&b, '}');
		int r = json_parse(b.data, b.len, &a, &j, &e);
		assert_int_equal(r, twice ? -EINVAL : 0);
		if (twice)
			assert_non_null(strstr(e.msg, "\"k500\" is there twice"));
		else
			assert_string_equal(json_get(&j, "k998")->members[0].value.members[0].value.text, "998");
	}
}

static void test_depth(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	char text[1000];
	struct err e = ERR_INIT;
	struct json j;

	(void)state;
	memset(text, '[', 500);
	memset(text + 500, ']', 500);
	assert_int_equal(json_parse(text + 300, 400, &a, &j, &e), 0);
	assert_int_equal(json_parse(text, 1000, &a, &j, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "nested too deeply"));
}

static void test_numbers(void **state)
{
	static const struct {
		const char *text;
		bool is_int, is_uint;
		int64_t i;
		uint64_t u;
	} rows[] = {
		{ "0", true, true, 0, 0 },
		{ "-0", true, true, 0, 0 },
		{ "0.000e99999999999", true, true, 0, 0 },
		{ "1e3", true, true, 1000, 1000 },
		{ "10.0", true, true, 10, 10 },
		{ "1.50e1", true, true, 15, 15 },
		{ "12300e-2", true, true, 123, 123 },
		{ "-1", true, false, -1, 0 },
		{ "-9223372036854775808", true, false, INT64_MIN, 0 },
		{ "9223372036854775807", true, true, INT64_MAX, INT64_MAX },
		{ "9223372036854775808", false, true, 0, (uint64_t)INT64_MAX + 1 },
		{ "18446744073709551615", false, true, 0, UINT64_MAX },
		{ "-9223372036854775809" },
		{ "18446744073709551616" },
		{ "1e20" },
		{ "1e99999999999999999999" },
		{ "1e-99999999999999999999" },
		{ "1.5" },
		{ "1e-1" },
	};

	(void)state;
	for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
		struct json j = { .type = JSON_NUMBER, .text = rows[k].text };
		int64_t i = 0;
		uint64_t u = 0;
		assert_int_equal(json_int64(&j, &i), rows[k].is_int);
		assert_int_equal(json_uint64(&j, &u), rows[k].is_uint);
		assert_true(i == rows[k].i && u == rows[k].u);
	}
}

static void test_pretty(void **state)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = { .out = &b, .pretty = true };
	const char *const words[] = { "x", NULL };

	(void)state;
	json_begin_object(&w, NULL);
	json_strings(&w, "a", words, 2);
	json_begin_object(&w, "o");
	json_end_object(&w);
	json_begin_array(&w, "e");
	json_end_array(&w);
	json_int(&w, "i", INT64_MIN);
	json_uint(&w, "u", UINT64_MAX);
	json_double(&w, "d", 0.1);
	json_double(&w, "n", NAN);
	json_bool(&w, "b", false);
	json_string(&w, "s", "a\xffz\xed\xa0\x80");
	json_end_object(&w);
	assert_string_equal(buf_text(&b), "{\n  \"a\": [\n    \"x\",\n    null\n  ],\n  \"o\": {},\n  \"e\": [],\n"
					  "  \"i\": -9223372036854775808,\n  \"u\": 18446744073709551615,\n  \"d\": 0.1,\n"
					  "  \"n\": null,\n  \"b\": false,\n"
					  "  \"s\": \"a\xef\xbf\xbdz\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"\n}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_errors), cmocka_unit_test(test_round_trip), cmocka_unit_test(test_many_members),
		cmocka_unit_test(test_depth),  cmocka_unit_test(test_numbers),	  cmocka_unit_test(test_pretty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
