/* What create, run and exec share of making processes. */
#ifndef RUNTIME_CREATE_H
#define RUNTIME_CREATE_H

#include "runtime/record.h"
#include "runtime/setup.h"

#define SETUP_INIT(r, c)                                                                                   \
	{                                                                                                  \
		.request = (r), .container = (c), .cgroup_host = { .root_fd = -1 }, .cgroup_fd = -1,         \
		.process = PROCESS_PLAN_INIT, .console_socket = -1, .listener = -1, .parent_end = -1,  \
		.child_end = -1, .pidfd = -1, .late = -1,                                                  \
	}

/*
 * Makes a container up to the point where its first process waits for MSG_RELEASE. What was made is undone on failure.
 * *ret_master: the other end of its terminal when there is no --console-socket, else -1.
 */
int create_container(struct runtime *rt, struct setup *s, pid_t *ret_pid, int *ret_master, struct err *e);

/*
 * Where the container to be made could reach this program's file, goes on in a sealed copy of it (runtime/seal.h). Making it
 * begins with that; whoever has something to lose by starting anew calls this before.
 */
int create_seal(struct runtime *rt, const struct spec *s, struct err *e);

/*
 * Sends MSG_RELEASE with the process's pid. A process that has ended instead of waiting for it has left its error, which is returned.
 */
int release_process(int sock, pid_t pid, struct err *e);

/* --preserve-fds: what the caller says that it passes on must be there, or one of our own would go instead. */
int check_preserved_fds(unsigned n, struct err *e);

/* Now that it exists: into the record. */
int setup_record_process(struct setup *s, pid_t pid, struct err *e);

/* Closes what the setup holds open. */
void setup_finish(struct setup *s);

/* --pid-file and --pidfd-socket, each may be NULL. */
int publish_process(pid_t pid, int pidfd, const char *pid_file, const char *pidfd_socket, struct err *e);
void remove_pid_file(const char *path);

#endif
