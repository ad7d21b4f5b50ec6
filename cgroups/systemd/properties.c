#include "cgroups/systemd/systemd.h"

#include "cgroups/files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CPUS_MAX = 1 << 16 };

static struct systemd_property *add(struct arena *a, struct systemd_properties *p, const char *name, const char *type)
{
	struct systemd_property *item = arena_push(a, &p->item, &p->n);

	item->name = name;
	item->type = type;
	return item;
}

static void add_bool(struct arena *a, struct systemd_properties *p, const char *name, bool value)
{
	add(a, p, name, "b")->v.boolean = value;
}

static void add_string(struct arena *a, struct systemd_properties *p, const char *name, const char *value)
{
	add(a, p, name, "s")->v.string = value;
}

static void add_number(struct arena *a, struct systemd_properties *p, const char *name, uint64_t value)
{
	add(a, p, name, "t")->v.number = value;
}

/* ---- annotations "org.systemd.property.NAME": GVariant's text, as engines write it ---- */

static int add_strings_annotation(struct arena *a, struct systemd_properties *p, const char *name, const char *text)
{
	const char **items = NULL;
	size_t n = 0;

	for (text++; *text != ']';) {
		text += strspn(text, " ,");
		char quote = *text;
		if (quote != '\'' && quote != '"')
			return -1;
		const char *end = strchr(text + 1, quote);
		if (!end)
			return -1;
		*arena_push(a, &items, &n) = arena_strndup(a, text + 1, (size_t)(end - text - 1));
		text = end + 1 + strspn(end + 1, " ");
	}
	struct systemd_property *item = add(a, p, name, "as");
	item->v.strings.items = items;
	item->v.strings.n = n;
	return text[1] == '\0' ? 0 : -1;
}

static int add_number_annotation(struct arena *a, struct systemd_properties *p, const char *name, const char *text)
{
	static const struct {
		const char *prefix, *type;
	} types[] = { { "uint64 ", "t" }, { "uint32 ", "u" }, { "int32 ", "i" }, { "", "i" } };
	size_t i = 0;
	char *end;

	while (strncmp(text, types[i].prefix, strlen(types[i].prefix)) != 0)
		i++;
	text += strlen(types[i].prefix);
	errno = 0;
	uint64_t value = strtoull(text, &end, 10);
	if (errno != 0 || *text < '0' || *text > '9' || *end != '\0')
		return -1;

	/* "TimeoutStopSec" is what people know; the bus knows microseconds only. */
	size_t len = strlen(name);
	if (len > 4 && strcmp(name + len - 3, "Sec") == 0 && strcmp(name + len - 4, "USec") != 0) {
		if (value > UINT64_MAX / 1000000)
			return -1;
		add_number(a, p, arena_printf(a, "%.*sUSec", (int)(len - 3), name), value * 1000000);
		return 0;
	}
	add(a, p, name, types[i].type)->v.number = value;
	return 0;
}

static int add_annotation(struct arena *a, struct systemd_properties *p, const char *name, const char *text)
{
	size_t len = strlen(text);

	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		add_bool(a, p, name, *text == 't');
	else if (len >= 2 && (*text == '\'' || *text == '"') && text[len - 1] == *text)
		add_string(a, p, name, arena_strndup(a, text + 1, len - 2));
	else if (*text == '[')
		return add_strings_annotation(a, p, name, text);
	else
		return add_number_annotation(a, p, name, text);
	return 0;
}

static int add_annotations(const struct cgroup_plan *plan, struct arena *a, struct systemd_properties *p, struct err *e)
{
	static const char prefix[] = "org.systemd.property.";

	for (size_t i = 0; i < plan->n_annotations; i++) {
		const struct spec_pair *n = &plan->annotations[i];
		if (strncmp(n->key, prefix, strlen(prefix)) != 0)
			continue;
		if (add_annotation(a, p, n->key + strlen(prefix), n->value) < 0)
			return err_say(e, EINVAL,
				       "annotations['%s']: '%s' is none of true, false, a number, 'text' and "
				       "['text', ...]",
				       n->key, n->value);
	}
	return 0;
}

int systemd_unit_properties(const struct cgroup_plan *plan, pid_t pid, struct arena *a, struct systemd_properties *ret,
			    struct err *e)
{
	struct systemd_properties p = { 0 };

	add_string(a, &p, "Description", arena_printf(a, "ferry container %s", plan->id));
	if (systemd_unit_is_slice(plan->ref.scope)) {
		struct systemd_property *wants = add(a, &p, "Wants", "as");
		wants->v.strings.items = arena_dup(a, &plan->slice, sizeof(plan->slice));
		wants->v.strings.n = 1;
	} else {
		add_string(a, &p, "Slice", plan->slice);
		/* Systemd keeps out of what is below, and hands every controller down to it. */
		add_bool(a, &p, "Delegate", true);
		add(a, &p, "PIDs", "au")->v.pid = (uint32_t)pid;
	}
	add_bool(a, &p, "CPUAccounting", true);
	add_bool(a, &p, "IOAccounting", true);
	add_bool(a, &p, "MemoryAccounting", true);
	add_bool(a, &p, "TasksAccounting", true);
	/* The container's end is the runtime's affair, not that of a target shutting down in some order. */
	add_bool(a, &p, "DefaultDependencies", false);
	/* A scope whose stop failed goes away too: no one comes back to reset it when the runtime was killed. */
	add_string(a, &p, "CollectMode", "inactive-or-failed");
	if (add_annotations(plan, a, &p, e) < 0)
		return -e->code;
	*ret = p;
	return 0;
}

/* ---- limits ---- */

int cpu_list_to_bytes(const char *list, struct arena *a, const uint8_t **ret, size_t *ret_n, struct err *e)
{
	uint8_t *bits = arena_alloc(a, CPUS_MAX / 8);
	size_t n = 0;

	for (const char *at = list; *at;) {
		char *end;
		if (*at < '0' || *at > '9')
			return err_say(e, EINVAL, "'%s' is no list such as 0-3,7", list);
		unsigned long first = strtoul(at, &end, 10), last = first;
		if (*end == '-') {
			at = end + 1;
			last = strtoul(at, &end, 10);
		}
		if (end == at || last < first || last >= CPUS_MAX || (*end && *end != ',' && *end != '\n'))
			return err_say(e, EINVAL, "'%s' is no list such as 0-3,7", list);
		for (unsigned long i = first; i <= last; i++)
			bits[i / 8] |= (uint8_t)(1u << (i % 8));
		if (last / 8 + 1 > n)
			n = last / 8 + 1;
		at = *end ? end + 1 : end;
	}
	*ret = bits;
	*ret_n = n;
	return 0;
}

static int add_cpu_list(struct arena *a, struct systemd_properties *p, const char *name, const char *list,
			struct err *e)
{
	const uint8_t *data;
	size_t n;

	if (!list || !*list)
		return 0;
	if (cpu_list_to_bytes(list, a, &data, &n, e) < 0)
		return err_wrap(e, "%s", name);
	struct systemd_property *item = add(a, p, name, "ay");
	item->v.bytes.data = data;
	item->v.bytes.n = n;
	return 0;
}

/*
 * Systemd takes the quota for each second and the period apart, and rounds to 10 ms. Rounded up, so that its value is
 * never the tighter one; the exact one is written to cpu.max after it.
 */
static void add_cpu_quota(struct arena *a, struct systemd_properties *p, int64_t quota, uint64_t period)
{
	const uint64_t step = 10000, default_period = 100000;

	if (period != 0)
		add_number(a, p, "CPUQuotaPeriodUSec", period);
	if (quota < 0) {
		add_number(a, p, "CPUQuotaPerSecUSec", UINT64_MAX);
	} else if (quota > 0) {
		unsigned __int128 each_second = (unsigned __int128)quota * 1000000 / (period ? period : default_period);
		each_second = (each_second + step - 1) / step * step;
		add_number(a, p, "CPUQuotaPerSecUSec",
			   each_second >= UINT64_MAX ? UINT64_MAX : (uint64_t)each_second);
	}
}

static int add_cpu(struct arena *a, struct systemd_properties *p, const struct spec_cpu *c, struct err *e)
{
	if (c->idle.set && c->idle.v == 1)
		add_number(a, p, "CPUWeight", 0); /* what systemd calls idle */
	else if (c->shares.set && c->shares.v)
		add_number(a, p, "CPUWeight", cpu_shares_to_weight(c->shares.v));
	add_cpu_quota(a, p, c->quota.set ? c->quota.v : 0, c->period.set ? c->period.v : 0);
	if (add_cpu_list(a, p, "AllowedCPUs", c->cpus, e) < 0)
		return -e->code;
	return add_cpu_list(a, p, "AllowedMemoryNodes", c->mems, e);
}

static uint64_t limit(const struct spec_i64 *n)
{
	return n->v < 0 ? UINT64_MAX : (uint64_t)n->v;
}

static int add_memory(struct arena *a, struct systemd_properties *p, const struct spec_memory *m, struct err *e)
{
	uint64_t swap;

	if (m->limit.set && m->limit.v)
		add_number(a, p, "MemoryMax", limit(&m->limit));
	if (m->reservation.set && m->reservation.v)
		add_number(a, p, "MemoryLow", limit(&m->reservation));
	int r = memory_swap_max(m, &swap, e);
	if (r > 0)
		add_number(a, p, "MemorySwapMax", swap);
	return r;
}

static void add_device(struct arena *a, struct systemd_properties *p, const char *name, int64_t major, int64_t minor,
		       uint64_t value)
{
	struct systemd_property *item = add(a, p, name, "a(st)");

	item->v.device.path = arena_printf(a, "/dev/block/%" PRIi64 ":%" PRIi64, major, minor);
	item->v.device.value = value;
}

static void add_io(struct arena *a, struct systemd_properties *p, const struct spec_resources *r)
{
	static const char *const throttles[THROTTLES] = {
		[THROTTLE_READ_BPS] = "IOReadBandwidthMax",
		[THROTTLE_WRITE_BPS] = "IOWriteBandwidthMax",
		[THROTTLE_READ_IOPS] = "IOReadIOPSMax",
		[THROTTLE_WRITE_IOPS] = "IOWriteIOPSMax",
	};

	if (r->blkio_weight.set && r->blkio_weight.v)
		add_number(a, p, "IOWeight", blkio_weight_to_io_weight(r->blkio_weight.v));
	for (size_t i = 0; i < r->n_weight_devices; i++) {
		const struct spec_weight_device *d = &r->weight_devices[i];
		if (d->weight.set && d->weight.v)
			add_device(a, p, "IODeviceWeight", d->major, d->minor, blkio_weight_to_io_weight(d->weight.v));
	}
	for (int t = 0; t < THROTTLES; t++)
		for (size_t i = 0; i < r->n_throttle[t]; i++) {
			const struct spec_throttle_device *d = &r->throttle[t][i];
			add_device(a, p, throttles[t], d->major, d->minor, d->rate ? d->rate : UINT64_MAX);
		}
}

/* linux.resources.unified, as far as systemd has a property for the file. */
static const struct {
	const char *file, *property;
} unified_numbers[] = {
	{ "cpu.weight", "CPUWeight" },
	{ "memory.min", "MemoryMin" },
	{ "memory.low", "MemoryLow" },
	{ "memory.high", "MemoryHigh" },
	{ "memory.max", "MemoryMax" },
	{ "memory.swap.max", "MemorySwapMax" },
	{ "pids.max", "TasksMax" },
};

static int add_unified(struct arena *a, struct systemd_properties *p, const struct spec_pair *u, struct err *e)
{
	uint64_t value;

	if (strcmp(u->key, "cpuset.cpus") == 0)
		return add_cpu_list(a, p, "AllowedCPUs", u->value, e);
	if (strcmp(u->key, "cpuset.mems") == 0)
		return add_cpu_list(a, p, "AllowedMemoryNodes", u->value, e);
	if (strcmp(u->key, "cpu.idle") == 0 && u->value[0] == '1')
		add_number(a, p, "CPUWeight", 0);
	if (strcmp(u->key, "cpu.max") == 0 && cgroup_number(u->value, &value)) {
		const char *space = strchr(u->value, ' ');
		add_cpu_quota(a, p, value > INT64_MAX ? -1 : (int64_t)value, space ? strtoull(space + 1, NULL, 10) : 0);
	}
	for (size_t i = 0; i < sizeof(unified_numbers) / sizeof(unified_numbers[0]); i++)
		if (strcmp(u->key, unified_numbers[i].file) == 0 && cgroup_number(u->value, &value))
			add_number(a, p, unified_numbers[i].property, value);
	return 0;
}

/*
 * No DevicePolicy and DeviceAllow: with neither, systemd attaches no program, and a daemon-reload leaves ours, which is
 * exact, where it is. With them there would be two, and what systemd's cannot express would be denied.
 */
int systemd_resource_properties(const struct spec_resources *r, struct arena *a, struct systemd_properties *p,
				struct err *e)
{
	if (r->memory && add_memory(a, p, r->memory, e) < 0)
		return -e->code;
	if (r->cpu && add_cpu(a, p, r->cpu, e) < 0)
		return -e->code;
	if (r->pids_limit.set) /* 0: see resources.c */
		add_number(a, p, "TasksMax", r->pids_limit.v == 0 ? 1 : limit(&r->pids_limit));
	add_io(a, p, r);
	for (size_t i = 0; i < r->n_unified; i++)
		if (add_unified(a, p, &r->unified[i], e) < 0)
			return -e->code;
	return 0;
}
