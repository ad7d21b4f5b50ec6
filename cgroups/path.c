#include "cgroups/plan.h"

#include "lib/text.h"

#include <errno.h>
#include <string.h>

char *cgroup_path_clean(struct arena *a, const char *path)
{
	char *out = arena_alloc(a, strlen(path) + 2);
	size_t len = 0;

	while (*path) {
		path += strspn(path, "/");
		size_t n = strcspn(path, "/");
		if (n == 2 && path[0] == '.' && path[1] == '.') {
			while (len > 0 && out[--len] != '/')
				;
		} else if (n > 0 && !(n == 1 && path[0] == '.')) {
			out[len++] = '/';
			memcpy(out + len, path, n);
			len += n;
		}
		path += n;
	}
	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
	return out;
}

/*
 * A relative path lies beside the caller's own cgroup: inside it there are processes, the caller at least, and version
 * 2 hands no controllers down from such a place.
 */
const char *cgroupfs_path(const char *cgroups_path, const char *id, const char *own_path, struct arena *a)
{
	const char *path = cgroups_path && *cgroups_path ? cgroups_path : id;

	if (*path == '/')
		return cgroup_path_clean(a, path);
	const char *last = strrchr(own_path, '/');
	size_t parent = last ? (size_t)(last - own_path) : 0;
	/* Cleaned alone first: ".." in it must not climb out of the place. */
	return cgroup_path_clean(a, arena_printf(a, "%.*s%s", (int)parent, own_path, cgroup_path_clean(a, path)));
}

int systemd_place(const char *cgroups_path, const char *id, bool user_session, struct arena *a,
		  struct systemd_place *ret, struct err *e)
{
	const char *slice = "", *prefix = "ferry", *name = id;

	if (cgroups_path && *cgroups_path) {
		char *copy = arena_strdup(a, cgroups_path);
		char *first = strchr(copy, ':');
		char *second = first ? strchr(first + 1, ':') : NULL;
		if (!second || strchr(second + 1, ':'))
			return err_say(e, EINVAL,
				       "linux.cgroupsPath: expected \"slice:prefix:name\" for systemd cgroups, got "
				       "\"%s\"",
				       cgroups_path);
		*first = *second = '\0';
		slice = copy;
		prefix = first + 1;
		name = second + 1;
	}
	if (!*slice)
		slice = user_session ? "user.slice" : "system.slice";
	if (!*name)
		name = id;
	if (strchr(slice, '/') || strchr(prefix, '/') || strchr(name, '/'))
		return err_say(e, EINVAL, "linux.cgroupsPath: '%s': a unit's name has no '/'", cgroups_path);

	ret->slice = slice;
	if (text_ends_with(name, ".slice"))
		ret->unit = name;
	else
		ret->unit = arena_printf(a, "%s%s%s.scope", prefix, *prefix ? "-" : "", name);
	return 0;
}

int systemd_slice_path(const char *slice, struct arena *a, const char **ret, struct err *e)
{
	const size_t suffix = strlen(".slice");
	size_t len = strlen(slice);

	if (strcmp(slice, "-.slice") == 0) {
		*ret = "/";
		return 0;
	}
	if (len <= suffix || !text_ends_with(slice, ".slice") || strchr(slice, '/'))
		return err_say(e, EINVAL, "linux.cgroupsPath: '%s' is no slice's name", slice);
	len -= suffix;
	if (slice[0] == '-' || slice[len - 1] == '-')
		return err_say(e, EINVAL, "linux.cgroupsPath: '%s' is no slice's name", slice);

	const char *path = "";
	for (size_t i = 1; i <= len; i++) {
		if (i < len && slice[i] != '-')
			continue;
		if (i < len && slice[i + 1] == '-')
			return err_say(e, EINVAL, "linux.cgroupsPath: '%s' is no slice's name", slice);
		path = arena_printf(a, "%s/%.*s.slice", path, (int)i, slice);
	}
	*ret = path;
	return 0;
}
