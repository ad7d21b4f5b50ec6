/* When snapshots are made: the times of cron(8), in UTC. Pure. */
#ifndef RUNTIME_SNAPSHOT_SCHEDULE_H
#define RUNTIME_SNAPSHOT_SCHEDULE_H

#include "lib/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* Bits, each 1 << the number. */
struct schedule {
	uint64_t minutes, hours, days, months, weekdays; /* weekdays: Sunday is 0 */
	bool any_day, any_weekday; /* where neither is, a day that fits one of the two is enough */
};

/*
 * "MINUTE HOUR DAY MONTH WEEKDAY" as in crontab(5), with lists, ranges, steps, and names of months and weekdays; or "@hourly",
 * "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually". -EINVAL with the text.
 */
int schedule_parse(const char *text, struct schedule *ret, struct err *e);

/* The first time after @t. False: never. */
bool schedule_next(const struct schedule *s, time_t t, time_t *ret);

#endif
