/*
 * Snapshots of launched containers: what one was at a moment, to go back to: what it had written, and of one that ran its
 * processes with all their memory.
 *
 * They lie in the container's own directory (runtime/launch/launched.h) and go with it:
 *
 *	snapshots/NAME/            one of them
 *	    upper, upper-var...    exact copies of the container's directories of these names, all that it wrote
 *	    checkpoint             CRIU's images of its processes, if it ran; in 1, 2... below it what was saved of the memory
 *	                           before they stood still (pre-dumps)
 *	    launch.json, spec.dump the container's launch.json and config.json, as they were then
 *	    config.dump            what others' tools for checkpoints look for beside spec.dump and checkpoint
 *	    .ferry-init            of one with an init: its program
 *	    digests                a line for each file in those: lib/tree_digest.h
 *	    snapshot.json          the struct below, with a digest of `digests`
 *	snapshots/.clones/NAME     what clones of that one share, and who they are: runtime/clone/clone.h
 *	snapshots/.schedule        when they are made by themselves, and which then stay
 *	snapshots/.current         the name of the one that was made, or gone back to, last
 *	snapshots/.new, .gone      one that is being made, or removed: what a killed command left is removed by the next
 *	snapshots/.staged          copies with which a container will go back; removed in the same way
 *	snapshots/.rollback        the same from the moment on when all are there: whoever comes next carries on
 *	snapshots/.log             CRIU's log and statistics of the last snapshot, or rollback, with memory; clone.log: of the
 *	                           last clone that failed
 *
 * A snapshot has its name by a rename(2) that comes last. None needs another: they are copies, which share their blocks with
 * the container's files where the file system can. Files are copied while CRIU holds the processes, with all of their memory
 * saved: so both are of one instant.
 *
 * The directory `snapshots` carries a lock (flock): whoever makes, removes or goes back to one holds it. Of a container that
 * runs, its own lock is held besides while it is paused (runtime/container.h), and the record says so; of one that does not,
 * the lock of its directory, so that nobody starts it.
 *
 * Everything is in rt->arena. Before the calls that copy, read or remove files an ordinary user goes into the user namespace that
 * images_enter_userns makes.
 */
#ifndef RUNTIME_SNAPSHOT_SNAPSHOT_H
#define RUNTIME_SNAPSHOT_SNAPSHOT_H

#include "runtime/launch/launched.h"
#include "runtime/snapshot/retention.h"

#include <stdbool.h>
#include <stdint.h>

struct snapshot {
	const char *name;
	const char *container; /* its id */
	const char *description, *expires, *parent; /* NULL: none; expires: RFC 3339 */
	const char *created; /* RFC 3339 */
	bool memory; /* of its processes, too */
	uint64_t bytes, memory_bytes; /* of the blocks of its files, and of its memory's images */
	const char **files; /* names of the directories */
	size_t n_files;
	const char **layers; /* diff ids of the image's, over which they lie; none without an image */
	size_t n_layers;
	const char *cloned_from; /* as of the container: another snapshot over which they lie; NULL */
	const char *digests; /* of the file of that name */
};

struct snapshots {
	const struct launched *l;
	int dir; /* -1: there are none */
	bool locked;
};

#define SNAPSHOTS_INIT ((struct snapshots){ .dir = -1 })

void snapshots_close(struct snapshots *s);
#define cleanup_snapshots __attribute__((cleanup(snapshots_close)))

enum snapshots_open {
	SNAPSHOTS_READ, /* what killed commands left is removed unless another is at work */
	SNAPSHOTS_CHANGE, /* with the lock */
	SNAPSHOTS_MAKE, /* the same, and the directory is made */
};

/* @l must live as long as *ret. */
int snapshots_open(struct runtime *rt, const struct launched *l, enum snapshots_open how, struct snapshots *ret,
		   struct err *e);

/* The oldest first. One that cannot be read is left out with a warning. */
int snapshots_list(struct runtime *rt, const struct snapshots *s, struct snapshot **ret, size_t *ret_n, struct err *e);

/* By the whole name; -ENOENT: `container 'web' has no snapshot "x"`, with those that are nearly called so. */
int snapshot_load(struct runtime *rt, const struct snapshots *s, const char *name, struct snapshot *ret, struct err *e);

/* Where it is, absolute. */
const char *snapshot_directory(const struct snapshots *s, const struct snapshot *what, struct arena *a);

/* "CONTAINER/NAME": the container, and what is behind the slash, which need not exist. */
int snapshot_split(struct runtime *rt, const char *text, struct launched *ret, const char **ret_name, struct err *e);

/* -EINVAL: it is no line that can be shown. @text: NULL: none. */
int snapshot_check_description(const char *text, struct err *e);

struct snapshot_request {
	const char *name; /* NULL: snap0, or the next number */
	const char *description; /* NULL */
	const char *expires; /* RFC 3339, NULL */
	bool no_memory; /* of one that runs: its files alone */
	const char *advice; /* what to do where the memory cannot be saved; NULL */
};

/* A container that runs stands still meanwhile, for as short as can be. *ret_name: the snapshot's. */
int snapshot_create(struct runtime *rt, const struct launched *l, const struct snapshot_request *r,
		    const char **ret_name, struct err *e);

/* Names of the directories that one has copies of. -ENOTSUP: nothing can be kept of such a container, and why. */
int snapshot_find_files(struct runtime *rt, const struct launched *l, struct snapshot *ret, struct err *e);

/*
 * Gives the container the files that it had; and with memory its processes too, when one that runs is ended before. Otherwise,
 * and with @no_memory, it must not run. -EBADMSG: the snapshot is damaged, and where; then nothing is changed, nor when this
 * machine cannot restore it. If its processes cannot be restored all the same, it stands ended, with the snapshot's files.
 */
int snapshot_rollback(struct runtime *rt, struct launched *l, const char *name, bool no_memory, struct err *e);

/* ---- as archives: archive.c ---- */

/*
 * All of it but sockets, which are nothing without who listens, into @to: a tar that import takes, and others can read.
 * -EBADMSG: it is damaged, and where; then nothing is written.
 */
int snapshot_export(struct runtime *rt, const struct launched *l, const char *name, int to, struct err *e);

/*
 * What that wrote becomes a snapshot of the container, called @name, or with NULL as it was. -EBADMSG: it is none, or is damaged, and
 * where. -EINVAL: it is of a container of another image. No file of it comes to lie elsewhere, whoever made the archive; but
 * memory does what it was made for once it is restored. @container: @l is still to be made of what it says; NULL: it is there.
 */
struct snapshot_making;
int snapshot_import(struct runtime *rt, const struct launched *l, int from, const char *name,
		    const struct snapshot_making *container, const char **ret_name, struct err *e);

/*
 * The same for a container @name, which is made, too, as it was when the snapshot was made; its image, or the directory of
 * --rootfs DIR:O, must be here, and volumes. It does not run, and has the snapshot's files. @storage: as of launch, NULL.
 * -EEXIST: it is there.
 */
int snapshot_import_container(struct runtime *rt, const char *storage, const char *name, int from, const char *snapshot,
			      const char **ret_name, struct err *e);

/* What becomes of one when they are pruned. */
struct snapshot_verdict {
	struct snapshot s;
	bool expired; /* it goes */
	bool chosen; /* who prunes says of how many are kept: then it goes unless it is one */
	unsigned kept; /* for what it is kept: 1 << KEEP_... */
	const char *user; /* it stays, since this is a clone of it: "container 'web-1'"; NULL */
};

bool snapshot_goes(const struct snapshot_verdict *v);

/* Of all, the newest first. What has expired is no reason to remove another. */
int snapshots_judge(struct runtime *rt, const struct snapshots *s, const struct retention *keep, time_t now,
		    struct snapshot_verdict **ret, size_t *ret_n, struct err *e);

/* When snapshots of a container are made by themselves, and which then stay. */
struct snapshot_timetable {
	const char *schedule; /* as schedule_parse takes it */
	const char *expire; /* as expiry_after takes it; NULL: never */
	bool memory; /* is kept, too */
	struct retention keep;
	const char *last; /* RFC 3339: when that was said, or the last was made */
};

/* -ENOENT: there is none. */
int timetable_load(struct runtime *rt, const struct snapshots *s, struct snapshot_timetable *ret, struct err *e);

/* With the lock. @t NULL: there shall be none. */
int timetable_save(const struct snapshots *s, const struct snapshot_timetable *t, struct err *e);

/* When the next is due; false: never. */
bool timetable_next(const struct snapshot_timetable *t, time_t *ret);

/* With the lock. -EBUSY: there are clones of it, or a template; and which. */
int snapshot_remove(struct runtime *rt, const struct snapshots *s, const char *name, struct err *e);

/* Before a start: carries on a rollback that was cut short. The container's directory is locked. Cheap when there is none. */
int snapshots_recover(struct runtime *rt, const struct launched *l, struct err *e);

/* ---- internal to runtime/snapshot ---- */

#define SNAPSHOT_DIGESTS "digests"
#define SNAPSHOT_MEMORY "checkpoint"
#define SNAPSHOT_LAUNCH "launch.json"
#define SNAPSHOT_CONFIG "spec.dump"
#define SNAPSHOTS_NEW ".new"
#define SNAPSHOTS_CLONES ".clones"
#define SNAPSHOTS_LOG ".log"
#define SNAPSHOTS_STAGED ".staged"
#define SNAPSHOTS_ROLLBACK ".rollback"
#define SNAPSHOTS_CURRENT ".current"

const char *snapshots_path(const struct launched *l, struct arena *a); /* of the directory */

/* The name in .current; NULL: none. */
const char *snapshots_current(struct runtime *rt, const struct snapshots *s);

int snapshot_save(int dir, const struct snapshot *what, struct err *e);

/* What it says in the directory @name; ret->name is what it was called when it was made. */
int snapshot_read(int snapshots, const char *name, struct arena *a, struct snapshot *ret, struct err *e);

/* ---- create.c ---- */

/* @wanted, if that can be one's name and is not; NULL: the next number. */
int snapshot_choose_name(struct runtime *rt, const struct snapshots *s, const char *wanted, const char **ret, struct err *e);

/* What is in @dir, .new, becomes one: sizes, digests, the record; on the disk, by its name. */
int snapshot_complete(struct runtime *rt, const struct snapshots *s, int dir, struct snapshot *what, struct err *e);

/* The lines of its digests, as it is. */
int snapshot_digests(int dir, const struct snapshot *what, struct buf *out, struct err *e);

/* ---- documents.c ---- */

/* What the container in @from is, into @to. */
int snapshot_save_documents(const struct launched *l, const struct snapshot *what, int from, int to, struct err *e);

/* One of those that it may have beside snapshot.json and digests. */
bool snapshot_is_document(const char *name);
int snapshot_digest_documents(int dir, struct buf *out, struct err *e);

/* ---- container.c ---- */

struct snapshot_making {
	struct launched *l; /* id, name and directory, which is empty; the rest is set */
	int dir; /* that directory, locked */
	int *hold; /* gets what keeps its image from being pruned, to be closed once it has its launch.json */
};

/* The documents in @from become those of a container, but for launch.json. *ret: as above. */
int snapshot_make_container(struct runtime *rt, int from, const struct snapshot *what, struct launched *ret, int dir,
			    int *ret_hold, struct err *e);

/* ---- memory.c ---- */

/*
 * Saves the memory of a container that runs into the directory SNAPSHOT_MEMORY of @to, the directory @path. @copy is called while
 * nothing of it runs.
 */
int memory_save(struct runtime *rt, const struct snapshots *s, int to, const char *path,
		int (*copy)(void *data, struct err *e), void *data, struct err *e);

/* Whether this machine can restore it, before anything is ended. */
int memory_check(struct runtime *rt, const struct snapshots *s, const struct snapshot *what, struct err *e);

/* The container has ended, and has its files; @dir: its directory, locked. */
int memory_restore(struct runtime *rt, struct launched *l, int dir, const struct snapshots *s, const struct snapshot *what,
		   struct err *e);

/* ---- rollback.c ---- */

/* Whether it holds what its digests say. -EBADMSG, and the first file that does not. */
int snapshot_check(const struct snapshots *s, const struct snapshot *what, struct arena *a, struct err *e);

/* Whether it is of such a container. */
int snapshot_check_fits(struct runtime *rt, const struct launched *l, const struct snapshot *what, struct err *e);

/* -EBADMSG: both are lines of digests, and the first file that is not alike in both. */
int snapshot_say_damage(const char *was, const char *is, struct arena *a, struct err *e);

enum { SNAPSHOT_DIGESTS_MAX = 1 << 30 };

/* From .rollback on, with the lock. */
int rollback_finish(struct runtime *rt, const struct snapshots *s, struct err *e);

#endif
