#include "lib/sys.h"
#include "namespaces/namespaces.h"

#include <errno.h>
#include <string.h>

static const char *ns_name(uint64_t flag)
{
	for (size_t i = 0; i < sizeof(spec_namespace_names) / sizeof(spec_namespace_names[0]); i++)
		if (spec_namespace_names[i].flag == flag)
			return spec_namespace_names[i].name;
	return "unknown";
}

static int plan_namespace(const struct spec_namespace *n, size_t i, uint64_t *seen, struct ns_plan *p, struct err *e)
{
	if (*seen & n->flag)
		return err_say(e, EINVAL, "linux.namespaces[%zu].type: '%s' is there twice", i, ns_name(n->flag));
	*seen |= n->flag;
	if (n->path && n->path[0] != '/')
		return err_say(e, EINVAL, "linux.namespaces[%zu].path: '%s' is not absolute", i, n->path);

	if (n->path)
		p->join[p->n_join++] = (struct ns_join){ .flag = n->flag, .path = n->path, .fd = -1 };
	else if (n->flag == CLONE_NEWCGROUP)
		p->create_cgroup = true;
	else
		p->create |= n->flag;
	return 0;
}

static bool maps_only(const struct spec_idmap *m, size_t n, uint32_t host_id)
{
	return n == 1 && m->size == 1 && m->host_id == host_id;
}

static bool maps_root(const struct spec_idmap *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (m[i].container_id == 0 && m[i].size > 0)
			return true;
	return false;
}

static int plan_maps(const struct spec_linux *lx, uint64_t seen, uid_t euid, struct ns_plan *p, struct err *e)
{
	if (!(seen & CLONE_NEWUSER)) {
		if (lx->n_uid_mappings || lx->n_gid_mappings)
			return err_say(e, EINVAL, "linux.%s: given without a user namespace",
				       lx->n_uid_mappings ? "uidMappings" : "gidMappings");
		return 0;
	}
	if (!(p->create & CLONE_NEWUSER))
		return 0; /* a namespace that is joined has its maps */
	if (!lx->n_uid_mappings || !lx->n_gid_mappings)
		return err_say(e, EINVAL, "linux.%s: a new user namespace needs mappings",
			       lx->n_uid_mappings ? "gidMappings" : "uidMappings");
	if (!maps_root(lx->uid_mappings, lx->n_uid_mappings) || !maps_root(lx->gid_mappings, lx->n_gid_mappings))
		return err_say(e, EINVAL, "linux.%s: id 0 of the container is not mapped",
			       maps_root(lx->uid_mappings, lx->n_uid_mappings) ? "gidMappings" : "uidMappings");
	p->uid_maps = lx->uid_mappings;
	p->n_uid_maps = lx->n_uid_mappings;
	p->gid_maps = lx->gid_mappings;
	p->n_gid_maps = lx->n_gid_mappings;
	if (euid != 0) {
		/* The caller's gid is not known here: a single gid is tried as his own, and the kernel decides. */
		p->map_with_helpers = !maps_only(p->uid_maps, p->n_uid_maps, euid) || p->n_gid_maps != 1 ||
				      p->gid_maps->size != 1;
		p->deny_setgroups = !p->map_with_helpers;
	}
	return 0;
}

static bool joins(const struct ns_plan *p, uint64_t flags)
{
	for (size_t i = 0; i < p->n_join; i++)
		if (p->join[i].flag & flags)
			return true;
	return false;
}

static int plan_names(const struct spec *s, uint64_t seen, struct ns_plan *p, struct err *e)
{
	const char *member = s->hostname ? "hostname" : "domainname";

	if ((s->hostname || s->domainname) && !(seen & CLONE_NEWUTS))
		return err_say(e, EINVAL, "%s: unable to set %s without a private UTS namespace", member, member);
	if (s->hostname && strlen(s->hostname) > 64)
		return err_say(e, EINVAL, "hostname: longer than 64 bytes");
	if (s->domainname && strlen(s->domainname) > 64)
		return err_say(e, EINVAL, "domainname: longer than 64 bytes");
	p->hostname = s->hostname;
	p->domainname = s->domainname;
	return 0;
}

int ns_plan_make(const struct spec *s, uid_t euid, struct arena *a, struct ns_plan *ret, struct err *e)
{
	const struct spec_linux *lx = &s->lx;
	struct ns_plan p = { 0 };
	uint64_t seen = 0;

	(void)a; /* nothing has to be copied: the specification outlives the plan */
	if (lx->n_net_devices)
		return err_say(e, ENOTSUP, "linux.netDevices: not supported");
	for (size_t i = 0; i < lx->n_namespaces; i++)
		if (plan_namespace(&lx->namespaces[i], i, &seen, &p, e) < 0)
			return -e->code;
	if (plan_maps(lx, seen, euid, &p, e) < 0 || plan_names(s, seen, &p, e) < 0)
		return -e->code;
	if ((lx->offset_monotonic.set || lx->offset_boottime.set) && !(p.create & CLONE_NEWTIME))
		return err_say(e, EINVAL, "linux.timeOffsets: needs a new time namespace");

	p.offset_monotonic = lx->offset_monotonic;
	p.offset_boottime = lx->offset_boottime;
	if (p.offset_monotonic.set || p.offset_boottime.set)
		p.create &= ~(uint64_t)CLONE_NEWTIME; /* C makes it itself: see set_time_offsets */
	p.loopback = (p.create & CLONE_NEWNET) != 0;
	/*
	 * Joining a pid namespace shows only in children. A user namespace is joined before C is made, so that C's new
	 * namespaces belong to it. And with a new user namespace, C would not have the right to join anything.
	 */
	p.stage = joins(&p, CLONE_NEWUSER | CLONE_NEWPID) || ((p.create & CLONE_NEWUSER) && p.n_join);
	*ret = p;
	return 0;
}
