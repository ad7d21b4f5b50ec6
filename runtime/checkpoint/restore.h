/* Inside a restore. */
#ifndef RUNTIME_CHECKPOINT_RESTORE_H
#define RUNTIME_CHECKPOINT_RESTORE_H

#include "checkpoint/images/ghosts.h"
#include "checkpoint/images/share.h"
#include "checkpoint/images/tmpfs.h"
#include "runtime/checkpoint/checkpoint.h"

/* What is heard during the restore, and what is made for it. */
struct restore {
	struct runtime *rt;
	struct setup *setup;
	struct checkpoint_facts facts;
	int null[CHECKPOINT_DESCRIPTORS]; /* /dev/null for reading and writing, one for each that may have been it: CRIU closes them */
	int descriptors[CHECKPOINT_DESCRIPTORS]; /* which of ours it gets; -1: it has its own */
	int netns; /* with networks: the number under which CRIU has the network namespace; else -1 */
	int locked; /* that namespace, as long as packets are kept out of it; else -1 */
	struct images_memory memory; /* what the images share with others that are restored from them */
	int images; /* the caller's */
	struct images_tmpfs tmpfs; /* made for CRIU, below place, a path on the host */
	const char *place;
	struct image_ghost *ghosts; /* what CRIU will make for a moment */
	size_t n_ghosts;
	int *master;
};

/*
 * In CRIU's process, in a mount namespace of its own: CRIU wants the root to be a mount. The places of what is mounted in it are
 * made, and what a restore that was killed has left in it is removed.
 */
int restore_prepare_root(const struct restore *r, struct err *e);

/* In ferry, once CRIU's process is there: sources of @r->facts become where it finds them. */
void restore_move_sources(struct restore *r);

/* Removes the empty directory on the host that a CRIU which was killed has left, by its log. */
void restore_remove_yard(const struct criu_options *o, const char *log_file);

#endif
