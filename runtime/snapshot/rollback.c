/*
 * Back to a snapshot: copies of its files are made aside, and take the place of the container's by renames, which whoever comes
 * next carries on if they are cut short. With memory the container is ended right before these, and restored right after: what
 * takes long, and what can fail, is done while it still runs.
 */
#include "runtime/snapshot/snapshot.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/mountinfo.h"
#include "lib/sha256.h"
#include "lib/tree_clone.h"
#include "runtime/launch/launched_overlays.h"
#include "runtime/supervise/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a container's directory has while it is replaced. */
#define OLD "old-"

/* ---- whether it is whole ---- */

/* The path of the line, which is its last word. */
static const char *path_of(const char *line, size_t len, struct arena *a)
{
	char *path, *blank;

	path = arena_strndup(a, line, len);
	blank = strrchr(path, ' ');
	path = blank ? blank + 1 : path;
	mountinfo_unescape(path);
	return path;
}

/* Both texts are sorted alike: the first line that differs tells which file does. */
int snapshot_say_damage(const char *was, const char *is, struct arena *a, struct err *e)
{
	size_t n, m;

	for (;; was += n + (was[n] == '\n'), is += m + (is[m] == '\n')) {
		n = strcspn(was, "\n");
		m = strcspn(is, "\n");
		if (n != m || memcmp(was, is, n) != 0)
			break;
	}
	return err_say(e, EBADMSG, "it is damaged: '%s' is not as it was when it was made",
		       path_of(n ? was : is, n ? n : m, a));
}

int snapshot_check(const struct snapshots *s, const struct snapshot *what, struct arena *a, struct err *e)
{
	cleanup_close int dir = openat(s->dir, what->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_buf struct buf was = BUF_INIT, is = BUF_INIT;

	if (dir < 0)
		return err_set(e, errno, "open it");
	if (file_read_at(dir, SNAPSHOT_DIGESTS, SNAPSHOT_DIGESTS_MAX, &was, e) < 0)
		return err_wrap(e, "it is damaged");
	if (strcmp(sha256_of(buf_text(&was), was.len).text, what->digests) != 0)
		return err_say(e, EBADMSG, "it is damaged: '" SNAPSHOT_DIGESTS "' is not as it was when it was made");
	if (snapshot_digests(dir, what, &is, e) < 0)
		return err_wrap(e, "it is damaged");
	return strcmp(buf_text(&was), buf_text(&is)) == 0 ? 0 : snapshot_say_damage(buf_text(&was), buf_text(&is), a, e);
}

/* ---- whether it fits ---- */

static bool has_file(const struct snapshot *what, const char *name)
{
	for (size_t i = 0; i < what->n_files; i++)
		if (strcmp(what->files[i], name) == 0)
			return true;
	return false;
}

static bool is_over(const struct snapshot *what, const struct launched *l)
{
	const char *was = what->cloned_from, *is = l->cloned_from;

	if (was && is ? strcmp(was, is) != 0 : was != is)
		return false;
	if (what->n_layers != l->n_layers)
		return what->n_layers == 0;
	for (size_t i = 0; i < l->n_layers; i++)
		if (strcmp(what->layers[i], l->layers[i]) != 0)
			return false;
	return true;
}

int snapshot_check_fits(struct runtime *rt, const struct launched *l, const struct snapshot *what, struct err *e)
{
	struct launched_overlay *overlays;
	size_t n, fit = 0;

	if (!is_over(what, l))
		return err_say(e, EINVAL, "it lies over another image or snapshot than container '%s'", l->name);
	if (launched_overlays(rt, l, &overlays, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		fit += has_file(what, strrchr(overlays[i].dirs.upper, '/') + 1);
	return fit == n && fit == what->n_files ? 0 :
	       err_say(e, EINVAL, "it has other directories than the container: it is of another one");
}

/* ---- there ---- */

static int stage(const struct snapshots *s, const struct snapshot *what, struct err *e)
{
	cleanup_close int from = openat(s->dir, what->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (from < 0 || mkdirat(s->dir, SNAPSHOTS_STAGED, 0700) < 0)
		return err_set(e, errno, from < 0 ? "open it" : "create '" SNAPSHOTS_STAGED "'");
	cleanup_close int to = openat(s->dir, SNAPSHOTS_STAGED, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (to < 0)
		return err_set(e, errno, "open '" SNAPSHOTS_STAGED "'");
	for (size_t i = 0; i < what->n_files; i++)
		if (tree_clone(from, what->files[i], to, what->files[i], NULL, e) < 0)
			return -e->code;
	if (file_replace_at(to, SNAPSHOTS_CURRENT, 0600, what->name, strlen(what->name), e) < 0)
		return -e->code;
	return syncfs(to) < 0 ? err_set(e, errno, "sync") : 0;
}

struct staged {
	struct arena *arena;
	const char **names;
	size_t n;
};

static int add_name(int fd, const char *name, unsigned char type, void *data, struct err *e)
{
	struct staged *w = data;

	(void)fd, (void)type, (void)e;
	if (strncmp(name, OLD, strlen(OLD)) != 0 && strcmp(name, SNAPSHOTS_CURRENT) != 0)
		*arena_push(w->arena, &w->names, &w->n) = arena_strdup(w->arena, name);
	return 0;
}

/* What is there still has not been put in its place. */
static int put(struct arena *a, int from, int container, const char *name, struct err *e)
{
	const char *old = arena_printf(a, OLD "%s", name);

	if (faccessat(from, old, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && renameat(container, name, from, old) < 0 && errno != ENOENT)
		return err_set(e, errno, "put '%s' aside", name);
	return renameat(from, name, container, name) < 0 ? err_set(e, errno, "put '%s' in its place", name) : 0;
}

int rollback_finish(struct runtime *rt, const struct snapshots *s, struct err *e)
{
	cleanup_close int container = open(s->l->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_close int from = openat(s->dir, SNAPSHOTS_ROLLBACK, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct staged w = { .arena = &rt->arena };

	if (container < 0 || from < 0)
		return err_set(e, errno, "open '%s'", container < 0 ? s->l->dir : SNAPSHOTS_ROLLBACK);
	if (dir_each(from, add_name, &w, e) < 0)
		return -e->code;
	for (size_t i = 0; i < w.n; i++)
		if (put(&rt->arena, from, container, w.names[i], e) < 0)
			return -e->code;
	if (renameat(from, SNAPSHOTS_CURRENT, s->dir, SNAPSHOTS_CURRENT) < 0 && errno != ENOENT)
		return err_set(e, errno, "put '" SNAPSHOTS_CURRENT "' in its place");
	return remove_tree_at(s->dir, SNAPSHOTS_ROLLBACK, e);
}

/* ---- the container ---- */

struct going_back {
	struct runtime *rt;
	struct launched *l;
	const struct snapshots *s;
	const struct snapshot *what;
	bool memory;
	int lock; /* of the container; -1: it runs still */
};

static int runs(struct runtime *rt, const struct launched *l, struct err *e)
{
	struct launched_status status;

	return launched_status(rt, l, &status, e) < 0 ? -e->code : status.pid != 0 || status.state == LAUNCHED_RESTARTING;
}

/* One that does not run is locked at once, so that nobody starts it. */
static int hold(struct going_back *g, struct err *e)
{
	if (supervise_adopt(g->rt, g->l, e) < 0)
		return -e->code;
	int r = runs(g->rt, g->l, e);
	if (r == 0)
		return (g->lock = launched_lock(g->l, e)) < 0 ? -e->code : 0;
	if (r > 0 && !g->memory)
		return err_say(e, EBUSY, "container '%s' runs: stop it, go back, and start it again", g->l->name);
	if (r > 0 && g->l->rm)
		return err_say(e, ENOTSUP, "container '%s' is removed when it ends (--rm), and with it its snapshots", g->l->name);
	return r < 0 ? r : 0;
}

/* It has nothing more to say: all that it does from here on is undone. */
static int end(struct going_back *g, struct err *e)
{
	int ignored_exit, r;

	if (g->lock >= 0)
		return 0;
	r = supervise_stop(g->rt, g->l, SIGKILL, 0, e);
	if (r == 0)
		r = supervise_wait(g->rt, g->l, &ignored_exit, e);
	if (r < 0 && r != -ESRCH)
		return r;
	g->lock = launched_lock(g->l, e);
	r = g->lock < 0 ? g->lock : runs(g->rt, g->l, e);
	return r > 0 ? err_say(e, EBUSY, "container '%s' was started meanwhile", g->l->name) : r;
}

static int prepare(const struct going_back *g, struct err *e)
{
	if (snapshot_check_fits(g->rt, g->l, g->what, e) < 0 || snapshot_check(g->s, g->what, &g->rt->arena, e) < 0 ||
	    (g->memory && memory_check(g->rt, g->s, g->what, e) < 0))
		return -e->code;
	return stage(g->s, g->what, e);
}

static int go_back(struct going_back *g, struct err *e)
{
	struct err ignored = ERR_INIT;

	if (prepare(g, e) < 0 || end(g, e) < 0) {
		remove_tree_at(g->s->dir, SNAPSHOTS_STAGED, &ignored);
		return -e->code;
	}
	if (renameat2(g->s->dir, SNAPSHOTS_STAGED, g->s->dir, SNAPSHOTS_ROLLBACK, RENAME_NOREPLACE) < 0)
		return err_set(e, errno, "begin");
	if (rollback_finish(g->rt, g->s, e) < 0)
		return -e->code;
	if (g->memory && memory_restore(g->rt, g->l, g->lock, g->s, g->what, e) < 0)
		return err_wrap(e, "its files are those of the snapshot, and it does not run");
	return 0;
}

int snapshot_rollback(struct runtime *rt, struct launched *l, const char *name, bool no_memory, struct err *e)
{
	cleanup_snapshots struct snapshots s = SNAPSHOTS_INIT;
	struct snapshot what;
	struct going_back g = { .rt = rt, .l = l, .s = &s, .what = &what, .lock = -1 };

	if (snapshots_open(rt, l, SNAPSHOTS_CHANGE, &s, e) < 0 || snapshot_load(rt, &s, name, &what, e) < 0)
		return -e->code;
	g.memory = what.memory && !no_memory;
	int r = hold(&g, e);
	if (r == 0 && go_back(&g, e) < 0)
		r = err_wrap(e, "roll back to snapshot '%s/%s'", l->name, name);
	close_fd(&g.lock);
	return r;
}

int snapshots_recover(struct runtime *rt, const struct launched *l, struct err *e)
{
	cleanup_snapshots struct snapshots s = SNAPSHOTS_INIT;

	if (access(arena_printf(&rt->arena, "%s/" SNAPSHOTS_ROLLBACK, snapshots_path(l, &rt->arena)), F_OK) < 0)
		return 0;
	return snapshots_open(rt, l, SNAPSHOTS_CHANGE, &s, e);
}
