/* Finding launched containers, and what they are doing. */
#include "runtime/launch/launched.h"

#include "lib/fd.h"
#include "lib/near.h"
#include "runtime/container.h"
#include "runtime/launch/launch.h"
#include "runtime/launch/launched_name.h"
#include "runtime/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static bool has_dir(const struct launched_entry *entries, size_t n, const char *dir)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(entries[i].dir, dir) == 0)
			return true;
	return false;
}

/* Those without a name: the id is one. */
static int add_nameless(struct runtime *rt, const char *storage, struct launched_entry **ret, size_t *ret_n,
			struct err *e)
{
	char real[PATH_MAX];
	DIR *d = realpath(storage, real) ? opendir(real) : NULL;

	if (!d)
		return errno == ENOENT ? 0 : err_set(e, errno, "read '%s'", storage);
	for (struct dirent *ent; (ent = readdir(d));) {
		const char *dir = arena_printf(&rt->arena, "%s/%s", real, ent->d_name);
		if (ent->d_name[0] == '.' || has_dir(*ret, *ret_n, dir))
			continue;
		const char *id = strrchr(dir, '/') + 1;
		*arena_push(&rt->arena, ret, ret_n) = (struct launched_entry){ .name = id, .id = id, .dir = dir };
	}
	closedir(d);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct launched_entry *)a)->name, ((const struct launched_entry *)b)->name);
}

/* All that this state root has, by name, those that are half made among them. */
static int collect(struct runtime *rt, struct launched_entry **ret, size_t *ret_n, struct err *e)
{
	struct launched_entry *all = NULL;
	size_t n = 0, kept = 0;
	const char *storage;

	if (launched_names(rt, &all, &n, e) < 0)
		return -e->code;
	/* Where nobody knows of a storage, there is none. */
	if (launch_storage(rt, &storage, e) == 0 && add_nameless(rt, storage, &all, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		if (launch_is_ours(rt, all[i].dir, all[i].id))
			all[kept++] = all[i];
	if (kept)
		qsort(all, kept, sizeof(*all), compare_names);
	*ret = all;
	*ret_n = kept;
	return 0;
}

/* -ENOENT: it is not there any more, or not yet. */
static int load(struct runtime *rt, const struct launched_entry *entry, struct launched *ret, struct err *e)
{
	cleanup_close int dir = open(entry->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct launched l = { .id = entry->id, .name = entry->name, .dir = entry->dir };

	if (dir < 0)
		return err_set(e, errno, "container '%s': open '%s'", entry->name, entry->dir);
	if (launched_load(dir, &l, &rt->arena, e) < 0)
		return err_wrap(e, "container '%s'", entry->name);
	*ret = l;
	return 0;
}

/* What killed commands left, in the user's own storage and beside every container that has a name. */
static int sweep_all(struct runtime *rt, struct err *e)
{
	struct launched_entry *names = NULL;
	struct err none = ERR_INIT;
	const char *last = NULL;
	size_t n = 0;

	if (launch_storage(rt, &last, &none) == 0 && launch_sweep(rt, last, e) < 0)
		return -e->code;
	if (launched_names(rt, &names, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++) {
		size_t n_storage = (size_t)(strrchr(names[i].dir, '/') - names[i].dir);
		const char *storage = arena_strndup(&rt->arena, names[i].dir, n_storage);
		if (last && strcmp(storage, last) == 0)
			continue;
		last = storage;
		if (launch_sweep(rt, storage, e) < 0)
			return -e->code;
	}
	return launched_sweep_names(rt, e);
}

int launched_list(struct runtime *rt, struct launched **ret, size_t *ret_n, struct err *e)
{
	struct launched_entry *entries;
	struct launched *all = NULL, l;
	size_t n_entries, n = 0;

	if (sweep_all(rt, e) < 0 || collect(rt, &entries, &n_entries, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n_entries; i++) {
		struct err why = ERR_INIT;
		int r = load(rt, &entries[i], &l, &why);
		/* One that cannot be read must not hide the others. */
		if (r == 0)
			*arena_push(&rt->arena, &all, &n) = l;
		else if (r != -ENOENT)
			log_warn("%s", why.msg);
	}
	*ret = all;
	*ret_n = n;
	return 0;
}

static const struct launched_entry *exactly(const struct launched_entry *entries, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(entries[i].name, text) == 0)
			return &entries[i];
	for (size_t i = 0; i < n; i++)
		if (strcmp(entries[i].id, text) == 0)
			return &entries[i];
	return NULL;
}

/* The one that begins like that; NULL for none; -EINVAL for more. */
static int beginning(const struct launched_entry *entries, size_t n, const char *text, struct arena *a,
		     const struct launched_entry **ret, struct err *e)
{
	const size_t len = strlen(text);
	const char *names = "";
	size_t found = 0;

	for (size_t i = 0; len > 0 && i < n; i++) {
		if (strncmp(entries[i].name, text, len) != 0 && strncmp(entries[i].id, text, len) != 0)
			continue;
		*ret = &entries[i];
		names = arena_printf(a, "%s%s\"%s\"", names, found++ ? ", " : "", entries[i].name);
	}
	return found <= 1 ? 0 : err_say(e, EINVAL, "more than one container begins with \"%s\": %s", text, names);
}

static void offer(const struct launched_entry *entries, size_t n, struct near *near)
{
	for (size_t i = 0; i < n; i++) {
		near_offer(near, entries[i].name, entries[i].name);
		near_offer(near, entries[i].id, entries[i].name);
	}
}

void launched_offer(struct runtime *rt, struct near *near)
{
	struct launched_entry *entries;
	struct err ignored = ERR_INIT;
	size_t n;

	if (collect(rt, &entries, &n, &ignored) == 0)
		offer(entries, n, near);
}

static int unknown(struct runtime *rt, const struct launched_entry *entries, size_t n, const char *text,
		   struct err *e)
{
	struct near near = { .word = text };

	offer(entries, n, &near);
	return err_say(e, ENOENT, "no container \"%s\"%s", text, near_hint(&near, &rt->arena));
}

static int find(struct runtime *rt, const char *text, bool id_alone, struct launched *ret, struct err *e)
{
	const struct launched_entry *found = NULL;
	struct launched_entry *entries;
	size_t n;

	if (collect(rt, &entries, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; id_alone && i < n; i++)
		if (strcmp(entries[i].id, text) == 0)
			found = &entries[i];
	if (!id_alone)
		found = exactly(entries, n, text);
	if (!id_alone && !found && beginning(entries, n, text, &rt->arena, &found, e) < 0)
		return -e->code;
	int r = found ? load(rt, found, ret, e) : -ENOENT;
	return r == -ENOENT ? unknown(rt, entries, n, text, e) : r;
}

int launched_find(struct runtime *rt, const char *text, struct launched *ret, struct err *e)
{
	return find(rt, text, false, ret, e);
}

int launched_find_id(struct runtime *rt, const char *id, struct launched *ret, struct err *e)
{
	return find(rt, id, true, ret, e);
}

/* ---- what it is doing ---- */

/*
 * Whether a supervisor listens, without disturbing it: the kernel compares the kind of socket before it connects, and
 * no supervisor's is SOCK_DGRAM.
 */
static bool has_supervisor(int dir)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/supervisor", fd_path(dir).path);
	return fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 && errno == EPROTOTYPE;
}

static int ask_kernel(struct runtime *rt, const char *id, struct launched_status *s, bool *ret_runs, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;
	enum container_status status;
	int r = container_open(rt, id, false, &c, e);

	*ret_runs = false;
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (container_status(rt, &c, &status, e) < 0)
		return -e->code;
	if (status == STATUS_STOPPED || status == STATUS_CREATING)
		return 0;
	s->pid = c.pid;
	s->state = status == STATUS_PAUSED ? LAUNCHED_PAUSED : LAUNCHED_RUNNING;
	*ret_runs = true;
	return 0;
}

int launched_status(struct runtime *rt, const struct launched *l, struct launched_status *ret, struct err *e)
{
	cleanup_close int dir = open(l->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct launched_status s;
	bool runs;

	if (dir < 0)
		return err_set(e, errno, "container '%s': open '%s'", l->name, l->dir);
	if (launched_load_status(dir, &s, &rt->arena, e) < 0 || ask_kernel(rt, l->id, &s, &runs, e) < 0)
		return err_wrap(e, "container '%s'", l->name);
	if (!runs && l->restart != RESTART_NO && !s.stopped && has_supervisor(dir))
		s.state = LAUNCHED_RESTARTING;
	else if (!runs)
		s.state = s.started_at ? LAUNCHED_EXITED : LAUNCHED_CREATED;
	*ret = s;
	return 0;
}
