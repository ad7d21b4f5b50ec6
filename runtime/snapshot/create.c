/*
 * A new snapshot. The overlay of a container that runs cannot get another upper directory: so that is copied, while the container
 * is paused, or held by CRIU, which has saved its memory. All that takes long is done before, large files that it does not write
 * and most of its memory, or when it goes on, digests and the disk.
 */
#include "runtime/snapshot/snapshot.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/proc.h"
#include "lib/sha256.h"
#include "lib/tree_ahead.h"
#include "lib/tree_clone.h"
#include "lib/tree_digest.h"
#include "runtime/checkpoint/guard.h"
#include "runtime/container.h"
#include "runtime/launch/launched_overlays.h"
#include "runtime/record.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* In the new snapshot, while it is made. */
#define AHEAD ".ahead"

struct making {
	struct runtime *rt;
	const struct launched *l;
	const struct snapshots *s;
	struct snapshot what;
	const char *advice; /* the request's */
	int from, to; /* the container's directory, and the snapshot's */
	const struct tree_ahead *ahead; /* NULL: all must be copied at once */
	bool runs;
	bool not_copied; /* that the memory cannot be saved is not the reason */
	int lock; /* of one that does not run */
	/* of one that does, for the moment of its pause */
	struct container c;
	int cgroup; /* -1: it is paused anyway */
	sigset_t signals;
	pid_t watch; /* 0: nobody */
	int watched; /* closed by whatever ends this process */
};

static void making_close(struct making *m)
{
	container_close(&m->c);
	close_fd(&m->cgroup);
	close_fd(&m->from);
	close_fd(&m->to);
	close_fd(&m->lock);
}

/* ---- what the container is doing ---- */

static int hold(struct making *m, bool no_memory, struct err *e)
{
	struct launched_status status;

	if (launched_status(m->rt, m->l, &status, e) < 0)
		return -e->code;
	switch (status.state) {
	case LAUNCHED_RUNNING:
	case LAUNCHED_PAUSED:
		m->runs = true;
		m->what.memory = !no_memory;
		return 0;
	case LAUNCHED_RESTARTING:
		return err_say(e, EBUSY, "container '%s' waits to be restarted: stop it first", m->l->name);
	default:
		m->lock = launched_lock(m->l, e);
		return m->lock < 0 ? m->lock : 0;
	}
}

/* So that nobody else pauses it or lets it go on. */
static int lock_running(struct making *m, struct err *e)
{
	enum container_status status;

	if (container_open(m->rt, m->l->id, true, &m->c, e) < 0 || container_status(m->rt, &m->c, &status, e) < 0)
		return -e->code;
	if (status == STATUS_PAUSED)
		return 0;
	if (status != STATUS_RUNNING)
		return err_say(e, EBUSY, "the container is just starting or ending: try again");
	if (container_cgroup(m->rt, &m->c, &m->cgroup, e) < 0)
		return -e->code;
	return m->cgroup >= 0 ? 0 : err_say(e, ENOTSUP, "the container has no cgroup of its own, so it cannot be paused: "
					    "stop it first");
}

/* ---- copying ---- */

static int copy_all(struct making *m, struct err *e)
{
	const struct tree_ahead *ahead = m->ahead && tree_ahead_ready(m->ahead) ? m->ahead : NULL;

	m->what.created = arena_strdup(&m->rt->arena, clock_now_rfc3339().text);
	for (size_t i = 0; i < m->what.n_files; i++)
		if (tree_clone(m->from, m->what.files[i], m->to, m->what.files[i], ahead, e) < 0)
			return -e->code;
	return 0;
}

/*
 * After SIGKILL another process lets the container go on. It shares the container's lock: nobody else has paused it again by then.
 * Without it the next command does so, by the record.
 */
static void watch(struct making *m)
{
	struct err ignored = ERR_INIT;
	int ends[2];
	char none;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	m->watch = fork();
	if (m->watch == 0) {
		guard_stay();
		close_fd(&ends[1]);
		if (read(ends[0], &none, 1) == 0)
			cgroup_freeze(m->cgroup, false, &ignored);
		_exit(0);
	}
	close_fd(&ends[0]);
	m->watched = ends[1];
}

static void unwatch(struct making *m)
{
	if (m->watch > 0 && write(m->watched, "", 1) == 1)
		proc_reap(m->watch);
	close_fd(&m->watched);
}

/* Who interrupts the command must not leave the container paused: a signal waits. */
static int freeze(struct making *m, struct err *e)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &m->signals);
	watch(m);
	m->c.dumping = DUMPING_RUNNING;
	return record_save(&m->c, e) < 0 || cgroup_freeze(m->cgroup, true, e) < 0 ? -e->code : 0;
}

static int go_on(struct making *m, struct err *e)
{
	int r = cgroup_freeze(m->cgroup, false, e);

	unwatch(m);
	m->c.dumping = DUMPING_NOT;
	if (r >= 0)
		r = record_save(&m->c, e);
	sigprocmask(SIG_SETMASK, &m->signals, NULL);
	return r < 0 ? err_wrap(e, "let the container go on") : 0;
}

static int copy_frozen(struct making *m, struct err *e)
{
	struct err why = ERR_INIT;
	int r = freeze(m, e);

	if (r >= 0)
		r = copy_all(m, e);
	if (go_on(m, &why) < 0) {
		*e = why;
		return -e->code;
	}
	return r;
}

static int copy_paused(struct making *m, struct err *e)
{
	int r = lock_running(m, e);

	if (r >= 0)
		r = m->cgroup < 0 ? copy_all(m, e) : copy_frozen(m, e);
	container_close(&m->c); /* others may want it while the rest is done */
	return r;
}

static int copy_held(void *data, struct err *e)
{
	struct making *m = data;
	int r = copy_all(m, e);

	m->not_copied = r < 0;
	return r;
}

/* What is in the way of the memory is not in the way of the files. */
static int copy_with_memory(struct making *m, struct err *e)
{
	const char *path = arena_printf(&m->rt->arena, "%s/" SNAPSHOTS_NEW, snapshots_path(m->l, &m->rt->arena));

	int r = memory_save(m->rt, m->s, m->to, path, copy_held, m, e);

	if (r < 0 && !m->not_copied && m->advice)
		err_say(e, e->code, "%s (%s)", arena_strdup(&m->rt->arena, e->msg), m->advice);
	return r;
}

static int copy_running(struct making *m, struct err *e)
{
	struct tree_ahead t;

	if (mkdirat(m->to, AHEAD, 0700) < 0)
		return err_set(e, errno, "create '" AHEAD "'");
	cleanup_close int dir = openat(m->to, AHEAD, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, errno, "open '" AHEAD "'");
	int can = tree_ahead_begin(dir, &t, e);
	for (size_t i = 0; can > 0 && i < m->what.n_files; i++)
		if (tree_ahead_copy(&t, m->from, m->what.files[i], e) < 0)
			return -e->code;
	m->ahead = can > 0 ? &t : NULL;
	int r = can < 0 ? can : m->what.memory ? copy_with_memory(m, e) : copy_paused(m, e);
	m->ahead = NULL;
	return r < 0 ? r : remove_tree_at(m->to, AHEAD, e);
}

/* ---- what there is to be kept ---- */

int snapshot_check_description(const char *text, struct err *e)
{
	for (const char *c = text ? text : ""; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return err_say(e, EINVAL, "expected one line, without control characters");
	return 0;
}

int snapshot_find_files(struct runtime *rt, const struct launched *l, struct snapshot *ret, struct err *e)
{
	struct launched_overlay *overlays;
	size_t n;

	if (launched_overlays(rt, l, &overlays, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		*arena_push(&rt->arena, &ret->files, &ret->n_files) = strrchr(overlays[i].dirs.upper, '/') + 1;
	return n > 0 ? 0 : err_say(e, ENOTSUP, "container '%s' writes into '%s' itself: there is nothing else to keep of it "
				   "(with --rootfs '%s:O' it would write aside)", l->name, l->image, l->image);
}

/* By the names of all, as one that cannot be read has its name, too. */
static int raise_next(int dir, const char *name, unsigned char type, void *data, struct err *e)
{
	long *next = data, number;
	char *end;

	(void)dir, (void)type, (void)e;
	if (strncmp(name, "snap", 4) != 0 || name[4] < '0' || name[4] > '9')
		return 0;
	number = strtol(name + 4, &end, 10);
	if (!*end && number >= *next && number < 1000000000)
		*next = number + 1;
	return 0;
}

static int next_name(struct runtime *rt, const struct snapshots *s, const char **ret, struct err *e)
{
	cleanup_close int dir = openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long next = 0;

	if (dir < 0 ? err_set(e, errno, "open it") : dir_each(dir, raise_next, &next, e) < 0)
		return err_wrap(e, "the snapshots of container '%s'", s->l->name);
	*ret = arena_printf(&rt->arena, "snap%ld", next);
	return 0;
}

int snapshot_choose_name(struct runtime *rt, const struct snapshots *s, const char *wanted, const char **ret, struct err *e)
{
	struct err ignored = ERR_INIT;

	if (!wanted)
		return next_name(rt, s, ret, e);
	if (container_check_id(wanted, &ignored) < 0)
		return err_say(e, EINVAL, "\"%s\" is no name for a snapshot: use letters, digits and _+-., with no dot in front",
			       wanted);
	if (faccessat(s->dir, wanted, F_OK, 0) == 0)
		return err_say(e, EEXIST, "container '%s' has a snapshot \"%s\" already: remove it, or choose another name",
			       s->l->name, wanted);
	if (errno == ENAMETOOLONG)
		return err_say(e, EINVAL, "\"%s\" is no name for a snapshot: use %d characters at most", wanted, NAME_MAX);
	if (errno != ENOENT)
		return err_set(e, errno, "snapshot '%s/%s'", s->l->name, wanted);
	*ret = wanted;
	return 0;
}

/* ---- making it ---- */

int snapshot_digests(int dir, const struct snapshot *what, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < what->n_files; i++)
		if (tree_digest(dir, what->files[i], out, e) < 0)
			return -e->code;
	if (what->memory && tree_digest(dir, SNAPSHOT_MEMORY, out, e) < 0)
		return -e->code;
	return snapshot_digest_documents(dir, out, e);
}

static int write_digests(struct runtime *rt, int dir, struct snapshot *what, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;

	if (snapshot_digests(dir, what, &text, e) < 0)
		return -e->code;
	what->digests = arena_strdup(&rt->arena, sha256_of(text.data, text.len).text);
	return file_replace_at(dir, SNAPSHOT_DIGESTS, 0600, text.data, text.len, e);
}

static int size_of(struct runtime *rt, int dir, const char *name, uint64_t *ret, struct err *e)
{
	return overlay_size(arena_printf(&rt->arena, "%s/%s", fd_path(dir).path, name), ret, e);
}

static int find_sizes(struct runtime *rt, int dir, struct snapshot *what, struct err *e)
{
	uint64_t bytes;

	what->bytes = what->memory_bytes = 0;
	for (size_t i = 0; i < what->n_files; i++, what->bytes += bytes)
		if (size_of(rt, dir, what->files[i], &bytes, e) < 0)
			return -e->code;
	return what->memory ? size_of(rt, dir, SNAPSHOT_MEMORY, &what->memory_bytes, e) : 0;
}

int snapshot_complete(struct runtime *rt, const struct snapshots *s, int dir, struct snapshot *what, struct err *e)
{
	if (find_sizes(rt, dir, what, e) < 0 || write_digests(rt, dir, what, e) < 0 || snapshot_save(dir, what, e) < 0)
		return -e->code;
	if (syncfs(dir) < 0)
		return err_set(e, errno, "sync");
	/* From here on it is a snapshot. */
	if (renameat2(s->dir, SNAPSHOTS_NEW, s->dir, what->name, RENAME_NOREPLACE) < 0)
		return err_set(e, errno, "give it its name");
	return fsync(s->dir) < 0 ? err_set(e, errno, "sync") : 0;
}

static int make(struct making *m, struct err *e)
{
	if (mkdirat(m->s->dir, SNAPSHOTS_NEW, 0700) < 0)
		return err_set(e, errno, "create its directory");
	m->from = open(m->l->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	m->to = openat(m->s->dir, SNAPSHOTS_NEW, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (m->from < 0 || m->to < 0)
		return err_set(e, errno, "open '%s'", m->from < 0 ? m->l->dir : SNAPSHOTS_NEW);
	if ((m->runs ? copy_running(m, e) : copy_all(m, e)) < 0)
		return -e->code;
	if (snapshot_save_documents(m->l, &m->what, m->from, m->to, e) < 0)
		return -e->code;
	if (snapshot_complete(m->rt, m->s, m->to, &m->what, e) < 0)
		return -e->code;
	return file_replace_at(m->s->dir, SNAPSHOTS_CURRENT, 0600, m->what.name, strlen(m->what.name), e);
}

int snapshot_create(struct runtime *rt, const struct launched *l, const struct snapshot_request *r,
		    const char **ret_name, struct err *e)
{
	cleanup_snapshots struct snapshots s = SNAPSHOTS_INIT;
	__attribute__((cleanup(making_close))) struct making m = {
		.rt = rt,
		.l = l,
		.s = &s,
		.what = { .container = l->id, .description = r->description, .expires = r->expires,
			  .layers = l->layers, .n_layers = l->n_layers, .cloned_from = l->cloned_from },
		.advice = r->advice,
		.watched = -1,
		.from = -1,
		.to = -1,
		.lock = -1,
		.c = CONTAINER_INIT,
		.cgroup = -1,
	};
	struct err ignored = ERR_INIT;

	if (snapshot_find_files(rt, l, &m.what, e) < 0 || hold(&m, r->no_memory, e) < 0 ||
	    snapshots_open(rt, l, SNAPSHOTS_MAKE, &s, e) < 0 ||
	    snapshot_choose_name(rt, &s, r->name, &m.what.name, e) < 0)
		return -e->code;
	m.what.parent = snapshots_current(rt, &s);
	if (make(&m, e) < 0) {
		remove_tree_at(s.dir, SNAPSHOTS_NEW, &ignored);
		return err_wrap(e, "snapshot '%s/%s'", l->name, m.what.name);
	}
	*ret_name = m.what.name;
	return 0;
}
