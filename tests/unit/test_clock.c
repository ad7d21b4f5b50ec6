#include "lib/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The C library's own calendar is the reference, over four centuries in steps that visit every day of the year. */
static void agrees_with_the_c_library(void **state)
{
	(void)state;
	for (time_t t = 0; t < 13000000000; t += 86400 * 13 + 3671) {
		struct timespec ts = { .tv_sec = t, .tv_nsec = 7 };
		struct tm tm;
		char expected[40];

		gmtime_r(&t, &tm);
		strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S.000000007Z", &tm);
		assert_string_equal(clock_rfc3339(ts).text, expected);
	}
}

static void leap_days(void **state)
{
	(void)state;
	assert_string_equal(clock_rfc3339((struct timespec){ 951782400, 0 }).text, "2000-02-29T00:00:00.000000000Z");
	assert_string_equal(clock_rfc3339((struct timespec){ 4107542399, 999999999 }).text,
			    "2100-02-28T23:59:59.999999999Z");
	assert_string_equal(clock_rfc3339((struct timespec){ 4107542400, 0 }).text, "2100-03-01T00:00:00.000000000Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_c_library),
		cmocka_unit_test(leap_days),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
