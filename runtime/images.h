/* The image store that every command and launch use. */
#ifndef RUNTIME_IMAGES_H
#define RUNTIME_IMAGES_H

#include "overlay/store/store.h"
#include "runtime/runtime.h"

/*
 * Opens the store: where --image-store says, or FERRY_IMAGE_STORE in the environment, or with what lasts
 * (runtime_data_path). With @make it is made when missing; else one that is missing is -ENOENT, and says how to get an image.
 */
int images_open(struct runtime *rt, bool make, struct store *ret, struct err *e);

/* Takes the store's lock alone; says so when it has to be waited for. */
int images_lock_alone(struct store *s, struct err *e);

/*
 * Removes what neither a name nor a launched container leads to; of @p the parts that say what containers use are filled in
 * here. The store must be locked alone: launch holds it shared from finding an image until launch.json names it.
 */
int images_sweep(struct runtime *rt, struct store *s, struct store_prune *p, struct err *e);

/* The first container that uses the image with this manifest; NULL: none. */
struct launched;
const char *images_user(const struct launched *all, size_t n, const char *digest);

/* Where that is, absolute. */
int images_path(struct runtime *rt, const char **ret, struct err *e);

#endif
