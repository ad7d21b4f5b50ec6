#include "runtime/cli/containers.h"

#include "runtime/container.h"
#include "runtime/log.h"
#include "runtime/supervise/supervise.h"

#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static enum launched_state state_of(enum container_status s)
{
	static const enum launched_state states[] = {
		[STATUS_CREATING] = LAUNCHED_CREATED, [STATUS_CREATED] = LAUNCHED_CREATED,
		[STATUS_RUNNING] = LAUNCHED_RUNNING,  [STATUS_PAUSED] = LAUNCHED_PAUSED,
		[STATUS_STOPPED] = LAUNCHED_EXITED,
	};
	return states[s];
}

static int read_created(struct runtime *rt, const char *id, struct cli_container *ret, struct err *e)
{
	cleanup_container struct container c = CONTAINER_INIT;
	struct err unreadable = ERR_INIT;
	enum container_status status;
	struct spec *s;

	if (container_open(rt, id, false, &c, e) < 0 || container_status(rt, &c, &status, e) < 0)
		return -e->code;
	*ret = (struct cli_container){
		.l = { .id = id, .name = id, .image = c.rootfs, .created = c.created },
		.status = { .state = state_of(status), .pid = status == STATUS_STOPPED ? 0 : c.pid },
	};
	if (ret->status.state != LAUNCHED_CREATED)
		ret->status.started_at = c.created;
	if (container_load_config(&c, &rt->arena, &s, &unreadable) < 0 || !s->process)
		return 0;
	ret->l.command = s->process->args;
	ret->l.n_command = s->process->n_args;
	ret->l.terminal = s->process->terminal;
	return 0;
}

int cli_container_spec(struct runtime *rt, const struct cli_container *c, struct spec **ret, struct err *e)
{
	cleanup_container struct container oci = CONTAINER_INIT;
	cleanup_close int dir = -1;

	if (!c->l.dir)
		return container_open(rt, c->l.id, false, &oci, e) < 0 ? -e->code :
		       container_load_config(&oci, &rt->arena, ret, e);
	dir = open(c->l.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, errno, "container '%s': open '%s'", c->l.name, c->l.dir);
	return spec_load(dir, "config.json", &rt->arena, ret, e) < 0 ? err_wrap(e, "container '%s'", c->l.name) : 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct cli_container *)a)->l.name, ((const struct cli_container *)b)->l.name);
}

/* One may have been deleted meanwhile; and one that cannot be read must not hide the others. */
static void warn_of(int r, const char *name, const struct err *why)
{
	if (r < 0 && r != -ENOENT)
		log_warn("container '%s': %s", name, why->msg);
}

static bool is_launched(const struct launched *all, size_t n, const char *id)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].id, id) == 0)
			return true;
	return false;
}

/* Whoever looks sees to it that somebody watches over it. */
static int look_at(struct runtime *rt, struct cli_container *c, struct err *e)
{
	struct err why = ERR_INIT;
	int r = supervise_adopt(rt, &c->l, &why);

	warn_of(r, c->l.name, &why);
	return launched_status(rt, &c->l, &c->status, e);
}

int cli_containers(struct runtime *rt, struct cli_container **ret, size_t *ret_n, struct err *e)
{
	struct cli_container *all = NULL, c;
	struct launched *launched;
	const char **ids;
	size_t n_launched, n_ids, n = 0;

	if (launched_list(rt, &launched, &n_launched, e) < 0 || container_list(rt, &ids, &n_ids, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n_launched; i++) {
		struct err why = ERR_INIT;
		c.l = launched[i];
		int r = look_at(rt, &c, &why);
		if (r == 0)
			*arena_push(&rt->arena, &all, &n) = c;
		warn_of(r, c.l.name, &why);
	}
	for (size_t i = 0; i < n_ids; i++) {
		struct err why = ERR_INIT;
		if (is_launched(launched, n_launched, ids[i]))
			continue;
		int r = read_created(rt, ids[i], &c, &why);
		if (r == 0)
			*arena_push(&rt->arena, &all, &n) = c;
		warn_of(r, ids[i], &why);
	}
	if (n)
		qsort(all, n, sizeof(*all), compare_names);
	*ret = all;
	*ret_n = n;
	return 0;
}

/* What launched_find says, with what was not launched among the names that are near. */
static int unknown(struct runtime *rt, const char *text, struct err *e)
{
	err_say(e, ENOENT, "no container \"%s\"", text);
	return container_hint(rt, text, e);
}

int cli_container(struct runtime *rt, const char *text, struct cli_container *ret, struct err *e)
{
	int r = launched_find(rt, text, &ret->l, e);

	if (r == 0)
		return look_at(rt, ret, e);
	if (r == -ENOENT && container_check_id(text, e) == 0)
		r = read_created(rt, text, ret, e);
	return r == -ENOENT ? unknown(rt, text, e) : r;
}

int cli_each_container(struct runtime *rt, int argc, char **argv,
		       int (*one)(struct runtime *rt, const struct cli_container *c, void *to, struct err *e), void *to,
		       struct err *e)
{
	struct cli_container *all = NULL;
	size_t n = (size_t)argc;
	int failed = 0;

	if (argc == 0 && cli_containers(rt, &all, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++) {
		struct cli_container named;
		struct err why = ERR_INIT;
		int r = argc > 0 ? cli_container(rt, argv[i], &named, &why) : 0;
		if (r >= 0)
			r = one(rt, argc > 0 ? &named : &all[i], to, &why);
		if (r >= 0)
			continue;
		log_error("%s", why.msg);
		failed = 1;
	}
	return failed;
}
