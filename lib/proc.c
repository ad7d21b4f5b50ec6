#include "lib/proc.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILDREN_MAX = 64 * 1024 };

int proc_stat(pid_t pid, struct proc_stat *ret, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	char path[32];
	int ppid;
	unsigned long long start;
	struct proc_stat st;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int r = file_read_once_at(AT_FDCWD, path, &b, e);
	if (r == -ENOENT || r == -ESRCH)
		return err_set(e, ESRCH, "process %d", (int)pid);
	if (r < 0)
		return r;

	/* The name in parentheses may hold anything, so count from the last one on: state is field 3, start time 22. */
	const char *at = strrchr(buf_text(&b), ')');
	if (!at || sscanf(at + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
			  &st.state, &ppid, &start) != 3)
		return err_say(e, EIO, "'%s': not understood", path);
	st.ppid = ppid;
	st.start_time = start;
	*ret = st;
	return 0;
}

int proc_open(pid_t pid, uint64_t start_time, struct err *e)
{
	struct proc_stat st;

	if (pid <= 0)
		return err_set(e, ESRCH, "process %d", (int)pid);
	cleanup_close int fd = pidfd_open(pid, 0);
	if (fd < 0)
		return err_set(e, errno, "process %d", (int)pid);
	/* The stat is read after the pidfd is held, so it cannot be of a later process than the pidfd. */
	int r = proc_stat(pid, &st, e);
	if (r < 0)
		return r;
	if (st.start_time != start_time || st.state == 'Z' || st.state == 'X')
		return err_set(e, ESRCH, "process %d", (int)pid);
	return take_fd(&fd);
}

int proc_wait_end(int pidfd, int timeout_ms, struct err *e)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	for (;;) {
		int n = poll(&p, 1, timeout_ms);
		if (n >= 0)
			return n > 0;
		if (errno != EINTR)
			return err_set(e, errno, "wait for a process");
	}
}

int proc_reap(pid_t pid)
{
	int status;

	/* __WALL: some are cloned without a signal for their end. */
	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

int proc_hear(const char *program, char *const argv[], int input, int heard, size_t max, struct buf *out)
{
	cleanup_close int reader = -1, writer = -1;
	posix_spawn_file_actions_t actions;
	struct err ignored = ERR_INIT;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	reader = ends[0];
	writer = ends[1];
	posix_spawn_file_actions_init(&actions);
	if (input < 0)
		posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	else
		posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, writer, heard);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO + STDERR_FILENO - heard, "/dev/null", O_WRONLY, 0);
	int r = posix_spawn(&pid, program, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (r != 0)
		return -1;
	close_fd(&writer);
	fd_read_all(reader, max, out, &ignored);
	close_fd(&reader); /* who says more than that is ended by it */
	return proc_reap(pid);
}

int proc_ended_how(int pidfd)
{
	struct sys_pidfd_info info = { .mask = SYS_PIDFD_INFO_EXIT };

	if (ioctl(pidfd, SYS_PIDFD_GET_INFO, &info) < 0)
		return errno == ESRCH ? -EAGAIN : -errno;
	return info.mask & SYS_PIDFD_INFO_EXIT ? info.exit_code : -EAGAIN;
}

void proc_kill_children(pid_t pid)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err ignored = ERR_INIT;
	char path[48], *save, *word;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	if (file_read_at(AT_FDCWD, path, CHILDREN_MAX, &b, &ignored) < 0 || !b.data)
		return;
	for (word = strtok_r(b.data, " \n", &save); word; word = strtok_r(NULL, " \n", &save))
		kill((pid_t)atoi(word), SIGKILL);
}

void proc_kill_child(int pidfd)
{
	pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	while (waitid(P_PIDFD, (id_t)pidfd, &(siginfo_t){ 0 }, WEXITED | __WALL) < 0 && errno == EINTR)
		;
}

pid_t proc_clone(uint64_t flags, int cgroup, int *ret_pidfd)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = flags | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		/* With CLONE_PARENT the signal is the caller's own, and none may be given. */
		.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
	};

	if (cgroup >= 0 && !(flags & CLONE_PARENT)) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	pid_t pid = sys_clone3(&args);
	if (pid > 0)
		*ret_pidfd = pidfd;
	return pid;
}

bool proc_in_first_userns(void)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err ignored = ERR_INIT;
	unsigned inside, outside, count;

	if (file_read_once_at(AT_FDCWD, "/proc/self/uid_map", &b, &ignored) < 0)
		return true;
	/* There the whole range of ids is mapped. */
	return sscanf(buf_text(&b), "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 && outside == 0 &&
	       count == UINT32_MAX;
}

int proc_exit_code(int wait_status)
{
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}
