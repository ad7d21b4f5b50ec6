/*
 * The directories of launched containers. Each names, in an extended attribute, where its container's record is. One
 * without launch.json and without a record that nobody holds locked is what a launch or a removal that was killed has
 * left: the next command removes it. Who makes directories, or removes such, holds the lock of the storage itself.
 */
#include "lib/fd.h"
#include "lib/file.h"
#include "runtime/attach.h"
#include "runtime/clone/clone.h"
#include "runtime/container.h"
#include "runtime/discard.h"
#include "runtime/images.h"
#include "runtime/launch/launch.h"
#include "runtime/launch/launched_name.h"
#include "runtime/log.h"
#include "runtime/supervise/supervise.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* A directory while it is made; no container's name begins like this. */
#define UNFINISHED ".unfinished"

/* One that is no container any more, followed by the number of the process that removes it. */
#define REMOVED ".removed."

int launch_storage(struct runtime *rt, const char **ret, struct err *e)
{
	*ret = runtime_data_path(rt, "launch");
	if (!*ret)
		return err_say(e, EINVAL, "HOME is not set: say --storage where the container's files may be kept");
	return 0;
}

int launch_index(struct runtime *rt, const char **ret, struct err *e)
{
	if (!rt->root_given)
		return launch_storage(rt, ret, e);
	*ret = rt->root_path;
	return 0;
}

/* What the kernel says of an upper directory there is "Invalid argument": better said before. */
static int check_file_system(const char *dir, struct err *e)
{
	static const struct {
		long magic;
		const char *name;
	} unfit[] = {
		{ OVERLAYFS_SUPER_MAGIC, "overlay" }, { NFS_SUPER_MAGIC, "nfs" }, { MSDOS_SUPER_MAGIC, "vfat" },
		{ SQUASHFS_MAGIC, "squashfs" },
	};
	struct statfs fs;

	if (statfs(dir, &fs) < 0)
		return err_set(e, errno, "stat '%s'", dir);
	for (size_t i = 0; i < sizeof(unfit) / sizeof(unfit[0]); i++)
		if ((long)fs.f_type == unfit[i].magic)
			return err_say(e, EINVAL,
				       "'%s' lies on a file system (%s) that cannot hold what an overlay writes: "
				       "say --storage with a directory elsewhere", dir, unfit[i].name);
	return 0;
}

/* Set by the host's root, it is nothing that a user could put on a directory of his own. */
static const char *record_attribute(const struct runtime *rt)
{
	return rt->rootless ? "user.ferry.record" : "trusted.ferry.record";
}

struct trees {
	struct arena *arena;
	const char *dir, **v;
	size_t n;
};

static int add_tree(int fd, const char *name, unsigned char type, void *data, struct err *e)
{
	struct trees *t = data;

	(void)fd, (void)e;
	if (type == DT_DIR && *name != '.')
		*arena_push(t->arena, &t->v, &t->n) = arena_printf(t->arena, "%s/%s", t->dir, name);
	return 0;
}

/*
 * What is in the directory, and the directory itself last: until then its configuration says which ids others own files
 * in it by, and a removal that was killed can be begun again.
 */
static int list_trees(const char *dir, struct arena *a, const char ***ret, struct err *e)
{
	struct trees t = { a, dir, NULL, 0 };
	cleanup_close int fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno != ENOENT)
		return err_set(e, errno, "read '%s'", dir);
	if (fd >= 0 && dir_each(fd, add_tree, &t, e) < 0)
		return -e->code;
	*arena_push(a, &t.v, &t.n) = dir;
	*arena_push(a, &t.v, &t.n) = NULL;
	*ret = t.v;
	return 0;
}

static int discard(struct runtime *rt, const char *id, const char *dir, int fd, struct err *e)
{
	struct container gone = { .id = id, .dir = fd, .rootless = rt->rootless };

	const char **trees = NULL;

	return list_trees(dir, &rt->arena, &trees, e) < 0 ? -e->code : container_discard(rt, &gone, trees, e);
}

static const char *throwaway_attribute(const struct runtime *rt)
{
	return rt->rootless ? "user.ferry.throwaway" : "trusted.ferry.throwaway";
}

int launch_mark_throwaway(const struct runtime *rt, int dir, struct err *e)
{
	const char *name = throwaway_attribute(rt);

	return fsetxattr(dir, name, "", 0, 0) < 0 ? err_set(e, errno, "set '%s'", name) : 0;
}

/* One of --rm that nobody is with: it has ended, or does not run yet and never will; or its supervisor alone was killed. One with
 * clones stays until they have gone. */
static int sweep_throwaway(struct runtime *rt, const char *dir, const char *name, int fd, struct err *e)
{
	const struct launched l = { .id = name, .name = name, .dir = dir };
	cleanup_snapshots struct snapshots snapshots = SNAPSHOTS_INIT;
	cleanup_container struct container c = CONTAINER_INIT;
	enum container_status status = STATUS_STOPPED;
	int r = container_open(rt, name, false, &c, e);

	if (r < 0 && r != -ENOENT)
		return r;
	if (r == 0 && container_status(rt, &c, &status, e) < 0)
		return -e->code;
	if (status != STATUS_STOPPED)
		return 0;
	r = clone_check_container(rt, &l, &snapshots, e);
	return r == -EBUSY ? 0 : r < 0 ? r : launched_remove(rt, &l, fd, e);
}

/* A clone is not whole as long as the command that makes it has this locked. */
static bool is_abandoned(int dir)
{
	cleanup_close int mark = openat(dir, LAUNCHED_CLONING, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	return mark >= 0 && flock(mark, LOCK_EX | LOCK_NB) == 0 && fstat(mark, &st) == 0 && st.st_nlink > 0;
}

/* It may run. */
static int remove_abandoned(struct runtime *rt, const char *dir, const char *name, int fd, struct err *e)
{
	struct launched l = { .id = name, .name = name, .dir = dir };

	if (launched_load(fd, &l, &rt->arena, e) < 0)
		return -e->code;
	l.name = launched_name(rt, &l);
	return supervise_remove(rt, &l, true, e) < 0 ? -e->code : 1;
}

/* Removes STORAGE/NAME when it is one of ours that no container has and nobody is about to give to one: returns 1. */
static int sweep_one(struct runtime *rt, int storage_fd, const char *storage, const char *name, struct err *e)
{
	char record[PATH_MAX];
	cleanup_close int fd = openat(storage_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fgetxattr(fd, record_attribute(rt), record, sizeof(record) - 1);

	if (n < 0)
		return 0;
	record[n] = '\0';
	const char *dir = arena_printf(&rt->arena, "%s/%s", storage, name);
	if (*name != '.' && is_abandoned(fd) && faccessat(fd, "launch.json", F_OK, 0) == 0 && launch_is_ours(rt, dir, name))
		return remove_abandoned(rt, dir, name, fd, e);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return 0;
	if (*name == '.')
		return discard(rt, name, dir, fd, e) < 0 ? -e->code : 1;
	if (faccessat(fd, "launch.json", F_OK, 0) == 0 || errno != ENOENT)
		return fgetxattr(fd, throwaway_attribute(rt), NULL, 0) < 0 || !launch_is_ours(rt, dir, name) ?
		       0 : sweep_throwaway(rt, dir, name, fd, e);
	if (access(record, F_OK) == 0 || errno != ENOENT)
		return 0;
	return discard(rt, name, dir, fd, e) < 0 ? -e->code : 1;
}

struct sweep {
	struct runtime *rt;
	const char *storage;
	bool removed;
};

static int sweep_entry(int fd, const char *name, unsigned char type, void *data, struct err *e)
{
	struct sweep *s = data;
	struct err why = ERR_INIT;

	(void)type, (void)e;
	if (*name == '.' && strncmp(name, REMOVED, strlen(REMOVED)) != 0)
		return 0;
	int r = sweep_one(s->rt, fd, s->storage, name, &why);
	if (r < 0)
		log_warn("launch: what is left of container '%s': %s", name, why.msg);
	s->removed |= r > 0;
	return 0;
}

/* @fd: the storage, locked. */
static int sweep(struct runtime *rt, int fd, const char *storage, struct err *e)
{
	struct sweep s = { rt, storage, false };

	if (dir_each(fd, sweep_entry, &s, e) < 0)
		return err_wrap(e, "'%s'", storage);
	/* Those may have had names already. */
	return s.removed ? launched_sweep_names(rt, e) : 0;
}

int launch_sweep(struct runtime *rt, const char *storage, struct err *e)
{
	cleanup_close int fd = open(storage, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "open '%s'", storage);
	return flock(fd, LOCK_EX | LOCK_NB) < 0 ? 0 : sweep(rt, fd, storage, e);
}

bool launch_is_ours(const struct runtime *rt, const char *dir, const char *id)
{
	char record[PATH_MAX];
	ssize_t n = lgetxattr(dir, record_attribute(rt), record, sizeof(record) - 1);

	if (n < 0)
		return false;
	record[n] = '\0';
	return strcmp(record, arena_printf((struct arena *)&rt->arena, "%s/%s", rt->root_path, id)) == 0;
}

int launched_lock(const struct launched *l, struct err *e)
{
	cleanup_close int fd = open(l->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return err_set(e, errno, "container '%s': open '%s'", l->name, l->dir);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno != EWOULDBLOCK ? err_set(e, errno, "lock container '%s'", l->name) :
		       err_say(e, EBUSY, "container '%s' is running, or another command is at work on it", l->name);
	/* Whoever held it may have removed it. */
	if (fstat(fd, &st) < 0 || st.st_nlink == 0)
		return err_say(e, ENOENT, "no container \"%s\"", l->name);
	return take_fd(&fd);
}

/* The OCI container of its last start. */
static int remove_record(struct runtime *rt, const char *id, struct net_leaving *ret_leaving, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;
	int r = container_open(rt, id, true, &c, e);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return container_remove_early(rt, &c, ret_leaving, e);
}

int launched_retire(struct runtime *rt, const struct launched *l, int dir, const char **ret_aside,
		    struct net_leaving *ret_leaving, struct err *e)
{
	const char *aside = arena_printf(&rt->arena, "%.*s/" REMOVED "%d", (int)(strrchr(l->dir, '/') - l->dir), l->dir,
					 (int)getpid());

	*ret_leaving = NET_LEAVING_INIT;
	if (remove_record(rt, l->id, ret_leaving, e) < 0)
		return err_wrap(e, "remove container '%s'", l->name);
	/* From here on it is what the next launch removes. */
	if (rename(l->dir, aside) < 0) {
		aside = l->dir;
		if (unlinkat(dir, "launch.json", 0) < 0 && errno != ENOENT)
			return err_set(e, errno, "remove 'launch.json' of container '%s'", l->name);
	}
	if (launched_remove_name(rt, l, e) < 0)
		return err_wrap(e, "remove container '%s'", l->name);
	*ret_aside = aside;
	return 0;
}

int launched_discard(struct runtime *rt, const struct launched *l, int dir, const char *aside, struct err *e)
{
	if (discard(rt, l->id, aside, dir, e) < 0)
		return err_wrap(e, "remove container '%s'", l->name);
	if (l->image_digest)
		images_unuse(rt, l->dir);
	return 0;
}

int launched_remove(struct runtime *rt, const struct launched *l, int dir, struct err *e)
{
	struct net_leaving leaving;
	struct err ignored = ERR_INIT;
	const char *aside;

	int r = launched_retire(rt, l, dir, &aside, &leaving, e);
	if (leaving.fd >= 0 && container_settle(rt, &leaving, r < 0 ? &ignored : e) < 0 && r == 0)
		r = -e->code;
	if (r < 0)
		return r;
	return launched_discard(rt, l, dir, aside, e);
}

static int say_there(const char *name, struct err *e)
{
	return err_say(e, EEXIST, "a container '%s' is there already: delete it, or choose another name", name);
}

static int has_container(struct runtime *rt, const char *name, struct err *e)
{
	cleanup_close int root = runtime_open_root(rt, false, e);

	if (root < 0)
		return root == -ENOENT ? 0 : root;
	return faccessat(root, name, F_OK, 0) == 0;
}

/* A new directory, locked and with its attribute before it has its name. @storage_fd is locked. */
static int take_directory(struct runtime *rt, int storage_fd, const char *dir, const char *name, struct err *e)
{
	const char *record = arena_printf(&rt->arena, "%s/%s", rt->root_path, name);
	int r = has_container(rt, name, e);

	if (r < 0)
		return r;
	if (r > 0)
		return say_there(name, e);
	if (remove_tree_at(storage_fd, UNFINISHED, e) < 0)
		return -e->code;
	if (mkdirat(storage_fd, UNFINISHED, 0700) < 0)
		return err_set(e, errno, "create '%s'", dir);
	cleanup_close int fd = openat(storage_fd, UNFINISHED, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, errno, "lock '%s'", dir);
	if (fsetxattr(fd, record_attribute(rt), record, strlen(record), 0) < 0)
		return err_set(e, errno, "set '%s' of '%s'", record_attribute(rt), dir);
	if (renameat2(storage_fd, UNFINISHED, storage_fd, name, RENAME_NOREPLACE) == 0)
		return take_fd(&fd);
	int code = errno;
	unlinkat(storage_fd, UNFINISHED, AT_REMOVEDIR);
	return code != EEXIST ? err_set(e, code, "create '%s'", dir) :
	       err_say(e, EEXIST, "'%s' has the files of an earlier container: remove it, or choose another name", dir);
}

static int open_storage(const char *storage, struct err *e)
{
	cleanup_close int fd = open(storage, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_set(e, errno, "open '%s'", storage);
	do
		r = flock(fd, LOCK_EX);
	while (r < 0 && errno == EINTR);
	return r < 0 ? err_set(e, errno, "lock '%s'", storage) : take_fd(&fd);
}

/*
 * The next id to be tried: any without a name; with one the name, and NAME-2, NAME-3... as long as what stands in the way
 * is a container that was renamed. NULL: none is left.
 */
static const char *next_id(struct runtime *rt, const char *name, const char *last, int tries)
{
	enum { TRIES_MAX = 100 };
	struct err none = ERR_INIT;
	struct launched l;
	uint64_t number;

	if (tries >= TRIES_MAX || (!name && getrandom(&number, sizeof(number), 0) != sizeof(number)))
		return NULL;
	if (!name)
		return launch_name(number, &rt->arena);
	if (tries == 0)
		return name;
	bool was_renamed = launched_find_id(rt, last, &l, &none) == 0 && strcmp(l.name, name) != 0;
	return was_renamed ? arena_printf(&rt->arena, "%s-%d", name, tries + 1) : NULL;
}

int launch_make_directory(struct runtime *rt, const char *storage, const char *name, const char **ret_id,
			  const char **ret_dir, struct err *e)
{
	const char *id = NULL;
	char real[PATH_MAX];
	int fd = -EEXIST;

	if (mkdir_parents(storage, 0700, e) < 0 || check_file_system(storage, e) < 0)
		return -e->code;
	if (!realpath(storage, real))
		return err_set(e, errno, "resolve '%s'", storage);
	cleanup_close int storage_fd = open_storage(real, e);
	if (storage_fd < 0 || sweep(rt, storage_fd, real, e) < 0)
		return -e->code;
	for (int tries = 0; fd == -EEXIST && (id = next_id(rt, name, id, tries)); tries++) {
		*ret_id = id;
		*ret_dir = arena_printf(&rt->arena, "%s/%s", real, id);
		fd = !name && launched_id(rt, id) ? -EEXIST : take_directory(rt, storage_fd, *ret_dir, id, e);
	}
	/* Whatever its id is, and whether it ever ran. */
	return fd == -EEXIST && name && launched_id(rt, name) ? say_there(name, e) : fd;
}
