/*
 * Programs that ferry carries within itself: those that need a shared library which ferry, being static, cannot be linked
 * with (libsystemd, libarchive, libcurl). They are run from memory, so that there is nothing to be found, to be missing, or to be
 * of another version; and only when they are needed. What becomes a container's init is carried likewise.
 *
 *	EMBEDDED_PROGRAM(systemd, "ferry-systemd", "libsystemd.so.0");       the Makefile's PROGRAMS has what is in it
 *	program_start(&program_systemd, args, &process, e)                    its standard input and output: a socket of messages
 *	message_send, message_receive on process.sock
 *	program_end(&process)
 */
#ifndef LIB_PROGRAM_H
#define LIB_PROGRAM_H

#include "lib/err.h"

#include <stdint.h>
#include <sys/types.h>

struct program {
	const char *name;
	const char *library; /* what it needs beside the C library, for the error when that is missing */
	const char *data;
	const uint64_t *size;
};

/* lib/embed.S makes the data out of the linked program BUILD/ferry-ID. */
#define EMBEDDED_PROGRAM(id, name, library) \
	extern const char id##_program[]; \
	extern const uint64_t id##_program_size; \
	static const struct program program_##id = { name, library, id##_program, &id##_program_size }

struct program_process {
	pid_t pid; /* ends without a signal to us: only program_end reaps it */
	int sock; /* our end of the pair of packets (lib/message.h) that is its standard input and output */
};

#define PROGRAM_PROCESS_INIT ((struct program_process){ .pid = -1, .sock = -1 })

/* @args: after the program's name, ended by NULL. What goes wrong in the new process comes as a message. */
int program_start(const struct program *p, const char *const *args, struct program_process *ret, struct err *e);

/* As message_receive, but the end of the program before an answer is an error, which says why. */
int program_receive(const struct program *p, struct program_process *process, int64_t *ret_number, int *ret_fd,
		    struct err *e);

/* Ends it, and is the error that says why it ended before it answered: for who receives from process.sock itself. */
int program_gone(const struct program *p, struct program_process *process, struct err *e);

/* Closes the socket, which asks it to end, and waits for it. Returns the wait status. Does nothing twice. */
int program_end(struct program_process *process);

#endif
