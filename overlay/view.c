#include "overlay/host.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/*
 * Parts of the system, and with --share-home people's homes, that are shown even when they are file systems of their
 * own.
 */
static const struct {
	const char *path;
	bool home;
} parts[] = {
	{ "/usr", false }, { "/usr/local", false }, { "/var", false }, { "/var/cache", false }, { "/var/lib", false },
	{ "/var/log", false }, { "/opt", false }, { "/home", true }, { "/root", true },
};

/* Directories of "/" that a container gets mounts of its own on. */
static const char *const bare[] = { "/dev", "/proc", "/run", "/sys", "/tmp" };

/* What fsconfig(2) takes as one string. */
enum { VALUE_MAX = 255 };

bool view_is_part(const struct host_view_options *o, const char *path)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (strcmp(path, parts[i].path) == 0)
			return !parts[i].home || o->share_home;
	return false;
}

static bool is_bare(const char *path)
{
	for (size_t i = 0; i < sizeof(bare) / sizeof(bare[0]); i++)
		if (strcmp(path, bare[i]) == 0)
			return true;
	return false;
}

/* "/var/lib" has its files in DIR/upper-var-lib and DIR/work-var-lib. */
static int add_layer(const struct host_view_options *o, const char *lower, struct arena *a, struct host_view *v,
		     struct err *e)
{
	char *tail = strcmp(lower, "/") == 0 ? arena_strdup(a, "") : arena_strdup(a, lower);

	for (char *c = tail; *c; c++)
		if (*c == '/')
			*c = '-';
	struct overlay_layer l = {
		.lower = lower,
		.upper = arena_printf(a, "%s/upper%s", o->dir, tail),
		.work = arena_printf(a, "%s/work%s", o->dir, tail),
	};
	if (strlen(l.upper) > VALUE_MAX)
		return err_say(e, EINVAL, "'%s': too long for an overlay: choose a shorter directory", l.upper);
	if (strpbrk(lower, ",:\\"))
		return err_say(e, EINVAL, "'%s': an overlay cannot have a comma, colon or backslash in its name",
			       lower);
	*arena_push(a, &l.options, &l.n_options) = arena_printf(a, "lowerdir=%s", lower);
	*arena_push(a, &l.options, &l.n_options) = arena_printf(a, "upperdir=%s", l.upper);
	*arena_push(a, &l.options, &l.n_options) = arena_printf(a, "workdir=%s", l.work);
	if (o->rootless)
		*arena_push(a, &l.options, &l.n_options) = "userxattr";
	if (o->discarded)
		*arena_push(a, &l.options, &l.n_options) = "volatile"; /* no waiting for the disk at the end */
	*arena_push(a, &v->layers, &v->n_layers) = l;
	return 0;
}

/* The kernel takes "/" whole: one overlay, and one for each part that is a mount of its own. */
static int plan_whole(const struct host_facts *f, const struct host_view_options *o, struct arena *a,
		      struct host_view *v, struct err *e)
{
	if (add_layer(o, "/", a, v, e) < 0)
		return -e->code;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const char *path = parts[i].path;
		if (!view_is_part(o, path) || !host_is_mountpoint(f, path) || host_is_hidden(f, path))
			continue;
		if (add_layer(o, path, a, v, e) < 0)
			return -e->code;
	}
	return 0;
}

/* It does not: an overlay for each directory without mounts below it, in a root of bare directories and links. */
static int plan_parts(const struct host_facts *f, const struct host_view_options *o, struct arena *a,
		      struct host_view *v, struct err *e)
{
	for (size_t i = 0; i < f->n_entries; i++) {
		const struct host_entry *ent = &f->entries[i];
		bool covered = false; /* by an overlay above it, which has no mounts below it */
		for (size_t j = 0; j < v->n_layers && !covered; j++)
			covered = path_is_below(ent->path, v->layers[j].lower);
		if (covered)
			continue;
		*arena_push(a, &v->bare, &v->n_bare) = ent;
		if (!S_ISDIR(ent->mode) || is_bare(ent->path) || host_is_hidden(f, ent->path))
			continue;
		if (host_holds_mounts(f, ent->path))
			continue;
		if (host_is_mountpoint(f, ent->path) && !view_is_part(o, ent->path))
			continue;
		if (add_layer(o, ent->path, a, v, e) < 0)
			return -e->code;
	}
	return 0;
}

bool view_find_layer(const struct host_view *v, const char *path, size_t *ret)
{
	bool found = false;

	for (size_t i = 0; i < v->n_layers; i++) {
		if (!path_is_below(path, v->layers[i].lower))
			continue;
		if (!found || strlen(v->layers[i].lower) > strlen(v->layers[*ret].lower))
			*ret = i;
		found = true;
	}
	return found;
}

int host_view_plan(const struct host_facts *f, const struct host_view_options *o, struct arena *a,
		   struct host_view *ret, struct err *e)
{
	struct host_view v = { .rootless = o->rootless, .root = arena_printf(a, "%s/root", o->dir) };
	size_t layer = 0;

	if ((o->rootless ? plan_parts(f, o, a, &v, e) : plan_whole(f, o, a, &v, e)) < 0)
		return err_wrap(e, "plan the view of the host");
	for (size_t i = 0; i < f->n_hidden; i++)
		if (view_find_layer(&v, f->hidden[i], &layer))
			*arena_push(a, &v.hides, &v.n_hides) = (struct view_hide){ f->hidden[i], layer };
	*ret = v;
	return 0;
}
