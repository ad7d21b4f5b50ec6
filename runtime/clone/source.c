/* Which snapshot is cloned, and what its clones share. */
#include "runtime/clone/clone.h"

#include "checkpoint/images/share.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/users.h"
#include "runtime/create.h"
#include "runtime/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is smaller takes CRIU no longer to read than to map. */
enum { CONFIG_MAX = 16 << 20, SHARE_MIN_BYTES = 1 << 20 };

/* ---- finding it ---- */

static int load_config(struct runtime *rt, struct clone_source *s, struct err *e)
{
	cleanup_close int dir = open(s->l.dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_buf struct buf text = BUF_INIT;

	if (dir < 0)
		return err_set(e, errno, "container '%s': open '%s'", s->l.name, s->l.dir);
	if (file_read_at(dir, "config.json", CONFIG_MAX, &text, e) < 0 ||
	    spec_parse(buf_text(&text), text.len, &rt->arena, &s->spec, e) < 0)
		return err_wrap(e, "container '%s'", s->l.name);
	s->config = arena_strdup(&rt->arena, buf_text(&text));
	return 0;
}

static int find_template(struct runtime *rt, const char *text, struct clone_source *s, struct err *e)
{
	struct template t;
	int r = template_load(rt, text, &t, e);

	if (r < 0)
		return r;
	const char *slash = strchr(t.source, '/');
	s->template = t.name;
	s->hook = t.hook;
	s->snapshot = slash + 1;
	return launched_find_id(rt, arena_strndup(&rt->arena, t.source, (size_t)(slash - t.source)), &s->l, e) < 0 ?
		       err_wrap(e, "template '%s'", t.name) : 0;
}

static int find_container(struct runtime *rt, const char *text, struct clone_source *s, struct err *e)
{
	struct launched_status status;
	int r = launched_find(rt, text, &s->l, e);

	if (r == -ENOENT)
		return err_say(e, ENOENT, "\"%s\" is no template and no container: 'ferry template ls' and 'ferry ls' show "
			       "what there is", text);
	if (r < 0 || launched_status(rt, &s->l, &status, e) < 0)
		return -e->code;
	return status.pid > 0 ? 0 :
	       err_say(e, ESRCH, "container '%s' does not run: to clone it as it was, name one of its snapshots, %s/NAME",
		       s->l.name, s->l.name);
}

static int find(struct runtime *rt, const char *text, struct clone_source *s, struct err *e)
{
	struct err none = ERR_INIT;

	if (strchr(text, '/'))
		return snapshot_split(rt, text, &s->l, &s->snapshot, e);
	int r = find_template(rt, text, s, &none);
	if (r != -ENOENT)
		return *e = none, r;
	return find_container(rt, text, s, e);
}

static int make_snapshot(struct runtime *rt, const char *name, struct clone_source *s, struct err *e)
{
	const struct snapshot_request r = { .description = arena_printf(&rt->arena, "for %s", name) };

	s->made = true;
	return snapshot_create(rt, &s->l, &r, &s->snapshot, e);
}

void clone_source_drop(struct runtime *rt, const struct clone_source *s)
{
	cleanup_snapshots struct snapshots all = SNAPSHOTS_INIT;
	struct err ignored = ERR_INIT;

	if (s->made && snapshots_open(rt, &s->l, SNAPSHOTS_CHANGE, &all, &ignored) == 0)
		snapshot_remove(rt, &all, s->snapshot, &ignored);
}

int clone_source_find(struct runtime *rt, const char *text, const char *name, bool hook, struct clone_source *ret,
		      struct err *e)
{
	struct clone_source s = { 0 };

	if (rt->rootless)
		return err_say(e, EPERM, "criu, by which clones are made, needs this machine's root");
	if (find(rt, text, &s, e) < 0 || load_config(rt, &s, e) < 0 || clone_check(rt, &s, e) < 0)
		return -e->code;
	/* What joins a clone must run from a copy of this program, and so must what starts it. */
	if ((hook || s.hook ? seal_self(rt->argv, e) : create_seal(rt, s.spec, e)) < 0)
		return -e->code;
	if (!s.snapshot && make_snapshot(rt, name, &s, e) < 0)
		return -e->code;
	s.dir = arena_printf(&rt->arena, "%s/%s", snapshots_path(&s.l, &rt->arena), s.snapshot);
	*ret = s;
	return 0;
}

/* ---- what is shared ---- */

struct shared_source {
	const struct clone_source *source;
	const struct snapshots *all;
	const struct snapshot *what;
	int dir;
};

/* It has digests of its own then, which damage that is copied would be right by. */
static int make_warm(struct runtime *rt, const struct shared_source *x, int shared, struct err *e)
{
	cleanup_close int images = openat(x->dir, SNAPSHOT_MEMORY, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct images_shared ignored;

	if (faccessat(shared, LAUNCHED_WARM, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (!x->source->made && snapshot_check(x->all, x->what, &rt->arena, e) < 0)
		return -e->code;
	if (images < 0)
		return err_set(e, errno, "open '" SNAPSHOT_MEMORY "'");
	return images_share(images, shared, LAUNCHED_WARM, SHARE_MIN_BYTES, &ignored, e);
}

static int take(struct runtime *rt, const struct shared_source *x, const char *user, struct err *e)
{
	const char *path = clone_shared_path(x->source->dir, &rt->arena), **users;
	size_t n_users;

	if (mkdir_parents(path, 0700, e) < 0)
		return -e->code;
	cleanup_close int shared = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (shared < 0 || (mkdirat(shared, USERS_DIRECTORY, 0700) < 0 && errno != EEXIST))
		return err_set(e, errno, "create '%s/" USERS_DIRECTORY "'", path);
	if (make_warm(rt, x, shared, e) < 0 || users_list(shared, true, &rt->arena, &users, &n_users, e) < 0)
		return -e->code;
	return users_add(shared, user, e);
}

int clone_take_source(struct runtime *rt, const struct clone_source *s, const char *user, struct snapshots *ret_held,
		      struct err *e)
{
	cleanup_snapshots struct snapshots all = SNAPSHOTS_INIT;
	struct snapshot what;

	if (snapshots_open(rt, &s->l, SNAPSHOTS_CHANGE, &all, e) < 0 || snapshot_load(rt, &all, s->snapshot, &what, e) < 0)
		return -e->code;
	if (!what.memory)
		return err_say(e, ENOTSUP, "snapshot '%s/%s' has no memory, with which a clone could begin: make one of the "
			       "container while it runs, without --no-memory", s->l.name, s->snapshot);
	cleanup_close int dir = openat(all.dir, s->snapshot, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, errno, "open '%s'", s->dir);
	const struct shared_source x = { .source = s, .all = &all, .what = &what, .dir = dir };
	if (take(rt, &x, user, e) < 0)
		return err_wrap(e, "snapshot '%s/%s'", s->l.name, s->snapshot);
	if (ret_held) {
		*ret_held = all;
		all = SNAPSHOTS_INIT;
	}
	return 0;
}
