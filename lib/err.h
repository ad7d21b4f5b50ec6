/*
 * Errors as values.
 *
 * Every function that can fail takes a struct err and returns >= 0, or -errno with the error filled in. The value
 * holds no pointers and is smaller than PIPE_BUF, so a child process sends it whole over a pipe or a socket.
 * Each level that can say more about what it was doing puts that in front:
 *
 *	create 'web': mount '/proc': fsmount: Operation not permitted
 *
 * Messages are lower case and quote their subject. Nothing in lib/ or in the folders above it prints.
 */
#ifndef LIB_ERR_H
#define LIB_ERR_H

#include <limits.h>
#include <stdbool.h>

struct err {
	int code; /* a positive errno */
	bool exec; /* it is the execution of the program that was asked for */
	char msg[2040];
};

_Static_assert(sizeof(struct err) < PIPE_BUF, "an error must be sent in one atomic write");

#define ERR_INIT ((struct err){ 0 })

/* Sets "message: strerror(code)". Returns -code. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Sets "message" alone, for errors that no errno describes, such as bad input. Returns -code. */
int err_say(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "message: " before what the error says. Returns -e->code. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
