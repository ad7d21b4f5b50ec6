/* capabilities(7) by name, and process.capabilities. */
#include "spec/tables.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* By number. */
static const char *const names[] = {
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
	"CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",
	"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
	"CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
	"CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
	"CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
};

enum { N_NAMES = sizeof(names) / sizeof(names[0]) };

int spec_cap_number(const char *name)
{
	for (int i = 0; i < N_NAMES; i++)
		if (strcasecmp(name, names[i]) == 0)
			return i;
	return -1;
}

const char *spec_cap_name(unsigned number)
{
	return number < N_NAMES ? names[number] : NULL;
}

/* The sets as they are written, before the names become bits. */
struct written {
	const char **names[CAP_SETS];
	size_t n[CAP_SETS];
};

#define SET(member, which) \
	{ member, FIELD_STRINGS, AT(struct written, names[which]), COUNT(struct written, n[which]) }
static const struct field set_fields[] = {
	SET("bounding", CAPS_BOUNDING),   SET("effective", CAPS_EFFECTIVE), SET("inheritable", CAPS_INHERITABLE),
	SET("permitted", CAPS_PERMITTED), SET("ambient", CAPS_AMBIENT),
};
static const struct object sets = { FIELDS(set_fields) };

/* Unknown names are kept once each, whatever number of sets has them. */
static void add(struct decode *d, struct spec_capabilities *caps, enum spec_cap_set set, const char *name)
{
	int number = spec_cap_number(name);

	if (number >= 0) {
		caps->set[set] |= (uint64_t)1 << number;
		return;
	}
	for (size_t i = 0; i < caps->n_unknown; i++)
		if (strcmp(caps->unknown[i], name) == 0)
			return;
	*arena_push(d->arena, &caps->unknown, &caps->n_unknown) = name;
}

int decode_capabilities(struct decode *d, const struct json *value, void *process)
{
	struct spec_capabilities *caps = arena_new(d->arena, struct spec_capabilities);
	struct written written = { 0 };

	if (decode_object(d, value, &sets, &written) < 0)
		return -EINVAL;
	for (int set = 0; set < CAP_SETS; set++)
		for (size_t i = 0; i < written.n[set]; i++)
			add(d, caps, (enum spec_cap_set)set, written.names[set][i]);
	((struct spec_process *)process)->capabilities = caps;
	return 0;
}
