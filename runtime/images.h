/* The image store that every command and launch use. */
#ifndef RUNTIME_IMAGES_H
#define RUNTIME_IMAGES_H

#include "overlay/store/store.h"
#include "runtime/runtime.h"

/*
 * Opens the store: where --image-store says, or FERRY_IMAGE_STORE in the environment, or with what lasts
 * (runtime_data_path). With @make it is made when missing; else one that is missing is -ENOENT, and says how to get
 * an image.
 */
int images_open(struct runtime *rt, bool make, struct store *ret, struct err *e);

/* The container in @dir is gone. A note of it that stays is over all the same, and goes with the next prune. */
void images_unuse(struct runtime *rt, const char *dir);

/* Takes the store's lock alone; says so when it has to be waited for. */
int images_lock_alone(struct store *s, struct err *e);

/*
 * For commands that write or remove layers, or read all of them, before the store is opened: an ordinary user goes into a
 * user namespace that has his ids of subuid(5) and subgid(5), and stays there. Without such ids, and for root, nothing is
 * done: files then are the user's own.
 */
int images_enter_userns(struct runtime *rt, struct err *e);

/* Where that is, absolute. */
int images_path(struct runtime *rt, const char **ret, struct err *e);

#endif
