#include "namespaces/idmap.h"

#include "lib/arena.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/proc.h"
#include "lib/sys.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>

extern char **environ;

void idmap_format(const struct spec_idmap *m, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%u %u %u\n", m[i].container_id, m[i].host_id, m[i].size);
}

static int write_map(pid_t pid, const char *file, const struct spec_idmap *m, size_t n, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;
	char path[64];

	idmap_format(m, n, &text);
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	return file_write_at(AT_FDCWD, path, buf_text(&text), e);
}

int idmap_write(pid_t pid, const struct idmaps *m, bool deny_setgroups, struct err *e)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/setgroups", (int)pid);
	if (deny_setgroups && file_write_at(AT_FDCWD, path, "deny", e) < 0)
		return -e->code;
	if (write_map(pid, "gid_map", m->gid, m->n_gid, e) < 0 || write_map(pid, "uid_map", m->uid, m->n_uid, e) < 0)
		return -e->code;
	return 0;
}

/* Starts the program with what it prints to standard error going to @log. */
static int spawn_logged(char *const argv[], int log, pid_t *ret, struct err *e)
{
	posix_spawn_file_actions_t actions;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, log, STDERR_FILENO);
	int code = posix_spawnp(ret, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (code == ENOENT)
		return err_say(e, ENOENT, "%s is not installed: without it a user can map only his own id", argv[0]);
	return code ? err_set(e, code, "run %s", argv[0]) : 0;
}

static int run_helper(const char *program, pid_t pid, const struct spec_idmap *m, size_t n, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	char **argv = arena_new_array(&a, 3 + 3 * n, char *);
	size_t argc = 0;

	argv[argc++] = arena_strdup(&a, program);
	argv[argc++] = arena_printf(&a, "%d", (int)pid);
	for (size_t i = 0; i < n; i++) {
		argv[argc++] = arena_printf(&a, "%u", m[i].container_id);
		argv[argc++] = arena_printf(&a, "%u", m[i].host_id);
		argv[argc++] = arena_printf(&a, "%u", m[i].size);
	}

	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, errno, "pipe");
	cleanup_close int out = ends[0];
	cleanup_close int in = ends[1];
	pid_t child;
	if (spawn_logged(argv, in, &child, e) < 0)
		return -e->code;
	close_fd(&in);

	cleanup_buf struct buf said = BUF_INIT;
	struct err ignored = ERR_INIT;
	fd_read_all(out, 4096, &said, &ignored); /* only to explain a failure */
	if (proc_reap(child) == 0)
		return 0;
	int len = (int)strcspn(buf_text(&said), "\n");
	return err_say(e, EPERM, "%s failed: %.*s", program, len, buf_text(&said));
}

int idmap_write_with_helpers(pid_t pid, const struct idmaps *m, struct err *e)
{
	if (run_helper("newgidmap", pid, m->gid, m->n_gid, e) < 0 ||
	    run_helper("newuidmap", pid, m->uid, m->n_uid, e) < 0)
		return -e->code;
	return 0;
}

/* The process that holds the namespace ends by itself when this one does: its end of the pipe closes. */
static void hold(int read_end, int write_end)
{
	char c;

	close(write_end);
	while (read(read_end, &c, 1) < 0 && errno == EINTR)
		;
	_exit(0);
}

int idmap_userns(const struct idmaps *m, struct err *e)
{
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_set(e, errno, "pipe");
	cleanup_close int out = ends[0];
	cleanup_close int in = ends[1];

	struct clone_args args = { .flags = CLONE_NEWUSER, .exit_signal = SIGCHLD };
	pid_t pid = sys_clone3(&args);
	if (pid < 0)
		return err_set(e, errno, "clone a process for a user namespace");
	if (pid == 0)
		hold(out, in);

	char path[64];
	cleanup_close int ns = -1;
	int r = idmap_write(pid, m, false, e);
	if (r == 0) {
		snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
		ns = open(path, O_RDONLY | O_CLOEXEC);
		if (ns < 0)
			r = err_set(e, errno, "open '%s'", path);
	}
	close_fd(&in);
	proc_reap(pid);
	return r < 0 ? err_wrap(e, "user namespace of an idmapped mount") : take_fd(&ns);
}
