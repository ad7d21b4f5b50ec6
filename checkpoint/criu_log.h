/*
 * Why CRIU failed, out of the log that it wrote: one cause among lines that are mostly consequences.
 */
#ifndef CHECKPOINT_CRIU_LOG_H
#define CHECKPOINT_CRIU_LOG_H

#include "lib/err.h"

#include <stdbool.h>

struct criu_cause {
	char line[512]; /* CRIU's own words, without time and place */
	const char *words; /* the same in people's words; NULL: it is none of those that are known */
	const char *advice; /* what to do; NULL likewise */
};

/* Of the text of a log, that of a dump or of a restore. False: there is no error in it. */
bool criu_log_cause(const char *log, struct criu_cause *ret);

/*
 * To what @e says of a failure it adds the cause and where the log is:
 *
 *	criu dump failed: ...: give --tcp-established ("Connected TCP socket, ..."); see '/path/dump.log'
 *
 * @dir: the work directory; @name: the log's name in it; @path: what the user is told, absolute. Without a log, or with one
 * that says nothing, it adds just that. Returns -e->code.
 */
int criu_log_explain(int dir, const char *name, const char *path, struct err *e);

#endif
