/* ferry checkpoint: a running container becomes an image. */
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/dump_image.h"
#include "runtime/checkpoint/guard.h"
#include "runtime/checkpoint/preflight.h"
#include "runtime/checkpoint/traps.h"

#include "checkpoint/images/digests.h"
#include "checkpoint/images/share.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/proc.h"
#include "lib/sys.h"
#include "runtime/launch/launched.h"
#include "runtime/log.h"
#include "runtime/record.h"
#include "runtime/start.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_FILE "dump.log"

enum { END_TIMEOUT_MS = 10000 };

/* What is heard during the dump, and who is watched over meanwhile. */
struct dump {
	const struct checkpoint_request *request;
	int images;
	int config; /* of CRIU's settings, -1 */
	const char *descriptors[CHECKPOINT_DESCRIPTORS];
	int status; /* -1: none, or told already */
	bool saved; /* the image is whole */
	bool userns;
	struct guard guard;
};

static int check_status(struct runtime *rt, struct container *c, struct err *e)
{
	enum container_status status;

	if (container_status(rt, c, &status, e) < 0)
		return -e->code;
	if (status != STATUS_RUNNING && status != STATUS_PAUSED)
		return err_say(e, EINVAL, "Container cannot be checkpointed in %s state", container_status_name(status));
	c->dumping = status == STATUS_PAUSED ? DUMPING_PAUSED : DUMPING_RUNNING;
	return 0;
}

/* --parent-path is one word in the image: CRIU makes a link of it there. */
static int check_parent(const struct criu_options *o, struct err *e)
{
	struct stat st, own;

	if (!o->parent)
		return 0;
	if (o->parent[0] == '/')
		return err_say(e, EINVAL, "--parent-path '%s': must be relative to the directory of the images", o->parent);
	if (fstatat(o->images, o->parent, &st, 0) < 0 || fstat(o->images, &own) < 0)
		return err_set(e, errno, "--parent-path '%s'", o->parent);
	if (st.st_ino == own.st_ino && st.st_dev == own.st_dev)
		return err_say(e, EINVAL, "--parent-path '%s': is the directory of the image itself: name another one by "
			       "--image-path", o->parent);
	return S_ISDIR(st.st_mode) ? 0 : err_set(e, ENOTDIR, "--parent-path '%s'", o->parent);
}

/* What would make CRIU fail is said before anything is frozen. */
static int check_before(struct runtime *rt, const struct checkpoint_request *r, struct container *c,
			struct criu_options *o, struct preflight_host *ret, struct err *e)
{
	if (runtime_check_before(rt, c, r, o, ret, e) < 0)
		return -e->code;
	if ((r->pre_dump || o->parent) && !ret->features.mem_track)
		return err_say(e, ENOTSUP, "--%s: this kernel does not track which memory is written "
			       "(CONFIG_MEM_SOFT_DIRTY)", r->pre_dump ? "pre-dump" : "parent-path");
	if (o->lazy_pages && !ret->features.lazy_pages)
		return err_say(e, ENOTSUP, "--lazy-pages: this kernel or criu lacks userfaultfd");
	return 0;
}

static int plan(struct runtime *rt, const struct checkpoint_request *r, struct container *c, const struct spec *s,
		struct criu_options *o, struct err *e)
{
	if (checkpoint_plan(rt, c, s, o, e) < 0)
		return -e->code;
	if (!o->log_level)
		o->log_level = 4;
	o->log_file = LOG_FILE;
	o->notify = true;
	o->orphan_pts_master = true;
	o->track_memory = r->pre_dump || o->parent;
	return 0;
}

static int tell_ready(struct dump *d)
{
	if (d->status >= 0 && write(d->status, "", 1) < 0)
		log_warn("--status-fd: %m");
	close_fd(&d->status);
	return 0;
}

static int notified(void *data, const char *name, pid_t pid, int fd, struct err *e)
{
	struct dump *d = data;

	(void)pid;
	close_fd(&fd);
	log_debug("criu: %s", name);
	if (strcmp(name, "status-ready") == 0)
		return tell_ready(d);
	if (strcmp(name, "pre-dump") == 0)
		return guard_note(&d->guard, e);
	/* All has been written, and nothing has been ended. */
	if (strcmp(name, "post-dump") != 0 || d->request->pre_dump)
		return 0;
	if (d->request->while_held && d->request->while_held(d->request->data, e) < 0)
		return -e->code;
	if (d->guard.threads && traps_in_images(d->images, e) < 0)
		return -e->code;
	if (checkpoint_save_descriptors(d->images, d->descriptors, e) < 0)
		return -e->code;
	d->saved = true;
	return 0;
}

static int prepare(void *data, struct err *e)
{
	const struct dump *d = data;

	(void)e;
	guard_stay();
	/* A restore opens images as the container's root, too: their directory says who else may. */
	if (d->userns)
		umask(022);
	return 0;
}

static void start_guard(struct runtime *rt, struct container *c, struct dump *d, pid_t criu)
{
	cleanup_close int cgroup = -1;
	struct err why = ERR_INIT;

	if (container_cgroup(rt, c, &cgroup, &why) < 0 || cgroup < 0) {
		log_debug("nothing freezes the container if criu is killed: %s", why.msg);
		return;
	}
	d->guard = (struct guard){ .criu = criu, .forks = d->request->pre_dump, .cgroup = cgroup,
				   .paused = c->dumping == DUMPING_PAUSED, .threads = threads_new(), .lock = c->dir };
	if (guard_start(&d->guard, &why) < 0) {
		log_debug("nothing freezes the container if criu is killed: %s", why.msg);
		d->guard.cgroup = -1;
	} else {
		take_fd(&cgroup);
	}
}

/* For the guard, and for what a CRIU that was killed has left at work: to lock the network, for one. */
static void wait_for_rest(void)
{
	while (waitpid(-1, NULL, __WALL) >= 0 || errno == EINTR)
		;
}

static int ask(struct runtime *rt, const char *program, struct container *c, struct dump *d, const struct criu_options *o,
	       struct err *e)
{
	/* The container stays locked as long as CRIU is at work on it, and so does the image. */
	const int keep[] = { c->dir, d->config, d->images };
	/* One that will wait for others to fetch the memory can be ended. */
	const struct criu_start start = { .program = program, .keep = keep, .n_keep = 3, .cgroup = -1, .quiet = true,
					  .prepare = o->lazy_pages ? NULL : prepare, .data = d };
	const struct criu_request q = { .type = d->request->pre_dump ? CRIU_PRE_DUMP : CRIU_DUMP, .options = o,
					.notified = notified, .data = d };
	struct criu_answer answer;
	struct criu criu;

	/* What it leaves comes to us. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return err_set(e, errno, "become a subreaper");
	int r = criu_start(&start, &criu, e);
	if (r < 0)
		return r;
	start_guard(rt, c, d, criu.pid);
	r = criu_ask(&criu, &q, &answer, e);
	struct guard *g = &d->guard;
	bool goes_on = r >= 0 && (d->request->pre_dump || o->leave_running) && g->cgroup >= 0;
	/* If CRIU is killed now, when it is done, the guard is at work on them. */
	bool later = goes_on && g->threads && threads_claim(g->threads) == THREADS_OTHERS;
	if (goes_on && !later)
		r = threads_release(g->cgroup, g->paused, e);
	criu_end(&criu);
	wait_for_rest();
	if (later)
		r = threads_release(g->cgroup, g->paused, e);
	close_fd(&g->cgroup);
	threads_free(g->threads);
	return r < 0 && !answer.refused ? checkpoint_failed(d->request, o, e) : r;
}

/* For the record. */
static int save_done(struct container *c, struct err *e)
{
	c->dumping = DUMPING_NOT;
	c->dump_image = NULL;
	return record_save(c, e);
}

/* A launched one stays, ended: its supervisor sees that it was saved. */
static int end_launched(struct container *c, struct err *e)
{
	struct err gone = ERR_INIT;
	cleanup_close int pidfd = container_pidfd(c, &gone);

	if (pidfd >= 0) {
		pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
		if (proc_wait_end(pidfd, END_TIMEOUT_MS, e) < 0)
			return -e->code;
	}
	c->saved = true;
	return save_done(c, e);
}

/* As runc: what has been saved is no more. */
static int end(struct runtime *rt, struct container *c, const struct spec *s, struct err *e)
{
	if (c->launched)
		return end_launched(c, e);
	if (container_remove(rt, c, NULL, e) < 0)
		return err_wrap(e, "delete container '%s'", c->id);
	poststop_hooks(c, s);
	return 0;
}

/* Of a clone: memory that it shares with others is not in its image, but beside it. */
static int keep_shared(const struct container *c, struct arena *a, struct criu_options *o, struct err *e)
{
	const char *path = arena_printf(a, "%s/" LAUNCHED_WARM, c->bundle);
	cleanup_close int warm = c->launched ? open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;

	if (warm < 0)
		return c->launched && errno != ENOENT ? err_set(e, errno, "open '%s'", path) : 0;
	return images_memory_keep(warm, o->images, a, o, e) < 0 ? err_wrap(e, "'%s'", path) : 0;
}

/* What CRIU says then is only that some process is not there. */
static int say_if_ended(struct container *c, struct err *e)
{
	struct err gone = ERR_INIT;
	cleanup_close int pidfd = container_pidfd(c, &gone);

	return pidfd >= 0 ? -e->code : err_say(e, ESRCH, "container '%s' ended before it was saved", c->id);
}

static int dump(struct runtime *rt, const struct checkpoint_request *r, struct container *c, struct criu_options *o,
		struct err *e)
{
	struct dump d = { .request = r, .status = r->status, .config = -1, .guard.cgroup = -1 };
	cleanup_close int config = -1;
	bool goes_on = r->pre_dump || o->leave_running;
	struct err ignored = ERR_INIT;
	struct preflight_host host;
	struct spec *s;

	if (container_load_config(c, &rt->arena, &s, e) < 0 || plan(rt, r, c, s, o, e) < 0 ||
	    check_before(rt, r, c, o, &host, e) < 0)
		return -e->code;
	d.userns = checkpoint_has_userns(s);
	if (checkpoint_open_directories(r, true, o, e) < 0 || check_parent(o, e) < 0 ||
	    checkpoint_find_descriptors(rt, c, d.descriptors, o, e) < 0)
		return -e->code;
	if (o->lazy_pages && o->page_server) {
		config = checkpoint_listening_config(o->config_file, o->page_server, e);
		if (config < 0)
			return -e->code;
		d.config = config;
		o->config_file = arena_strdup(&rt->arena, fd_path(config).path);
	}
	d.images = o->images;
	c->dump_image = checkpoint_path(o->images, &rt->arena);
	if (dump_image_begin(o->images, r->image_path, c->id, e) < 0 || keep_shared(c, &rt->arena, o, e) < 0 ||
	    record_save(c, e) < 0)
		return -e->code;
	/* Once the image is whole, what was to end ends, however CRIU does. */
	int asked = ask(rt, host.program, c, &d, o, e);
	if (asked < 0 && (!d.saved || goes_on || o->lazy_pages)) {
		if (checkpoint_recover(rt, c, &ignored) < 0)
			log_warn("%s", ignored.msg);
		return d.saved ? -e->code : say_if_ended(c, e);
	}
	*e = ERR_INIT;
	/* Without, less of what may happen to it is found. */
	if (!r->pre_dump && images_digests_write_quickly(o->images, &ignored) < 0)
		log_warn("%s", ignored.msg);
	if ((goes_on ? save_done(c, e) : end(rt, c, s, e)) < 0)
		return -e->code;
	dump_image_end(o->images);
	return 0;
}

int lifecycle_checkpoint(struct runtime *rt, const struct checkpoint_request *r, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;
	struct criu_options o = r->options;

	if (container_open(rt, r->id, true, &c, e) < 0 || check_status(rt, &c, e) < 0)
		return -e->code;
	int result = dump(rt, r, &c, &o, e);
	close_fd(&o.images);
	close_fd(&o.work);
	return result;
}
