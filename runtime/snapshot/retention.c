#include "runtime/snapshot/retention.h"

#include "lib/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MINUTE_S = 60, HOUR_S = 3600, DAY_S = 24 * HOUR_S, WEEK_S = 7 * DAY_S, NUMBER_MAX = 1000000, YEAR_MAX = 9999 };

/* ---- expiry ---- */

static const struct {
	char letter;
	int64_t seconds, months;
} units[] = {
	{ 'M', MINUTE_S, 0 }, { 'H', HOUR_S, 0 }, { 'd', DAY_S, 0 }, { 'w', WEEK_S, 0 }, { 'm', 0, 1 }, { 'y', 0, 12 },
};

struct span {
	int64_t seconds, months;
};

/* One "2w", with the blanks before it. */
static bool add_term(const char **text, struct span *s)
{
	const char *at = *text + strspn(*text, " ");
	size_t digits = strspn(at, "0123456789"), i, n = sizeof(units) / sizeof(units[0]);
	long number = digits > 0 && digits < 10 ? strtol(at, NULL, 10) : 0;

	for (i = 0; i < n && at[digits] != units[i].letter; i++)
		;
	if (number < 1 || number > NUMBER_MAX || i == n)
		return false;
	s->seconds += number * units[i].seconds;
	s->months += number * units[i].months;
	*text = at + digits + 1;
	return true;
}

int expiry_after(const char *text, time_t from, time_t *ret, struct err *e)
{
	struct span span = { 0 };
	const char *at = text;

	do
		if (!add_term(&at, &span))
			return err_say(e, EINVAL, "invalid time '%s': expected numbers with M, H, d, w, m or y (minutes, hours, "
				       "days, weeks, months, years), as in \"1d 2w\"", text);
	while (*(at += strspn(at, " ")));
	struct clock_date d = clock_split(from);
	int64_t months = d.year * 12 + d.month - 1 + span.months;
	if (months / 12 > YEAR_MAX || span.seconds / DAY_S / 365 > YEAR_MAX - months / 12)
		return err_say(e, ERANGE, "invalid time '%s': that is after the year %d", text, YEAR_MAX);
	d.year = months / 12;
	d.month = months % 12 + 1;
	if (d.day > clock_days_of_month(d.year, d.month))
		d.day = clock_days_of_month(d.year, d.month);
	*ret = clock_join(&d) + span.seconds;
	return 0;
}

/* ---- of many ---- */

const char *keep_name(int kind)
{
	static const char *const names[] = { "last", "hourly", "daily", "weekly", "monthly", "yearly" };

	return names[kind];
}

/* Those of one period have the same. The first of January 1970 was a Thursday. */
static int64_t period(int kind, time_t t, size_t index)
{
	struct clock_date d = clock_split(t);

	switch (kind) {
	case KEEP_HOURLY:
		return t / HOUR_S;
	case KEEP_DAILY:
		return t / DAY_S;
	case KEEP_WEEKLY:
		return (t / DAY_S + 3) / 7;
	case KEEP_MONTHLY:
		return d.year * 12 + d.month;
	case KEEP_YEARLY:
		return d.year;
	}
	return (int64_t)index;
}

bool retention_is_set(const struct retention *r)
{
	for (int kind = 0; kind < KEEP_KINDS; kind++)
		if (r->keep[kind])
			return true;
	return false;
}

void retention_apply(const struct retention *r, const time_t *times, size_t n, unsigned *ret_why)
{
	memset(ret_why, 0, n * sizeof(*ret_why));
	for (int kind = 0; kind < KEEP_KINDS; kind++) {
		int64_t left = r->keep[kind], last = -1;
		for (size_t i = 0; i < n && left > 0; i++) {
			int64_t now = period(kind, times[i], i);
			if (now == last && i < n - 1)
				continue;
			ret_why[i] |= 1U << kind;
			last = now;
			left--;
		}
	}
}
