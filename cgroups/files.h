/* The flat-keyed and single-value files of a cgroup. */
#ifndef CGROUPS_FILES_H
#define CGROUPS_FILES_H

#include "lib/buf.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stdint.h>

/* "max" is UINT64_MAX. False when @text does not begin with a number. */
bool cgroup_number(const char *text, uint64_t *ret);

/* The value after "KEY " at the beginning of a line. False when there is no such line. */
bool cgroup_keyed(const char *text, const char *key, uint64_t *ret);

/* Reads a file of one number. Returns 1, or 0 when it does not exist, or -errno. */
int cgroup_read_number(int dir, const char *file, uint64_t *ret, struct err *e);

/* Replaces @b by the file's text. Returns 1, or 0 when it does not exist or its controller cannot say, or -errno. */
int cgroup_read_text(int dir, const char *file, struct buf *b, struct err *e);

/*
 * Waits until cgroup.events says "KEY VALUE". Returns 1; 0 on time-out; -errno.
 */
int cgroup_wait_event(int dir, const char *key, uint64_t value, int timeout_ms, struct err *e);

#endif
