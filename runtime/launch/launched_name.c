/*
 * The names of launched containers: symbolic links in one directory, to containers in whatever storage. Whoever changes
 * one holds the directory's lock, so that a name that points nowhere is what a killed command left.
 */
#include "runtime/launch/launched.h"
#include "runtime/launch/launched_name.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "runtime/container.h"
#include "runtime/launch/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* -ENOENT when there is none and @make is not said. */
static int open_names(struct runtime *rt, bool make, struct err *e)
{
	const char *index;

	if (launch_index(rt, &index, e) < 0)
		return make ? -e->code : -ENOENT;
	const char *path = arena_printf(&rt->arena, "%s/.names", index);
	if (make && mkdir_parents(path, 0700, e) < 0)
		return -e->code;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : err_set(e, errno, "open '%s'", path);
}

static int lock_names(struct runtime *rt, struct err *e)
{
	cleanup_close int fd = open_names(rt, true, e);
	int r;

	if (fd < 0)
		return fd;
	do
		r = flock(fd, LOCK_EX);
	while (r < 0 && errno == EINTR);
	return r < 0 ? err_set(e, errno, "lock the names of containers") : take_fd(&fd);
}

/* Where the link points, in the arena; NULL when it is none. */
static const char *target(int names, const char *name, struct arena *a)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(names, name, text, sizeof(text));

	return n > 0 && (size_t)n < sizeof(text) && text[0] == '/' ? arena_strndup(a, text, (size_t)n) : NULL;
}

/* Removes a name that points nowhere. */
static void remove_stale(int names, const char *name, struct arena *a)
{
	const char *dir = target(names, name, a);

	if (dir && path_is_gone(dir))
		unlinkat(names, name, 0);
}

struct reading {
	struct arena *arena;
	struct launched_entry **v;
	size_t *n;
};

static int read_one(int names, const char *name, unsigned char type, void *data, struct err *e)
{
	struct reading *r = data;
	const char *dir = *name == '.' ? NULL : target(names, name, r->arena);

	(void)type, (void)e;
	if (dir)
		*arena_push(r->arena, r->v, r->n) = (struct launched_entry){
			.name = arena_strdup(r->arena, name),
			.id = strrchr(dir, '/') + 1,
			.dir = dir,
		};
	return 0;
}

int launched_names(struct runtime *rt, struct launched_entry **ret, size_t *ret_n, struct err *e)
{
	struct reading r = { &rt->arena, ret, ret_n };
	cleanup_close int names = open_names(rt, false, e);

	if (names < 0)
		return names == -ENOENT ? 0 : names;
	return dir_each(names, read_one, &r, e) < 0 ? err_wrap(e, "the names of containers") : 0;
}

const char *launched_id(struct runtime *rt, const char *name)
{
	struct err ignored = ERR_INIT;
	cleanup_close int names = container_check_id(name, &ignored) < 0 ? -1 : open_names(rt, false, &ignored);
	const char *dir = names < 0 ? NULL : target(names, name, &rt->arena);

	return dir && launch_is_ours(rt, dir, strrchr(dir, '/') + 1) ? strrchr(dir, '/') + 1 : NULL;
}

const char *launched_name(struct runtime *rt, const struct launched *l)
{
	struct launched_entry *all = NULL;
	struct err ignored = ERR_INIT;
	size_t n = 0;

	cleanup_close int names = open_names(rt, false, &ignored);
	const char *dir = names < 0 ? NULL : target(names, l->name, &rt->arena);
	if (dir && strcmp(dir, l->dir) == 0)
		return l->name;
	launched_names(rt, &all, &n, &ignored);
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].dir, l->dir) == 0)
			return all[i].name;
	return l->name;
}

int launched_sweep_names(struct runtime *rt, struct err *e)
{
	struct launched_entry *all = NULL;
	size_t n = 0;

	if (launched_names(rt, &all, &n, e) < 0)
		return -e->code;
	if (n == 0)
		return 0;
	cleanup_close int names = lock_names(rt, e);
	if (names < 0)
		return names;
	for (size_t i = 0; i < n; i++)
		remove_stale(names, all[i].name, &rt->arena);
	return 0;
}

static int is_taken(const char *name, struct err *e)
{
	return err_say(e, EEXIST, "a container '%s' is there already: remove it, or choose another name", name);
}

int launched_add_name(struct runtime *rt, const char *dir, const char *name, struct err *e)
{
	if (container_check_id(name, e) < 0)
		return -e->code;
	cleanup_close int names = lock_names(rt, e);
	if (names < 0)
		return names;
	remove_stale(names, name, &rt->arena);
	if (symlinkat(dir, names, name) == 0)
		return 0;
	if (errno != EEXIST)
		return err_set(e, errno, "name a container '%s'", name);
	/* What was in this very place before may have gone without its name. */
	const char *there = target(names, name, &rt->arena);
	return there && strcmp(there, dir) == 0 ? 0 : is_taken(name, e);
}

int launched_remove_name(struct runtime *rt, const struct launched *l, struct err *e)
{
	cleanup_close int names = lock_names(rt, e);
	const char *dir = names < 0 ? NULL : target(names, l->name, &rt->arena);

	if (names < 0)
		return names;
	/* It may have been renamed meanwhile: then its name points nowhere now, and goes with the next look. */
	if (dir && strcmp(dir, l->dir) == 0 && unlinkat(names, l->name, 0) < 0 && errno != ENOENT)
		return err_set(e, errno, "remove the name '%s'", l->name);
	return 0;
}

/* Whether a container that was not launched has that id, by which the commands for all containers would find it. */
static bool is_id_of_another(struct runtime *rt, const char *name, const struct launched *l)
{
	struct err ignored = ERR_INIT;
	struct launched other;
	struct container c = CONTAINER_INIT;

	if (strcmp(name, l->id) == 0 || container_open(rt, name, false, &c, &ignored) < 0)
		return false;
	container_close(&c);
	return launched_find_id(rt, name, &other, &ignored) < 0;
}

int launched_rename(struct runtime *rt, const struct launched *l, const char *name, struct err *e)
{
	if (container_check_id(name, e) < 0)
		return -e->code;
	if (strcmp(l->name, name) == 0)
		return err_say(e, EINVAL, "'%s' is its name already", name);
	if (is_id_of_another(rt, name, l))
		return is_taken(name, e);
	cleanup_close int names = lock_names(rt, e);
	if (names < 0)
		return names;
	remove_stale(names, name, &rt->arena);
	const char *dir = target(names, l->name, &rt->arena);
	int r = dir && strcmp(dir, l->dir) == 0 ? renameat2(names, l->name, names, name, RENAME_NOREPLACE) :
						  symlinkat(l->dir, names, name);
	if (r == 0)
		return 0;
	return errno == EEXIST ? is_taken(name, e) : err_set(e, errno, "rename '%s' to '%s'", l->name, name);
}
