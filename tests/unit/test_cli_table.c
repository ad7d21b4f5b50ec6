#include "runtime/cli/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void columns_are_as_wide_as_their_widest_cell(void **state)
{
	static const char *const cells[] = { "NAME", "STATUS", "a-long-name", "Up", "\xc3\xa9", "" };
	cleanup_buf struct buf out = BUF_INIT;

	(void)state;
	cli_write_table(&out, cells, 2, 3);
	assert_string_equal(buf_text(&out), "NAME          STATUS\n"
					    "a-long-name   Up\n"
					    "\xc3\xa9             \n");
}

static void ages(void **state)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {
		{ -5, "Less than a second" }, { 0, "Less than a second" }, { 1, "1 second" }, { 59, "59 seconds" },
		{ 60, "About a minute" }, { 119, "About a minute" }, { 120, "2 minutes" }, { 3599, "59 minutes" },
		{ 3600, "About an hour" }, { 7200, "2 hours" }, { 47 * 3600, "47 hours" }, { 48 * 3600, "2 days" },
		{ 13 * 86400, "13 days" }, { 14 * 86400, "2 weeks" }, { 59 * 86400, "8 weeks" },
		{ 60 * 86400, "2 months" }, { 729 * 86400, "24 months" }, { 730 * 86400, "2 years" },
	};
	cleanup_arena struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(cli_age(cases[i].seconds, &a), cases[i].text);
}

static void sizes(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} cases[] = {
		{ 0, "0B" }, { 912, "912B" }, { 1023, "1023B" }, { 1024, "1.00KiB" }, { 1536, "1.50KiB" },
		{ 10 * 1024, "10.0KiB" }, { 100 * 1024, "100KiB" }, { 1024 * 1024 - 1, "1.00MiB" },
		{ 34 << 20, "34.0MiB" }, { UINT64_MAX, "16.0EiB" },
	};
	cleanup_arena struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(cli_size(cases[i].bytes, &a), cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_their_widest_cell),
		cmocka_unit_test(ages),
		cmocka_unit_test(sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
