#include "lib/program.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { ARGS_MAX = 8 };

/* A sealed file in memory that holds the program, to be executed. The caller's to close. */
static int program_in_memory(const struct program *p, struct err *e)
{
	/* Kernels before 6.3 do not know MFD_EXEC; newer ones may be told to want it. */
	int fd = memfd_create(p->name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(p->name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return err_set(e, errno, "make a file in memory");

	cleanup_close int file = fd;
	if (fd_write_all(file, p->data, (size_t)*p->size, e) < 0)
		return err_wrap(e, "copy %s to memory", p->name);
	if (fcntl(file, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
		return err_set(e, errno, "seal %s in memory", p->name);
	return take_fd(&file);
}

/*
 * In the child. The caller's signals may be blocked; those of a terminal are not for it. Standard error stays: the
 * dynamic loader says there what it misses. A signal that ends it is seen as the end of the conversation.
 */
static void execute(const struct program *p, int file, int sock, const char *const *args)
{
	const char *argv[ARGS_MAX + 2] = { p->name };
	struct err e = ERR_INIT;
	sigset_t none;

	for (size_t i = 0; args && args[i] && i < ARGS_MAX; i++)
		argv[i + 1] = args[i];
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	/* They may be 0 or 1 themselves. */
	sock = fcntl(sock, F_DUPFD_CLOEXEC, 3);
	file = fcntl(file, F_DUPFD_CLOEXEC, 3);
	if (sock >= 0 && file >= 0 && dup2(sock, STDIN_FILENO) >= 0 && dup2(sock, STDOUT_FILENO) >= 0 &&
	    sys_close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0)
		sys_execveat(file, "", (char *const *)argv, environ, AT_EMPTY_PATH);
	if (errno == ENOENT)
		err_say(&e, ENOTSUP, "%s: this host does not have the C library's dynamic loader, which %s needs",
			p->name, p->library);
	else
		err_set(&e, errno, "execute %s", p->name);
	if (sock >= 0)
		message_send_error(sock, &e);
	_exit(1);
}

/*
 * It ends by no signal to us (exit_signal 0): so it is never reaped but here, whether SIGCHLD is ignored or somebody
 * waits for any child.
 */
int program_start(const struct program *p, const char *const *args, struct program_process *ret, struct err *e)
{
	struct clone_args clone = { .exit_signal = 0 };
	int pair[2];

	cleanup_close int file = program_in_memory(p, e);
	if (file < 0)
		return file;
	if (message_pair(pair, e) < 0)
		return -e->code;
	pid_t pid = sys_clone3(&clone);
	int saved = errno;
	if (pid == 0)
		execute(p, file, pair[1], args);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return err_set(e, saved, "clone a process for %s", p->name);
	}
	*ret = (struct program_process){ .pid = pid, .sock = pair[0] };
	return 0;
}

int program_gone(const struct program *p, struct program_process *process, struct err *e)
{
	enum { LOADER_FAILED = 127 };

	int status = program_end(process);
	if (WIFEXITED(status) && WEXITSTATUS(status) == LOADER_FAILED)
		return err_say(e, ENOTSUP, "%s cannot be loaded: it is not installed on this host, or too old",
			       p->library);
	if (WIFSIGNALED(status))
		return err_say(e, EIO, "%s was ended by signal %d", p->name, WTERMSIG(status));
	return err_say(e, EIO, "%s ended with status %d", p->name, WEXITSTATUS(status));
}

int program_receive(const struct program *p, struct program_process *process, int64_t *ret_number, int *ret_fd,
		    struct err *e)
{
	int r = message_receive(process->sock, ret_number, ret_fd, e);

	return r == 0 ? program_gone(p, process, e) : r;
}

int program_end(struct program_process *process)
{
	int status = 0;

	close_fd(&process->sock);
	if (process->pid > 0)
		status = proc_reap(process->pid);
	process->pid = -1;
	return status;
}
