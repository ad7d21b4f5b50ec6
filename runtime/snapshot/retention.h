/*
 * Which snapshots stay: for how long one is kept, and of many which. In UTC, whose days all have 24 hours. Pure.
 */
#ifndef RUNTIME_SNAPSHOT_RETENTION_H
#define RUNTIME_SNAPSHOT_RETENTION_H

#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/*
 * "1d 2w", in Incus's words: a number and M, H, d, w, m or y, for minutes, hours, days, weeks, months, years, as many as wanted,
 * after @from. Where a month is too short for the day, it is its last. -EINVAL with the text.
 */
int expiry_after(const char *text, time_t from, time_t *ret, struct err *e);

/* In restic's words. */
enum { KEEP_LAST, KEEP_HOURLY, KEEP_DAILY, KEEP_WEEKLY, KEEP_MONTHLY, KEEP_YEARLY, KEEP_KINDS };

const char *keep_name(int kind); /* "last", "hourly", ... */

/*
 * Of how many hours, days, weeks (from Monday on), ... that have any, the newest is kept; KEEP_LAST: of how many at all. 0: of
 * none. As long as there are fewer, the oldest of all is kept, too.
 */
struct retention {
	int64_t keep[KEEP_KINDS];
};

bool retention_is_set(const struct retention *r);

/* @times: the newest first. ret_why[i]: for what it is kept, as bits 1 << KEEP_DAILY; 0: it is not. */
void retention_apply(const struct retention *r, const time_t *times, size_t n, unsigned *ret_why);

#endif
