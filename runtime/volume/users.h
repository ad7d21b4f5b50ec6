/* Internal to runtime/volume/: who uses a volume. */
#ifndef RUNTIME_VOLUME_USERS_H
#define RUNTIME_VOLUME_USERS_H

#include "lib/arena.h"
#include "lib/err.h"

#include <stdbool.h>

#define VOLUME_USERS "users"

/* @dir: the volume's. *ret: directories of containers that are there. @sweep, with the lock: the other links go. */
int volume_users(int dir, bool sweep, struct arena *a, const char ***ret, size_t *ret_n, struct err *e);

#endif
