/* What the commands of `ferry volume` share. */
#ifndef RUNTIME_CLI_VOLUME_H
#define RUNTIME_CLI_VOLUME_H

#include "runtime/volume/volume.h"

/* The name of the container in @dir; and of all who use it: "web, db". In rt->arena. */
const char *volume_user_name(struct runtime *rt, const char *dir);
const char *volume_user_names(struct runtime *rt, const struct volume *v);

/* @text: "NAME" or "NAME=VALUE". */
bool volume_has_label(const struct volume *v, const char *text);

#endif
