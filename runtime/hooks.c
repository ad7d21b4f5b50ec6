#include "runtime/hooks.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/proc.h"
#include "lib/sys.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* A file in memory: nobody has to feed a pipe while the hook runs, and no hook that does not read can block us. */
static int state_file(const char *state_json, struct err *e)
{
	cleanup_close int fd = memfd_create("state", MFD_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno, "make a file for the state");
	if (fd_write_all(fd, state_json, strlen(state_json), e) < 0)
		return -e->code;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, errno, "rewind the state");
	return take_fd(&fd);
}

static int start(const struct spec_hook *h, int in, int out, pid_t *ret, struct err *e)
{
	static const char *const no_env[] = { NULL };
	const char *path_alone[] = { h->path, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;

	sigemptyset(&none);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_adddup2(&actions, out, 2);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(&attributes, &none);
	int code = posix_spawn(ret, h->path, &actions, &attributes,
			       (char *const *)(h->args && h->args[0] ? h->args : path_alone),
			       (char *const *)(h->env ? h->env : no_env));
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return code ? err_set(e, code, "execute") : 0;
}

/* Waits for the end, or kills what takes longer than its timeout. */
static int await(const struct spec_hook *h, pid_t pid, int *ret_status, struct err *e)
{
	bool late = false;

	if (h->timeout_s.set) {
		cleanup_close int pidfd = pidfd_open(pid, 0);
		int ms = h->timeout_s.v > 2000000 ? -1 : (int)h->timeout_s.v * 1000;
		late = pidfd >= 0 && proc_wait_end(pidfd, ms, e) == 0;
		if (late)
			kill(-pid, SIGKILL); /* with what it has started; not yet waited for, so the pid is its own */
	}
	*ret_status = proc_reap(pid);
	if (*ret_status < 0)
		return err_set(e, errno, "wait");
	return late ? err_say(e, ETIMEDOUT, "timed out after %lld s and was killed", (long long)h->timeout_s.v) : 0;
}

/* The last lines of what the hook printed, to say why it failed. */
static void add_output(int out, struct err *e)
{
	char text[512];
	off_t size = lseek(out, 0, SEEK_END);
	off_t from = size > (off_t)sizeof(text) - 1 ? size - (off_t)sizeof(text) + 1 : 0;
	ssize_t n = size > 0 ? pread(out, text, sizeof(text) - 1, from) : 0;

	while (n > 0 && text[n - 1] == '\n')
		n--;
	if (n <= 0)
		return;
	text[n] = '\0';
	for (char *c = text; *c; c++)
		if (*c == '\n')
			*c = ' ';
	size_t len = strlen(e->msg);
	snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", text);
}

static int run_one(const struct spec_hook *h, int in, struct err *e)
{
	cleanup_close int out = memfd_create("output", MFD_CLOEXEC);
	pid_t pid;
	int status = 0;

	if (out < 0)
		return err_set(e, errno, "make a file for its output");
	if (start(h, in, out, &pid, e) < 0 || await(h, pid, &status, e) < 0)
		return -e->code;
	if (status == 0)
		return 0;
	if (WIFSIGNALED(status))
		err_say(e, EINVAL, "killed by signal %d", WTERMSIG(status));
	else
		err_say(e, EINVAL, "exit status %d", WEXITSTATUS(status));
	add_output(out, e);
	return -e->code;
}

int hooks_run_one(const struct spec_hooks *h, enum spec_hook_kind kind, size_t i, const char *state_json,
		  struct err *e)
{
	const struct spec_hook *hook = &h->of[kind][i];
	cleanup_close int in = state_file(state_json, e);

	if (in < 0 || run_one(hook, in, e) < 0)
		return err_wrap(e, "error running %s hook #%zu: '%s'", spec_hook_names[kind], i, hook->path);
	return 0;
}

int hooks_run(const struct spec_hooks *h, enum spec_hook_kind kind, const char *state_json, struct err *e)
{
	for (size_t i = 0; i < h->n[kind]; i++)
		if (hooks_run_one(h, kind, i, state_json, e) < 0)
			return -e->code;
	return 0;
}
