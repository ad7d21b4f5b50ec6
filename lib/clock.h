/*
 * How long something takes; and the time of day as text, and back: not by the C library, which would read the time zone's
 * file first.
 */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Since some moment: for differences. Nobody can set it. */
static inline int64_t clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static inline int64_t clock_ms(void)
{
	return clock_us() / 1000;
}

enum { CLOCK_TEXT_LEN = sizeof("2001-02-03T04:05:06.000000007Z") - 1 };

struct clock_text {
	char text[CLOCK_TEXT_LEN + 1];
};

/* RFC 3339 in UTC with nanoseconds: "2001-02-03T04:05:06.000000007Z". Not for times before 1970. */
struct clock_text clock_rfc3339(struct timespec t);
struct clock_text clock_now_rfc3339(void);

/*
 * RFC 3339 with any offset: "2001-02-03T04:05:06Z", "2001-02-03 04:05:06.5+01:00"; the date alone is its first second.
 * False for anything else, and for times before 1970.
 */
bool clock_parse(const char *text, struct timespec *ret);

/* The calendar in UTC, without leap seconds; months and days from 1. */
struct clock_date {
	long year, month, day, hour, minute, second;
};

/* Not for times before 1970. */
struct clock_date clock_split(time_t t);
time_t clock_join(const struct clock_date *d);

int clock_days_of_month(long year, long month);

#endif
