/* One clone: a directory, what is in it, and a supervisor by which CRIU restores it. Whatever fails, nothing of it stays. */
#include "runtime/clone/clone.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/launch/launch.h"
#include "runtime/launch/launched_event.h"
#include "runtime/supervise/supervise.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where CRIU's log goes, in the clone's directory; warnings and errors alone, since it writes every line by itself. */
#define LOG_DIR "criu"

/* With the source's snapshots, since that directory goes when it fails. */
#define FAILED_LOG "clone.log"

enum { LOG_LEVEL = 2 };

struct making {
	struct runtime *rt;
	const struct clone_request *request;
	struct launched l;
	const char **variables;
	int dir; /* the clone's, locked */
	int mark; /* LAUNCHED_CLONING, locked */
	bool made; /* it has its launch.json */
};

/* Nobody looks for it before there is a launch.json. */
static int mark(struct making *m, struct err *e)
{
	m->mark = openat(m->dir, LAUNCHED_CLONING, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (m->mark < 0 || flock(m->mark, LOCK_EX | LOCK_NB) < 0)
		return err_set(e, errno, "create '" LAUNCHED_CLONING "'");
	return 0;
}

static int plan(struct making *m, struct buf *config, struct err *e)
{
	struct arena *a = &m->rt->arena;

	m->l.created = arena_strdup(a, clock_now_rfc3339().text);
	clone_plan(m->request, a, &m->l);
	if (clone_config(m->request->source, &m->l, a, config, e) < 0)
		return -e->code;
	return clone_variables(m->request->source, &m->l, a, &m->variables, e);
}

/* With its launch.json it is a container. */
static int prepare(struct making *m, struct create_request *start, struct err *e)
{
	const struct clone_source *s = m->request->source;
	cleanup_buf struct buf config = BUF_INIT;

	if (mark(m, e) < 0 || clone_take_source(m->rt, s, m->l.dir, NULL, e) < 0 || plan(m, &config, e) < 0 ||
	    clone_files(m->rt, s, &m->l, m->dir, m->variables, e) < 0)
		return -e->code;
	if (launch_request(m->rt, &m->l, buf_text(&config), start, e) < 0 ||
	    file_replace_at(m->dir, "config.json", 0600, config.data, config.len, e) < 0 ||
	    launched_add_name(m->rt, m->l.dir, m->l.name, e) < 0 ||
	    (m->l.rm && launch_mark_throwaway(m->rt, m->dir, e) < 0) || launched_save(m->dir, &m->l, e) < 0)
		return -e->code;
	m->made = true;
	launched_event_note(m->rt, &m->l, "create", NULL, NULL);
	return 0;
}

static int restore(struct making *m, const struct create_request *prepared, struct err *e)
{
	struct checkpoint_request r = CHECKPOINT_REQUEST_INIT;
	struct create_request start = *prepared;
	const char *kept = arena_printf(&m->rt->arena, "%s/" SNAPSHOTS_LOG, snapshots_path(&m->request->source->l, &m->rt->arena));

	if (mkdir(kept, 0700) < 0 && errno != EEXIST)
		return err_set(e, errno, "create '%s'", kept);
	r.id = m->l.id;
	r.image_path = arena_printf(&m->rt->arena, "%s/" LAUNCHED_WARM, m->l.dir);
	r.work_path = arena_printf(&m->rt->arena, "%s/" LOG_DIR, m->l.dir);
	r.failed_log = arena_printf(&m->rt->arena, "%s/" FAILED_LOG, kept);
	r.options.log_level = LOG_LEVEL;
	r.options.tcp_close = true;
	r.options.file_locks = true;
	start.restore = &r;
	return supervise_start(m->rt, &m->l, m->dir, &start, false, NULL, e) < 0 ? launch_say_option(e) : 0;
}

static int run_hooks(const struct making *m, struct err *e)
{
	const char *const hooks[] = { m->request->source->hook, m->request->hook };

	for (size_t i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		if (hooks[i] && clone_run_hook(m->rt, &m->l, hooks[i], m->variables, e) < 0)
			return -e->code;
	return 0;
}

static int make(struct making *m, struct err *e)
{
	struct create_request start;

	if (prepare(m, &start, e) < 0)
		return -e->code;
	if (restore(m, &start, e) < 0)
		return -e->code;
	close_fd(&m->dir); /* its supervisor has it */
	if (run_hooks(m, e) < 0)
		return -e->code;
	return unlink(arena_printf(&m->rt->arena, "%s/" LAUNCHED_CLONING, m->l.dir)) < 0 && errno != ENOENT ?
		       err_set(e, errno, "remove '" LAUNCHED_CLONING "'") : 0;
}

static void undo(struct making *m)
{
	struct err ignored = ERR_INIT;

	if (m->dir < 0) {
		supervise_remove(m->rt, &m->l, true, &ignored);
		return;
	}
	launched_remove(m->rt, &m->l, m->dir, &ignored);
	if (m->made)
		launched_event_note(m->rt, &m->l, "destroy", NULL, NULL);
}

int clone_make(struct runtime *rt, const struct clone_request *r, struct err *e)
{
	const char *dir = r->source->l.dir;
	const char *storage = arena_strndup(&rt->arena, dir, (size_t)(strrchr(dir, '/') - dir));
	struct making m = { .rt = rt, .request = r, .l.name = r->name, .mark = -1 };

	if (container_check_id(r->name, e) < 0)
		return -e->code;
	m.dir = launch_make_directory(rt, storage, r->name, &m.l.id, &m.l.dir, e);
	if (m.dir < 0)
		return m.dir;
	int result = make(&m, e);
	if (result < 0)
		undo(&m);
	close_fd(&m.dir);
	close_fd(&m.mark);
	return result < 0 ? err_wrap(e, "clone '%s'", r->name) : 0;
}
