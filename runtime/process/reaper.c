/*
 * --init: the program runs as the child of a small init, which takes the place of the container's first process. What can
 * go wrong with the program goes wrong in the child as it would in the first process itself, with the same words. The init is
 * a file, since CRIU restores no program that is in memory alone; each container has its own, so that whatever one does to it
 * is done to nobody else, and none but that of the ferry that it began with.
 */
#include "runtime/process/steps.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

EMBEDDED_PROGRAM(init, "ferry-init", "");

int process_init_save(int dir, struct err *e)
{
	cleanup_close int fd = openat(dir, PROCESS_INIT, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0555);

	if (fd < 0 || fchmod(fd, 0555) < 0)
		return err_set(e, errno, "create '" PROCESS_INIT "'");
	return fd_write_all(fd, program_init.data, (size_t)*program_init.size, e) < 0 ? err_wrap(e, "'" PROCESS_INIT "'") : 0;
}

static int become_init(const struct process_plan *p, pid_t child, struct err *e)
{
	const struct spec_process *process = p->process;
	char number[16];
	const char **argv = p->init_argv;

	snprintf(number, sizeof(number), "%d", (int)child);
	argv[0] = program_init.name;
	argv[1] = number;
	argv[2] = "--";
	memcpy(argv + 3, process->args, process->n_args * sizeof(*argv));
	argv[3 + process->n_args] = NULL;
	/* Without a pid namespace of its own it is not who gets the orphans. */
	if (getpid() != 1 && prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return err_set(e, errno, "become a subreaper");
	/* A caller who ignores it would keep the init from waiting for anybody. */
	signal(SIGCHLD, SIG_DFL);
	execve("/" PROCESS_INIT, (char *const *)argv, (char *const *)p->env);
	return err_set(e, errno, "execute '/" PROCESS_INIT "'");
}

/* In the child: a process group of its own, which is the one that the terminal's keys reach. */
static int become_program(struct err *e)
{
	if (setpgid(0, 0) < 0)
		return err_set(e, errno, "setpgid");
	if (isatty(STDIN_FILENO))
		tcsetpgrp(STDIN_FILENO, getpgrp()); /* not when the terminal is another session's */
	return 0;
}

int reaper_split(const struct process_plan *p, struct err *e)
{
	cleanup_close int here = -1, there = -1;
	int gate[2];
	char none;

	if (pipe2(gate, O_CLOEXEC) < 0)
		return err_set(e, errno, "pipe");
	here = gate[0];
	there = gate[1];
	pid_t child = fork();
	if (child < 0)
		return err_set(e, errno, "fork");
	if (child > 0)
		return become_init(p, child, e);
	/* Until the other is the init it has ferry's own file as its program, which no container must find. */
	close_fd(&there);
	while (read(here, &none, 1) < 0 && errno == EINTR)
		;
	return become_program(e);
}
