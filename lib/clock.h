/* The time of day as text, and back. Not by the C library, which would read the time zone's file first. */
#ifndef LIB_CLOCK_H
#define LIB_CLOCK_H

#include <stdbool.h>
#include <time.h>

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

#endif
