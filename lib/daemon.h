/* A process that goes on by itself after whoever forked it: a container's supervisor, the resolver. */
#ifndef LIB_DAEMON_H
#define LIB_DAEMON_H

#include "lib/err.h"

#include <stddef.h>

/* All descriptors but standard ones and these; -1 is none. */
void daemon_close_others(const int *kept, size_t n);

/* Standard input, output and error are /dev/null. */
int daemon_null(struct err *e);

/* What ps(1) shows instead of whoever forked it: the command line, as far as there was room for that, and the name. */
void daemon_title(const char *line, const char *name);

/*
 * Some time after there was work: what was freed goes back to the kernel, and so do the pages of this program that
 * were needed for the work. They are read again when they are needed again.
 */
void daemon_shrink(void);

#endif
