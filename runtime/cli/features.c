/* features: what this program can do on this kernel (features.md and features-linux.md of the specification). */
#include "runtime/cli/commands.h"
#include "runtime/process/process.h"

#include "lib/json.h"
#include "lib/sys.h"
#include "namespaces/namespaces.h"

#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

static const struct cli_option no_options[] = { { 0 } };

static void write_names(struct json_writer *w, const char *key, const char *const *names)
{
	size_t n = 0;

	while (names[n])
		n++;
	json_strings(w, key, names, n);
}

static void write_enabled(struct json_writer *w, const char *key, bool enabled)
{
	json_begin_object(w, key);
	json_bool(w, "enabled", enabled);
	json_end_object(w);
}

static void write_namespaces(struct json_writer *w)
{
	char path[64];

	json_begin_array(w, "namespaces");
	for (size_t i = 0; i < sizeof(spec_namespace_names) / sizeof(*spec_namespace_names); i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s", spec_namespace_names[i].file);
		if (access(path, F_OK) == 0)
			json_string(w, NULL, spec_namespace_names[i].name);
	}
	json_end_array(w);
}

static void write_capabilities(struct json_writer *w)
{
	json_begin_array(w, "capabilities");
	for (unsigned n = 0; spec_cap_name(n); n++)
		json_string(w, NULL, spec_cap_name(n));
	json_end_array(w);
}

static void write_cgroup(struct json_writer *w)
{
	json_begin_object(w, "cgroup");
	json_bool(w, "v1", false);
	json_bool(w, "v2", true);
	json_bool(w, "systemd", true);
	json_bool(w, "systemdUser", true);
	json_bool(w, "rdma", true);
	json_end_object(w);
}

static void write_seccomp(struct json_writer *w)
{
	json_begin_object(w, "seccomp");
	json_bool(w, "enabled", true);
	write_names(w, "actions", seccomp_action_names());
	write_names(w, "operators", seccomp_operator_names());
	write_names(w, "archs", seccomp_arch_names());
	write_names(w, "knownFlags", seccomp_known_flags());
	json_begin_array(w, "supportedFlags");
	for (const char *const *f = seccomp_known_flags(); *f; f++)
		if (seccomp_flag_supported(*f))
			json_string(w, NULL, *f);
	json_end_array(w);
	json_end_object(w);
}

static void write_memory_policy(struct json_writer *w)
{
	static const char *const modes[] = { "MPOL_DEFAULT", "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE",
					     "MPOL_PREFERRED", "MPOL_PREFERRED_MANY", "MPOL_LOCAL", NULL };
	static const char *const flags[] = { "MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES",
					     NULL };

	json_begin_object(w, "memoryPolicy");
	write_names(w, "modes", modes);
	write_names(w, "flags", flags);
	json_end_object(w);
}

/* A kernel that knows the call complains of its size; one that does not, of the call. */
static bool has_mount_setattr(void)
{
	return mount_setattr(-1, "", 0, NULL, 0) < 0 && errno != ENOSYS;
}

static void write_linux(struct json_writer *w)
{
	json_begin_object(w, "linux");
	write_namespaces(w);
	write_capabilities(w);
	write_cgroup(w);
	write_seccomp(w);
	write_enabled(w, "apparmor", apparmor_enabled());
	write_enabled(w, "selinux", selinux_enabled());
	write_enabled(w, "intelRdt", false);
	write_memory_policy(w);
	json_begin_object(w, "mountExtensions");
	write_enabled(w, "idmap", has_mount_setattr());
	json_end_object(w);
	write_enabled(w, "netDevices", false);
	json_end_object(w);
}

static int run_features(struct runtime *rt, const void *options, int argc, char **argv, struct err *e)
{
	cleanup_buf struct buf out = BUF_INIT;
	struct json_writer w = { .out = &out, .pretty = true };
	const struct scmp_version *v = seccomp_version();

	(void)rt, (void)options, (void)argc, (void)argv, (void)e;
	json_begin_object(&w, NULL);
	json_string(&w, "ociVersionMin", SPEC_VERSION_MIN);
	json_string(&w, "ociVersionMax", SPEC_VERSION);
	json_strings(&w, "hooks", spec_hook_names, HOOK_KINDS);
	write_names(&w, "mountOptions", mount_option_names());
	write_linux(&w);
	json_begin_object(&w, "annotations");
	if (v) {
		char version[48];
		snprintf(version, sizeof(version), "%u.%u.%u", v->major, v->minor, v->micro);
		json_string(&w, "io.github.seccomp.libseccomp.version", version);
	}
	json_string(&w, "io.ferry.version", FERRY_VERSION);
	json_end_object(&w);
	json_strings(&w, "potentiallyUnsafeConfigAnnotations", NULL, 0);
	json_end_object(&w);
	puts(buf_text(&out));
	return 0;
}

const struct cli_command command_features = {
	.name = "features",
	.arguments = "",
	.summary = "Print what ferry can do on this kernel, as JSON",
	.group = CLI_OTHER,
	.options = no_options,
	.run = run_features,
};
