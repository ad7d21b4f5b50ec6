#include "lib/clock.h"

#include <string.h>

enum { DAY_S = 86400 };

static int is_leap(long year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static long days_of_month(long year, long month)
{
	/* Long ones and short ones take turns, but after July. */
	return month == 2 ? 28 + is_leap(year) : 30 + (month + month / 8) % 2;
}

/* The last @n digits of @number, and what stands behind them. */
static char *put(char *to, int n, long number, char behind)
{
	for (int i = n; i-- > 0; number /= 10)
		to[i] = (char)('0' + number % 10);
	to[n] = behind;
	return to + n + 1;
}

/* Not by printf, for the supervisor's sake: that is much to be in memory for each line of a container's output. */
struct clock_text clock_rfc3339(struct timespec t)
{
	struct clock_text r = { 0 };
	char *to = r.text;
	long days = t.tv_sec / DAY_S, seconds = t.tv_sec % DAY_S, year = 1970, month = 1;

	for (; days >= 365 + is_leap(year); year++)
		days -= 365 + is_leap(year);
	for (; days >= days_of_month(year, month); month++)
		days -= days_of_month(year, month);
	to = put(to, 4, year, '-');
	to = put(to, 2, month, '-');
	to = put(to, 2, days + 1, 'T');
	to = put(to, 2, seconds / 3600, ':');
	to = put(to, 2, seconds / 60 % 60, ':');
	to = put(to, 2, seconds % 60, '.');
	to = put(to, 9, t.tv_nsec, 'Z');
	*to = '\0';
	return r;
}

struct clock_text clock_now_rfc3339(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return clock_rfc3339(now);
}

/* @n digits as a number within the bounds. */
static bool digits(const char **text, int n, long min, long max, long *ret)
{
	*ret = 0;
	for (; n > 0; n--, (*text)++) {
		if (**text < '0' || **text > '9')
			return false;
		*ret = *ret * 10 + (**text - '0');
	}
	return *ret >= min && *ret <= max;
}

static bool skip(const char **text, const char *any_of)
{
	return **text && strchr(any_of, **text) && (*text)++;
}

static bool parse_date(const char **s, time_t *ret)
{
	long year, month, day, days = 0;

	if (!digits(s, 4, 1970, 9999, &year) || !skip(s, "-") || !digits(s, 2, 1, 12, &month) || !skip(s, "-") ||
	    !digits(s, 2, 1, days_of_month(year, month), &day))
		return false;
	for (long y = 1970; y < year; y++)
		days += 365 + is_leap(y);
	for (long m = 1; m < month; m++)
		days += days_of_month(year, m);
	*ret = (days + day - 1) * DAY_S;
	return true;
}

static bool parse_time(const char **s, struct timespec *t)
{
	long hour, minute, second, unit = 100000000;

	if (!digits(s, 2, 0, 23, &hour) || !skip(s, ":") || !digits(s, 2, 0, 59, &minute) || !skip(s, ":") ||
	    !digits(s, 2, 0, 60, &second))
		return false;
	t->tv_sec += hour * 3600 + minute * 60 + second;
	if (!skip(s, "."))
		return true;
	if (**s < '0' || **s > '9')
		return false;
	for (; **s >= '0' && **s <= '9'; (*s)++, unit /= 10)
		t->tv_nsec += (**s - '0') * unit;
	return true;
}

static bool parse_offset(const char **s, struct timespec *t)
{
	long hours, minutes, sign = **s == '-' ? 1 : -1;

	if (skip(s, "Zz"))
		return true;
	if (!skip(s, "+-") || !digits(s, 2, 0, 23, &hours) || !skip(s, ":") || !digits(s, 2, 0, 59, &minutes))
		return false;
	t->tv_sec += sign * (hours * 3600 + minutes * 60);
	return t->tv_sec >= 0;
}

bool clock_parse(const char *text, struct timespec *ret)
{
	struct timespec t = { 0 };

	if (!parse_date(&text, &t.tv_sec))
		return false;
	if (*text && (!skip(&text, "Tt ") || !parse_time(&text, &t) || !parse_offset(&text, &t) || *text))
		return false;
	*ret = t;
	return true;
}
