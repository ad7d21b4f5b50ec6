/*
 * The supervisor: one small process for each launched container that runs. It is the parent of the container's first
 * process, writes what that prints to the log and to whoever is attached, restarts it by its policy, checks its health,
 * and notes its end. It stays below 1 MiB resident.
 *
 * It belongs to nobody: the command that started it may die at any moment. Other commands find it by the socket
 * `supervisor` in the container's directory (runtime/launch/launched.h). A supervisor that was killed itself is replaced by
 * the next command that looks (supervise_adopt): the container's output goes through fifos in its directory, which the
 * container itself holds open for reading too, so that nothing breaks in between.
 *
 *	supervise_start     runs a container that exists (launch.json, config.json), in a supervisor of its own
 *	supervise_attach    its output and input, until it ends
 *	supervise_wait      its end
 *	supervise_stop      ends it: the stop signal, then SIGKILL
 */
#ifndef RUNTIME_SUPERVISE_H
#define RUNTIME_SUPERVISE_H

#include "runtime/launch/launched.h"

#include <stdbool.h>

/*
 * Returns once the program was executed, or fails with why it was not. @attach: this process's standard streams are
 * attached before the program runs, so that nothing of it is missed; *ret_socket is then the connection for
 * supervise_relay, else -1 and may be NULL.
 */
int supervise_start(struct runtime *rt, const struct launched *l, bool attach, int *ret_socket, struct err *e);

/* A connection to the output (and with @input the input) of a running container. */
int supervise_attach(struct runtime *rt, const struct launched *l, bool input, bool replay, int *ret_socket, struct err *e);

/*
 * Relays between the connection and this process's streams, and signals to the container, until the container ends
 * (*ret_exit: its exit code) or the user detaches (*ret_detached).
 */
int supervise_relay(struct runtime *rt, const struct launched *l, int socket, int *ret_exit, bool *ret_detached,
		    struct err *e);

/* Waits until it is not running and will not be restarted. */
int supervise_wait(struct runtime *rt, const struct launched *l, int *ret_exit, struct err *e);

/* @signal 0: its own stop signal. @timeout_ms -1: its own. Also of one that is waiting to be restarted. */
int supervise_stop(struct runtime *rt, const struct launched *l, int signal, int64_t timeout_ms, struct err *e);

/* Where a container runs without its supervisor, starts another. Cheap when there is one. */
int supervise_adopt(struct runtime *rt, const struct launched *l, struct err *e);

#endif
