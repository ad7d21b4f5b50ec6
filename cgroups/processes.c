/* The processes of a cgroup and of all below it. */
#include "cgroups/cgroups.h"

#include "cgroups/files.h"
#include "cgroups/tree.h"
#include "lib/fd.h"
#include "lib/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { FREEZE_TIMEOUT_MS = 10000 };

int cgroup_each_child(int dir, int (*visit)(int parent, const char *name, void *context, struct err *e), void *context,
		      struct err *e)
{
	cleanup_close int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	int r = 0;

	if (!d)
		return err_set(e, errno, "read the cgroup's directory");
	copy = -1; /* the stream's now */
	for (struct dirent *ent; r >= 0 && (ent = readdir(d));)
		if (ent->d_type == DT_DIR && ent->d_name[0] != '.')
			r = visit(dir, ent->d_name, context, e);
	closedir(d);
	return r;
}

struct pid_list {
	struct arena *arena;
	pid_t *pids;
	size_t n;
};

static int collect(int dir, struct pid_list *list, struct err *e);

static int collect_child(int parent, const char *name, void *context, struct err *e)
{
	cleanup_close int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT)
		return 0; /* gone meanwhile */
	if (dir < 0)
		return err_set(e, errno, "open cgroup '%s'", name);
	return collect(dir, context, e);
}

static int collect(int dir, struct pid_list *list, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;

	/* A threaded cgroup does not list processes; the one above, whose threads they are, does. */
	int r = cgroup_read_text(dir, "cgroup.procs", &b, e);
	if (r < 0 && r != -ENODEV)
		return r;
	for (const char *line = buf_text(&b); *line;) {
		pid_t pid = (pid_t)strtol(line, NULL, 10);
		if (pid > 0) /* 0: not in our pid namespace */
			*arena_push(list->arena, &list->pids, &list->n) = pid;
		line += strcspn(line, "\n");
		line += *line == '\n';
	}
	return cgroup_each_child(dir, collect_child, list, e);
}

int cgroup_pids(int dir, struct arena *a, pid_t **ret, size_t *ret_n, struct err *e)
{
	struct pid_list list = { .arena = a };

	int r = collect(dir, &list, e);
	if (r < 0)
		return r;
	*ret = list.pids;
	*ret_n = list.n;
	return 0;
}

int cgroup_kill(int dir, struct err *e)
{
	int r = file_write_at(dir, "cgroup.kill", "1", e);
	if (r == -ENOENT && faccessat(dir, "cgroup.procs", F_OK, 0) == 0)
		return err_say(e, ENOTSUP, "this kernel has no 'cgroup.kill': Linux 5.14 or newer is needed");
	return r;
}

/* Frozen, nobody forks away from the list or leaves its pid to another. */
int cgroup_signal(int dir, int signal, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct err ignored = ERR_INIT;
	pid_t *pids;
	size_t n;

	if (signal == SIGKILL)
		return cgroup_kill(dir, e);

	int was_frozen = cgroup_is_frozen(dir, e);
	if (was_frozen < 0)
		return was_frozen;
	if (!was_frozen)
		cgroup_freeze(dir, true, &ignored); /* one that does not freeze in time is signalled as it is */

	int r = cgroup_pids(dir, &a, &pids, &n, e);
	for (size_t i = 0; r >= 0 && i < n; i++)
		if (kill(pids[i], signal) < 0 && errno != ESRCH)
			r = err_set(e, errno, "signal process %d", (int)pids[i]);
	if (!was_frozen && cgroup_freeze(dir, false, r < 0 ? &ignored : e) < 0 && r >= 0)
		r = -e->code;
	return r;
}

int cgroup_freeze(int dir, bool frozen, struct err *e)
{
	struct err ignored = ERR_INIT;

	if (file_write_at(dir, "cgroup.freeze", frozen ? "1" : "0", e) < 0)
		return -e->code;
	int r = cgroup_wait_event(dir, "frozen", frozen, FREEZE_TIMEOUT_MS, e);
	if (r != 0)
		return r < 0 ? r : 0;
	if (!frozen)
		return err_say(e, ETIMEDOUT, "the cgroup does not thaw: one above it is frozen");
	/* Half frozen is no state to leave it in. */
	file_write_at(dir, "cgroup.freeze", "0", &ignored);
	return err_say(e, ETIMEDOUT, "the cgroup does not freeze: a process in it does not answer");
}

static int event(int dir, const char *key, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	uint64_t value;

	if (file_read_at(dir, "cgroup.events", 4096, &b, e) < 0)
		return -e->code;
	if (!cgroup_keyed(buf_text(&b), key, &value))
		return err_say(e, EIO, "'cgroup.events' does not tell '%s'", key);
	return value != 0;
}

int cgroup_is_frozen(int dir, struct err *e)
{
	return event(dir, "frozen", e);
}

int cgroup_is_empty(int dir, struct err *e)
{
	int populated = event(dir, "populated", e);
	return populated < 0 ? populated : !populated;
}
