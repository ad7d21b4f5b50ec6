/*
 * What is to be done for one container, known before anything is done. Made by plan.c, carried out by create.c.
 */
#ifndef CGROUPS_PLAN_H
#define CGROUPS_PLAN_H

#include "cgroups/devices.h"
#include "cgroups/resources.h"

struct cgroup_plan {
	struct cgroup_ref ref;
	const char *dir; /* absolute; NULL: unknown yet, or disabled */
	const char *id;
	bool rootless;
	struct cgroup_writes writes;
	uint32_t needed; /* controllers that the writes need */
	struct device_program devices;
	bool existed; /* an empty left-over, which may have a device program */

	/* systemd */
	const char *slice; /* "machine.slice" */
	const struct spec_resources *resources; /* NULL: none */
	const struct spec_pair *annotations; /* org.systemd.property.NAME */
	size_t n_annotations;

	struct arena *arena; /* for the path of a scope, which is known last */
};

/* ---- path.c ---- */

/* "/a//b/../c" -> "/a/c": absolute, never above its root. */
char *cgroup_path_clean(struct arena *a, const char *path);

/* cgroupfs: where linux.cgroupsPath (NULL: the id) is below the mountpoint. */
const char *cgroupfs_path(const char *cgroups_path, const char *id, const char *own_path, struct arena *a);

/* systemd: "slice:prefix:name". */
struct systemd_place {
	const char *slice, *unit;
};
int systemd_place(const char *cgroups_path, const char *id, bool user_session, struct arena *a,
		  struct systemd_place *ret, struct err *e);

/* "a-b.slice" -> "/a.slice/a-b.slice"; "-.slice" -> "/". */
int systemd_slice_path(const char *slice, struct arena *a, const char **ret, struct err *e);

#endif
