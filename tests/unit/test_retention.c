#include "runtime/snapshot/retention.h"

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

static void expires(void **state)
{
	static const struct {
		const char *from, *text, *expected;
	} table[] = {
		{ "2026-11-22T01:20:28Z", "1M", "2026-11-22T01:21:28Z" },
		{ "2026-11-22T23:20:28Z", "1H", "2026-11-23T00:20:28Z" },
		{ "2026-11-22T01:20:28Z", "1d 2w", "2026-12-07T01:20:28Z" },
		{ "2026-11-22T01:20:28Z", "  1d2w  ", "2026-12-07T01:20:28Z" },
		{ "2026-12-31T23:59:59Z", "1M", "2027-01-01T00:00:59Z" },
		/* clocks are put back in much of the world between the two, but not in UTC */
		{ "2026-10-24T12:00:00Z", "1d", "2026-10-25T12:00:00Z" },
		/* the last of a month */
		{ "2026-01-31T06:00:00Z", "1m", "2026-02-28T06:00:00Z" },
		{ "2028-01-31T06:00:00Z", "1m", "2028-02-29T06:00:00Z" },
		{ "2100-01-31T06:00:00Z", "1m", "2100-02-28T06:00:00Z" },
		{ "2026-08-31T00:00:00Z", "1m", "2026-09-30T00:00:00Z" },
		{ "2026-12-31T00:00:00Z", "2m", "2027-02-28T00:00:00Z" },
		{ "2026-11-30T00:00:00Z", "13m", "2027-12-30T00:00:00Z" },
		{ "2028-02-29T00:00:00Z", "1y", "2029-02-28T00:00:00Z" },
		{ "2028-02-29T00:00:00Z", "4y", "2032-02-29T00:00:00Z" },
		/* months before days, in whatever order they are said */
		{ "2026-01-31T00:00:00Z", "1d 1m", "2026-03-01T00:00:00Z" },
		{ "2028-02-28T00:00:00Z", "1d", "2028-02-29T00:00:00Z" },
		{ "2027-02-28T00:00:00Z", "1d", "2027-03-01T00:00:00Z" },
		{ "2026-01-01T00:00:00Z", "1M 2H 3d 4w 5m 6y", "2032-07-02T02:01:00Z" },
	};
	struct err e = ERR_INIT;
	time_t t;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		assert_int_equal(expiry_after(table[i].text, at(table[i].from), &t, &e), 0);
		assert_int_equal(t, at(table[i].expected));
	}
}

static void expires_never(void **state)
{
	static const char *const bad[] = {
		"", " ", "1", "d", "0d", "-1d", "1D", "1h", "1d,2w", "1d 2", "d1", "1.5d", "99999999999999999999d", "1000001M",
	};
	struct err e = ERR_INIT;
	time_t t = 7;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(expiry_after(bad[i], 0, &t, &e), -EINVAL);
		assert_non_null(strstr(e.msg, "expected numbers with M, H, d"));
	}
	assert_int_equal(expiry_after("9000y", 0, &t, &e), -ERANGE);
	assert_int_equal(expiry_after("1000000w", 0, &t, &e), -ERANGE);
	assert_int_equal(t, 7);
}

enum { SNAPSHOTS_MAX = 16 };

struct kept {
	struct retention keep;
	const char *times[SNAPSHOTS_MAX];
	unsigned why[SNAPSHOTS_MAX];
};

enum {
	LAST = 1 << KEEP_LAST, HOURLY = 1 << KEEP_HOURLY, DAILY = 1 << KEEP_DAILY, WEEKLY = 1 << KEEP_WEEKLY,
	MONTHLY = 1 << KEEP_MONTHLY, YEARLY = 1 << KEEP_YEARLY,
};

static void keeps(void **state)
{
	static const struct kept table[] = {
		{ { { 0 } }, { "2026-11-22T01:00:00Z" }, { 0 } },
		{ { { [KEEP_LAST] = 2 } },
		  { "2026-11-22T01:00:00Z", "2026-11-22T01:00:00Z", "2026-11-22T00:59:59Z" }, { LAST, LAST, 0 } },
		{ { { [KEEP_HOURLY] = 2 } },
		  { "2026-11-22T01:59:59Z", "2026-11-22T01:00:00Z", "2026-11-22T00:59:59Z", "2026-11-21T23:00:00Z" },
		  { HOURLY, 0, HOURLY, 0 } },
		/* the oldest, too, as long as there are fewer */
		{ { { [KEEP_HOURLY] = 2 } },
		  { "2026-11-22T01:59:59Z", "2026-11-22T01:30:00Z", "2026-11-22T01:00:00Z" }, { HOURLY, 0, HOURLY } },
		{ { { [KEEP_HOURLY] = 1, [KEEP_YEARLY] = 3 } },
		  { "2026-11-22T01:59:59Z", "2026-11-22T01:30:00Z", "2026-02-01T00:00:00Z" }, { HOURLY | YEARLY, 0, YEARLY } },
		/* days that have none do not count */
		{ { { [KEEP_DAILY] = 3 } },
		  { "2026-11-22T23:59:59Z", "2026-11-22T00:00:00Z", "2026-11-21T23:59:59Z", "2026-10-01T00:00:00Z",
		    "2026-09-30T00:00:00Z" },
		  { DAILY, 0, DAILY, DAILY, 0 } },
		/* the 22nd is a Sunday: its week began on the 16th, a Monday */
		{ { { [KEEP_WEEKLY] = 2 } },
		  { "2026-11-22T23:59:59Z", "2026-11-16T00:00:00Z", "2026-11-15T23:59:59Z", "2026-11-08T00:00:00Z" },
		  { WEEKLY, 0, WEEKLY, 0 } },
		/* a week goes on over the end of the year */
		{ { { [KEEP_WEEKLY] = 5 } },
		  { "2027-01-04T00:00:00Z", "2027-01-03T00:00:00Z", "2026-12-29T00:00:00Z", "2026-12-28T00:00:00Z" },
		  { WEEKLY, WEEKLY, 0, WEEKLY } },
		{ { { [KEEP_MONTHLY] = 3 } },
		  { "2028-03-01T00:00:00Z", "2028-02-29T23:59:59Z", "2028-02-01T00:00:00Z", "2027-02-28T00:00:00Z" },
		  { MONTHLY, MONTHLY, 0, MONTHLY } },
		{ { { [KEEP_YEARLY] = 2 } },
		  { "2028-12-31T23:59:59Z", "2028-01-01T00:00:00Z", "2027-12-31T23:59:59Z", "2026-01-01T00:00:00Z" },
		  { YEARLY, 0, YEARLY, 0 } },
		/* one may be kept for several reasons, and what one counts the others count, too */
		{ { { [KEEP_LAST] = 1, [KEEP_DAILY] = 2, [KEEP_MONTHLY] = 2 } },
		  { "2026-11-22T01:00:00Z", "2026-11-21T02:00:00Z", "2026-11-21T01:00:00Z", "2026-10-31T01:00:00Z" },
		  { LAST | DAILY | MONTHLY, DAILY, 0, MONTHLY } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		time_t times[SNAPSHOTS_MAX];
		unsigned why[SNAPSHOTS_MAX];
		size_t n = 0;
		for (; table[i].times[n]; n++)
			times[n] = at(table[i].times[n]);
		retention_apply(&table[i].keep, times, n, why);
		assert_memory_equal(why, table[i].why, n * sizeof(why[0]));
	}
}

static void calendar(void **state)
{
	(void)state;
	for (time_t t = 0; t < 13000000000; t += 86400 * 13 + 3671) {
		struct clock_date d = clock_split(t);
		assert_int_equal(clock_join(&d), t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expires),
		cmocka_unit_test(expires_never),
		cmocka_unit_test(keeps),
		cmocka_unit_test(calendar),
	};
	return cmocka_run_group_tests_name("retention", tests, NULL, NULL);
}
