/* What every launched container gets: as much of a machine as programs expect, and no more. */
#include "lib/json.h"
#include "runtime/launch/launch.h"

#include <string.h>

/* Enough for packages, services and ordinary administration inside. */
const char *const launch_capabilities[] = {
	"CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD",
	"CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID",
	"CAP_SYS_CHROOT", NULL,
};

const char *const launch_masked_paths[] = {
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap",
	"/sys/firmware", NULL,
};

const char *const launch_readonly_paths[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL,
};

static const struct {
	const char *destination, *type, *source;
	const char *options[8];
} mounts[] = {
	{ "/proc", "proc", "proc", { "nosuid", "noexec", "nodev" } },
	{ "/dev", "tmpfs", "tmpfs", { "nosuid", "strictatime", "mode=755", "size=65536k" } },
	{ "/dev/pts", "devpts", "devpts", { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620" } },
	{ "/dev/shm", "tmpfs", "shm", { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" } },
	{ "/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev" } },
	{ "/sys", "sysfs", "sysfs", { "nosuid", "noexec", "nodev", "ro" } },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", { "nosuid", "noexec", "nodev", "relatime", "ro" } },
	{ "/run", "tmpfs", "tmpfs", { "nosuid", "nodev", "mode=755", "size=65536k" } },
};

void launch_write_mounts(struct json_writer *w, const struct launch_facts *f)
{
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		json_begin_object(w, NULL);
		json_string(w, "destination", mounts[i].destination);
		json_string(w, "type", mounts[i].type);
		json_string(w, "source", mounts[i].source);
		json_begin_array(w, "options");
		for (const char *const *o = mounts[i].options; *o; o++)
			json_string(w, NULL, *o);
		/* The group tty is 5. A user namespace may lack it. */
		if (strcmp(mounts[i].type, "devpts") == 0 && (!f->rootless || f->subgid.size >= 5))
			json_string(w, NULL, "gid=5");
		json_end_array(w);
		json_end_object(w);
	}
}

/* The devices of /dev, terminals, and the making (not the use) of any node. Everything else is denied. */
static const struct {
	const char *type;
	int64_t major, minor; /* -1: any */
	const char *access;
} allowed[] = {
	{ "c", -1, -1, "m" }, { "b", -1, -1, "m" },
	{ "c", 1, 3, "rwm" }, /* null */
	{ "c", 1, 5, "rwm" }, /* zero */
	{ "c", 1, 7, "rwm" }, /* full */
	{ "c", 1, 8, "rwm" }, /* random */
	{ "c", 1, 9, "rwm" }, /* urandom */
	{ "c", 5, 0, "rwm" }, /* tty */
	{ "c", 5, 2, "rwm" }, /* ptmx */
	{ "c", 136, -1, "rwm" }, /* pts */
};

void launch_write_device_rules(struct json_writer *w)
{
	json_begin_array(w, "devices");
	json_begin_object(w, NULL);
	json_bool(w, "allow", false);
	json_string(w, "access", "rwm");
	json_end_object(w);
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		json_begin_object(w, NULL);
		json_bool(w, "allow", true);
		json_string(w, "type", allowed[i].type);
		if (allowed[i].major >= 0)
			json_int(w, "major", allowed[i].major);
		if (allowed[i].minor >= 0)
			json_int(w, "minor", allowed[i].minor);
		json_string(w, "access", allowed[i].access);
		json_end_object(w);
	}
	json_end_array(w);
}
