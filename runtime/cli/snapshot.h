/* What the commands of `ferry snapshot` share. */
#ifndef RUNTIME_CLI_SNAPSHOT_H
#define RUNTIME_CLI_SNAPSHOT_H

#include "runtime/cli/cli.h"
#include "runtime/snapshot/snapshot.h"

#include <time.h>

/* Rows of options for the member `struct spec_i64 keep[KEEP_KINDS]` of a struct. */
#define SNAPSHOT_KEEP(st, kind, name, help) CLI_OPTION(name, 0, CLI_INT, st, keep[kind], "N", help)
#define SNAPSHOT_KEEP_OPTIONS(st) \
	SNAPSHOT_KEEP(st, KEEP_LAST, "keep-last", "keep the newest N of each container"), \
	SNAPSHOT_KEEP(st, KEEP_HOURLY, "keep-hourly", "keep the newest of each of the last N hours that have any"), \
	SNAPSHOT_KEEP(st, KEEP_DAILY, "keep-daily", "the same for days, which begin at midnight of UTC"), \
	SNAPSHOT_KEEP(st, KEEP_WEEKLY, "keep-weekly", "the same for weeks, which begin on Mondays"), \
	SNAPSHOT_KEEP(st, KEEP_MONTHLY, "keep-monthly", "the same for months"), \
	SNAPSHOT_KEEP(st, KEEP_YEARLY, "keep-yearly", "the same for years")

/* What the option --expire says of a snapshot that is made at @from; in the arena. NULL: nothing. */
int snapshot_expires(const char *after, time_t from, struct arena *a, const char **ret, struct err *e);

int snapshot_read_keep(const struct spec_i64 *options, struct retention *ret, struct err *e);

#endif
