/*
 * Volumes: directories with names, which containers mount and which outlive them.
 *
 *	NAME/_data        what containers see
 *	NAME/volume.json  when it was made, and its labels: with it, it is a volume
 *	NAME/users/       a symbolic link for each container that uses it, to that one's directory: made by one system call,
 *	                  and over when the directory is gone, whoever removed that
 *	NAME/.fill        what is to become _data, while a first container's files are copied there
 *	.new, .gone       one that is being made, or removed; what a killed command left is removed by the next
 *
 *	volumes_open      finds them
 *	volumes_lock      before they are made, removed, or used anew
 *	volume_...
 */
#ifndef RUNTIME_VOLUME_H
#define RUNTIME_VOLUME_H

#include "runtime/runtime.h"
#include "spec/spec.h"

#include <stdbool.h>

#define VOLUME_DATA "_data"
#define VOLUME_FILL ".fill"

struct volumes {
	const char *path; /* absolute */
	int dir; /* carries the lock */
};

#define VOLUMES_INIT ((struct volumes){ .dir = -1 })

struct volume {
	const char *name;
	const char *data; /* absolute: what is mounted */
	const char *created; /* RFC 3339 */
	bool anonymous; /* its maker did not name it */
	struct spec_pair *labels;
	size_t n_labels;
	const char **users; /* the containers' directories */
	size_t n_users;
};

/* $FERRY_VOLUME_STORE, or beside images and containers. NULL when the environment names no such place. In rt->arena. */
const char *volumes_path(struct runtime *rt);

/* The directory that is mounted; and the volume whose that is, or NULL. Pure. */
const char *volume_data(const char *path, const char *name, struct arena *a);
const char *volume_of_data(const char *path, const char *data, struct arena *a);

/* Letters, digits, and after the first of them "_", "." and "-". */
bool volume_is_name(const char *text);

/* With @make the directory is made when it is missing; else -ENOENT. */
int volumes_open(struct runtime *rt, bool make, struct volumes *ret, struct err *e);
void volumes_close(struct volumes *v);
#define cleanup_volumes __attribute__((cleanup(volumes_close)))

/* Until it is closed. */
int volumes_lock(struct volumes *v, struct err *e);

/* By name. Those that cannot be read are left out with a warning. In @a. */
int volumes_list(const struct volumes *v, struct arena *a, struct volume **ret, size_t *ret_n, struct err *e);

/* -ENOENT: `no volume "x"`, with the names that are nearly like it. */
int volume_find(const struct volumes *v, const char *name, struct arena *a, struct volume *ret, struct err *e);

/* ---- with the lock ---- */

/* Makes it, empty, as @what says. Returns 1, or 0 when it is there: then it stays as it is. */
int volume_make(struct volumes *v, const struct volume *what, struct err *e);

/* Whoever uses it. Files of users that are mapped to the caller's need their user namespace. */
int volume_remove(struct volumes *v, const char *name, struct err *e);

/*
 * Notes that the container in @dir (absolute) uses it. Returns the volume's directory, which carries the lock of who fills it;
 * *ret_first: nobody else uses it.
 */
int volume_use(struct volumes *v, const char *name, const char *dir, struct arena *a, bool *ret_first, struct err *e);

#endif
