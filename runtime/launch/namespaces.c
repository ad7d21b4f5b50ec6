/* Namespaces, the ids of a user namespace, and where the cgroup is. */
#include "runtime/launch/plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The ids that systemd sets aside for containers; a container takes a part of this size. */
enum { IDS_FIRST = 524288, IDS_LAST = 1879048191, IDS = 65536 };

enum { MAPS_MAX = 4 };

static int check_host_or(const char *option, const char *value, const char *other, struct err *e)
{
	if (!value || strcmp(value, "host") == 0 || strcmp(value, other) == 0)
		return 0;
	return err_say(e, EINVAL, "--%s '%s': expected '%s' or 'host'", option, value, other);
}

static bool is_host(const char *value)
{
	return value && strcmp(value, "host") == 0;
}

bool launch_has_userns(const struct launch_options *o, const struct launch_facts *f)
{
	return f->rootless || (o->userns && !is_host(o->userns));
}

/* The map of --userns, for the host's root. */
static int plan_map(const struct launch_options *o, const struct launch_facts *f, struct spec_idmap *ret, struct err *e)
{
	unsigned container, host, size;
	int end = 0;

	if (strcmp(o->userns, "auto") == 0) {
		uint32_t slots = (IDS_LAST + 1 - IDS_FIRST) / IDS;
		*ret = (struct spec_idmap){ 0, IDS_FIRST + (uint32_t)(f->random % slots) * IDS, IDS };
		return 0;
	}
	if (strcmp(o->userns, "keep-id") == 0)
		return err_say(e, EINVAL, "--userns keep-id: it is for ordinary users: root's id is 0 inside and outside");
	if (sscanf(o->userns, "%u:%u:%u%n", &container, &host, &size, &end) != 3 || o->userns[end] ||
	    strspn(o->userns, "0123456789:") != strlen(o->userns))
		return err_say(e, EINVAL,
			       "--userns '%s': expected 'host', 'auto', or FIRST:HOST:COUNT such as 0:100000:65536",
			       o->userns);
	if (container != 0 || size == 0 || (uint64_t)host + size > UINT32_MAX)
		return err_say(e, EINVAL, "--userns '%s': the ids of a container begin with 0 and there must be some",
			       o->userns);
	*ret = (struct spec_idmap){ 0, host, size };
	return 0;
}

int launch_userns_root(const struct launch_options *o, const struct launch_facts *f, uint32_t *ret, struct err *e)
{
	struct spec_idmap map = { .host_id = 0 };

	if (!f->rootless && launch_has_userns(o, f) && plan_map(o, f, &map, e) < 0)
		return -e->code;
	*ret = map.host_id;
	return 0;
}

static void write_map(struct json_writer *w, const char *key, const struct spec_idmap *maps, size_t n)
{
	json_begin_array(w, key);
	for (size_t i = 0; i < n; i++) {
		json_begin_object(w, NULL);
		json_uint(w, "containerID", maps[i].container_id);
		json_uint(w, "hostID", maps[i].host_id);
		json_uint(w, "size", maps[i].size);
		json_end_object(w);
	}
	json_end_array(w);
}

bool launch_keeps_id(const struct launch_options *o, const struct launch_facts *f)
{
	return f->rootless && f->uid != 0 && o->userns && strcmp(o->userns, "keep-id") == 0;
}

/*
 * @own is the same inside and outside, and root that id of the range which would have been there. All others are as they are
 * without, so that files of an image belong to whom they should; but root's are the caller's, who stores them.
 */
static size_t keep_id(uint32_t own, const struct spec_idmap *range, struct spec_idmap ret[MAPS_MAX])
{
	uint32_t first = range->host_id, ids = own < range->size ? own : range->size;
	size_t n = 0;

	ret[n++] = (struct spec_idmap){ 0, first + ids - 1, 1 };
	if (ids > 1)
		ret[n++] = (struct spec_idmap){ 1, first, ids - 1 };
	ret[n++] = (struct spec_idmap){ own, own, 1 };
	if (range->size > own)
		ret[n++] = (struct spec_idmap){ own + 1, first + own, range->size - own };
	return n;
}

static int check_rootless(const struct launch_options *o, const struct launch_facts *f, struct err *e)
{
	if (launch_keeps_id(o, f) && f->subuid.size == 0)
		return err_say(e, EPERM, "--userns keep-id: it takes ids for the container's other users: newuidmap(1) and "
			       "newgidmap(1), and a range each for user %u in /etc/subuid and /etc/subgid", f->uid);
	if (!o->userns || is_host(o->userns) || strcmp(o->userns, "auto") == 0 || strcmp(o->userns, "keep-id") == 0)
		return 0;
	return err_say(e, ENOTSUP, "--userns '%s': without root the ids are those of subuid(5) and subgid(5)", o->userns);
}

static int write_maps(const struct launch_options *o, const struct launch_facts *f, struct json_writer *w, struct err *e)
{
	struct spec_idmap uids[MAPS_MAX] = { { 0, f->uid, 1 }, f->subuid }, gids[MAPS_MAX] = { { 0, f->gid, 1 }, f->subgid };
	size_t n_uids = f->rootless && f->subuid.size > 0 ? 2 : 1, n_gids = n_uids;

	if (f->rootless && check_rootless(o, f, e) < 0)
		return -e->code;
	if (launch_keeps_id(o, f)) {
		n_uids = keep_id(f->uid, &f->subuid, uids);
		if (f->gid != 0)
			n_gids = keep_id(f->gid, &f->subgid, gids);
	}
	if (!f->rootless) {
		if (plan_map(o, f, &uids[0], e) < 0)
			return -e->code;
		gids[0] = uids[0];
	}
	write_map(w, "uidMappings", uids, n_uids);
	write_map(w, "gidMappings", gids, n_gids);
	return 0;
}

static void write_cgroups_path(const struct launch_options *o, const struct launch_facts *f, const struct launched *l,
			       struct arena *a, struct json_writer *w)
{
	if (!o->cgroup_parent)
		return;
	json_string(w, "cgroupsPath", f->systemd ? arena_printf(a, "%s:ferry:%s", o->cgroup_parent, l->id)
						 : arena_printf(a, "%s/%s", o->cgroup_parent, l->id));
}

int launch_write_namespaces(const struct launch_options *o, const struct launch_facts *f, const struct launched *l,
			    struct arena *a, struct json_writer *w, struct err *e)
{
	const struct {
		const char *type;
		bool wanted;
	} kinds[] = {
		{ "pid", !is_host(o->pid_mode) }, { "mount", true }, { "uts", !is_host(o->uts_mode) },
		{ "ipc", !is_host(o->ipc_mode) }, { "cgroup", true }, { "network", l->network.mode != NETWORK_HOST },
		{ "user", launch_has_userns(o, f) },
	};

	if (check_host_or("pid", o->pid_mode, "private", e) < 0 || check_host_or("ipc", o->ipc_mode, "private", e) < 0 ||
	    check_host_or("uts", o->uts_mode, "private", e) < 0)
		return -e->code;
	json_begin_array(w, "namespaces");
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!kinds[i].wanted)
			continue;
		json_begin_object(w, NULL);
		json_string(w, "type", kinds[i].type);
		if (l->network.mode == NETWORK_PATH && strcmp(kinds[i].type, "network") == 0)
			json_string(w, "path", l->network.of);
		json_end_object(w);
	}
	json_end_array(w);
	if (launch_has_userns(o, f) && write_maps(o, f, w, e) < 0)
		return -e->code;
	write_cgroups_path(o, f, l, a, w);
	return 0;
}
