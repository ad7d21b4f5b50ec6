#include "runtime/launch/launched_overlays.h"

#include "lib/fd.h"
#include "runtime/launch/launch.h"
#include "spec/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static void add(struct runtime *rt, const struct launched *l, const char *path, const char *const *options, size_t n,
		struct launched_overlay **ret, size_t *ret_n)
{
	struct overlay_dirs dirs;

	overlay_dirs_parse(options, n, &rt->arena, &dirs);
	if (dirs.upper && path_is_below(dirs.upper, l->dir))
		*arena_push(&rt->arena, ret, ret_n) = (struct launched_overlay){ path, dirs };
}

static int load_config(struct runtime *rt, const struct launched *l, struct spec **ret, struct err *e)
{
	cleanup_close int dir = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return err_set(e, errno, "container '%s': open '%s'", l->name, l->dir);
	return spec_load(dir, "config.json", &rt->arena, ret, e) < 0 ? err_wrap(e, "container '%s'", l->name) : 0;
}

int launched_overlays(struct runtime *rt, const struct launched *l, struct launched_overlay **ret, size_t *ret_n,
		      struct err *e)
{
	struct launched_overlay *all = NULL;
	size_t n = 0;
	struct spec *s;

	if (load_config(rt, l, &s, e) < 0)
		return -e->code;
	add(rt, l, "/", l->root_options, l->n_root_options, &all, &n);
	for (size_t i = 0; i < s->n_mounts; i++)
		if (s->mounts[i].type && strcmp(s->mounts[i].type, "overlay") == 0)
			add(rt, l, s->mounts[i].destination, s->mounts[i].options, s->mounts[i].n_options, &all, &n);
	*ret = all;
	*ret_n = n;
	return 0;
}

/* ---- what is none of the container's changes ---- */

struct own {
	const char **paths;
	size_t n;
};

static int add_hidden(struct runtime *rt, const struct launched *l, struct own *own, struct err *e)
{
	const struct host_view_options o = {
		.dir = l->dir,
		.storage = arena_strndup(&rt->arena, l->dir, (size_t)(strrchr(l->dir, '/') - l->dir)),
		.rootless = rt->rootless,
	};
	struct host_facts host;

	if (strcmp(l->image, "host") != 0)
		return 0;
	if (host_facts_read(&o, &rt->arena, &host, e) < 0)
		return -e->code;
	for (size_t i = 0; i < host.n_hidden; i++)
		*arena_push(&rt->arena, &own->paths, &own->n) = host.hidden[i];
	return 0;
}

/* What `launch` writes, hides and mounts over. */
static int list_own(struct runtime *rt, const struct launched *l, struct own *own, struct err *e)
{
	static const char *const identity[] = { "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/etc/machine-id" };
	struct spec *s;

	if (load_config(rt, l, &s, e) < 0)
		return -e->code;
	for (size_t i = 0; i < sizeof(identity) / sizeof(identity[0]); i++)
		*arena_push(&rt->arena, &own->paths, &own->n) = identity[i];
	for (size_t i = 0; i < s->n_mounts; i++)
		*arena_push(&rt->arena, &own->paths, &own->n) = s->mounts[i].destination;
	return add_hidden(rt, l, own, e);
}

/* Those below @path, from there on; ended by NULL. */
static const char **below(const struct own *own, const char *path, struct arena *a)
{
	size_t skip = strcmp(path, "/") == 0 ? 0 : strlen(path), n = 0;
	const char **paths = NULL;

	for (size_t i = 0; i < own->n; i++)
		if (path_is_below(own->paths[i], path))
			*arena_push(a, &paths, &n) = own->paths[i] + skip;
	*arena_push(a, &paths, &n) = NULL;
	return paths;
}

/* The same overlay with the upper directory of that name in @dir; NULL: its own. */
static struct overlay_dirs with_upper(const struct overlay_dirs *o, const char *dir, struct arena *a)
{
	struct overlay_dirs dirs = *o;

	if (dir)
		dirs.upper = arena_printf(a, "%s%s", dir, strrchr(o->upper, '/'));
	return dirs;
}

static int changes_of(struct runtime *rt, const struct overlay_dirs *o, const char *from, const char *to,
		      const char *const *ignored, struct overlay_change **ret, size_t *ret_n, struct err *e)
{
	const struct overlay_dirs after = with_upper(o, to, &rt->arena), before = with_upper(o, from, &rt->arena);

	if (!from)
		return overlay_changes(&after, ignored, &rt->arena, ret, ret_n, e);
	return overlay_compare(&before, &after, rt->rootless, ignored, &rt->arena, ret, ret_n, e);
}

int launched_changes(struct runtime *rt, const struct launched *l, const char *from, const char *to,
		     struct overlay_change **ret, size_t *ret_n, struct err *e)
{
	struct overlay_change *all = NULL, *some;
	struct launched_overlay *overlays;
	struct own own = { 0 };
	size_t n_overlays, n_some, n = 0;

	if (launched_overlays(rt, l, &overlays, &n_overlays, e) < 0 || list_own(rt, l, &own, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n_overlays; i++) {
		const char *path = overlays[i].path, *prefix = strcmp(path, "/") == 0 ? "" : path;
		const char **ignored = below(&own, path, &rt->arena);
		if (changes_of(rt, &overlays[i].dirs, from, to, ignored, &some, &n_some, e) < 0)
			return err_wrap(e, "container '%s'", l->name);
		for (size_t j = 0; j < n_some; j++) {
			some[j].path = arena_printf(&rt->arena, "%s%s", prefix, some[j].path);
			*arena_push(&rt->arena, &all, &n) = some[j];
		}
	}
	*ret = all;
	*ret_n = n;
	return 0;
}

int launched_size(struct runtime *rt, const struct launched *l, uint64_t *ret, struct err *e)
{
	struct launched_overlay *overlays;
	uint64_t bytes, sum = 0;
	size_t n;

	if (launched_overlays(rt, l, &overlays, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++, sum += bytes)
		if (overlay_size(overlays[i].dirs.upper, &bytes, e) < 0)
			return err_wrap(e, "container '%s'", l->name);
	*ret = sum;
	return 0;
}
