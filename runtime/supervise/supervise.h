/*
 * The supervisor: one small process for each launched container that runs. It is the parent of the container's first
 * process, writes what that prints to the log and to whoever is attached, restarts it by its policy, checks its health,
 * and notes its end. It stays below 1 MiB resident.
 *
 * It belongs to nobody: the command that started it may die at any moment. Other commands find it by the socket
 * `supervisor` in the container's directory (runtime/launch/launched.h). A supervisor that was killed itself is
 * replaced by the next command that looks (supervise_adopt): the container's output goes through fifos in its
 * directory, which the container itself holds open for reading too, so that nothing breaks in between.
 *
 *	supervise_start     runs a container that exists (launch.json, config.json), in a supervisor of its own
 *	supervise_attach    its output and input, until it ends
 *	supervise_wait      its end
 *	supervise_stop      ends it: the stop signal, then SIGKILL
 */
#ifndef RUNTIME_SUPERVISE_H
#define RUNTIME_SUPERVISE_H

#include "runtime/launch/launched.h"
#include "runtime/lifecycle.h"

#include <stdbool.h>

/*
 * Returns once the program was executed, or fails with why it was not. @dir: the container's, locked; it stays the
 * caller's, but the supervisor holds the lock then, too. @request: how to start it, from supervise_request or of the
 * same kind; NULL reads it. @attach: this process's standard streams are attached before the program runs, so that
 * nothing of it is missed; *ret_socket is then the connection for supervise_relay. A supervisor whose container could
 * not be started has ended; the directory is the caller's to remove.
 */
int supervise_start(struct runtime *rt, const struct launched *l, int dir, struct create_request *request, bool attach,
		    int *ret_socket, struct err *e);

/* Starts one that has ended, as it was launched; the rest as above. -EBUSY: it runs already. */
int supervise_begin(struct runtime *rt, const struct launched *l, bool attach, int *ret_socket, struct err *e);

/* How the container in @dir is started, by its config.json. */
int supervise_request(struct runtime *rt, const struct launched *l, int dir, struct create_request *ret, struct err *e);

/*
 * What follows is for containers that run or will be restarted: -ESRCH for others.
 *
 * A connection to the output (and with @input the input). Who attaches later than at the start and does not take the
 * output fast enough is let go: the container does not wait for him.
 */
int supervise_attach(struct runtime *rt, const struct launched *l, bool input, int *ret_socket, struct err *e);

/* Control-P, Control-Q. */
#define SUPERVISE_DETACH_KEYS "\020\021"

struct relay_options {
	bool input;
	bool waited_for; /* the connection is that of supervise_start */
	bool pass_signals; /* else they end the relaying */
	bool redraw; /* what fills the screen is to be drawn anew */
	const char *detach_keys; /* as they are typed; NULL: none */
};

/*
 * Relays between the connection (which it closes) and this process's streams, and signals to the container, until the
 * container ends (*ret_exit: its exit code) or the user detaches (*ret_detached). Output for which there was no room is an error
 * in the end.
 */
int supervise_relay(struct runtime *rt, const struct launched *l, int sock, const struct relay_options *o,
		    int *ret_exit, bool *ret_detached, struct err *e);

/* Waits until it is not running and will not be restarted; of one that has ended already, its exit code. */
int supervise_wait(struct runtime *rt, const struct launched *l, int *ret_exit, struct err *e);

/* @signal 0: its own stop signal. @timeout_ms -1: its own. Also of one that is waiting to be restarted. */
int supervise_stop(struct runtime *rt, const struct launched *l, int signal, int64_t timeout_ms, struct err *e);

/* The same, and started again. Its supervisor stays, and whoever is attached. */
int supervise_restart(struct runtime *rt, const struct launched *l, int signal, int64_t timeout_ms, struct err *e);

/* Who sends SIGKILL or the stop signal means it to stay ended, whatever its restart policy. */
int supervise_signal(struct runtime *rt, const struct launched *l, int signal, struct err *e);

/*
 * Removes it, and all that belongs to it. One that runs is killed first with @force, else -EBUSY; and so is one of whose
 * snapshots there are clones (runtime/clone/clone.h).
 */
int supervise_remove(struct runtime *rt, const struct launched *l, bool force, struct err *e);

/* In an image: which addresses it had on which network, [{ "network": "ferry", "ip": "10.88.0.2" }]. */
#define SUPERVISE_ADDRESSES "addresses.json"

/*
 * runtime/checkpoint for one that was launched. It ends, is not started again whatever its policy, and keeps its files, of
 * which the image has none: without --image-path that is the directory `checkpoint` beside them. A restore goes on with its
 * files as they are, at the same addresses.
 */
int supervise_checkpoint(struct runtime *rt, const struct launched *l, struct checkpoint_request *r, struct err *e);
int supervise_restore(struct runtime *rt, struct launched *l, struct checkpoint_request *r, struct err *e);

/* The same of one that has ended, with @dir, its directory, locked by the caller, whose it stays. */
int supervise_restore_locked(struct runtime *rt, struct launched *l, int dir, struct checkpoint_request *r, struct err *e);

/* What a health check that was not done ends with: the container is paused. */
enum { HEALTH_SKIPPED = 2 };

/* Where a container runs without its supervisor, starts another. Cheap when there is one. */
int supervise_adopt(struct runtime *rt, const struct launched *l, struct err *e);

#endif
