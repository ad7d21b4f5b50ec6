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

int launched_overlays(struct runtime *rt, const struct launched *l, struct launched_overlay **ret, size_t *ret_n,
		      struct err *e)
{
	struct launched_overlay *all = NULL;
	size_t n = 0;
	struct spec *s;

	cleanup_close int dir = open(l->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, errno, "container '%s': open '%s'", l->name, l->dir);
	if (spec_load(dir, "config.json", &rt->arena, &s, e) < 0)
		return err_wrap(e, "container '%s'", l->name);
	add(rt, l, "/", l->root_options, l->n_root_options, &all, &n);
	for (size_t i = 0; i < s->n_mounts; i++)
		if (s->mounts[i].type && strcmp(s->mounts[i].type, "overlay") == 0)
			add(rt, l, s->mounts[i].destination, s->mounts[i].options, s->mounts[i].n_options, &all, &n);
	*ret = all;
	*ret_n = n;
	return 0;
}

/* What a view of the host hides, below @path; ended by NULL. */
static const char **hidden_below(const struct host_facts *f, const char *path, struct arena *a)
{
	size_t skip = strcmp(path, "/") == 0 ? 0 : strlen(path), n = 0;
	const char **hidden = NULL;

	for (size_t i = 0; i < f->n_hidden; i++)
		if (path_is_below(f->hidden[i], path))
			*arena_push(a, &hidden, &n) = f->hidden[i] + skip;
	*arena_push(a, &hidden, &n) = NULL;
	return hidden;
}

static int read_hidden(struct runtime *rt, const struct launched *l, struct host_facts *ret, struct err *e)
{
	const struct host_view_options o = {
		.dir = l->dir,
		.storage = arena_strndup(&rt->arena, l->dir, (size_t)(strrchr(l->dir, '/') - l->dir)),
		.rootless = rt->rootless,
	};

	*ret = (struct host_facts){ 0 };
	return strcmp(l->image, "host") == 0 ? host_facts_read(&o, &rt->arena, ret, e) : 0;
}

int launched_changes(struct runtime *rt, const struct launched *l, struct overlay_change **ret, size_t *ret_n,
		     struct err *e)
{
	struct overlay_change *all = NULL, *some;
	struct launched_overlay *overlays;
	struct host_facts host;
	size_t n_overlays, n_some, n = 0;

	if (launched_overlays(rt, l, &overlays, &n_overlays, e) < 0 || read_hidden(rt, l, &host, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n_overlays; i++) {
		const char *path = overlays[i].path, *prefix = strcmp(path, "/") == 0 ? "" : path;
		const char **hidden = hidden_below(&host, path, &rt->arena);
		if (overlay_changes(&overlays[i].dirs, hidden, &rt->arena, &some, &n_some, e) < 0)
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
