/*
 * What an overlay's upper directory changes in the lower ones: added, changed, deleted. Nothing needs to be mounted.
 */
#ifndef OVERLAY_CHANGES_H
#define OVERLAY_CHANGES_H

#include "lib/arena.h"
#include "lib/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Absolute directories. */
struct overlay_dirs {
	const char *upper, *work;
	const char **lowers; /* the topmost first */
	size_t n_lowers;
};

/* Out of the options of a mount: upperdir=, workdir=, lowerdir=A:B with backslashes before colons, lowerdir+=A. */
void overlay_dirs_parse(const char *const *options, size_t n, struct arena *a, struct overlay_dirs *ret);

enum overlay_change_kind { CHANGE_ADDED = 'A', CHANGE_CHANGED = 'C', CHANGE_DELETED = 'D' };

struct overlay_change {
	enum overlay_change_kind kind;
	const char *path; /* below the overlay's root: "/etc/passwd" */
};

/*
 * Sorted by path, in the arena. A directory that both have is changed when something in it is, or its mode or owner.
 * @ignored: paths, ended by NULL, that are no change themselves, whatever became of them; what lies below them may be.
 * NULL: none.
 */
int overlay_changes(const struct overlay_dirs *dirs, const char *const *ignored, struct arena *a,
		    struct overlay_change **ret, size_t *ret_n, struct err *e);

/*
 * The same from one overlay to another of the same lower directories. Of files with the same times, modes, owners and sizes the
 * content decides. @userxattr: as of struct merged.
 */
int overlay_compare(const struct overlay_dirs *before, const struct overlay_dirs *after, bool userxattr,
		    const char *const *ignored, struct arena *a, struct overlay_change **ret, size_t *ret_n, struct err *e);

/* What the upper directory takes on its file system. */
int overlay_size(const char *upper, uint64_t *ret, struct err *e);

#endif
