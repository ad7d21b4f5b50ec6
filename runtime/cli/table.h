/* How commands print for people: tables, ages, sizes. */
#ifndef RUNTIME_CLI_TABLE_H
#define RUNTIME_CLI_TABLE_H

#include "lib/arena.h"
#include "lib/buf.h"

#include <stdint.h>

/* @cells: row after row, the head first. Each column is as wide as its widest cell; the last is not filled up. */
void cli_write_table(struct buf *out, const char *const *cells, size_t columns, size_t rows);

/* "5 seconds", "About an hour", "3 weeks": Docker's words. */
const char *cli_age(int64_t seconds, struct arena *a);

/* "0B", "912B", "1.5KiB", "34MiB": three digits that matter. */
const char *cli_size(uint64_t bytes, struct arena *a);

#endif
