/*
 * Back to a snapshot: copies of its files are made aside, and take the place of the container's by renames, which whoever comes
 * next carries on if they are cut short.
 */
#include "runtime/snapshot/snapshot.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/mountinfo.h"
#include "lib/sha256.h"
#include "lib/tree_clone.h"
#include "lib/tree_digest.h"
#include "runtime/launch/launched_overlays.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What a container's directory has while it is replaced. */
#define OLD "old-"

enum { DIGESTS_MAX = 1 << 30 };

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
static int say_damage(const char *was, const char *is, struct arena *a, struct err *e)
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

static int check(const struct snapshots *s, const struct snapshot *what, struct arena *a, struct err *e)
{
	cleanup_close int dir = openat(s->dir, what->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_buf struct buf was = BUF_INIT, is = BUF_INIT;

	if (dir < 0)
		return err_set(e, errno, "open it");
	if (file_read_at(dir, SNAPSHOT_DIGESTS, DIGESTS_MAX, &was, e) < 0)
		return err_wrap(e, "it is damaged");
	if (strcmp(sha256_of(buf_text(&was), was.len).text, what->digests) != 0)
		return err_say(e, EBADMSG, "it is damaged: '" SNAPSHOT_DIGESTS "' is not as it was when it was made");
	for (size_t i = 0; i < what->n_files; i++)
		if (tree_digest(dir, what->files[i], &is, e) < 0)
			return err_wrap(e, "it is damaged");
	return strcmp(buf_text(&was), buf_text(&is)) == 0 ? 0 : say_damage(buf_text(&was), buf_text(&is), a, e);
}

/* ---- whether it fits ---- */

static bool has_file(const struct snapshot *what, const char *name)
{
	for (size_t i = 0; i < what->n_files; i++)
		if (strcmp(what->files[i], name) == 0)
			return true;
	return false;
}

static int check_files(struct runtime *rt, const struct launched *l, const struct snapshot *what, struct err *e)
{
	struct launched_overlay *overlays;
	size_t n, fit = 0;

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

static int go_back(struct runtime *rt, const struct snapshots *s, const struct snapshot *what, struct err *e)
{
	struct err ignored = ERR_INIT;

	if (check_files(rt, s->l, what, e) < 0 || check(s, what, &rt->arena, e) < 0)
		return -e->code;
	if (stage(s, what, e) < 0) {
		remove_tree_at(s->dir, SNAPSHOTS_STAGED, &ignored);
		return -e->code;
	}
	if (renameat2(s->dir, SNAPSHOTS_STAGED, s->dir, SNAPSHOTS_ROLLBACK, RENAME_NOREPLACE) < 0)
		return err_set(e, errno, "begin");
	return rollback_finish(rt, s, e);
}

int snapshot_rollback(struct runtime *rt, const struct launched *l, const char *name, struct err *e)
{
	cleanup_snapshots struct snapshots s = SNAPSHOTS_INIT;
	cleanup_close int lock = -1;
	struct launched_status status;
	struct snapshot what;

	if (launched_status(rt, l, &status, e) < 0)
		return -e->code;
	if (status.pid != 0 || status.state == LAUNCHED_RESTARTING)
		return err_say(e, EBUSY, "container '%s' runs: stop it, go back, and start it again", l->name);
	lock = launched_lock(l, e);
	if (lock < 0 || snapshots_open(rt, l, SNAPSHOTS_CHANGE, &s, e) < 0 ||
	    snapshot_load(rt, &s, name, &what, e) < 0)
		return -e->code;
	return go_back(rt, &s, &what, e) < 0 ? err_wrap(e, "roll back to snapshot '%s/%s'", l->name, name) : 0;
}

int snapshots_recover(struct runtime *rt, const struct launched *l, struct err *e)
{
	cleanup_snapshots struct snapshots s = SNAPSHOTS_INIT;

	if (access(arena_printf(&rt->arena, "%s/" SNAPSHOTS_ROLLBACK, snapshots_path(l, &rt->arena)), F_OK) < 0)
		return 0;
	return snapshots_open(rt, l, SNAPSHOTS_CHANGE, &s, e);
}
