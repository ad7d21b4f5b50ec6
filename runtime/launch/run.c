/* A launch: a directory, what is in it, and a supervisor that runs it. Whatever fails on the way, nothing of it stays. */
#include "lib/fd.h"
#include "lib/file.h"
#include "runtime/create.h"
#include "runtime/launch/launched_event.h"
#include "runtime/launch/plan.h"
#include "runtime/supervise/supervise.h"

#include <errno.h>
#include <string.h>

/*
 * With its launch.json it is a container. What could make this program start anew, from a copy of itself, comes before
 * that: the new one then removes the directory that nobody holds any more.
 */
static int make(struct runtime *rt, const struct launch_options *o, const char *storage, int dir, struct launched *l,
		struct create_request *r, struct buf *config, struct err *e)
{
	cleanup_close int hold = -1;

	if (launch_prepare(rt, o, storage, l->id, l->dir, l, config, &hold, e) < 0 ||
	    launch_request(rt, l, buf_text(config), r, e) < 0 || create_seal(rt, r->spec, e) < 0)
		return -e->code;
	if (file_replace_at(dir, "config.json", 0600, config->data, config->len, e) < 0 ||
	    launched_add_name(rt, l->dir, l->name, e) < 0)
		return -e->code;
	if (l->rm && launch_mark_throwaway(rt, dir, e) < 0)
		return -e->code;
	if (launched_save(dir, l, e) < 0)
		return -e->code;
	launched_event_note(rt, l, "create", NULL, NULL);
	return 0;
}

static int relay(struct runtime *rt, const struct launched *l, int sock, int *ret_exit, struct err *e)
{
	const struct relay_options o = {
		.input = true,
		.waited_for = true,
		.pass_signals = true,
		.detach_keys = l->terminal ? SUPERVISE_DETACH_KEYS : NULL,
	};
	bool detached;

	return supervise_relay(rt, l, sock, &o, ret_exit, &detached, e);
}

int launch_run(struct runtime *rt, const struct launch_options *o, const char **ret_name, int *ret_exit, struct err *e)
{
	const char *storage = o->storage;
	cleanup_buf struct buf config = BUF_INIT;
	struct launched l = { 0 };
	struct create_request r;
	int sock = -1;

	*ret_exit = 0;
	if (o->name && container_check_id(o->name, e) < 0)
		return -e->code;
	if (!storage && launch_storage(rt, &storage, e) < 0)
		return -e->code;
	cleanup_close int dir = launch_make_directory(rt, storage, o->name, &l.id, &l.dir, e);
	if (dir < 0)
		return dir;
	l.name = *ret_name = o->name ? o->name : l.id;
	bool made = make(rt, o, storage, dir, &l, &r, &config, e) == 0;
	if (!made || supervise_start(rt, &l, dir, &r, !o->detach, &sock, e) < 0) {
		struct err ignored = ERR_INIT;
		launched_remove(rt, &l, dir, &ignored);
		if (made)
			launched_event_note(rt, &l, "destroy", NULL, NULL);
		if (o->volumes.n + o->mounts.n > 0)
			launch_return_volumes(rt, l.created);
		return launch_say_option(e);
	}
	close_fd(&dir); /* the supervisor has it, and may be removing it */
	return o->detach ? 0 : relay(rt, &l, sock, ret_exit, e);
}
