/*
 * A container that is made of what an archive of a snapshot says of it, where there is none: on another machine, or once it was
 * removed. What it was launched from must be here. It begins with the snapshot, and does not run yet.
 */
#include "runtime/snapshot/snapshot.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/text.h"
#include "lib/tree_clone.h"
#include "runtime/clone/clone.h"
#include "runtime/launch/launch.h"
#include "runtime/launch/launched_event.h"
#include "runtime/launch/launched_name.h"
#include "runtime/process/process.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UPPER "upper"

enum { CONFIG_MAX = 16 << 20 };

/* All of that has been unpacked, and is as the digests say; who made it may have written what he liked. */
static int load(struct runtime *rt, int from, struct launched *was, struct spec **ret_spec, const char **ret_config,
		struct err *e)
{
	cleanup_buf struct buf config = BUF_INIT;

	if (faccessat(from, SNAPSHOT_LAUNCH, F_OK, 0) < 0 || faccessat(from, SNAPSHOT_CONFIG, F_OK, 0) < 0)
		return err_say(e, ENOTSUP, "it does not say what container it is of, as it was made by an older ferry: launch one "
			       "from the same image, and import it there");
	if (launched_load(from, was, &rt->arena, e) < 0 || file_read_at(from, SNAPSHOT_CONFIG, CONFIG_MAX, &config, e) < 0 ||
	    spec_parse(buf_text(&config), config.len, &rt->arena, ret_spec, e) < 0)
		return err_wrap(e, "what it says of its container");
	*ret_config = arena_strdup(&rt->arena, buf_text(&config));
	return 0;
}

static bool has_hooks(const struct spec *s)
{
	for (int i = 0; i < HOOK_KINDS; i++)
		if (s->hooks.n[i] > 0)
			return true;
	return false;
}

static bool is_ordinary_users(const struct launched *l)
{
	for (size_t i = 0; i < l->n_root_options; i++)
		if (strcmp(l->root_options[i], "userxattr") == 0)
			return true;
	return false;
}

/* Where it was: its root's place is the directory `root` in it. */
static int check(struct launched *was, const struct spec *s, struct arena *a, struct err *e)
{
	static const char root[] = "/root";
	const char *path = s->root ? s->root->path : "";

	if (strcmp(was->image, "host") == 0)
		return err_say(e, ENOTSUP, "it is of a view of another machine, whose files are not here");
	if (was->cloned_from)
		return err_say(e, ENOTSUP, "it is of a clone, whose files lie over the snapshot '%s', which is not in it",
			       was->cloned_from);
	if (is_ordinary_users(was))
		return err_say(e, ENOTSUP, "it is of an ordinary user's container");
	if (was->network.mode == NETWORK_CONTAINER)
		return err_say(e, ENOTSUP, "its container was on the network of another, '%s'", was->network.of);
	if (has_hooks(s) || path[0] != '/' || !text_ends_with(path, root) || was->n_root_options == 0)
		return err_say(e, EBADMSG, "what it says of its container is nothing that ferry has launched");
	was->dir = arena_strndup(a, path, strlen(path) - strlen(root));
	return 0;
}

/* As `launch` leaves them. */
static int make_own_files(const struct launched *l, const struct spec *s, struct arena *a, struct err *e)
{
	const char *hostname = s->hostname ? s->hostname : "localhost";

	return launch_make_own_files(l->dir, hostname, &l->network, launch_files_owner(s), a, e);
}

int snapshot_make_container(struct runtime *rt, int from, const struct snapshot *what, struct launched *ret, int dir,
			    int *ret_hold, struct err *e)
{
	cleanup_buf struct buf config = BUF_INIT;
	const struct launched own = *ret;
	struct launched was = { .id = what->container, .name = what->container };
	struct spec *s;
	const char *text = NULL;

	if (load(rt, from, &was, &s, &text, e) < 0 || check(&was, s, &rt->arena, e) < 0)
		return -e->code;
	*ret = was;
	ret->id = own.id;
	ret->name = own.name;
	ret->dir = own.dir;
	ret->created = arena_strdup(&rt->arena, clock_now_rfc3339().text);
	ret->rm = false; /* it would be removed before it is started */
	if (launch_root_again(rt, ret, ret_hold, e) < 0 ||
	    clone_move_config(text, &was, ret, NULL, &rt->arena, &config, e) < 0 ||
	    file_replace_at(dir, "config.json", 0600, config.data, config.len, e) < 0 ||
	    make_own_files(ret, s, &rt->arena, e) < 0 || clone_use_volumes(rt, s, ret, e) < 0)
		return -e->code;
	return !ret->init || linkat(from, PROCESS_INIT, dir, PROCESS_INIT, 0) == 0 ? 0 : err_set(e, errno, "link '" PROCESS_INIT "'");
}

/* From its launch.json on it is a container. */
static int finish(struct runtime *rt, const struct launched *l, int dir, const char *snapshot, struct err *e)
{
	const char *path = arena_printf(&rt->arena, "%s/%s", snapshots_path(l, &rt->arena), snapshot);
	cleanup_close int all = open(snapshots_path(l, &rt->arena), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_close int from = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (all < 0 || from < 0)
		return err_set(e, errno, "open '%s'", path);
	if (unlinkat(dir, UPPER, AT_REMOVEDIR) < 0)
		return err_set(e, errno, "remove '" UPPER "'");
	if (tree_clone(from, UPPER, dir, UPPER, NULL, e) < 0 ||
	    file_replace_at(all, SNAPSHOTS_CURRENT, 0600, snapshot, strlen(snapshot), e) < 0 ||
	    launched_add_name(rt, l->dir, l->name, e) < 0 || launched_save(dir, l, e) < 0)
		return -e->code;
	launched_event_note(rt, l, "create", NULL, NULL);
	return 0;
}

int snapshot_import_container(struct runtime *rt, const char *storage, const char *name, int from, const char *snapshot,
			      const char **ret_name, struct err *e)
{
	struct launched l = { .name = name };
	struct err ignored = ERR_INIT;
	cleanup_close int hold = -1;

	if (rt->rootless)
		return err_say(e, EPERM, "--create needs this machine's root: launch a container from the same image, and import "
			       "into that");
	if (container_check_id(name, e) < 0 || (!storage && launch_storage(rt, &storage, e) < 0))
		return -e->code;
	cleanup_close int dir = launch_make_directory(rt, storage, name, &l.id, &l.dir, e);
	if (dir < 0)
		return dir;
	const struct snapshot_making made = { .l = &l, .dir = dir, .hold = &hold };
	int r = snapshot_import(rt, &l, from, snapshot, &made, ret_name, e);
	if (r == 0)
		r = finish(rt, &l, dir, *ret_name, e) < 0 ? err_wrap(e, "container '%s'", name) : 0;
	if (r < 0)
		launched_remove(rt, &l, dir, &ignored);
	return r;
}
