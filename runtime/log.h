/*
 * Where messages go: standard error as one line of text, and with --log a file, as text or as JSON lines that engines
 * parse ({"level":"error","msg":"...","time":"..."}). The one global of the program.
 */
#ifndef RUNTIME_LOG_H
#define RUNTIME_LOG_H

#include "lib/err.h"

#include <stdbool.h>

/* @path: --log, NULL for standard error alone. @format: "text", "json" or NULL. */
int log_open(const char *path, const char *format, bool debug, struct err *e);

/* From now on without the file, which others close. */
void log_forget(void);

/* --log-level error: no warnings. */
void log_errors_alone(void);

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* only with --debug */

#endif
