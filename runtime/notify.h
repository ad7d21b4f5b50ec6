/*
 * NOTIFY_SOCKET: a service manager that starts a container waits for READY=1 on a socket of its own, which the
 * container must not have. It gets another one, at /run/notify/notify.sock, and the runtime passes on that one word.
 *
 *	create, run   notify_plan, notify_make_dir     before the plans are made; before the mounts
 *	start, run    notify_open                      before the program can run
 *	              notify_relay                     once it runs; or notify_relay_aside in the foreground
 *
 * All of them do nothing when NOTIFY_SOCKET is not set; notify_open then returns -1 with e->code 0.
 */
#ifndef RUNTIME_NOTIFY_H
#define RUNTIME_NOTIFY_H

#include "spec/spec.h"

/* Adds the mount and the environment variable. @container_dir: absolute, the container's own on the host. */
int notify_plan(struct spec *s, struct arena *a, const char *container_dir, struct err *e);

/* @dir: the same directory, open. */
int notify_make_dir(int dir, struct err *e);
int notify_open(int dir, struct err *e);

/*
 * Waits for the container to say that it is ready, and tells the service manager; or for the process behind @pidfd to
 * end. @main_pid: the process that the manager shall watch from now on, 0 when it is ours. Closes @sock.
 */
int notify_relay(int sock, int pidfd, pid_t main_pid, struct err *e);

/* The same in a child process, which ends with us. */
int notify_relay_aside(int sock, int pidfd, struct err *e);

#endif
