/* A tar of regular files and directories, with nothing in it that tells where and when it was made. */
#ifndef OVERLAY_IMAGE_TAR_WRITE_H
#define OVERLAY_IMAGE_TAR_WRITE_H

#include "lib/err.h"

#include <stddef.h>
#include <stdint.h>

/* Names below 100 bytes. */
int tar_write_directory(int to, const char *name, struct err *e);
int tar_write_text(int to, const char *name, const char *text, size_t len, struct err *e);

/* All of @from, of which there must be @size bytes. */
int tar_write_file(int to, const char *name, int from, int64_t size, struct err *e);

int tar_write_end(int to, struct err *e);

#endif
