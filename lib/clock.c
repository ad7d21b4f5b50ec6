#include "lib/clock.h"

#include <stdio.h>

enum { DAY_S = 86400 };

static int is_leap(long year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static long days_of_month(long year, long month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	return days[month - 1] + (month == 2 && is_leap(year));
}

struct clock_text clock_rfc3339(struct timespec t)
{
	struct clock_text r;
	long days = t.tv_sec / DAY_S, seconds = t.tv_sec % DAY_S, year = 1970, month = 1;

	for (; days >= 365 + is_leap(year); year++)
		days -= 365 + is_leap(year);
	for (; days >= days_of_month(year, month); month++)
		days -= days_of_month(year, month);
	snprintf(r.text, sizeof(r.text), "%04ld-%02ld-%02ldT%02ld:%02ld:%02ld.%09ldZ", year % 10000, month, days + 1,
		 seconds / 3600, seconds / 60 % 60, seconds % 60, t.tv_nsec);
	return r;
}

struct clock_text clock_now_rfc3339(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return clock_rfc3339(now);
}
