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

static void parses_what_it_writes(void **state)
{
	(void)state;
	for (time_t t = 0; t < 13000000000; t += 86400 * 13 + 3671) {
		struct timespec back;

		assert_true(clock_parse(clock_rfc3339((struct timespec){ t, 123456789 }).text, &back));
		assert_int_equal(back.tv_sec, t);
		assert_int_equal(back.tv_nsec, 123456789);
	}
}

static void other_forms(void **state)
{
	static const struct {
		const char *text;
		time_t seconds;
		long nanoseconds;
	} good[] = {
		{ "1970-01-01", 0, 0 }, { "2000-02-29T00:00:00Z", 951782400, 0 },
		{ "2000-02-29 01:00:00+01:00", 951782400, 0 }, { "2000-02-28t22:30:00.5-01:30", 951782400, 500000000 },
		{ "1970-01-01T00:00:01.0000000019z", 1, 1 },
	};
	static const char *const bad[] = {
		"", "x", "1970", "1969-12-31T23:59:59Z", "1970-01-01T00:00:00", "1970-01-01T00:00:00+01:00", "2001-02-29",
		"2001-13-01", "2001-01-01T24:00:00Z", "2001-01-01T00:00:00.Z", "2001-01-01T00:00:00Zz", "2001-1-1",
		"2001-01-01T", "99999-01-01",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct timespec t;
		assert_true(clock_parse(good[i].text, &t));
		assert_int_equal(t.tv_sec, good[i].seconds);
		assert_int_equal(t.tv_nsec, good[i].nanoseconds);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct timespec t;
		assert_false(clock_parse(bad[i], &t));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_the_c_library),
		cmocka_unit_test(leap_days),
		cmocka_unit_test(parses_what_it_writes),
		cmocka_unit_test(other_forms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
