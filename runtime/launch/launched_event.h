/*
 * What happened to launched containers: a journal of one JSON document a line, beside their names (launch_index):
 * `.events` and the older `.events.1`. It is for people who look back; nothing is decided by it.
 */
#ifndef RUNTIME_LAUNCH_LAUNCHED_EVENT_H
#define RUNTIME_LAUNCH_LAUNCHED_EVENT_H

#include "runtime/launch/launched.h"

struct launched_event {
	const char *time; /* RFC 3339 */
	const char *action; /* create start die kill stop restart pause unpause rename oom health_status destroy */
	const char *id, *name, *image;
	struct spec_pair *attributes; /* what more is known: "exitCode", "signal", "health", "oldName" */
	size_t n_attributes;
};

/*
 * Notes that @action happened to the container now. @key, @value: an attribute, or NULL. A journal that cannot be
 * written is a warning in the log: nobody's work stops for it.
 */
void launched_event_note(struct runtime *rt, const struct launched *l, const char *action, const char *key,
			 const char *value);

/* One line of the journal, strings in @a. */
int launched_event_parse(const char *line, size_t len, struct arena *a, struct launched_event *ret, struct err *e);

/* Where the journal is, oldest file first. */
int launched_event_files(struct runtime *rt, const char *ret[2], struct err *e);

#endif
