/* The statistics of a cgroup as `events` prints them. */
#ifndef RUNTIME_CLI_EVENT_STATS_H
#define RUNTIME_CLI_EVENT_STATS_H

#include "cgroups/cgroups.h"
#include "lib/buf.h"

/* One line, without its newline: {"type":"stats","id":ID,"data":{...}} */
void stats_write(struct buf *out, const char *id, const struct cgroup_stats *s);

#endif
