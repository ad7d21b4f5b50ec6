/*
 * Overlay file systems as roots of containers. Two kinds: the host view, a copy-on-write view of this very machine, with
 * the host's own directories below and the container's files on top; and the layered root, of an image's layers or of any
 * directories.
 *
 * Depends on lib/ and spec/. Mounts nothing itself: it prepares upper directories and says, as mount options, what is
 * to be mounted; that happens in the container's own mount namespace, so nothing is left on the host whatever ends
 * when.
 *
 *	host_facts_read     which directories are mount points, which files are secret     reads the host
 *	host_view_plan      which overlays there are, what is hidden in which              pure
 *	host_view_make      the upper directories, with what hides the host's secrets      writes below options.dir
 *	host_view_file      a file of the container's own in place of the host's           writes below options.dir
 *	(the overlays are mounted: as the root, or in order as ordinary mounts)
 *	(remove options.dir)
 *
 *	merged_open           a file as the overlay of some layers will show it           reads them, mounts nothing
 *	layered_root_plan     the overlay                                                 pure
 *	layered_root_make     its upper directory                                         writes below options.dir
 *	layered_root_mkdir    a directory that must be in it                              writes below options.dir
 *
 * Hiding needs no mounts: a file is hidden by a whiteout in the upper directory, a directory by an opaque, empty one
 * with the mode and owner of the host's. What is hidden is one table and one rule, in hidden.c.
 *
 * An overlay does not cross mounts: another file system of the host appears as the bare directory that it is mounted
 * on, but for those which are parts of the system itself (/usr, /var, ...): they get an overlay of their own.
 *
 * Inside a user namespace the kernel refuses a lower directory with mounts below it, "/" above all. There each
 * directory of "/" gets an overlay, in a root made of directories and links. A directory with mounts below it is made
 * in the same way, with an overlay for each of its own directories and copies of its small files.
 */
#ifndef OVERLAY_OVERLAY_H
#define OVERLAY_OVERLAY_H

#include "lib/arena.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What a root that is put together from parts has beside its overlays. */
struct host_entry {
	const char *path; /* absolute */
	mode_t mode; /* with its type: a directory, a symbolic link, or a file that is small enough to be copied */
	const char *target; /* of a link */
};

struct host_facts {
	const char **mountpoints; /* of this mount namespace, "/" among them */
	size_t n_mountpoints;
	const char **hidden; /* paths that exist and must not be seen, without symbolic links */
	size_t n_hidden;
	struct host_entry *entries; /* of "/", and of directories with mounts below them; only when rootless */
	size_t n_entries;
};

struct host_view_options {
	const char *dir; /* absolute: where all of the container's own files go */
	const char *storage; /* the directory with the dirs of all containers: hidden too */
	bool rootless; /* without rights over the host: user xattrs, an overlay for each directory */
	bool share_home; /* /root and /home are shown */
	bool discarded; /* dir is removed when the container ends: it need not reach the disk */
};

/* One overlay. */
struct overlay_layer {
	const char *lower; /* where the container sees it, too */
	const char *upper, *work;
	const char **options; /* for mount(2) */
	size_t n_options;
};

struct view_hide {
	const char *path; /* absolute */
	size_t layer; /* in whose upper directory it is hidden */
};

struct host_view {
	const char *root; /* a directory in options.dir: empty when layers[0] is "/", else the root itself */
	struct overlay_layer *layers; /* in the order of mounting */
	size_t n_layers;
	struct view_hide *hides;
	size_t n_hides;
	const struct host_entry **bare; /* directories, links and copies to be made in root */
	size_t n_bare;
	bool rootless;
};

int host_facts_read(const struct host_view_options *o, struct arena *a, struct host_facts *ret, struct err *e);

/* -EINVAL: a directory that cannot be named in mount options, or whose file system cannot hold an upper directory. */
int host_view_plan(const struct host_facts *f, const struct host_view_options *o, struct arena *a,
		   struct host_view *ret, struct err *e);

/* options.dir exists and is empty. */
int host_view_make(const struct host_view *v, struct err *e);

/* @path: absolute. Does nothing where the view has no directory for it. */
int host_view_file(const struct host_view *v, const char *path, mode_t mode, const char *text, struct err *e);

/* ---- the layered root ---- */

/* Directories as an overlay takes them. */
struct merged {
	const char *const *layers; /* absolute, the top first */
	size_t n;
	bool userxattr; /* whiteouts and opaque directories are marked by user xattrs: without rights over the host */
};

/* Opens a regular file for reading, links followed within the layers. @path: from the root, without a slash in front. */
int merged_open(const struct merged *m, const char *path, struct err *e);

struct layered_root_options {
	const char *dir; /* absolute: where all of the container's own files go */
	struct merged lowers;
	bool discarded; /* dir is removed when the container ends: it need not reach the disk */
};

struct layered_root {
	const char *path; /* an empty directory in options.dir, to be mounted on */
	const char *upper, *work;
	const char *empty; /* an empty lower directory where there are no others; NULL */
	struct merged lowers;
	const char **options; /* of the overlay, each at most 255 bytes of value; "lowerdir+" for each layer */
	size_t n_options;
};

/* -EINVAL, -E2BIG: directories that cannot be named in mount options, or too many. */
int layered_root_plan(const struct layered_root_options *o, struct arena *a, struct layered_root *ret, struct err *e);

/* options.dir exists. The upper directory gets the mode and owner that the topmost layer has. */
int layered_root_make(const struct layered_root *r, struct err *e);

/* Makes @path (without a slash in front) in the upper directory, where no layer has it. */
int layered_root_mkdir(const struct layered_root *r, const char *path, struct err *e);

/*
 * Writes the file @path (without a slash in front) into the upper directory, in place of one that is there; directories above
 * it become as the layers have them. -ENOTDIR where one of those is something else.
 */
int layered_root_file(const struct layered_root *r, const char *path, mode_t mode, const char *text, struct err *e);

/* True when @path is @dir or lies below it. Both absolute. */
bool path_is_below(const char *path, const char *dir);

#endif
