/* Id maps: written for a new user namespace, and user namespaces made only to carry the map of an idmapped mount. */
#ifndef NAMESPACES_IDMAP_H
#define NAMESPACES_IDMAP_H

#include "lib/buf.h"
#include "spec/spec.h"

struct idmaps {
	const struct spec_idmap *uid, *gid;
	size_t n_uid, n_gid;
};

/* The lines of a uid_map file. */
void idmap_format(const struct spec_idmap *m, size_t n, struct buf *out);

/* Writes /proc/PID/uid_map and gid_map; "deny" to /proc/PID/setgroups before it when asked. */
int idmap_write(pid_t pid, const struct idmaps *m, bool deny_setgroups, struct err *e);

/* The same by the set-user-id programs newuidmap and newgidmap. */
int idmap_write_with_helpers(pid_t pid, const struct idmaps *m, struct err *e);

/* A descriptor of a user namespace with these maps, in which nothing runs. */
int idmap_userns(const struct idmaps *m, struct err *e);

#endif
