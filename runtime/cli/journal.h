/* `events` without a container: what happened to launched ones. */
#ifndef RUNTIME_CLI_JOURNAL_H
#define RUNTIME_CLI_JOURNAL_H

#include "runtime/cli/cli.h"
#include "runtime/launch/launched_event.h"

struct journal_options {
	const char *since, *until; /* NULL: from now on; for ever */
	struct cli_strings filters;
	bool json;
};

/* Prints what has happened since, and then what happens. */
int journal_print(struct runtime *rt, const struct journal_options *o, struct err *e);

/* For its tests: one event as a line, and whether "KEY=VALUE" lets it through (1, 0, -EINVAL). */
void journal_write(const struct launched_event *ev, bool json, struct buf *out);
int journal_matches(const struct launched_event *ev, const char *filter, struct err *e);

#endif
