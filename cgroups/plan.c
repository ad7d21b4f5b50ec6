#include "cgroups/plan.h"

#include "cgroups/systemd/systemd.h"

#include <errno.h>
#include <string.h>

/* Root's manager runs the tree from its root; a user's own one runs what is below its service. */
static const char *manager_path(const struct cgroup_host *h, bool user_session, struct arena *a)
{
	if (!user_session)
		return "";
	const char *service = strstr(h->own_path, "/user@");
	const char *end = service ? strstr(service, ".service") : NULL;
	if (!end)
		return NULL;
	return arena_strndup(a, h->own_path, (size_t)(end - h->own_path) + strlen(".service"));
}

static int place_systemd(const struct spec *s, const struct cgroup_host *h, const struct cgroup_options *o,
			 struct arena *a, struct cgroup_plan *p, struct err *e)
{
	struct systemd_place place;
	const char *path;

	if (!h->mountpoint)
		return err_say(e, ENOTSUP, "--systemd-cgroup: no cgroup v2 hierarchy is mounted on this host");
	if (systemd_place(s->lx.cgroups_path, o->id, o->rootless, a, &place, e) < 0)
		return -e->code;
	if (systemd_slice_path(place.slice, a, &path, e) < 0)
		return -e->code;

	p->ref.scope = place.unit;
	p->ref.user_session = o->rootless;
	p->slice = place.slice;
	if (systemd_unit_is_slice(place.unit) && systemd_slice_path(place.unit, a, &path, e) < 0)
		return -e->code;
	const char *manager = manager_path(h, o->rootless, a);
	if (manager)
		p->ref.path = cgroup_path_clean(
			a, systemd_unit_is_slice(place.unit) ? arena_printf(a, "%s/%s", manager, path)
							     : arena_printf(a, "%s/%s/%s", manager, path, place.unit));
	return 0;
}

int cgroup_plan_make(const struct spec *s, const struct cgroup_host *h, const struct cgroup_options *o, struct arena *a,
		     struct cgroup_plan **ret, struct err *e)
{
	struct cgroup_plan *p = arena_new(a, struct cgroup_plan);
	const struct spec_resources *r = s->lx.resources;

	p->arena = a;
	p->id = arena_strdup(a, o->id);
	p->rootless = o->rootless;
	p->resources = r;
	p->annotations = s->annotations;
	p->n_annotations = s->n_annotations;
	p->ref.driver = o->driver;

	/* With cgroups disabled, by the caller's will, resources are the caller's business (crun's meaning of it). */
	if (o->driver == CGROUP_DISABLED) {
		*ret = p;
		return 0;
	}
	if (r && resources_writes(r, a, &p->writes, e) < 0)
		return -e->code;
	if (r && device_program_make(r->devices, r->n_devices, a, &p->devices, e) < 0)
		return -e->code;
	if (writes_check(&p->writes, h, e) < 0)
		return -e->code;
	p->needed = writes_controllers(&p->writes);

	if (o->driver == CGROUP_SYSTEMD) {
		if (place_systemd(s, h, o, a, p, e) < 0)
			return -e->code;
	} else if (h->mountpoint) {
		p->ref.path = cgroupfs_path(s->lx.cgroups_path, p->id, h->own_path, a);
		if (strcmp(p->ref.path, "/") == 0)
			return err_say(e, EINVAL, "linux.cgroupsPath: the root cgroup cannot be a container's");
	} else {
		p->ref.driver = CGROUP_DISABLED;
	}
	if (p->ref.path)
		p->dir = arena_printf(a, "%s%s", h->mountpoint, p->ref.path);
	*ret = p;
	return 0;
}

const struct cgroup_ref *cgroup_plan_ref(const struct cgroup_plan *p)
{
	return &p->ref;
}

const char *cgroup_plan_dir(const struct cgroup_plan *p)
{
	return p->dir;
}
