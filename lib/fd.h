/*
 * File descriptors with owners.
 *
 *	cleanup_close int fd = open(...);
 *	...
 *	return take_fd(&fd);
 */
#ifndef LIB_FD_H
#define LIB_FD_H

#include <unistd.h>

/* Closes *fd when it is open and sets it to -1; keeps errno. */
void close_fd(int *fd);

#define cleanup_close __attribute__((cleanup(close_fd)))

/*
 * Marks a descriptor that is left open on purpose: it is close-on-exec, the process is a container's first on its short
 * way to execve(2), and closing each of the thirty there would be a tenth of all system calls of a start.
 */
#define closed_by_exec

/* Gives the descriptor away: returns it and leaves -1 behind. */
static inline int take_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

/*
 * Opens those of the descriptors 0, 1 and 2 that are not open, as /dev/null: what is opened later must not be taken for them.
 * Without /dev/null it ends the program, which has nobody to tell.
 */
void fd_open_standard(void);

/* "/proc/self/fd/N" for the calls that know only paths. */
struct fd_path {
	char path[32];
};
struct fd_path fd_path(int fd);

#endif
