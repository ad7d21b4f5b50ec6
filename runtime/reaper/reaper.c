/*
 * The init of a container that was launched with --init: its first process, which reaps what the program leaves behind,
 * passes signals on to it, and ends as it does. It is a program of its own (lib/program.h), a file of each container's, executed by
 * the process that ferry made, whose one child becomes the container's program (runtime/process/reaper.c).
 *
 *	ferry-init PID -- PROGRAM ARGUMENT...	PID: the child; what comes behind it is for those who list processes
 *
 * All signals are blocked when it begins, so that none is lost before it waits for them.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* As a shell says it. */
static int exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* All that have ended. Ends with the program. */
static void reap(pid_t program)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == program)
			_exit(exit_code(status));
	if (pid < 0 && errno == ECHILD)
		_exit(1);
}

int main(int argc, char **argv)
{
	pid_t program = argc > 1 ? (pid_t)atoi(argv[1]) : 0;
	sigset_t all;
	int signal;

	if (program <= 0)
		return 2;
	/* The kernel names a process executed by descriptor after the number. */
	prctl(PR_SET_NAME, "ferry-init");
	sigfillset(&all);
	for (;;) {
		reap(program);
		do
			signal = sigwaitinfo(&all, NULL);
		while (signal < 0);
		/* The terminal's word to a process in the background is for this one, which heeds none. */
		if (signal != SIGCHLD && signal != SIGTTIN && signal != SIGTTOU)
			kill(program, signal);
	}
}
