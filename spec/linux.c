/* config-linux.md, but for resources and seccomp. */
#include "spec/tables.h"

#include "lib/sys.h"

#include <errno.h>
#include <linux/mempolicy.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/stat.h>

/* ---- namespaces, time offsets ---- */

static int decode_namespace_type(struct decode *d, const struct json *value, void *to)
{
	if (decode_expect(d, value, JSON_STRING) < 0)
		return -EINVAL;
	uint64_t flag = spec_namespace_flag(value->text);
	if (!flag)
		return decode_bad(d, NULL, "unknown namespace '%s'", value->text);
	((struct spec_namespace *)to)->flag = flag;
	return 0;
}

static const struct field namespace_fields[] = {
	{ "type", FIELD_CUSTOM, .decode = decode_namespace_type, .required = true },
	{ "path", FIELD_STRING, AT(struct spec_namespace, path) },
};

static int finish_namespace(struct decode *d, const struct json *value, void *to)
{
	const struct spec_namespace *ns = to;

	(void)value;
	if (ns->path && *ns->path != '/')
		return decode_bad(d, "path", "'%s' is not an absolute path", ns->path);
	return 0;
}

static const struct object namespace = { FIELDS(namespace_fields), sizeof(struct spec_namespace), finish_namespace };

static const struct field offset_fields[] = {
	{ "secs", FIELD_INT, AT(struct spec_time_offset, secs) },
	{ "nanosecs", FIELD_UINT, AT(struct spec_time_offset, nanosecs), .max = 999999999 },
};

static int finish_offset(struct decode *d, const struct json *value, void *to)
{
	(void)d, (void)value;
	((struct spec_time_offset *)to)->set = true;
	return 0;
}

static const struct object offset = { FIELDS(offset_fields), .finish = finish_offset };

static const struct field time_fields[] = {
	{ "monotonic", FIELD_EMBEDDED, AT(struct spec_linux, offset_monotonic), .object = &offset },
	{ "boottime", FIELD_EMBEDDED, AT(struct spec_linux, offset_boottime), .object = &offset },
};
static const struct object time_offsets = { FIELDS(time_fields) };

/* ---- devices ---- */

static const struct name device_types[] = {
	{ "c", DEVICE_CHAR }, { "u", DEVICE_CHAR }, { "b", DEVICE_BLOCK }, { "p", DEVICE_FIFO }, { 0 },
};

static const struct field device_fields[] = {
	{ "type", FIELD_NAME, AT(struct spec_device, type), .names = device_types, .required = true },
	{ "path", FIELD_STRING, AT(struct spec_device, path), .required = true },
	{ "major", FIELD_INT, AT(struct spec_device, major), .min = 0, .max = UINT32_MAX },
	{ "minor", FIELD_INT, AT(struct spec_device, minor), .min = 0, .max = UINT32_MAX },
	{ "fileMode", FIELD_UINT, AT(struct spec_device, mode) },
	{ "uid", FIELD_UINT, AT(struct spec_device, uid) },
	{ "gid", FIELD_UINT, AT(struct spec_device, gid) },
};

static bool has(const struct json *object, const char *key)
{
	const struct json *v = json_get(object, key);
	return v && v->type != JSON_NULL;
}

static int finish_device(struct decode *d, const struct json *value, void *to)
{
	struct spec_device *dev = to;

	if (*dev->path != '/')
		return decode_bad(d, "path", "'%s' is not an absolute path", dev->path);
	if (dev->type != DEVICE_FIFO && !has(value, "major"))
		return decode_bad(d, "major", "missing");
	if (dev->type != DEVICE_FIFO && !has(value, "minor"))
		return decode_bad(d, "minor", "missing");
	if (!has(value, "fileMode"))
		dev->mode = 0666;
	/* Engines copy st_mode, with the type in it. */
	if (dev->mode & ~(mode_t)(S_IFMT | 07777))
		return decode_bad(d, "fileMode", "%u is no mode of a file", (unsigned)dev->mode);
	dev->mode &= ~(mode_t)S_IFMT;
	return 0;
}

static const struct object device = { FIELDS(device_fields), sizeof(struct spec_device), finish_device };

/* The key, the name on the host, is the struct's first member. */
static const struct field net_device_fields[] = {
	{ "name", FIELD_STRING, AT(struct spec_net_device, name) },
};

/* What the kernel takes for an interface's name. */
static bool interface_name(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len < 16 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       !strpbrk(name, "/: \t\n\v\f\r");
}

static int finish_net_device(struct decode *d, const struct json *value, void *to)
{
	const struct spec_net_device *n = to;

	(void)value;
	if (!interface_name(n->host_name))
		return decode_bad(d, NULL, "'%s' is no interface name", n->host_name);
	if (n->name && !interface_name(n->name))
		return decode_bad(d, "name", "'%s' is no interface name", n->name);
	return 0;
}

static const struct object net_device = { FIELDS(net_device_fields), sizeof(struct spec_net_device),
					  finish_net_device };

/* ---- personality, memory policy ---- */

static int refuse_flags(struct decode *d, const struct json *value, void *to)
{
	(void)to;
	if (decode_expect(d, value, JSON_ARRAY) < 0)
		return -EINVAL;
	return value->n ? decode_bad(d, NULL, "not supported") : 0;
}

static const struct name domains[] = { { "LINUX", PER_LINUX }, { "LINUX32", PER_LINUX32 }, { 0 } };

static const struct field personality_fields[] = {
	{ "domain", FIELD_NAME, AT(struct spec_personality, domain), .names = domains, .required = true },
	{ "flags", FIELD_CUSTOM, .decode = refuse_flags },
};
static const struct object personality_object = { FIELDS(personality_fields), .size = sizeof(struct spec_personality) };

static const struct name policies[] = {
	{ "MPOL_DEFAULT", MPOL_DEFAULT }, { "MPOL_BIND", MPOL_BIND }, { "MPOL_INTERLEAVE", MPOL_INTERLEAVE },
	{ "MPOL_WEIGHTED_INTERLEAVE", 6 }, { "MPOL_PREFERRED", MPOL_PREFERRED },
	{ "MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY }, { "MPOL_LOCAL", MPOL_LOCAL }, { 0 },
};

static const struct name policy_flags[] = {
	{ "MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING }, { "MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES },
	{ "MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES }, { 0 },
};

static const struct field policy_fields[] = {
	{ "mode", FIELD_NAME, AT(struct spec_memory_policy, mode), .names = policies, .required = true },
	{ "flags", FIELD_NAME_BITS, AT(struct spec_memory_policy, flags), .names = policy_flags },
	{ "nodes", FIELD_STRING, AT(struct spec_memory_policy, nodes) },
};

/* set_mempolicy(2) would answer EINVAL to each of these, without saying why. */
static int finish_policy(struct decode *d, const struct json *value, void *to)
{
	const struct spec_memory_policy *p = to;

	(void)value;
	if (p->nodes && p->nodes[strspn(p->nodes, "0123456789, -")])
		return decode_bad(d, "nodes", "'%s' is not a list of nodes", p->nodes);
	if (p->nodes && (p->mode == MPOL_DEFAULT || p->mode == MPOL_LOCAL))
		return decode_bad(d, "nodes", "MPOL_DEFAULT and MPOL_LOCAL take none");
	if (!p->nodes && p->mode != MPOL_DEFAULT && p->mode != MPOL_LOCAL && p->mode != MPOL_PREFERRED)
		return decode_bad(d, "nodes", "missing");
	if ((p->flags & MPOL_F_STATIC_NODES) && (p->flags & MPOL_F_RELATIVE_NODES))
		return decode_bad(d, "flags", "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude each other");
	return 0;
}

static const struct object memory_policy = { FIELDS(policy_fields), sizeof(struct spec_memory_policy), finish_policy };

/* ---- linux ---- */

static const struct name propagations[] = {
	{ "shared" }, { "slave" }, { "private" }, { "unbindable" }, { "rshared" }, { "rslave" }, { "rprivate" },
	{ "runbindable" }, { 0 },
};

static const struct field linux_fields[] = {
	{ "namespaces", FIELD_OBJECTS, AT(struct spec_linux, namespaces), COUNT(struct spec_linux, n_namespaces),
	  .object = &namespace },
	{ "uidMappings", FIELD_OBJECTS, AT(struct spec_linux, uid_mappings), COUNT(struct spec_linux, n_uid_mappings),
	  .object = &idmap_object },
	{ "gidMappings", FIELD_OBJECTS, AT(struct spec_linux, gid_mappings), COUNT(struct spec_linux, n_gid_mappings),
	  .object = &idmap_object },
	{ "timeOffsets", FIELD_WITHIN, .object = &time_offsets },
	{ "devices", FIELD_OBJECTS, AT(struct spec_linux, devices), COUNT(struct spec_linux, n_devices),
	  .object = &device },
	{ "netDevices", FIELD_MAP, AT(struct spec_linux, net_devices), COUNT(struct spec_linux, n_net_devices),
	  .object = &net_device },
	{ "cgroupsPath", FIELD_STRING, AT(struct spec_linux, cgroups_path) },
	{ "rootfsPropagation", FIELD_STRING, AT(struct spec_linux, rootfs_propagation), .names = propagations },
	{ "mountLabel", FIELD_STRING, AT(struct spec_linux, mount_label) },
	{ "maskedPaths", FIELD_STRINGS, AT(struct spec_linux, masked_paths), COUNT(struct spec_linux, n_masked_paths) },
	{ "readonlyPaths", FIELD_STRINGS, AT(struct spec_linux, readonly_paths),
	  COUNT(struct spec_linux, n_readonly_paths) },
	{ "sysctl", FIELD_PAIRS, AT(struct spec_linux, sysctl), COUNT(struct spec_linux, n_sysctl) },
	{ "resources", FIELD_POINTER, AT(struct spec_linux, resources), .object = &resources_object },
	{ "seccomp", FIELD_POINTER, AT(struct spec_linux, seccomp), .object = &seccomp_object },
	{ "personality", FIELD_POINTER, AT(struct spec_linux, personality), .object = &personality_object },
	{ "memoryPolicy", FIELD_POINTER, AT(struct spec_linux, memory_policy), .object = &memory_policy },
	{ "intelRdt", FIELD_REFUSED },
};
const struct object linux_object = { FIELDS(linux_fields) };
