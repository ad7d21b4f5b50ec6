/*
 * Mount options (config.md, "Mounts"): from the words of a configuration to what the kernel's mount API takes.
 *
 * Contradictions are settled by the last word, as mount(8) does. A recursive attribute (rro) also takes back what the
 * plain one (rw) said before it.
 */
#ifndef NAMESPACES_MOUNT_OPTIONS_H
#define NAMESPACES_MOUNT_OPTIONS_H

#include "lib/arena.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* MOUNT_ATTR_* to set and to clear, as mount_setattr(2) takes them. */
struct mount_attrs {
	uint64_t set, clr;
};

/* One fsconfig(2) call: a flag when value is NULL. */
struct fs_param {
	const char *key, *value;
};

struct mount_options {
	struct mount_attrs attr; /* of the mount alone, applied after those of the whole tree */
	struct mount_attrs rec_attr; /* of the mount and all below it */
	uint64_t propagation; /* MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE; 0: left alone */
	bool propagation_rec;
	bool bind, rbind, remount, tmpcopyup;
	bool idmap, ridmap;
	struct fs_param *params; /* for the file system, in order */
	size_t n_params;
};

/* Pure. Strings in @ret are the arena's. */
void mount_options_parse(const char *const *options, size_t n, struct arena *a, struct mount_options *ret);

/* The value of the last parameter of that name, or NULL. */
const char *mount_options_param(const struct mount_options *o, const char *key);

/* rootfsPropagation: "rslave" and so on. False when it is none. */
bool mount_propagation_parse(const char *word, uint64_t *ret, bool *ret_rec);

/* What fsmount(2) takes for a new file system: the attributes of both kinds, as one mount has nothing below it. */
uint64_t mount_options_fsmount_attrs(const struct mount_options *o);

#endif
