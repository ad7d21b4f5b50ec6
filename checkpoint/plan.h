/*
 * What CRIU has to be told of a container's configuration. Pure: what only the kernel knows comes as facts.
 *
 * External are the mounts and namespaces that come from outside of the container: CRIU saves no more of them than a name, and
 * a restore says what takes their place. The names are those that other runtimes use, so that their images are understood.
 */
#ifndef CHECKPOINT_PLAN_H
#define CHECKPOINT_PLAN_H

#include "checkpoint/checkpoint.h"
#include "spec/spec.h"

struct checkpoint_facts {
	const char **sources; /* of each mount that is a bind: the host's path, absolute, symlinks resolved */
	const char **targets; /* of each mount: where it is in the container, symlinks resolved */
	/* Dump: likewise of each masked path; NULL: it is not there, or a directory, whose cover is the container's own. */
	const char **masked;
	const char *cgroup_dir; /* the container's, on the host; NULL without one */
	uint64_t netns, pidns; /* dump: inode numbers of those that are joined by path; 0: others */
	int netns_fd, pidns_fd; /* restore: the same, open; -1 */
};

#define CHECKPOINT_FACTS_INIT ((struct checkpoint_facts){ .netns_fd = -1, .pidns_fd = -1 })

/* Fills mounts, external, inherit and join of @o, in the arena. */
void checkpoint_plan_dump(const struct spec *s, const struct checkpoint_facts *f, struct arena *a, struct criu_options *o);

/* -ENOTSUP: a namespace that CRIU cannot be told to join. */
int checkpoint_plan_restore(const struct spec *s, const struct checkpoint_facts *f, struct arena *a, struct criu_options *o,
			    struct err *e);

/* Whether it has a user namespace of its own. */
bool checkpoint_has_userns(const struct spec *s);

/* Whether the mount is a bind of something of the host's. */
bool checkpoint_is_bind(const struct spec_mount *m);

/* The host's path of what comes from outside; else NULL. Of cgroup mounts without a cgroup namespace it is the cgroup. */
const char *checkpoint_mount_source(const struct spec *s, size_t i, const struct checkpoint_facts *f);

/* ---- descriptors.json: what descriptors 0 to 2 of the first process were ---- */

enum { CHECKPOINT_DESCRIPTORS = 3 };
#define CHECKPOINT_DESCRIPTORS_FILE "descriptors.json"

/*
 * @targets: as their links in /proc read, "pipe:[123]" or a path; of files outside of the container what CRIU calls them, ":" and
 * the path. The file is written last of all, when everything else in @dir is whole: an image without it was cut short.
 */
int checkpoint_save_descriptors(int dir, const char *const *targets, struct err *e);

/* How CRIU calls the file @inode of the mount @mount that is not one of the container's: for targets, and o->external. */
const char *checkpoint_external_file(struct arena *a, unsigned mount, uint64_t inode);

/*
 * Those that come from outside become o->inherit, from descriptors 0 to 2. What was /dev/null comes from @null, of which one is
 * taken for each; they must allow reading and writing. @ret: which it is of each of them, -1 where the images have it.
 * -ENODATA: the image is not whole.
 */
int checkpoint_load_descriptors(int dir, const int *null, int *ret, struct arena *a, struct criu_options *o, struct err *e);

#endif
