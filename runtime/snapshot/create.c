/*
 * A new snapshot. The overlay of a container that runs cannot get another upper directory: so that is copied, while the container
 * is paused. All that takes long is done before, large files that it does not write, or when it goes on, digests and the disk.
 */
#include "runtime/snapshot/snapshot.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/sha256.h"
#include "lib/tree_ahead.h"
#include "lib/tree_clone.h"
#include "lib/tree_digest.h"
#include "runtime/container.h"
#include "runtime/images.h"
#include "runtime/launch/launched_overlays.h"
#include "runtime/log.h"
#include "runtime/record.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* In the new snapshot, while it is made. */
#define AHEAD ".ahead"

/* The container while it is copied. */
struct still {
	struct container c; /* of one that runs */
	int cgroup;
	int dir; /* of one that does not: its lock */
	bool to_pause;
	sigset_t signals;
};

#define STILL_INIT ((struct still){ .c = CONTAINER_INIT, .cgroup = -1, .dir = -1 })

static void still_close(struct still *s)
{
	container_close(&s->c);
	close_fd(&s->cgroup);
	close_fd(&s->dir);
}

/* ---- what it is doing ---- */

static int hold_running(struct runtime *rt, const struct launched *l, struct still *s, struct err *e)
{
	enum container_status status;

	if (container_open(rt, l->id, true, &s->c, e) < 0 || container_status(rt, &s->c, &status, e) < 0)
		return -e->code;
	if (status != STATUS_RUNNING && status != STATUS_PAUSED)
		return err_say(e, EBUSY, "it is just starting or ending: try again");
	s->to_pause = status == STATUS_RUNNING;
	if (!s->to_pause)
		return 0;
	if (container_cgroup(rt, &s->c, &s->cgroup, e) < 0)
		return -e->code;
	return s->cgroup >= 0 ? 0 :
	       err_say(e, ENOTSUP, "it has no cgroup of its own, so it cannot be paused for a snapshot: stop it first");
}

static int hold(struct runtime *rt, const struct launched *l, const struct snapshot_request *r, struct still *s,
		struct err *e)
{
	struct launched_status status;

	if (launched_status(rt, l, &status, e) < 0)
		return -e->code;
	switch (status.state) {
	case LAUNCHED_RUNNING:
	case LAUNCHED_PAUSED:
		if (!r->no_memory)
			return err_say(e, ENOTSUP, "container '%s' runs, and memory is not among what a snapshot can keep so far: "
				       "give --no-memory for its files alone, or stop it first", l->name);
		return hold_running(rt, l, s, e) < 0 ? err_wrap(e, "container '%s'", l->name) : 0;
	case LAUNCHED_RESTARTING:
		return err_say(e, EBUSY, "container '%s' waits to be restarted: stop it first", l->name);
	default:
		s->dir = launched_lock(l, e);
		return s->dir < 0 ? s->dir : 0;
	}
}

/* ---- while it is paused ---- */

/* Who interrupts the command must not leave the container paused: a signal waits. After SIGKILL the record says so. */
static int freeze(struct still *s, struct err *e)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &s->signals);
	s->c.dumping = DUMPING_RUNNING;
	return record_save(&s->c, e) < 0 || cgroup_freeze(s->cgroup, true, e) < 0 ? -e->code : 0;
}

static int go_on(struct still *s, struct err *e)
{
	int r = cgroup_freeze(s->cgroup, false, e);

	s->c.dumping = DUMPING_NOT;
	if (r >= 0)
		r = record_save(&s->c, e);
	sigprocmask(SIG_SETMASK, &s->signals, NULL);
	return r;
}

/* @from: the container's directory; @to: the snapshot's. */
static int copy_all(int from, int to, const struct snapshot *what, const struct tree_ahead *ahead, struct err *e)
{
	for (size_t i = 0; i < what->n_files; i++)
		if (tree_clone(from, what->files[i], to, what->files[i], ahead, e) < 0)
			return -e->code;
	return 0;
}

static int copy_paused(struct still *s, int from, int to, const struct snapshot *what, const struct tree_ahead *ahead,
		       struct err *e)
{
	struct err why = ERR_INIT;
	int r = freeze(s, e);

	if (r >= 0)
		r = copy_all(from, to, what, ahead && tree_ahead_ready(ahead) ? ahead : NULL, e);
	if (go_on(s, &why) < 0) {
		if (r >= 0)
			*e = why;
		return err_wrap(e, "let the container go on");
	}
	return r;
}

static int copy_running(struct still *s, int from, int to, const struct snapshot *what, struct err *e)
{
	struct tree_ahead t;

	if (mkdirat(to, AHEAD, 0700) < 0)
		return err_set(e, errno, "create '" AHEAD "'");
	cleanup_close int dir = openat(to, AHEAD, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, errno, "open '" AHEAD "'");
	int r = tree_ahead_begin(dir, &t, e);
	for (size_t i = 0; r > 0 && i < what->n_files; i++)
		if (tree_ahead_copy(&t, from, what->files[i], e) < 0)
			return -e->code;
	if (r < 0 || copy_paused(s, from, to, what, r > 0 ? &t : NULL, e) < 0)
		return -e->code;
	return remove_tree_at(to, AHEAD, e);
}

static int copy(struct still *s, const char *container, int to, const struct snapshot *what, struct err *e)
{
	cleanup_close int from = open(container, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (from < 0)
		return err_set(e, errno, "open '%s'", container);
	return s->to_pause ? copy_running(s, from, to, what, e) : copy_all(from, to, what, NULL, e);
}

/* ---- what there is to be kept ---- */

static int find_files(struct runtime *rt, const struct launched *l, struct snapshot *what, struct err *e)
{
	struct launched_overlay *overlays;
	size_t n;

	if (launched_overlays(rt, l, &overlays, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		*arena_push(&rt->arena, &what->files, &what->n_files) = strrchr(overlays[i].dirs.upper, '/') + 1;
	return n > 0 ? 0 : err_say(e, ENOTSUP, "container '%s' writes into '%s' itself: there is nothing else to keep of it "
				   "(with --rootfs '%s:O' it would write aside)", l->name, l->image, l->image);
}

static const char *next_name(struct runtime *rt, const struct snapshot *all, size_t n)
{
	long next = 0;
	char *end;

	for (size_t i = 0; i < n; i++) {
		if (strncmp(all[i].name, "snap", 4) != 0 || all[i].name[4] < '0' || all[i].name[4] > '9')
			continue;
		long number = strtol(all[i].name + 4, &end, 10);
		if (!*end && number >= next && number < 1000000000)
			next = number + 1;
	}
	return arena_printf(&rt->arena, "snap%ld", next);
}

static int choose_name(struct runtime *rt, const struct snapshots *s, const char *wanted, const char **ret, struct err *e)
{
	struct err ignored = ERR_INIT;
	struct snapshot *all;
	size_t n;

	if (!wanted) {
		if (snapshots_list(rt, s, &all, &n, e) < 0)
			return -e->code;
		*ret = next_name(rt, all, n);
		return 0;
	}
	if (container_check_id(wanted, &ignored) < 0)
		return err_say(e, EINVAL, "\"%s\" is no name for a snapshot: use letters, digits and _+-., with no dot in front",
			       wanted);
	if (faccessat(s->dir, wanted, F_OK, 0) == 0)
		return err_say(e, EEXIST, "container '%s' has a snapshot \"%s\" already: remove it, or choose another name",
			       s->l->name, wanted);
	*ret = wanted;
	return 0;
}

/* ---- making it ---- */

static int write_digests(int dir, struct snapshot *what, struct arena *a, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;

	for (size_t i = 0; i < what->n_files; i++)
		if (tree_digest(dir, what->files[i], &text, e) < 0)
			return -e->code;
	what->digests = arena_strdup(a, sha256_of(text.data, text.len).text);
	return file_replace_at(dir, SNAPSHOT_DIGESTS, 0600, text.data, text.len, e);
}

/* @dir: .new, with the copies. */
static int complete(struct runtime *rt, const struct snapshots *s, int dir, struct snapshot *what, struct err *e)
{
	uint64_t bytes;

	for (size_t i = 0; i < what->n_files; i++, what->bytes += bytes)
		if (overlay_size(arena_printf(&rt->arena, "%s/%s", fd_path(dir).path, what->files[i]), &bytes, e) < 0)
			return -e->code;
	if (write_digests(dir, what, &rt->arena, e) < 0 || snapshot_save(dir, what, e) < 0)
		return -e->code;
	if (syncfs(dir) < 0)
		return err_set(e, errno, "sync");
	if (renameat2(s->dir, SNAPSHOTS_NEW, s->dir, what->name, RENAME_NOREPLACE) < 0)
		return err_set(e, errno, "give it its name");
	if (fsync(s->dir) < 0)
		return err_set(e, errno, "sync");
	return file_replace_at(s->dir, SNAPSHOTS_CURRENT, 0600, what->name, strlen(what->name), e);
}

static int make(struct runtime *rt, const struct snapshots *s, struct still *still, struct snapshot *what, struct err *e)
{
	if (mkdirat(s->dir, SNAPSHOTS_NEW, 0700) < 0)
		return err_set(e, errno, "create its directory");
	cleanup_close int dir = openat(s->dir, SNAPSHOTS_NEW, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, errno, "open its directory");
	what->created = arena_strdup(&rt->arena, clock_now_rfc3339().text);
	if (copy(still, s->l->dir, dir, what, e) < 0)
		return -e->code;
	return complete(rt, s, dir, what, e);
}

int snapshot_create(struct runtime *rt, const struct launched *l, const struct snapshot_request *r,
		    const char **ret_name, struct err *e)
{
	__attribute__((cleanup(still_close))) struct still still = STILL_INIT;
	cleanup_snapshots struct snapshots s = SNAPSHOTS_INIT;
	struct snapshot what = {
		.container = l->id,
		.description = r->description,
		.expires = r->expires,
	};
	struct err ignored = ERR_INIT;

	if (find_files(rt, l, &what, e) < 0 || hold(rt, l, r, &still, e) < 0 || images_enter_userns(rt, e) < 0 ||
	    snapshots_open(rt, l, SNAPSHOTS_MAKE, &s, e) < 0 || choose_name(rt, &s, r->name, &what.name, e) < 0)
		return -e->code;
	what.parent = snapshots_current(rt, &s);
	int result = make(rt, &s, &still, &what, e);
	if (result < 0) {
		remove_tree_at(s.dir, SNAPSHOTS_NEW, &ignored);
		return err_wrap(e, "snapshot '%s/%s'", l->name, what.name);
	}
	*ret_name = what.name;
	return 0;
}
