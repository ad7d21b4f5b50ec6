/*
 * checkpoint and restore: what checkpoint/ (CRIU) needs to know of a container, and what a container is before and after.
 *
 * A dump that fails, and one whose ferry or CRIU was killed, leaves the container running as it was; an image is whole once it
 * has descriptors.json, which is written last. From then on the container ends, unless it was to go on or nobody is left who
 * knows: then it goes on, and the file goes. The record says that a dump is under way, and CRIU shares the lock: so the
 * next command on the container waits for its end and puts right what is left of it (checkpoint_recover). Until then the
 * container is frozen if CRIU was killed (guard.h).
 *
 * A restore is a `run` (runtime/create.c) whose first process CRIU makes.
 */
#ifndef RUNTIME_CHECKPOINT_CHECKPOINT_H
#define RUNTIME_CHECKPOINT_CHECKPOINT_H

#include "checkpoint/plan.h"
#include "runtime/container.h"
#include "runtime/setup.h"

/* Where images and CRIU's log go, and what the command line says of CRIU's options. */
struct checkpoint_request {
	const char *id; /* no other name */
	const char *criu; /* --criu; NULL */
	const char *image_path, *work_path; /* work_path NULL: the images' */
	const char *failed_log; /* where CRIU's log can be found, too, when it fails, as the work path goes then; NULL: it stays */
	bool pre_dump;
	bool check; /* a restore: the images are looked over first */
	int status; /* --status-fd, -1 */
	struct criu_options options; /* log_level 0: all */
	/* When all that is in memory is saved, and before anything of the container goes on or ends; on < 0 it goes on. NULL */
	int (*while_held)(void *data, struct err *e);
	void *data;
};

#define CHECKPOINT_REQUEST_INIT { .status = -1, .options = { .images = -1, .work = -1, .status = -1 } }

/* Saves the container; ends and deletes it, unless it is told to leave it running. */
int lifecycle_checkpoint(struct runtime *rt, const struct checkpoint_request *r, struct err *e);

/*
 * In place of setup_spawn: makes the container's processes from s->request->restore and records the first of them, which is
 * the caller's child. *ret_master: as create_container.
 */
int restore_processes(struct runtime *rt, struct setup *s, pid_t *ret_pid, int *ret_master, struct err *e);

/*
 * What a dump that was cut short may have left: the cgroup frozen, the network locked, connections in repair. The container
 * must be locked. c->dumping says how it was before.
 */
int checkpoint_recover(struct runtime *rt, struct container *c, struct err *e);

/* ---- shared by both ---- */

/* What CRIU has to be told of a running container. All of it is in rt->arena. */
int checkpoint_plan(struct runtime *rt, const struct container *c, const struct spec *s, struct criu_options *o,
		    struct err *e);

/* Which descriptors of the caller's the container was given as its standard ones, for the record; -1: it is not known. */
void checkpoint_note_descriptors(const int *fds, struct container *c, struct arena *a);

/*
 * What its standard descriptors are, CHECKPOINT_DESCRIPTORS of them in the arena, for checkpoint_save_descriptors. Those that are
 * files of the host's are added to what is external. They are those that were noted: at this moment it may have others.
 */
int checkpoint_find_descriptors(struct runtime *rt, const struct container *c, const char **ret, struct criu_options *o,
				struct err *e);

/* Opens directories into o->images and o->work, the caller's to close; @make: they are made when missing. */
int checkpoint_open_directories(const struct checkpoint_request *r, bool make, struct criu_options *o, struct err *e);

/* The path of an open directory; NULL: it has none. In the arena. */
const char *checkpoint_path(int fd, struct arena *a);

/* The path that is reached by @path in the directory @root, or @path itself when nothing is there. In the arena. */
const char *checkpoint_resolve(int root, const char *path, struct arena *a);

/*
 * sources, targets and masked of @f. @root: the container's root directory; masked are left out when there is no container
 * yet. @bundle: absolute, where relative sources belong to.
 */
void checkpoint_find_places(const struct spec *s, const char *bundle, int root, bool masked, struct arena *a,
			    struct checkpoint_facts *f);

/* The file with further settings of CRIU, as the annotation org.criu.config or the convention has it; NULL: none. */
const char *checkpoint_config_file(const struct spec *s);

/*
 * The same settings (@config may be NULL) behind one that has CRIU listen at @address alone: a server of lazy pages, whom the RPC
 * lets say no more than a port. Returns a descriptor, the caller's, which CRIU must have open to read it.
 */
int checkpoint_listening_config(const char *config, const char *address, struct err *e);

/* Adds why CRIU failed, by its log, and where that is. Returns -e->code. */
int checkpoint_failed(const struct checkpoint_request *r, const struct criu_options *o, struct err *e);

#endif
