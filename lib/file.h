/*
 * Small files, whole: kernel interface files and our own state. Paths are relative to a directory descriptor
 * (AT_FDCWD works). Errors name the path as given; the caller wraps what the directory is.
 */
#ifndef LIB_FILE_H
#define LIB_FILE_H

#include "lib/buf.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Appends the whole file to @b. -EFBIG when it is longer than @max bytes. */
int file_read_at(int dirfd, const char *path, size_t max, struct buf *b, struct err *e);

/*
 * The same for files of /proc and cgroups that the kernel gives whole to one read(2), and for our own small ones: saves
 * asking for their end. -EFBIG from 8 KiB on.
 */
int file_read_once_at(int dirfd, const char *path, struct buf *b, struct err *e);

/* Appends all that @fd still gives. */
int fd_read_all(int fd, size_t max, struct buf *b, struct err *e);

/* Writes @text to an existing file in one write(2), as /proc, /sys and cgroup files want it. */
int file_write_at(int dirfd, const char *path, const char *text, struct err *e);

/* Writes all of @data, continuing after short writes. */
int fd_write_all(int fd, const void *data, size_t n, struct err *e);

/*
 * Replaces (or makes) a file so that readers see the old or the new, never a part: writes "PATH.tmp" beside it, then
 * renames. Not synced to disk: state lives on tmpfs.
 */
int file_replace_at(int dirfd, const char *path, mode_t mode, const void *data, size_t n, struct err *e);

/*
 * There is nothing at @path, an absolute one. Where not even the directory above is there, a file system may be missing for
 * now: then it cannot be told.
 */
bool path_is_gone(const char *path);

/* Makes a directory and the missing ones above it. Existing ones are left as they are. */
int mkdir_parents(const char *path, mode_t mode, struct err *e);

/*
 * Calls @each for what is in the directory @fd, which is open for reading and at its beginning, but for "." and "..".
 * @type: DT_DIR and its like, or DT_UNKNOWN. A negative result ends it and is returned. What is read is on the stack:
 * for directories that are small, or are read often.
 */
int dir_each(int fd, int (*each)(int fd, const char *name, unsigned char type, void *data, struct err *e), void *data,
	     struct err *e);

/*
 * Removes the directory @name of @dirfd with all below it; follows no symlinks and stays on one file system.
 * A missing one is not an error.
 */
int remove_tree_at(int dirfd, const char *name, struct err *e);

#endif
