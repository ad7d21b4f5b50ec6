#include "runtime/container.h"
#include "runtime/attach.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/proc.h"
#include "lib/sys.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/record.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	ID_MAX = 1024,
	CONFIG_MAX = 16 * 1024 * 1024,
	/* With the sticky bit, which nobody else gives to a directory of his alone: an empty one is known as ours by it. */
	DIR_MODE = S_ISVTX | S_IRWXU,
};

const char *container_status_name(enum container_status s)
{
	static const char *const names[] = { "creating", "created", "running", "paused", "stopped" };
	return names[s];
}

void container_close(struct container *c)
{
	close_fd(&c->dir); /* the lock goes with it */
	close_fd(&c->root);
	c->locked = false;
}

int container_check_id(const char *id, struct err *e)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-.";

	if (!*id)
		return err_say(e, EINVAL, "container id cannot be empty");
	/* What begins with a dot in the state root is ferry's own. */
	if (id[strspn(id, allowed)] || id[0] == '.')
		return err_say(e, EINVAL, "invalid container ID format: '%s': use letters, digits and _+-., "
			       "with no dot in front", id);
	if (strlen(id) > ID_MAX)
		return err_say(e, EINVAL, "invalid container ID format: longer than %d characters", ID_MAX);
	return 0;
}

static int does_not_exist(const char *id, struct err *e)
{
	return err_say(e, ENOENT, "container \"%s\" does not exist", id);
}

/*
 * Takes the lock of an open directory. Whoever held it may have removed the directory meanwhile: then -ENOENT.
 * @wait false: -EWOULDBLOCK at once when somebody holds it.
 */
static int lock(struct container *c, bool wait, struct err *e)
{
	struct stat st;
	int r;

	do
		r = flock(c->dir, LOCK_EX | (wait ? 0 : LOCK_NB));
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_set(e, errno, "lock container '%s'", c->id);
	if (fstat(c->dir, &st) < 0)
		return err_set(e, errno, "stat the directory of container '%s'", c->id);
	if (st.st_nlink == 0)
		return does_not_exist(c->id, e);
	c->locked = true;
	return 0;
}

int container_unlock(struct container *c, struct err *e)
{
	if (flock(c->dir, LOCK_UN) < 0)
		return err_set(e, errno, "unlock container '%s'", c->id);
	c->locked = false;
	return 0;
}

int container_lock_again(struct container *c, struct err *e)
{
	return lock(c, true, e);
}

/* Opens the directory, without a lock and without reading anything. */
static int open_dir(struct runtime *rt, const char *id, struct container *c, struct err *e)
{
	*c = CONTAINER_INIT;
	c->id = id;
	c->root = runtime_open_root(rt, false, e);
	if (c->root == -ENOENT)
		return does_not_exist(id, e);
	if (c->root < 0)
		return c->root;
	c->dir = openat(c->root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c->dir >= 0)
		return 0;
	if (errno == ENOENT)
		return does_not_exist(id, e);
	return err_set(e, errno, "open the directory of container '%s'", id);
}

/* All that we ever put into the directory; first what a start without a hitch leaves, and nothing else. */
static const struct {
	const char *name;
	int flags;
} files[] = {
	{ "config.json", 0 }, { "state.json", 0 }, { "making.json", 0 },
	{ "state.json.tmp", 0 }, { "start", 0 }, { "notify/notify.sock", 0 }, { "notify", AT_REMOVEDIR },
};
enum { FILES_USUAL = 3, FILES_ALL = sizeof(files) / sizeof(files[0]) };

/* With the directory, if nothing else is in it: true when it is gone. */
static bool remove_files(struct container *c, size_t n)
{
	for (size_t i = 0; i < n; i++)
		unlinkat(c->dir, files[i].name, files[i].flags);
	return unlinkat(c->root, c->id, AT_REMOVEDIR) == 0;
}

/* A directory without a record may be anybody's: --root may name the wrong place. Only what is surely ours is removed. */
static void remove_unrecorded(struct container *c)
{
	struct stat st;

	if (fstat(c->dir, &st) < 0 || (st.st_mode & ~(mode_t)S_ISGID) != (S_IFDIR | DIR_MODE) || st.st_uid != geteuid())
		return;
	remove_files(c, FILES_ALL);
}

/*
 * A create that was killed leaves a record without its end: nobody holds the lock and no process is recorded. What it
 * made is removed. Returns 1 when that was so, or there is no container, 0 when it is whole or somebody is at work on it.
 */
static int recover(struct runtime *rt, struct container *c, struct err *e)
{
	struct err ignored = ERR_INIT;

	int r = record_load(c, &rt->arena, e);
	if (r == 0 && c->pid > 0)
		return 0;
	if (r < 0 && r != -ENOENT)
		return r;
	if (!c->locked && lock(c, false, &ignored) < 0)
		return 0;
	/* Now that it is ours, look again: it may have been finished in between. */
	r = record_load(c, &rt->arena, e);
	if (r == 0 && c->pid > 0)
		return 0;
	if (r < 0 && r != -ENOENT)
		return r;
	if (r == -ENOENT)
		remove_unrecorded(c);
	else if (container_remove(rt, c, NULL, e) < 0)
		return err_wrap(e, "remove what is left of container '%s'", c->id);
	return 1;
}

int container_new(struct runtime *rt, const char *id, struct container *ret, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;

	if (container_check_id(id, e) < 0)
		return -e->code;
	for (int tries = 0;; tries++) {
		c.id = id;
		c.root = runtime_open_root(rt, true, e);
		if (c.root < 0)
			return c.root;
		if (mkdirat(c.root, id, DIR_MODE) == 0)
			break;
		if (errno != EEXIST)
			return err_set(e, errno, "create the directory of container '%s'", id);

		container_close(&c);
		int r = open_dir(rt, id, &c, e);
		if (r == 0)
			r = recover(rt, &c, e);
		container_close(&c);
		if (r < 0 && r != -ENOENT)
			return r;
		if (r == 0 || tries > 16)
			return err_say(e, EEXIST, "container with given ID already exists: '%s'", id);
	}
	c.dir = openat(c.root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c.dir < 0)
		return err_set(e, errno, "open the directory of container '%s'", id);
	/* Without waiting: only a recovery could hold it, and that removes the directory. */
	if (lock(&c, false, e) < 0)
		return err_say(e, EEXIST, "container with given ID already exists: '%s'", id);
	*ret = c;
	c = CONTAINER_INIT;
	return 0;
}

/* A dump is under way as long as somebody holds the lock; else it was cut short. */
static int recover_dump(struct runtime *rt, struct container *c, struct err *e)
{
	struct err ignored = ERR_INIT;
	bool had_lock = c->locked;

	if (!had_lock && lock(c, false, &ignored) < 0)
		return 0;
	if (record_load(c, &rt->arena, e) < 0 || (c->dumping && checkpoint_recover(rt, c, e) < 0))
		return -e->code;
	return had_lock ? 0 : container_unlock(c, e);
}

int container_open(struct runtime *rt, const char *id, bool want_lock, struct container *ret, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;

	if (container_check_id(id, e) < 0 || open_dir(rt, id, &c, e) < 0)
		return -e->code;
	if (want_lock && lock(&c, true, e) < 0)
		return -e->code;
	int r = record_load(&c, &rt->arena, e);
	if (r == -ENOENT || (r == 0 && c.pid == 0)) {
		r = recover(rt, &c, e);
		if (r == 1)
			return does_not_exist(id, e);
		if (r == 0)
			r = record_load(&c, &rt->arena, e);
		if (r == -ENOENT)
			return does_not_exist(id, e);
	}
	if (r == 0 && c.dumping)
		r = recover_dump(rt, &c, e);
	if (r < 0)
		return r;
	*ret = c;
	c = CONTAINER_INIT;
	return 0;
}

int container_save_config(struct container *c, const char *text, size_t len, struct err *e)
{
	cleanup_close int fd = openat(c->dir, "config.json", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, errno, "create 'config.json' of container '%s'", c->id);
	return fd_write_all(fd, text, len, e);
}

int container_load_config(struct container *c, struct arena *a, struct spec **ret, struct err *e)
{
	/* A launched one's stays where it is. */
	cleanup_close int bundle = c->launched ? open(c->bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (c->launched && bundle < 0)
		return err_set(e, errno, "container '%s': open '%s'", c->id, c->bundle);
	if (spec_load(c->launched ? bundle : c->dir, "config.json", a, ret, e) < 0)
		return err_wrap(e, "container '%s'", c->id);
	return 0;
}

int container_pidfd(struct container *c, struct err *e)
{
	int fd = proc_open(c->pid, c->start_time, e);
	return fd == -ESRCH ? err_say(e, ESRCH, "container not running") : fd;
}

int container_cgroup(struct runtime *rt, struct container *c, int *ret_fd, struct err *e)
{
	struct cgroup_host host;

	*ret_fd = -1;
	if (!c->cgroup.path)
		return 0;
	if (cgroup_host_find(&rt->arena, &host, e) < 0)
		return -e->code;
	int r = cgroup_open(&c->cgroup, &host, ret_fd, e);
	cgroup_host_close(&host);
	return r;
}

int container_status(struct runtime *rt, struct container *c, enum container_status *ret, struct err *e)
{
	if (c->pid == 0) {
		*ret = STATUS_CREATING;
		return 0;
	}
	cleanup_close int pidfd = container_pidfd(c, e);
	if (pidfd == -ESRCH) {
		*ret = STATUS_STOPPED;
		return 0;
	}
	if (pidfd < 0)
		return pidfd;

	cleanup_close int cgroup = -1;
	int r = container_cgroup(rt, c, &cgroup, e);
	if (r < 0 && r != -ENOENT)
		return r;
	if (cgroup >= 0 && cgroup_is_frozen(cgroup, e) == 1) {
		*ret = STATUS_PAUSED;
		return 0;
	}
	r = start_socket_waiting(c, e);
	if (r < 0)
		return r;
	*ret = r ? STATUS_CREATED : STATUS_RUNNING;
	return 0;
}

void container_write_state(const struct container *c, enum container_status s, struct buf *out, bool pretty)
{
	struct spec_state state = {
		.id = c->id,
		.status = container_status_name(s),
		.pid = s == STATUS_STOPPED ? 0 : c->pid,
		.bundle = c->bundle,
		.rootfs = c->rootfs,
		.created = c->created,
		.owner = c->owner,
		.annotations = c->annotations,
		.n_annotations = c->n_annotations,
	};
	spec_write_state(out, &state, pretty);
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int container_list(struct runtime *rt, const char ***ret, size_t *ret_n, struct err *e)
{
	const char **ids = NULL;
	size_t n = 0;
	int root = runtime_open_root(rt, false, e);

	if (root < 0 && root != -ENOENT)
		return root;
	DIR *d = root < 0 ? NULL : fdopendir(root);
	for (struct dirent *ent; d && (ent = readdir(d));) {
		cleanup_container struct container c = CONTAINER_INIT;
		struct err ignored = ERR_INIT;
		const char *id;

		if (container_check_id(ent->d_name, &ignored) < 0)
			continue;
		id = arena_strdup(&rt->arena, ent->d_name);
		if (open_dir(rt, id, &c, &ignored) < 0 || recover(rt, &c, &ignored) != 0)
			continue;
		*arena_push(&rt->arena, &ids, &n) = id;
	}
	if (d)
		closedir(d);
	if (n)
		qsort(ids, n, sizeof(*ids), compare_ids);
	*ret = ids;
	*ret_n = n;
	return 0;
}

bool container_cgroup_is_anothers(struct runtime *rt, const struct container *c)
{
	struct err ignored = ERR_INIT;
	const char **ids;
	size_t n;

	if (!c->cgroup.path || container_list(rt, &ids, &n, &ignored) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		cleanup_container struct container other = CONTAINER_INIT;
		if (strcmp(ids[i], c->id) == 0 || open_dir(rt, ids[i], &other, &ignored) < 0 ||
		    record_load(&other, &rt->arena, &ignored) < 0 || !other.cgroup.path ||
		    strcmp(other.cgroup.path, c->cgroup.path) != 0)
			continue;
		cleanup_close int pidfd = proc_open(other.pid, other.start_time, &ignored);
		if (pidfd >= 0)
			return true;
	}
	return false;
}

/*
 * All that were in its pid namespace ended with its first process. Without one of its own there may be others, in a cgroup
 * that is known by its id, unless an empty one was used again.
 */
static int remove_cgroup(struct runtime *rt, struct container *c, const struct cgroup_host *host, struct err *e)
{
	struct cgroup_host found;

	c->cgroup.ended = c->pid > 0 && (!c->cgroup.id || container_cgroup_is_anothers(rt, c));
	if (!c->cgroup.path && !c->cgroup.scope)
		return 0;
	if (host)
		return cgroup_destroy(&c->cgroup, host, e);
	if (cgroup_host_find(&rt->arena, &found, e) < 0)
		return -e->code;
	int r = cgroup_destroy(&c->cgroup, &found, e);
	cgroup_host_close(&found);
	return r;
}

static int remove_directory(struct container *c, struct err *e)
{
	return remove_files(c, FILES_USUAL) ? 0 : remove_tree_at(c->root, c->id, e);
}

/* Its pid namespace ends with it; with a shared one, or none, the cgroup holds the others. */
static int end_first_process(const struct container *c, struct err *e)
{
	struct err gone = ERR_INIT;
	cleanup_close int pidfd = c->pid > 0 ? proc_open(c->pid, c->start_time, &gone) : -1;

	if (pidfd < 0)
		return 0;
	pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
	int r = proc_wait_end(pidfd, 10000, e);
	return r < 0 ? r : 0;
}

static int remove_it(struct runtime *rt, struct container *c, const struct cgroup_host *host,
		     struct net_leaving *ret_leaving, struct err *e)
{
	int r = end_first_process(c, e);

	if (r == 0 && c->network)
		r = ret_leaving ? container_release(rt, c, ret_leaving, e) : container_detach(rt, c, e);
	if (r < 0 || remove_cgroup(rt, c, host, e) < 0)
		return -e->code;
	return remove_directory(c, e);
}

int container_remove(struct runtime *rt, struct container *c, const struct cgroup_host *host, struct err *e)
{
	return remove_it(rt, c, host, NULL, e);
}

int container_remove_early(struct runtime *rt, struct container *c, struct net_leaving *ret_leaving, struct err *e)
{
	return remove_it(rt, c, NULL, ret_leaving, e);
}
