/* Reading what log_file.c writes: over the files that were begun anew, and while more is written. */
#ifndef RUNTIME_SUPERVISE_LOG_READ_H
#define RUNTIME_SUPERVISE_LOG_READ_H

#include "runtime/launch/launched.h"

struct log_options {
	const char *since, *until; /* RFC 3339 in UTC with nine digits of a second; NULL */
	int64_t tail; /* how many lines of the end; -1: all */
	bool follow; /* until the container has ended */
	bool no_stdout, no_stderr;
	/* For each entry. @whole: a line ends with it. @first: one begins with it. */
	int (*print)(void *data, bool is_stderr, const char *time, const char *text, size_t n, bool first, bool whole,
		     struct err *e);
	int (*flush)(void *data, struct err *e); /* before a wait, and at the end */
	void *data;
};

int log_read(struct runtime *rt, const struct launched *l, const struct log_options *o, struct err *e);

#endif
