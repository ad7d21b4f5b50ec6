/*
 * A snapshot's memory: a dump by CRIU that leaves the container running. Where the kernel tracks which memory is written, most of
 * it is saved before that, while the container runs: what is left to be saved while it is held is what it has written since.
 */
#include "runtime/snapshot/snapshot.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "overlay/changes.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/preflight.h"
#include "runtime/supervise/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Another round is of use as long as there is much less to be saved each time. */
enum { ROUNDS_MAX = 4, LITTLE_BYTES = 2 << 20 };

/* One process that cannot be stopped, since what it forked has still to execute its program, keeps all others waiting. */
enum { STOP_TIMEOUT_S = 2 };

enum { GHOST_LIMIT_BYTES = 256 << 20 };

/* To tell all of what it does takes CRIU a good part of the time in which nothing runs. */
enum { LOG_WARNINGS = 2 };

struct saving {
	struct runtime *rt;
	const struct snapshots *s;
	const char *path; /* of the images */
	struct preflight_host host;
};

/*
 * Whatever CRIU can keep is kept: the files that are needed for it are in the snapshot, too. It cannot keep a connection that waits
 * to be accepted; that is none of the program's yet, and stays where it is.
 */
static struct checkpoint_request request(struct runtime *rt, const struct snapshots *s, const char *images)
{
	struct checkpoint_request r = CHECKPOINT_REQUEST_INIT;

	r.id = s->l->id;
	r.image_path = images;
	r.work_path = arena_printf(&rt->arena, "%s/" SNAPSHOTS_LOG, snapshots_path(s->l, &rt->arena));
	r.options.tcp_established = true;
	r.options.tcp_skip_in_flight = true;
	r.options.file_locks = true;
	r.options.link_remap = true;
	r.options.ghost_limit_bytes = GHOST_LIMIT_BYTES;
	return r;
}

static int open_log(const struct snapshots *s, struct err *e)
{
	if (mkdirat(s->dir, SNAPSHOTS_LOG, 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "create '" SNAPSHOTS_LOG "'");
	int fd = openat(s->dir, SNAPSHOTS_LOG, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "open '" SNAPSHOTS_LOG "'") : fd;
}

/* ---- saving ---- */

/* The directories of the rounds are numbered from 1 on; 0: none. */
static const char *parent_of(const struct saving *v, int round, const char *up)
{
	return round ? arena_printf(&v->rt->arena, "%s%d", up, round) : NULL;
}

/* CRIU opens images as who the container's root is, too; what they lie in is closed to others. */
static int make_directory(int dir, const char *name, struct err *e)
{
	return mkdirat(dir, name, 0755) < 0 || fchmodat(dir, name, 0755, 0) < 0 ? err_set(e, errno, "create '%s'", name) : 0;
}

static int save_round(const struct saving *v, int images, int round, uint64_t *ret_bytes, struct err *e)
{
	const char *path = arena_printf(&v->rt->arena, "%s/%d", v->path, round);
	struct checkpoint_request r = request(v->rt, v->s, path);

	if (make_directory(images, parent_of(v, round, ""), e) < 0)
		return -e->code;
	r.pre_dump = true;
	r.options.pre_dump_mode = CRIU_PRE_DUMP_READ;
	r.options.stop_timeout_s = STOP_TIMEOUT_S;
	r.options.parent = parent_of(v, round - 1, "../");
	return supervise_checkpoint(v->rt, v->s->l, &r, e) < 0 ? -e->code : overlay_size(path, ret_bytes, e);
}

/* How many rounds there were. What is in the way is said by the last dump, if that finds it, too. */
static int save_ahead(const struct saving *v, int images, struct err *e)
{
	struct err why = ERR_INIT;
	uint64_t bytes, last = UINT64_MAX;

	for (int round = 1; round <= ROUNDS_MAX; round++, last = bytes) {
		if (save_round(v, images, round, &bytes, &why) < 0)
			return remove_tree_at(images, parent_of(v, round, ""), e) < 0 ? -e->code : round - 1;
		if (bytes < LITTLE_BYTES || bytes > last / 2)
			return round;
	}
	return ROUNDS_MAX;
}

static int save(struct saving *v, int images, int (*copy)(void *, struct err *), void *data, struct err *e)
{
	struct checkpoint_request r = request(v->rt, v->s, v->path);
	struct launched_status status;
	int rounds = 0;

	if (launched_status(v->rt, v->s->l, &status, e) < 0)
		return -e->code;
	if (v->host.features.mem_track && status.state != LAUNCHED_PAUSED)
		rounds = save_ahead(v, images, e);
	r.options.leave_running = true;
	r.options.log_level = LOG_WARNINGS;
	r.options.parent = parent_of(v, rounds, "");
	r.while_held = copy;
	r.data = data;
	return rounds < 0 ? rounds : supervise_checkpoint(v->rt, v->s->l, &r, e);
}

int memory_save(struct runtime *rt, const struct snapshots *s, int to, const char *path,
		int (*copy)(void *data, struct err *e), void *data, struct err *e)
{
	struct saving v = { .rt = rt, .s = s, .path = arena_printf(&rt->arena, "%s/" SNAPSHOT_MEMORY, path) };
	struct preflight ignored = { .arena = &rt->arena };

	if (make_directory(to, SNAPSHOT_MEMORY, e) < 0)
		return -e->code;
	cleanup_close int images = openat(to, SNAPSHOT_MEMORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_close int log = open_log(s, e);
	if (images < 0)
		return err_set(e, errno, "open '" SNAPSHOT_MEMORY "'");
	/* What this machine lacks is found again, and said, by whoever checks before a dump. */
	if (log < 0 || runtime_check_host(rt, NULL, false, &ignored, &v.host, e) < 0)
		return -e->code;
	if (save(&v, images, copy, data, e) < 0)
		return -e->code;
	return preflight_cpu_save(v.host.program, images, log, e) < 0 ? err_wrap(e, "what the processor has") : 0;
}

/* ---- restoring ---- */

/* What it mounts of this machine. */
static int check_sources(struct runtime *rt, const struct launched *l, struct err *e)
{
	cleanup_close int dir = open(l->dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct create_request r;

	if (dir < 0)
		return err_set(e, errno, "open '%s'", l->dir);
	if (supervise_request(rt, l, dir, &r, e) < 0)
		return -e->code;
	for (size_t i = 0; i < r.spec->n_mounts; i++)
		if (checkpoint_is_bind(&r.spec->mounts[i]) && access(r.spec->mounts[i].source, F_OK) < 0)
			return err_set(e, errno, "'%s', which is mounted in it", r.spec->mounts[i].source);
	return 0;
}

int memory_check(struct runtime *rt, const struct snapshots *s, const struct snapshot *what, struct err *e)
{
	struct preflight p = { .arena = &rt->arena };
	const char *path = arena_printf(&rt->arena, "%s/" SNAPSHOT_MEMORY, what->name), *program;
	cleanup_close int images = openat(s->dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_close int log = open_log(s, e);

	if (images < 0)
		return err_set(e, errno, "open '" SNAPSHOT_MEMORY "'");
	if (check_sources(rt, s->l, e) < 0)
		return -e->code;
	if (log < 0 || criu_find(NULL, &rt->arena, &program, e) < 0 || preflight_cpu(&p, program, images, log, e) < 0)
		return -e->code;
	const struct preflight_finding *f = preflight_fails(&p);
	return f ? err_say(e, ENOTSUP, "%s", preflight_line(f, &rt->arena)) : 0;
}

int memory_restore(struct runtime *rt, struct launched *l, int dir, const struct snapshots *s, const struct snapshot *what,
		   struct err *e)
{
	struct checkpoint_request r =
		request(rt, s, arena_printf(&rt->arena, "%s/" SNAPSHOT_MEMORY, snapshot_directory(s, what, &rt->arena)));

	return supervise_restore_locked(rt, l, dir, &r, e);
}
