#include "runtime/snapshot/schedule.h"

#include "lib/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static time_t at(const char *text)
{
	struct timespec t;

	assert_true(clock_parse(text, &t));
	return t.tv_sec;
}

/* The 22nd of November 2026 is a Sunday. */
static void next(void **state)
{
	static const struct {
		const char *text, *after, *expected;
	} table[] = {
		{ "@hourly", "2026-11-22T01:20:28Z", "2026-11-22T02:00:00Z" },
		{ "@hourly", "2026-11-22T02:00:00Z", "2026-11-22T03:00:00Z" },
		{ "@hourly", "2026-11-22T01:59:59Z", "2026-11-22T02:00:00Z" },
		{ "@daily", "2026-12-31T23:59:00Z", "2027-01-01T00:00:00Z" },
		{ "@midnight", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z" },
		{ "@weekly", "2026-11-22T00:00:00Z", "2026-11-29T00:00:00Z" },
		{ "@monthly", "2026-11-22T00:00:00Z", "2026-12-01T00:00:00Z" },
		{ "@yearly", "2026-11-22T00:00:00Z", "2027-01-01T00:00:00Z" },
		{ "@annually", "2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z" },
		{ "* * * * *", "2026-11-22T01:20:28Z", "2026-11-22T01:21:00Z" },
		{ "*/15 * * * *", "2026-11-22T01:20:28Z", "2026-11-22T01:30:00Z" },
		{ "*/15 * * * *", "2026-11-22T01:45:00Z", "2026-11-22T02:00:00Z" },
		{ "5/20 * * * *", "2026-11-22T01:20:28Z", "2026-11-22T01:25:00Z" },
		{ "5/20 * * * *", "2026-11-22T01:45:00Z", "2026-11-22T02:05:00Z" },
		{ "5-5/20 * * * *", "2026-11-22T01:20:28Z", "2026-11-22T02:05:00Z" },
		{ "10-20/5 * * * *", "2026-11-22T01:20:28Z", "2026-11-22T02:10:00Z" },
		{ "0,30 8-10,20 * * *", "2026-11-22T10:30:00Z", "2026-11-22T20:00:00Z" },
		{ "0 3 * * mon-fri", "2026-11-20T04:00:00Z", "2026-11-23T03:00:00Z" },
		{ "0 3 * * Sun", "2026-11-22T02:00:00Z", "2026-11-22T03:00:00Z" },
		{ "0 3 * * 7", "2026-11-22T03:00:00Z", "2026-11-29T03:00:00Z" },
		{ "0 3 * * 5-7", "2026-11-22T02:00:00Z", "2026-11-22T03:00:00Z" },
		{ "0 3 * * 5/2", "2026-11-22T02:00:00Z", "2026-11-27T03:00:00Z" },
		{ "0 0 1 jan,JUL *", "2026-11-22T00:00:00Z", "2027-01-01T00:00:00Z" },
		{ "  0\t0  31 * * ", "2026-11-22T00:00:00Z", "2026-12-31T00:00:00Z" },
		/* the day or the weekday, where both are said */
		{ "0 0 13 * 5", "2026-11-22T00:00:00Z", "2026-11-27T00:00:00Z" },
		{ "0 0 13 * 5", "2026-12-11T00:00:00Z", "2026-12-13T00:00:00Z" },
		{ "0 0 */10 * 5", "2026-11-27T00:00:00Z", "2026-12-11T00:00:00Z" },
		/* leap days */
		{ "0 0 29 2 *", "2026-11-22T00:00:00Z", "2028-02-29T00:00:00Z" },
		{ "0 0 29 2 *", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z" },
		{ "30 2 * 10 *", "2026-10-25T02:29:59Z", "2026-10-25T02:30:00Z" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct err e = ERR_INIT;
		struct schedule s;
		time_t t;
		assert_int_equal(schedule_parse(table[i].text, &s, &e), 0);
		assert_true(schedule_next(&s, at(table[i].after), &t));
		if (t != at(table[i].expected))
			fail_msg("%s after %s: %s", table[i].text, table[i].after, clock_rfc3339((struct timespec){ t, 0 }).text);
	}
}

static void never(void **state)
{
	struct err e = ERR_INIT;
	struct schedule s;
	time_t t = 7;

	(void)state;
	assert_int_equal(schedule_parse("0 0 30 2 *", &s, &e), 0);
	assert_false(schedule_next(&s, 0, &t));
	assert_int_equal(t, 7);
}

static void bad(void **state)
{
	static const struct {
		const char *text, *says;
	} table[] = {
		{ "", "expected MINUTE HOUR DAY MONTH WEEKDAY" },
		{ "0 0 * *", "expected MINUTE HOUR DAY MONTH WEEKDAY" },
		{ "@fortnightly", "expected @hourly" },
		{ "@", "expected @hourly" },
		{ "60 * * * *", "its minute" },
		{ "* 24 * * *", "its hour" },
		{ "* * 0 * *", "its day" },
		{ "* * 32 * *", "its day" },
		{ "* * * 13 *", "its month" },
		{ "* * * * 8", "its weekday" },
		{ "* * * * monday", "its weekday" },
		{ "5-1 * * * *", "its minute" },
		{ "*/0 * * * *", "its minute" },
		{ "1,,2 * * * *", "its minute" },
		{ "1, * * * *", "its minute" },
		{ "- * * * *", "its minute" },
		{ "-5 * * * *", "its minute" },
		{ "99999999999999999999 * * * *", "its minute" },
		{ "* * * * * *", "something behind" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct err e = ERR_INIT;
		struct schedule s;
		assert_int_equal(schedule_parse(table[i].text, &s, &e), -EINVAL);
		if (!strstr(e.msg, table[i].says))
			fail_msg("%s: %s", table[i].text, e.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(next),
		cmocka_unit_test(never),
		cmocka_unit_test(bad),
	};
	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
