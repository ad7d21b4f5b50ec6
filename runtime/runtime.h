/*
 * What every command works with: where the containers' state lies, how cgroups are driven, where messages go.
 */
#ifndef RUNTIME_RUNTIME_H
#define RUNTIME_RUNTIME_H

#include "cgroups/cgroups.h"
#include "lib/arena.h"
#include "lib/err.h"

#include <stdbool.h>
#include <sys/types.h>

struct runtime {
	struct arena arena; /* for the length of the command */
	const char *root_path; /* --root, or /run/ferry, or $XDG_RUNTIME_DIR/ferry */
	bool root_given; /* by --root: all that is known of containers lies below it, names too */
	const char *image_store; /* --image-store, or NULL: runtime/images.h */
	char **argv; /* the whole command line, for the program to be executed again from a sealed copy */
	uid_t euid;
	bool rootless;
	enum cgroup_driver driver;
};

/*
 * @root: from --root, may be NULL. @rootless: "true", "false", "auto" or NULL. @manager: "cgroupfs", "systemd", "disabled" or
 * NULL. Makes no directory yet.
 */
int runtime_init(struct runtime *rt, const char *root, const char *rootless, const char *manager, struct err *e);
void runtime_finish(struct runtime *rt);

/* Opens the state root; with @make it is made when missing, else -ENOENT. The caller's descriptor. */
int runtime_open_root(const struct runtime *rt, bool make, struct err *e);

/*
 * Where what lasts is kept: /var/lib/ferry/NAME, or of an ordinary user $XDG_DATA_HOME/ferry/NAME or
 * ~/.local/share/ferry/NAME. NULL when the environment names no such place.
 */
const char *runtime_data_path(struct runtime *rt, const char *name);

#endif
