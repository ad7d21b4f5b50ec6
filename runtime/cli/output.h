/* What commands write for others to keep: an archive in a file, or on standard output. */
#ifndef RUNTIME_CLI_OUTPUT_H
#define RUNTIME_CLI_OUTPUT_H

#include "lib/arena.h"
#include "lib/err.h"

/*
 * Calls @write with where it shall write: the file @path, which is replaced by the whole of it at once; or standard output, for NULL
 * and "-", unless that is a terminal.
 */
int cli_write_output(const char *path, int (*write)(void *data, int to, struct err *e), void *data, struct arena *a,
		     struct err *e);

#endif
