/* The directory of a container's snapshots: its lock, and what killed commands left in it. */
#include "runtime/snapshot/snapshot.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "runtime/container.h"
#include "runtime/clone/clone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define GONE ".gone"

void snapshots_close(struct snapshots *s)
{
	close_fd(&s->dir);
}

const char *snapshots_path(const struct launched *l, struct arena *a)
{
	return arena_printf(a, "%s/snapshots", l->dir);
}

/* One that was cut short may have left the container standing still, or CRIU at work in the directory. */
static int let_go_on(struct runtime *rt, const struct snapshots *s, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;

	if (faccessat(s->dir, SNAPSHOTS_NEW, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	int r = container_open(rt, s->l->id, true, &c, e);
	if (r == -ENOENT)
		*e = ERR_INIT;
	return r == -ENOENT ? 0 : r;
}

static int sweep(struct runtime *rt, const struct snapshots *s, struct err *e)
{
	static const char *const left[] = { SNAPSHOTS_NEW, SNAPSHOTS_STAGED, GONE };

	if (let_go_on(rt, s, e) < 0)
		return -e->code;
	for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		if (remove_tree_at(s->dir, left[i], e) < 0)
			return -e->code;
	unlinkat(s->dir, SNAPSHOTS_CURRENT ".tmp", 0);
	return faccessat(s->dir, SNAPSHOTS_ROLLBACK, F_OK, 0) == 0 ? rollback_finish(rt, s, e) : 0;
}

static int lock(struct snapshots *s, bool wait, struct err *e)
{
	int r;

	do
		r = flock(s->dir, wait ? LOCK_EX : LOCK_EX | LOCK_NB);
	while (r < 0 && errno == EINTR);
	s->locked = r == 0;
	return r == 0 || (!wait && errno == EWOULDBLOCK) ? 0 : err_set(e, errno, "lock the snapshots");
}

int snapshots_open(struct runtime *rt, const struct launched *l, enum snapshots_open how, struct snapshots *ret,
		   struct err *e)
{
	const char *path = snapshots_path(l, &rt->arena);
	cleanup_snapshots struct snapshots s = { .l = l, .dir = -1 };
	struct err ignored = ERR_INIT;

	if (how == SNAPSHOTS_MAKE && mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "create '%s'", path);
	s.dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s.dir < 0 && errno != ENOENT)
		return err_set(e, errno, "open '%s'", path);
	if (s.dir >= 0 && lock(&s, how != SNAPSHOTS_READ, e) < 0)
		return err_wrap(e, "container '%s'", l->name);
	/* Who only looks may not have the rights, and needs it not. */
	if (s.locked && sweep(rt, &s, how == SNAPSHOTS_READ ? &ignored : e) < 0 && how != SNAPSHOTS_READ)
		return err_wrap(e, "container '%s': what is left of an earlier command", l->name);
	*ret = s;
	s.dir = -1;
	return 0;
}

int snapshot_remove(struct runtime *rt, const struct snapshots *s, const char *name, struct err *e)
{
	const char *dir = arena_printf(&rt->arena, "%s/%s", snapshots_path(s->l, &rt->arena), name);
	const char *current = snapshots_current(rt, s);

	if (clone_check_unused(rt, dir, arena_printf(&rt->arena, "snapshot '%s/%s'", s->l->name, name), e) < 0)
		return -e->code;
	/* Before it is gone: another of its name has other memory. */
	if (remove_tree_at(s->dir, arena_printf(&rt->arena, SNAPSHOTS_CLONES "/%s", name), e) < 0)
		return err_wrap(e, "remove what clones of snapshot '%s/%s' share", s->l->name, name);
	if (current && strcmp(current, name) == 0 && unlinkat(s->dir, SNAPSHOTS_CURRENT, 0) < 0)
		return err_set(e, errno, "remove '" SNAPSHOTS_CURRENT "'");
	if (renameat2(s->dir, name, s->dir, GONE, RENAME_NOREPLACE) < 0)
		return err_set(e, errno, "remove snapshot '%s/%s'", s->l->name, name);
	return remove_tree_at(s->dir, GONE, e) < 0 ? err_wrap(e, "remove snapshot '%s/%s'", s->l->name, name) : 0;
}
