#include "lib/clock.h"

#include <string.h>

enum { DAY_S = 86400 };

static int is_leap(long year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

int clock_days_of_month(long year, long month)
{
	/* Long ones and short ones take turns, but after July. */
	return month == 2 ? 28 + is_leap(year) : 30 + (int)(month + month / 8) % 2;
}

struct clock_date clock_split(time_t t)
{
	long days = t / DAY_S, seconds = t % DAY_S;
	struct clock_date d = { 1970, 1, 1, seconds / 3600, seconds / 60 % 60, seconds % 60 };

	for (; days >= 365 + is_leap(d.year); d.year++)
		days -= 365 + is_leap(d.year);
	for (; days >= clock_days_of_month(d.year, d.month); d.month++)
		days -= clock_days_of_month(d.year, d.month);
	d.day += days;
	return d;
}

time_t clock_join(const struct clock_date *d)
{
	long days = d->day - 1;

	for (long year = 1970; year < d->year; year++)
		days += 365 + is_leap(year);
	for (long month = 1; month < d->month; month++)
		days += clock_days_of_month(d->year, month);
	return days * DAY_S + d->hour * 3600 + d->minute * 60 + d->second;
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
	struct clock_date d = clock_split(t.tv_sec);

	to = put(to, 4, d.year, '-');
	to = put(to, 2, d.month, '-');
	to = put(to, 2, d.day, 'T');
	to = put(to, 2, d.hour, ':');
	to = put(to, 2, d.minute, ':');
	to = put(to, 2, d.second, '.');
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
	struct clock_date d = { 0 };

	if (!digits(s, 4, 1970, 9999, &d.year) || !skip(s, "-") || !digits(s, 2, 1, 12, &d.month) || !skip(s, "-") ||
	    !digits(s, 2, 1, clock_days_of_month(d.year, d.month), &d.day))
		return false;
	*ret = clock_join(&d);
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
