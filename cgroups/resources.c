#include "cgroups/resources.h"

#include "lib/file.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* ---- values: text for the file, NULL to leave it alone ---- */

static const char *limit_value(const void *member, struct arena *a)
{
	const struct spec_i64 *n = member;

	if (!n->set || n->v == 0)
		return NULL;
	return n->v < 0 ? "max" : arena_printf(a, "%" PRIi64, n->v);
}

/*
 * The specification knows 0 as a limit. The container's first process is born in its cgroup, which the kernel would
 * refuse under 0; with 1 it is the only one there can be, which is what 0 means.
 */
static const char *pids_value(const void *member, struct arena *a)
{
	const struct spec_i64 *n = member;

	if (n->set && n->v == 0)
		return "1";
	return limit_value(member, a);
}

static const char *integer_value(const void *member, struct arena *a)
{
	const struct spec_i64 *n = member;

	return n->set ? arena_printf(a, "%" PRIi64, n->v) : NULL;
}

static const char *unsigned_value(const void *member, struct arena *a)
{
	const struct spec_u64 *n = member;

	return n->set ? arena_printf(a, "%" PRIu64, n->v) : NULL;
}

static const char *shares_value(const void *member, struct arena *a)
{
	const struct spec_u64 *n = member;

	return n->set && n->v ? arena_printf(a, "%" PRIu64, cpu_shares_to_weight(n->v)) : NULL;
}

static const char *text_value(const void *member, struct arena *a)
{
	const char *s = *(const char *const *)member;

	(void)a;
	return s && *s ? s : NULL;
}

/* ---- members with a file of their own ---- */

struct member_file {
	const char *what;
	size_t offset;
	const char *file;
	const char *(*value)(const void *member, struct arena *a);
};

static const struct member_file resources_files[] = {
	{ "linux.resources.pids.limit", offsetof(struct spec_resources, pids_limit), "pids.max", pids_value },
};

static const struct member_file memory_files[] = {
	{ "linux.resources.memory.limit", offsetof(struct spec_memory, limit), "memory.max", limit_value },
	{ "linux.resources.memory.reservation", offsetof(struct spec_memory, reservation), "memory.low", limit_value },
};

static const struct member_file cpu_files[] = {
	{ "linux.resources.cpu.idle", offsetof(struct spec_cpu, idle), "cpu.idle", integer_value },
	{ "linux.resources.cpu.shares", offsetof(struct spec_cpu, shares), "cpu.weight", shares_value },
	{ "linux.resources.cpu.burst", offsetof(struct spec_cpu, burst), "cpu.max.burst", unsigned_value },
	{ "linux.resources.cpu.cpus", offsetof(struct spec_cpu, cpus), "cpuset.cpus", text_value },
	{ "linux.resources.cpu.mems", offsetof(struct spec_cpu, mems), "cpuset.mems", text_value },
};

static struct cgroup_write *add(struct arena *a, struct cgroup_writes *w, const char *what, const char *file,
				const char *value)
{
	struct cgroup_write *item = arena_push(a, &w->item, &w->n);

	item->what = what;
	item->file = file;
	item->value = value;
	return item;
}

static void add_members(const struct member_file *files, size_t n, const void *object, struct arena *a,
			struct cgroup_writes *w)
{
	for (size_t i = 0; i < n; i++) {
		const char *value = files[i].value((const char *)object + files[i].offset, a);
		if (value)
			add(a, w, files[i].what, files[i].file, value);
	}
}

#define ADD_MEMBERS(files, object, a, w) add_members((files), sizeof(files) / sizeof((files)[0]), (object), (a), (w))

/* ---- memory ---- */

int memory_swap_max(const struct spec_memory *m, uint64_t *ret, struct err *e)
{
	int64_t limit = m->limit.set ? m->limit.v : 0;
	int64_t swap = m->swap.set ? m->swap.v : 0;

	/* No limit to memory takes the one of swap away too, as with version 1, where the two were counted together. */
	if (swap < 0 || (swap == 0 && limit < 0)) {
		*ret = UINT64_MAX;
		return 1;
	}
	if (swap == 0)
		return 0;
	if (limit <= 0)
		return err_say(e, EINVAL, "linux.resources.memory.swap: unable to set swap limit without memory limit");
	if (swap < limit)
		return err_say(e, EINVAL,
			       "linux.resources.memory.swap: %" PRIi64 " counts memory and swap together and must not "
			       "be less than memory.limit, %" PRIi64,
			       swap, limit);
	*ret = (uint64_t)(swap - limit);
	return 1;
}

static int add_memory(const struct spec_memory *m, struct arena *a, struct cgroup_writes *w, struct err *e)
{
	uint64_t swap;

	if (m->swappiness.set)
		return err_say(e, ENOTSUP, "linux.resources.memory.swappiness: cgroup v2 has none");
	if (m->disable_oom_killer)
		return err_say(e, ENOTSUP, "linux.resources.memory.disableOOMKiller: cgroup v2 cannot");

	ADD_MEMBERS(memory_files, m, a, w);
	int r = memory_swap_max(m, &swap, e);
	if (r <= 0)
		return r;

	const char *value = swap == UINT64_MAX ? "max" : arena_printf(a, "%" PRIu64, swap);
	struct cgroup_write *item = add(a, w, "linux.resources.memory.swap", "memory.swap.max", value);
	/* A kernel that does not swap has no such file: then "no limit" and "none at all" are both true already. */
	item->optional = swap == UINT64_MAX || swap == 0;
	return 0;
}

/* ---- cpu ---- */

static int add_cpu(const struct spec_cpu *c, struct arena *a, struct cgroup_writes *w, struct err *e)
{
	int64_t quota = c->quota.set ? c->quota.v : 0;
	uint64_t period = c->period.set ? c->period.v : 0;

	if (c->realtime_runtime.set && c->realtime_runtime.v != 0)
		return err_say(e, ENOTSUP, "linux.resources.cpu.realtimeRuntime: cgroup v2 has none");
	if (c->realtime_period.set && c->realtime_period.v != 0)
		return err_say(e, ENOTSUP, "linux.resources.cpu.realtimePeriod: cgroup v2 has none");

	/* Before the burst, which must not be above the quota. A number alone leaves the period as it is. */
	if (quota != 0 || period != 0) {
		const char *what = quota ? "linux.resources.cpu.quota" : "linux.resources.cpu.period";
		const char *max = quota > 0 ? arena_printf(a, "%" PRIi64, quota) : "max";
		add(a, w, what, "cpu.max", period ? arena_printf(a, "%s %" PRIu64, max, period) : max);
	}

	struct spec_cpu copy = *c;
	if (c->idle.set && c->idle.v == 1)
		copy.shares.set = false; /* the kernel refuses a weight for an idle cgroup */
	ADD_MEMBERS(cpu_files, &copy, a, w);
	return 0;
}

/* ---- io ---- */

static int check_weight(const struct spec_u64 *w, const char *what, struct err *e)
{
	if (w->set && w->v != 0 && (w->v < 10 || w->v > 1000))
		return err_say(e, EINVAL, "%s: %" PRIu64 " is not from 10 to 1000", what, w->v);
	return 0;
}

/* BFQ takes the specification's numbers as they are; without that scheduler the cost model's io.weight does it. */
static void add_weight(const char *what, const char *device, uint64_t weight, struct arena *a, struct cgroup_writes *w)
{
	struct cgroup_write *item =
		add(a, w, what, "io.bfq.weight", arena_printf(a, "%s%" PRIu64, device, weight));

	item->or_file = "io.weight";
	item->or_value = arena_printf(a, "%s%" PRIu64, device, blkio_weight_to_io_weight(weight));
}

static int add_weights(const struct spec_resources *r, struct arena *a, struct cgroup_writes *w, struct err *e)
{
	if (r->blkio_leaf_weight.set && r->blkio_leaf_weight.v != 0)
		return err_say(e, ENOTSUP, "linux.resources.blockIO.leafWeight: cgroup v2 has none");
	if (check_weight(&r->blkio_weight, "linux.resources.blockIO.weight", e) < 0)
		return -e->code;
	if (r->blkio_weight.set && r->blkio_weight.v)
		add_weight("linux.resources.blockIO.weight", "", r->blkio_weight.v, a, w);

	for (size_t i = 0; i < r->n_weight_devices; i++) {
		const struct spec_weight_device *d = &r->weight_devices[i];
		const char *what = arena_printf(a, "linux.resources.blockIO.weightDevice[%zu]", i);
		if (d->leaf_weight.set && d->leaf_weight.v != 0)
			return err_say(e, ENOTSUP, "%s.leafWeight: cgroup v2 has none", what);
		if (check_weight(&d->weight, what, e) < 0)
			return -e->code;
		if (d->weight.set && d->weight.v)
			add_weight(what, arena_printf(a, "%" PRIi64 ":%" PRIi64 " ", d->major, d->minor), d->weight.v,
				   a, w);
	}
	return 0;
}

static const struct {
	const char *member, *key;
} throttles[THROTTLES] = {
	[THROTTLE_READ_BPS] = { "throttleReadBpsDevice", "rbps" },
	[THROTTLE_WRITE_BPS] = { "throttleWriteBpsDevice", "wbps" },
	[THROTTLE_READ_IOPS] = { "throttleReadIOPSDevice", "riops" },
	[THROTTLE_WRITE_IOPS] = { "throttleWriteIOPSDevice", "wiops" },
};

static void add_throttles(const struct spec_resources *r, struct arena *a, struct cgroup_writes *w)
{
	for (int t = 0; t < THROTTLES; t++) {
		for (size_t i = 0; i < r->n_throttle[t]; i++) {
			const struct spec_throttle_device *d = &r->throttle[t][i];
			const char *rate = d->rate ? arena_printf(a, "%" PRIu64, d->rate) : "max";
			add(a, w, arena_printf(a, "linux.resources.blockIO.%s[%zu]", throttles[t].member, i), "io.max",
			    arena_printf(a, "%" PRIi64 ":%" PRIi64 " %s=%s", d->major, d->minor, throttles[t].key,
					 rate));
		}
	}
}

/* ---- hugetlb, rdma, unified ---- */

static int add_hugepages(const struct spec_resources *r, struct arena *a, struct cgroup_writes *w, struct err *e)
{
	for (size_t i = 0; i < r->n_hugepages; i++) {
		const struct spec_hugepage *h = &r->hugepages[i];
		const char *what = arena_printf(a, "linux.resources.hugepageLimits[%zu]", i);
		const char *value = arena_printf(a, "%" PRIu64, h->limit_bytes);

		if (!h->page_size || !*h->page_size || strchr(h->page_size, '/'))
			return err_say(e, EINVAL, "%s.pageSize: '%s' is no page size", what,
				       h->page_size ? h->page_size : "");
		add(a, w, what, arena_printf(a, "hugetlb.%s.max", h->page_size), value);
		/* Pages that are reserved but not yet touched are counted apart, since Linux 5.7. */
		add(a, w, what, arena_printf(a, "hugetlb.%s.rsvd.max", h->page_size), value)->optional = true;
	}
	return 0;
}

static void add_rdma(const struct spec_resources *r, struct arena *a, struct cgroup_writes *w)
{
	for (size_t i = 0; i < r->n_rdma; i++) {
		const struct spec_rdma *d = &r->rdma[i];
		const char *handles = "", *objects = "";

		if (d->hca_handles.set)
			handles = arena_printf(a, " hca_handle=%" PRIu64, d->hca_handles.v);
		if (d->hca_objects.set)
			objects = arena_printf(a, " hca_object=%" PRIu64, d->hca_objects.v);
		if (*handles || *objects)
			add(a, w, arena_printf(a, "linux.resources.rdma['%s']", d->device), "rdma.max",
			    arena_printf(a, "%s%s%s", d->device, handles, objects));
	}
}

static int add_unified(const struct spec_resources *r, struct arena *a, struct cgroup_writes *w, struct err *e)
{
	for (size_t i = 0; i < r->n_unified; i++) {
		const struct spec_pair *u = &r->unified[i];
		if (!*u->key || strchr(u->key, '/') || strcmp(u->key, ".") == 0 || strcmp(u->key, "..") == 0)
			return err_say(e, EINVAL,
				       "linux.resources.unified: '%s' must be a file name (no slashes)", u->key);
		add(a, w, arena_printf(a, "linux.resources.unified['%s']", u->key), u->key, u->value);
	}
	return 0;
}

int resources_writes(const struct spec_resources *r, struct arena *a, struct cgroup_writes *ret, struct err *e)
{
	struct cgroup_writes w = { 0 };

	if (r->net_class_id.set && r->net_class_id.v != 0)
		return err_say(e, ENOTSUP, "linux.resources.network.classID: cgroup v2 has none");
	if (r->n_net_priorities)
		return err_say(e, ENOTSUP, "linux.resources.network.priorities: cgroup v2 has none");

	ADD_MEMBERS(resources_files, r, a, &w);
	if (r->memory && add_memory(r->memory, a, &w, e) < 0)
		return -e->code;
	if (add_weights(r, a, &w, e) < 0)
		return -e->code;
	add_throttles(r, a, &w);
	if (r->cpu && add_cpu(r->cpu, a, &w, e) < 0)
		return -e->code;
	if (add_hugepages(r, a, &w, e) < 0)
		return -e->code;
	add_rdma(r, a, &w);
	if (add_unified(r, a, &w, e) < 0)
		return -e->code;
	*ret = w;
	return 0;
}
