#include "cgroups/cgroups.h"

#include "cgroups/files.h"
#include "cgroups/systemd/systemd.h"
#include "cgroups/tree.h"
#include "lib/fd.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { KILL_TIMEOUT_MS = 10000, LINGER_MS = 500, REMOVE_TRIES = 100, REMOVE_PAUSE_MS = 5 };

/* 1: gone; 0: busy; -errno. */
static int try_remove(int parent, const char *name, struct err *e)
{
	if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 1;
	if (errno == EBUSY || errno == ENOTEMPTY)
		return 0;
	return err_set(e, errno, "remove cgroup '%s'", name);
}

static int remove_below(int parent, const char *name, void *context, struct err *e)
{
	(void)context;
	int r = try_remove(parent, name, e);
	if (r != 0)
		return r;
	cleanup_close int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT)
		return 1;
	if (dir < 0)
		return err_set(e, errno, "open cgroup '%s'", name);
	r = cgroup_each_child(dir, remove_below, NULL, e);
	if (r < 0 && r != -ENOENT) /* -ENOENT: systemd was faster */
		return r;
	return try_remove(parent, name, e);
}

/* Ended processes leave their cgroup a moment after they have ended. */
int cgroup_remove(int root, const char *path, struct err *e)
{
	const struct timespec pause = { .tv_nsec = REMOVE_PAUSE_MS * 1000000L };

	for (int i = 0; i < REMOVE_TRIES; i++) {
		int r = remove_below(root, path, NULL, e);
		if (r != 0)
			return r < 0 ? r : 0;
		nanosleep(&pause, NULL);
	}
	return err_set(e, EBUSY, "remove cgroup '/%s'", path);
}

int cgroup_id(int dir, uint64_t *ret, struct err *e)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return err_set(e, errno, "stat a cgroup");
	*ret = st.st_ino;
	return 0;
}

int cgroup_kill_and_wait(const struct cgroup_ref *ref, int root, const char *path, struct err *e)
{
	uint64_t id;

	cleanup_close int dir = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT)
		return 1;
	if (dir < 0)
		return err_set(e, errno, "open cgroup '/%s'", path);

	if (ref->id && cgroup_id(dir, &id, e) < 0)
		return -e->code;
	if (ref->id && id != ref->id)
		return 1;
	int r = cgroup_is_empty(dir, e);
	if (r == 0 && ref->ended) {
		/* Those on their way into the container's namespaces end with these. */
		r = cgroup_wait_event(dir, "populated", 0, LINGER_MS, e);
		if (r == 0)
			return 1;
	} else if (r == 0) {
		r = cgroup_kill(dir, e);
		if (r >= 0)
			r = cgroup_wait_event(dir, "populated", 0, KILL_TIMEOUT_MS, e);
		if (r == 0)
			return err_say(e, ETIMEDOUT, "processes in cgroup '/%s' do not end after SIGKILL", path);
	}
	if (r == -ENODEV || r == -ENOENT) /* removed while we looked: its files cannot be read, or not even opened */
		return 1;
	return r < 0 ? r : 0;
}

static int destroy_directory(const struct cgroup_ref *ref, int root, const char *path, struct err *e)
{
	/* A container that ended well leaves an empty cgroup, so that the first call is mostly the only one. */
	int r = ref->id ? 0 : try_remove(root, path, e);
	if (r != 0)
		return r < 0 ? r : 0;
	r = cgroup_kill_and_wait(ref, root, path, e);
	if (r != 0)
		return r < 0 ? r : 0;
	return cgroup_remove(root, path, e);
}

int cgroup_destroy(const struct cgroup_ref *r, const struct cgroup_host *h, struct err *e)
{
	const char *path = r->path ? r->path + strspn(r->path, "/") : NULL;

	if (r->driver == CGROUP_DISABLED || h->root_fd < 0)
		return 0;
	if (path && !*path)
		return err_say(e, EINVAL, "the root cgroup is no container's");
	if (r->driver == CGROUP_SYSTEMD)
		return systemd_destroy(r, h->root_fd, path, e);
	return path ? destroy_directory(r, h->root_fd, path, e) : 0;
}
