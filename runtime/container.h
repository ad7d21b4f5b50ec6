/*
 * The container object: one directory below the state root, which holds
 *
 *	making.json    the record below, as it is before there is a process
 *	state.json     the record, once there is
 *	config.json    the configuration as it was at create, for exec and for later commands
 *	start          a socket on which the container's first process waits for `ferry start`
 *
 * The directory itself carries the lock (flock): whoever changes the container holds it. Readers need none.
 *
 * The record is written before anything else is made, with all that undoing would need, and once more when the process
 * exists. So after SIGKILL at any instant the next command knows what to remove. A directory without a record is removed
 * only when it is surely ours; whatever else lies below the state root is no container, and stays.
 */
#ifndef RUNTIME_CONTAINER_H
#define RUNTIME_CONTAINER_H

#include "cgroups/cgroups.h"
#include "netns/netns.h"
#include "runtime/runtime.h"
#include "spec/spec.h"

#include <sys/types.h>

enum container_status { STATUS_CREATING, STATUS_CREATED, STATUS_RUNNING, STATUS_PAUSED, STATUS_STOPPED };

/* "creating", "created", ... */
const char *container_status_name(enum container_status s);

/*
 * A dump by CRIU, or a snapshot of its files, is under way, or was cut short; and what the container was doing before:
 * runtime/checkpoint
 */
enum { DUMPING_NOT, DUMPING_RUNNING, DUMPING_PAUSED };

struct container {
	const char *id;
	int root; /* the state root; the container's own descriptor */
	int dir; /* its directory, -1 when not open */
	bool locked;

	/* the record */
	pid_t pid; /* its first process; 0 until it exists */
	uint64_t start_time; /* goes with the pid: see lib/proc.h */
	const char *bundle, *rootfs; /* absolute */
	const char *created; /* RFC 3339 */
	const char *owner; /* user name, or number */
	bool rootless;
	bool launched; /* the bundle is a launched container's directory: runtime/launch/launched.h */
	bool network; /* it may be on networks: runtime/attach.h */
	uint64_t dumping; /* DUMPING_* */
	const char *dump_image; /* the directory that the dump goes to */
	bool saved; /* it has ended because a checkpoint was made of it */
	const char *descriptors[3]; /* its standard ones, at first (checkpoint_note_descriptors); NULL: not known */
	struct cgroup_ref cgroup;
	struct spec_pair *annotations;
	size_t n_annotations;
};

#define CONTAINER_INIT ((struct container){ .root = -1, .dir = -1 })

void container_close(struct container *c); /* gives up the lock too */
#define cleanup_container __attribute__((cleanup(container_close)))

/* -EINVAL with runc's words for an id that cannot be a directory's name. */
int container_check_id(const char *id, struct err *e);

/* A new directory, locked. -EEXIST: "container with given ID already exists". Recovers a half-made one first. */
int container_new(struct runtime *rt, const char *id, struct container *ret, struct err *e);

/*
 * Opens an existing one. @lock: wait for and hold the lock. -ENOENT: `container "x" does not exist`. Strings live in
 * rt->arena.
 */
int container_open(struct runtime *rt, const char *id, bool lock, struct container *ret, struct err *e);

/*
 * The same by what people call it: a launched container's name before any id, since a renamed one's id may be another's
 * name; and where neither is there, the beginning of one (runtime/launch/launched.h).
 */
int container_find(struct runtime *rt, const char *name, bool lock, struct container *ret, struct err *e);

/*
 * To an error that says that there is no container @name it adds those that are called nearly so: behind the words that
 * engines look for. Returns the error.
 */
int container_hint(struct runtime *rt, const char *name, struct err *e);

/* Keeps the configuration beside it; and reads it again, a launched container's from its own directory. */
int container_save_config(struct container *c, const char *text, size_t len, struct err *e);
int container_load_config(struct container *c, struct arena *a, struct spec **ret, struct err *e);

/* What it is doing now, found out from the kernel, not remembered. */
int container_status(struct runtime *rt, struct container *c, enum container_status *ret, struct err *e);

/* A pidfd of its first process; -ESRCH with the words "container not running". */
int container_pidfd(struct container *c, struct err *e);

/* Its cgroup's directory; -1 in *ret_fd when it has none. */
int container_cgroup(struct runtime *rt, struct container *c, int *ret_fd, struct err *e);

/* Whether another container, which runs, was put into the cgroup that this one, which does not, left empty. */
bool container_cgroup_is_anothers(struct runtime *rt, const struct container *c);

/* The state document. */
void container_write_state(const struct container *c, enum container_status s, struct buf *out, bool pretty);

/* Ids of all containers under the root, sorted, in rt->arena. Recovers half-made ones on the way. */
int container_list(struct runtime *rt, const char ***ret, size_t *ret_n, struct err *e);

/*
 * Removes everything that the record names: processes, networks, cgroup, scope, directory. The container must be locked. Safe to
 * repeat. @host: where the cgroups are, when that is known already; NULL to have it found.
 */
int container_remove(struct runtime *rt, struct container *c, const struct cgroup_host *host, struct err *e);

/*
 * The same, but for what of its networks others need not wait for: *ret_leaving, for container_settle (runtime/attach.h).
 */
int container_remove_early(struct runtime *rt, struct container *c, struct net_leaving *ret_leaving, struct err *e);

/* Gives up the lock, so that others may work on the container; and takes it again. -ENOENT: it has been deleted. */
int container_unlock(struct container *c, struct err *e);
int container_lock_again(struct container *c, struct err *e);

/* ---- the start socket ---- */

/* Before the clone: a listening socket "start" in the container's directory, for its first process to inherit. */
int start_socket_listen(struct container *c, struct err *e);

/* In the container: waits until `start` says so. *ret_fd: the connection, closed by exec, which tells `start` that it worked. */
int start_socket_wait(int listener, int *ret_fd, struct err *e);

/* In `start`: says so and waits for the exec; the container's error comes back whole. */
int start_socket_go(struct container *c, struct err *e);

/* 1 when its first process waits to be started, 0 when not. */
int start_socket_waiting(struct container *c, struct err *e);

#endif
