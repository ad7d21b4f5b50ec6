/*
 * Terminals and signals of a container in the foreground, and descriptors handed to other programs.
 */
#ifndef RUNTIME_PTY_H
#define RUNTIME_PTY_H

#include "lib/err.h"

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <termios.h>

/* Connects to a stream socket such as --console-socket names. The caller's descriptor. */
int pty_connect(const char *path, struct err *e);

/* Which of our own standard streams is a terminal; -1: none. */
int pty_own(void);

/* Gives the pty that terminal's size: once before the program runs; relay_run does it again when that changes. */
void pty_copy_size(int master);

/* Sends the pty's master with SCM_RIGHTS, as engines receive it; the descriptor stays the caller's. */
int pty_send(int sock, int master, struct err *e);

/* The same for a pidfd, to --pidfd-socket. */
int pidfd_send(int sock, int pidfd, struct err *e);

/* In the child, a session leader: the pty becomes its controlling terminal and, no longer *slave, descriptors 0, 1 and 2. */
int pty_take(int *slave, struct err *e);

/* Our own terminal in raw mode, and as it was before. Where there is none nothing happens. */
struct own_terminal {
	bool raw;
	struct termios saved;
};
void terminal_make_raw(struct own_terminal *t);
void terminal_restore(struct own_terminal *t);

/*
 * The foreground. relay_begin is called before the process exists, so that no signal is lost in between: it blocks all
 * of them and opens a signalfd. The child gives itself an empty mask.
 */
struct relay {
	int signals; /* signalfd */
	sigset_t old_mask;
};

int relay_begin(struct relay *r, struct err *e);
void relay_end(struct relay *r);

/*
 * Passes signals on to @pid (through @pidfd) and with @master >= 0 bytes between it and our standard input and output,
 * with our terminal in raw mode, until the process ends. Reaps whatever else ends meanwhile.
 */
int relay_run(struct relay *r, pid_t pid, int pidfd, int master, int *ret_wait_status, struct err *e);

#endif
