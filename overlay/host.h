/* What is asked of the facts about the host: internal to overlay/. */
#ifndef OVERLAY_HOST_H
#define OVERLAY_HOST_H

#include "overlay/overlay.h"

/* Adds to f->hidden what the table and the rule hide on this host: hidden.c */
int hidden_find(const struct host_view_options *o, struct arena *a, struct host_facts *f, struct err *e);

enum { HOST_COPY_MAX = 1024 * 1024 };

bool host_is_mountpoint(const struct host_facts *f, const char *path);
bool host_holds_mounts(const struct host_facts *f, const char *dir); /* below it */
bool host_is_hidden(const struct host_facts *f, const char *path);

/*
 * A part of the system, or with --share-home of people's homes, that is shown even when it is a file system of its own.
 */
bool view_is_part(const struct host_view_options *o, const char *path);

/* The overlay that shows @path: the one with the longest lower directory above it. False when none does. */
bool view_find_layer(const struct host_view *v, const char *path, size_t *ret);

#endif
