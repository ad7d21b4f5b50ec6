/* config-linux.md, "Control groups". */
#include "spec/tables.h"

#include <errno.h>
#include <string.h>

/* ---- devices ---- */

static const struct name rule_types[] = { { "a", DEVICE_ALL }, { "c", DEVICE_CHAR }, { "b", DEVICE_BLOCK }, { 0 } };

/* Read, write, mknod; without the member, all. */
static int decode_access(struct decode *d, const struct json *value, void *to)
{
	struct spec_device_rule *r = to;

	if (decode_expect(d, value, JSON_STRING) < 0)
		return -EINVAL;
	if (value->text[strspn(value->text, "rwm")])
		return decode_bad(d, NULL, "'%s' has more than the letters r, w and m", value->text);
	r->read = strchr(value->text, 'r');
	r->write = strchr(value->text, 'w');
	r->mknod = strchr(value->text, 'm');
	return 0;
}

/* Decoded apart from the rule, which has -1 for what is absent. */
struct written_numbers {
	struct spec_i64 major, minor;
};

static const struct field number_fields[] = {
	{ "major", FIELD_OPT_INT, AT(struct written_numbers, major), .min = -1, .max = UINT32_MAX },
	{ "minor", FIELD_OPT_INT, AT(struct written_numbers, minor), .min = -1, .max = UINT32_MAX },
};
static const struct object numbers = { FIELDS(number_fields) };

static const struct field rule_fields[] = {
	{ "allow", FIELD_BOOL, AT(struct spec_device_rule, allow), .required = true },
	{ "type", FIELD_NAME, AT(struct spec_device_rule, type), .names = rule_types },
	{ "access", FIELD_CUSTOM, .decode = decode_access },
};

static int finish_rule(struct decode *d, const struct json *value, void *to)
{
	struct spec_device_rule *r = to;
	struct written_numbers n = { { false, -1 }, { false, -1 } };

	if (decode_object(d, value, &numbers, &n) < 0)
		return -EINVAL;
	r->major = n.major.v;
	r->minor = n.minor.v;
	if (!r->type)
		r->type = DEVICE_ALL;
	if (!r->read && !r->write && !r->mknod)
		r->read = r->write = r->mknod = true;
	return 0;
}

static const struct object rule = { FIELDS(rule_fields), sizeof(struct spec_device_rule), finish_rule };

/* ---- memory, cpu, pids ---- */

static const struct field memory_fields[] = {
	{ "limit", FIELD_OPT_INT, AT(struct spec_memory, limit) },
	{ "reservation", FIELD_OPT_INT, AT(struct spec_memory, reservation) },
	{ "swap", FIELD_OPT_INT, AT(struct spec_memory, swap) },
	{ "kernel", FIELD_OPT_INT, AT(struct spec_memory, kernel) },
	{ "kernelTCP", FIELD_OPT_INT, AT(struct spec_memory, kernel_tcp) },
	{ "swappiness", FIELD_OPT_UINT, AT(struct spec_memory, swappiness) },
	{ "disableOOMKiller", FIELD_BOOL, AT(struct spec_memory, disable_oom_killer) },
	{ "useHierarchy", FIELD_BOOL, AT(struct spec_memory, use_hierarchy) },
	{ "checkBeforeUpdate", FIELD_BOOL, AT(struct spec_memory, check_before_update) },
};
static const struct object memory = { FIELDS(memory_fields), .size = sizeof(struct spec_memory) };

static const struct field cpu_fields[] = {
	{ "shares", FIELD_OPT_UINT, AT(struct spec_cpu, shares) },
	{ "quota", FIELD_OPT_INT, AT(struct spec_cpu, quota) },
	{ "burst", FIELD_OPT_UINT, AT(struct spec_cpu, burst) },
	{ "period", FIELD_OPT_UINT, AT(struct spec_cpu, period) },
	{ "realtimeRuntime", FIELD_OPT_INT, AT(struct spec_cpu, realtime_runtime) },
	{ "realtimePeriod", FIELD_OPT_UINT, AT(struct spec_cpu, realtime_period) },
	{ "cpus", FIELD_STRING, AT(struct spec_cpu, cpus) },
	{ "mems", FIELD_STRING, AT(struct spec_cpu, mems) },
	{ "idle", FIELD_OPT_INT, AT(struct spec_cpu, idle) },
};
static const struct object cpu = { FIELDS(cpu_fields), .size = sizeof(struct spec_cpu) };

/* Optional although the schema requires it: engines write "pids": {} for no limit. */
static const struct field pids_fields[] = {
	{ "limit", FIELD_OPT_INT, AT(struct spec_resources, pids_limit) },
};
static const struct object pids = { FIELDS(pids_fields) };

/* ---- blockIO ---- */

static const struct field weight_fields[] = {
	{ "major", FIELD_INT, AT(struct spec_weight_device, major), .min = 0, .max = UINT32_MAX, .required = true },
	{ "minor", FIELD_INT, AT(struct spec_weight_device, minor), .min = 0, .max = UINT32_MAX, .required = true },
	{ "weight", FIELD_OPT_UINT, AT(struct spec_weight_device, weight), .max = UINT16_MAX },
	{ "leafWeight", FIELD_OPT_UINT, AT(struct spec_weight_device, leaf_weight), .max = UINT16_MAX },
};
static const struct object weight_device = { FIELDS(weight_fields), .size = sizeof(struct spec_weight_device) };

static const struct field throttle_fields[] = {
	{ "major", FIELD_INT, AT(struct spec_throttle_device, major), .min = 0, .max = UINT32_MAX, .required = true },
	{ "minor", FIELD_INT, AT(struct spec_throttle_device, minor), .min = 0, .max = UINT32_MAX, .required = true },
	{ "rate", FIELD_UINT, AT(struct spec_throttle_device, rate) },
};
static const struct object throttle_device = { FIELDS(throttle_fields), .size = sizeof(struct spec_throttle_device) };

#define THROTTLE(member, which)                                                                     \
	{ member, FIELD_OBJECTS, AT(struct spec_resources, throttle[which]),                        \
	  COUNT(struct spec_resources, n_throttle[which]), .object = &throttle_device }
static const struct field block_io_fields[] = {
	{ "weight", FIELD_OPT_UINT, AT(struct spec_resources, blkio_weight), .max = UINT16_MAX },
	{ "leafWeight", FIELD_OPT_UINT, AT(struct spec_resources, blkio_leaf_weight), .max = UINT16_MAX },
	{ "weightDevice", FIELD_OBJECTS, AT(struct spec_resources, weight_devices),
	  COUNT(struct spec_resources, n_weight_devices), .object = &weight_device },
	THROTTLE("throttleReadBpsDevice", THROTTLE_READ_BPS),
	THROTTLE("throttleWriteBpsDevice", THROTTLE_WRITE_BPS),
	THROTTLE("throttleReadIOPSDevice", THROTTLE_READ_IOPS),
	THROTTLE("throttleWriteIOPSDevice", THROTTLE_WRITE_IOPS),
};
static const struct object block_io = { FIELDS(block_io_fields) };

/* ---- hugetlb, rdma, network ---- */

static const struct field hugepage_fields[] = {
	{ "pageSize", FIELD_STRING, AT(struct spec_hugepage, page_size), .required = true },
	{ "limit", FIELD_UINT, AT(struct spec_hugepage, limit_bytes), .required = true },
};

/* It becomes a part of a file's name, hugetlb.2MB.max: digits, then KB, MB or GB. */
static int finish_hugepage(struct decode *d, const struct json *value, void *to)
{
	const char *size = ((const struct spec_hugepage *)to)->page_size;
	size_t digits = strspn(size, "0123456789");
	const char *unit = size + digits;

	(void)value;
	if (digits && *size != '0' && *unit && strchr("KMG", *unit) && strcmp(unit + 1, "B") == 0)
		return 0;
	return decode_bad(d, "pageSize", "'%s' is no page size such as 64KB, 2MB or 1GB", size);
}

static const struct object hugepage = { FIELDS(hugepage_fields), sizeof(struct spec_hugepage), finish_hugepage };

static const struct field rdma_fields[] = {
	{ "hcaHandles", FIELD_OPT_UINT, AT(struct spec_rdma, hca_handles), .max = UINT32_MAX },
	{ "hcaObjects", FIELD_OPT_UINT, AT(struct spec_rdma, hca_objects), .max = UINT32_MAX },
};
static const struct object rdma = { FIELDS(rdma_fields), .size = sizeof(struct spec_rdma) };

/* Only their number is kept: version 2 has no such thing, so whoever meets one refuses it. */
struct priority {
	const char *name;
	uint32_t priority;
};

static const struct field priority_fields[] = {
	{ "name", FIELD_STRING, AT(struct priority, name), .required = true },
	{ "priority", FIELD_UINT, AT(struct priority, priority), .required = true },
};
static const struct object priority = { FIELDS(priority_fields), .size = sizeof(struct priority) };

struct priorities {
	struct priority *items;
	size_t n;
};

static const struct field priorities_fields[] = {
	{ "priorities", FIELD_OBJECTS, AT(struct priorities, items), COUNT(struct priorities, n), .object = &priority },
};
static const struct object priorities = { FIELDS(priorities_fields) };

static const struct field network_fields[] = {
	{ "classID", FIELD_OPT_UINT, AT(struct spec_resources, net_class_id), .max = UINT32_MAX },
};

static int finish_network(struct decode *d, const struct json *value, void *to)
{
	struct priorities all = { 0 };

	if (decode_object(d, value, &priorities, &all) < 0)
		return -EINVAL;
	((struct spec_resources *)to)->n_net_priorities = all.n;
	return 0;
}

static const struct object network = { FIELDS(network_fields), .finish = finish_network };

/* ---- resources ---- */

static const struct field resources_fields[] = {
	{ "devices", FIELD_OBJECTS, AT(struct spec_resources, devices), COUNT(struct spec_resources, n_devices),
	  .object = &rule },
	{ "memory", FIELD_POINTER, AT(struct spec_resources, memory), .object = &memory },
	{ "cpu", FIELD_POINTER, AT(struct spec_resources, cpu), .object = &cpu },
	{ "pids", FIELD_WITHIN, .object = &pids },
	{ "blockIO", FIELD_WITHIN, .object = &block_io },
	{ "hugepageLimits", FIELD_OBJECTS, AT(struct spec_resources, hugepages),
	  COUNT(struct spec_resources, n_hugepages), .object = &hugepage },
	{ "rdma", FIELD_MAP, AT(struct spec_resources, rdma), COUNT(struct spec_resources, n_rdma), .object = &rdma },
	{ "network", FIELD_WITHIN, .object = &network },
	{ "unified", FIELD_PAIRS, AT(struct spec_resources, unified), COUNT(struct spec_resources, n_unified) },
};

/* A key of unified is written to as a file of the cgroup: it must not be able to name any other. */
static int finish_resources(struct decode *d, const struct json *value, void *to)
{
	const struct spec_resources *r = to;

	(void)value;
	for (size_t i = 0; i < r->n_unified; i++)
		if (strchr(r->unified[i].key, '/') || !strchr(r->unified[i].key, '.') || *r->unified[i].key == '.')
			return decode_bad(d, "unified", "'%s' is no file of a cgroup", r->unified[i].key);
	return 0;
}

const struct object resources_object = { FIELDS(resources_fields), sizeof(struct spec_resources), finish_resources };

int spec_parse_resources(const char *text, size_t len, struct arena *a, struct spec_resources **ret, struct err *e)
{
	struct spec_resources *r = arena_new(a, struct spec_resources);
	int code = decode_document(text, len, &resources_object, a, r, e);

	if (code == 0)
		*ret = r;
	return code;
}
