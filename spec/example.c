/* The configuration that `spec` writes: what the reference runtime writes too, so that scripts which edit it work. */
#include "spec/spec.h"

#include "lib/json.h"

#include <string.h>

enum { OPTIONS_MAX = 7 };

struct example_mount {
	const char *destination, *type, *source, *options[OPTIONS_MAX];
	bool when_root, when_rootless;
};

static const struct example_mount mounts[] = {
	{ "/proc", "proc", "proc", { 0 }, true, true },
	{ "/dev", "tmpfs", "tmpfs", { "nosuid", "strictatime", "mode=755", "size=65536k" }, true, true },
	{ "/dev/pts", "devpts", "devpts", { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" },
	  true, false },
	/* Group 5 is not mapped. */
	{ "/dev/pts", "devpts", "devpts", { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620" }, false,
	  true },
	{ "/dev/shm", "tmpfs", "shm", { "nosuid", "noexec", "nodev", "mode=1777", "size=65536k" }, true, true },
	{ "/dev/mqueue", "mqueue", "mqueue", { "nosuid", "noexec", "nodev" }, true, true },
	{ "/sys", "sysfs", "sysfs", { "nosuid", "noexec", "nodev", "ro" }, true, false },
	{ "/sys/fs/cgroup", "cgroup", "cgroup", { "nosuid", "noexec", "nodev", "relatime", "ro" }, true, false },
	/* A new sysfs needs a new network namespace, which rootless does without. */
	{ "/sys", "none", "/sys", { "rbind", "nosuid", "noexec", "nodev", "ro" }, false, true },
};

static const char *const caps[] = { "CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE" };

static const char *const masked[] = {
	"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
	"/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
};

static const char *const readonly[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger" };

static const char *const namespaces[] = { "pid", "network", "ipc", "uts", "mount", "cgroup" };

#define LIST(array) (array), sizeof(array) / sizeof((array)[0])

static void write_process(struct json_writer *w)
{
	static const char *const args[] = { "sh" };
	static const char *const env[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm",
	};

	json_begin_object(w, "process");
	json_bool(w, "terminal", true);
	json_begin_object(w, "user");
	json_uint(w, "uid", 0);
	json_uint(w, "gid", 0);
	json_end_object(w);
	json_strings(w, "args", LIST(args));
	json_strings(w, "env", LIST(env));
	json_string(w, "cwd", "/");
	json_begin_object(w, "capabilities");
	json_strings(w, "bounding", LIST(caps));
	json_strings(w, "effective", LIST(caps));
	json_strings(w, "permitted", LIST(caps));
	json_end_object(w);
	json_begin_array(w, "rlimits");
	json_begin_object(w, NULL);
	json_string(w, "type", "RLIMIT_NOFILE");
	json_uint(w, "hard", 1024);
	json_uint(w, "soft", 1024);
	json_end_object(w);
	json_end_array(w);
	json_bool(w, "noNewPrivileges", true);
	json_end_object(w);
}

static void write_mounts(struct json_writer *w, bool rootless)
{
	json_begin_array(w, "mounts");
	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		const struct example_mount *m = &mounts[i];
		size_t n = 0;
		if (!(rootless ? m->when_rootless : m->when_root))
			continue;
		while (n < OPTIONS_MAX && m->options[n])
			n++;
		json_begin_object(w, NULL);
		json_string(w, "destination", m->destination);
		json_string(w, "type", m->type);
		json_string(w, "source", m->source);
		if (n)
			json_strings(w, "options", m->options, n);
		json_end_object(w);
	}
	json_end_array(w);
}

static void write_mapping(struct json_writer *w, const char *key, uint64_t host_id)
{
	json_begin_array(w, key);
	json_begin_object(w, NULL);
	json_uint(w, "containerID", 0);
	json_uint(w, "hostID", host_id);
	json_uint(w, "size", 1);
	json_end_object(w);
	json_end_array(w);
}

/* Access to the usual devices is added to every container's rules: this denies the rest. */
static void write_resources(struct json_writer *w)
{
	json_begin_object(w, "resources");
	json_begin_array(w, "devices");
	json_begin_object(w, NULL);
	json_bool(w, "allow", false);
	json_string(w, "access", "rwm");
	json_end_object(w);
	json_end_array(w);
	json_end_object(w);
}

static void write_namespace(struct json_writer *w, const char *type)
{
	json_begin_object(w, NULL);
	json_string(w, "type", type);
	json_end_object(w);
}

static void write_linux(struct json_writer *w, bool rootless, uid_t uid, gid_t gid)
{
	json_begin_object(w, "linux");
	if (rootless) {
		write_mapping(w, "uidMappings", uid);
		write_mapping(w, "gidMappings", gid);
	} else
		write_resources(w);
	json_begin_array(w, "namespaces");
	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++)
		if (!rootless || strcmp(namespaces[i], "network") != 0)
			write_namespace(w, namespaces[i]);
	if (rootless)
		write_namespace(w, "user");
	json_end_array(w);
	json_strings(w, "maskedPaths", LIST(masked));
	json_strings(w, "readonlyPaths", LIST(readonly));
	json_end_object(w);
}

void spec_write_example(struct buf *out, bool rootless, uid_t uid, gid_t gid)
{
	struct json_writer w = { .out = out, .pretty = true };

	json_begin_object(&w, NULL);
	json_string(&w, "ociVersion", SPEC_VERSION);
	write_process(&w);
	json_begin_object(&w, "root");
	json_string(&w, "path", "rootfs");
	json_bool(&w, "readonly", true);
	json_end_object(&w);
	json_string(&w, "hostname", "ferry");
	write_mounts(&w, rootless);
	write_linux(&w, rootless, uid, gid);
	json_end_object(&w);
	buf_char(out, '\n');
}
