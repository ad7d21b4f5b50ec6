/* Changes of an image's configuration, a tree of JSON, so that members that are not known here stay as they are. */
#ifndef OVERLAY_IMAGE_CHANGES_H
#define OVERLAY_IMAGE_CHANGES_H

#include "lib/json.h"

/* The member of that name, made as @type when it is missing or of another type. Everything in the arena. */
struct json *json_make(struct json *object, const char *key, enum json_type type, struct arena *a);

/* One more at the end of an array. */
struct json *json_append(struct json *array, struct arena *a);

struct json json_text(const char *text, struct arena *a);

/*
 * Instructions of a Dockerfile, in order: CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME, WORKDIR.
 * @config: the whole configuration. -EINVAL: names the instruction.
 */
int changes_apply(struct json *config, const char *const *changes, size_t n, struct arena *a, struct err *e);

#endif
