/* What an image says about its process, and the options that Docker has: as values. */
#include "runtime/launch/plan.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#define LIST(...) { (const char *[]){ __VA_ARGS__ }, sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(const char *) }

struct fixture {
	struct arena arena;
	struct buf text;
	struct launched launched;
	struct image_config image;
	struct launch_facts facts;
	struct spec *spec;
	struct err e;
};

static int set_up(void **state)
{
	static const char *const environment[] = { "LANG=C.UTF-8", "TERM=screen", "MINE=1", NULL };
	struct fixture *x = calloc(1, sizeof(*x));

	x->facts = (struct launch_facts){
		.capabilities = UINT64_C(0x1ffffffffff), .hostname = "machine", .release = "6.1.0", .machine = "x86_64",
		.passwd = "root:x:0:0::/root:/bin/sh\napp:x:50:51::/home/app:/bin/sh\n", .group = "app:x:51:\nextra:x:60:app\n",
		.environ = environment, .cwd = "/work", .volumes = "/volumes",
	};
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	arena_finish(&x->arena);
	buf_finish(&x->text);
	free(x);
	return 0;
}

static int plan(struct fixture *x, const struct launch_options *o)
{
	static const char *options[] = { "lowerdir+=/store/layer", "upperdir=/d/upper" };
	const struct launch_root root = {
		.path = "/d/root", .options = options, .n_options = 2, .image = &x->image, .image_digest = "sha256:1",
		.files = "/d",
	};
	struct launch_options image = *o;

	image.template = "app";
	buf_finish(&x->text);
	x->text = BUF_INIT;
	x->e = ERR_INIT;
	x->launched = (struct launched){ .id = "web", .name = "web", .dir = "/d" };
	if (o->n_command == 0 && !x->image.cmd && !o->entrypoint) {
		static const char *sleep[] = { "sleep", NULL };
		x->image.cmd = sleep;
		x->image.n_cmd = 1;
	}
	int r = launch_plan(&image, &x->facts, &root, &x->arena, &x->launched, &x->text, &x->e);
	return r < 0 ? r : spec_parse(buf_text(&x->text), x->text.len, &x->arena, &x->spec, &x->e);
}

#define planned(x, ...)                                                                                                \
	do {                                                                                                           \
		const struct launch_options planned_o = { __VA_ARGS__ };                                               \
		if (plan(x, &planned_o) < 0)                                                                           \
			fail_msg("%s", (x)->e.msg);                                                                    \
	} while (0)

#define refused(x, word, ...)                                                                                          \
	do {                                                                                                           \
		const struct launch_options refused_o = { __VA_ARGS__ };                                               \
		assert_true(plan(x, &refused_o) < 0);                                                                  \
		if (!strstr((x)->e.msg, word))                                                                         \
			fail_msg("no \"%s\" in \"%s\"", word, (x)->e.msg);                                             \
	} while (0)

static const char *env(const struct spec *s, const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < s->process->n_env; i++)
		if (strncmp(s->process->env[i], name, n) == 0 && s->process->env[i][n] == '=')
			return s->process->env[i] + n + 1;
	return NULL;
}

static const struct spec_mount *mount_on(const struct spec *s, const char *destination)
{
	for (size_t i = 0; i < s->n_mounts; i++)
		if (strcmp(s->mounts[i].destination, destination) == 0)
			return &s->mounts[i];
	return NULL;
}

static bool has(const struct spec_mount *m, const char *option)
{
	for (size_t i = 0; m && i < m->n_options; i++)
		if (strcmp(m->options[i], option) == 0)
			return true;
	return false;
}

static void runs(const struct fixture *x, size_t n, const char *const *words)
{
	assert_int_equal(x->spec->process->n_args, n);
	assert_int_equal(x->launched.n_command, n);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(x->spec->process->args[i], words[i]);
		assert_string_equal(x->launched.command[i], words[i]);
	}
	assert_null(x->launched.command[n]);
}

static void entrypoints_and_commands(void **state)
{
	struct fixture *x = *state;
	const char *given[] = { "a", "b", NULL };

	x->image.entrypoint = (const char *[]){ "/entry", "point", NULL };
	x->image.n_entrypoint = 2;
	x->image.cmd = (const char *[]){ "cmd", NULL };
	x->image.n_cmd = 1;
	planned(x, .name = NULL);
	runs(x, 3, (const char *[]){ "/entry", "point", "cmd" });
	planned(x, .command = given, .n_command = 2);
	runs(x, 4, (const char *[]){ "/entry", "point", "a", "b" });
	planned(x, .entrypoint = "/other");
	runs(x, 1, (const char *[]){ "/other" });
	planned(x, .entrypoint = "/other", .command = given, .n_command = 2);
	runs(x, 3, (const char *[]){ "/other", "a", "b" });
	planned(x, .entrypoint = "", .command = given, .n_command = 2);
	runs(x, 2, given);
	refused(x, "does not say what to run", .entrypoint = "");
}

static void what_the_image_says(void **state)
{
	struct fixture *x = *state;

	x->image.user = "app";
	x->image.working_dir = "/srv";
	x->image.stop_signal = "SIGQUIT";
	x->image.env = (const char *[]){ "PATH=/bin", "A=image", "B=image", NULL };
	x->image.n_env = 3;
	x->image.labels = (struct spec_pair[]){ { "k", "image" }, { "l", "image" } };
	x->image.n_labels = 2;
	planned(x, .env = LIST("B=mine", "MINE"), .labels = LIST("l=mine", "m"));
	assert_int_equal(x->spec->process->user.uid, 50);
	assert_int_equal(x->spec->process->user.gid, 51);
	assert_int_equal(x->spec->process->user.additional_gids[0], 60);
	assert_string_equal(x->spec->process->cwd, "/srv");
	assert_int_equal(x->launched.stop_signal, SIGQUIT);
	assert_string_equal(env(x->spec, "PATH"), "/bin");
	assert_string_equal(env(x->spec, "HOME"), "/home/app");
	assert_string_equal(env(x->spec, "HOSTNAME"), "web");
	assert_string_equal(env(x->spec, "A"), "image");
	assert_string_equal(env(x->spec, "B"), "mine");
	assert_string_equal(env(x->spec, "MINE"), "1");
	assert_null(env(x->spec, "LANG"));
	assert_int_equal(x->launched.n_labels, 3);
	assert_string_equal(x->launched.labels[1].value, "mine");
	assert_string_equal(x->launched.labels[2].value, "");
	assert_string_equal(x->launched.image_digest, "sha256:1");
	assert_false(x->spec->process->no_new_privileges);
	assert_null(mount_on(x->spec, "/run"));
	assert_string_equal(mount_on(x->spec, "/etc/hosts")->source, "/d/hosts");

	planned(x, .user = "0:60", .workdir = "/else", .stop_signal = SIGINT);
	assert_int_equal(x->spec->process->user.gid, 60);
	assert_string_equal(x->spec->process->cwd, "/else");
	assert_int_equal(x->launched.stop_signal, SIGINT);
	x->image.user = "nobody-here";
	refused(x, "the image's user 'nobody-here'", .name = NULL);
	x->image.user = NULL;
	x->image.stop_signal = "SIGNONE";
	refused(x, "the image's stop signal", .name = NULL);
}

static void health_checks(void **state)
{
	struct fixture *x = *state;
	struct image_healthcheck h = {
		.test = (const char *[]){ "CMD-SHELL", "check it", NULL }, .n_test = 2, .interval_ns = 5000000000, .retries = 7,
	};

	planned(x, .name = NULL);
	assert_null(x->launched.health.command);
	x->image.healthcheck = &h;
	planned(x, .health_timeout_ms = { true, 100 });
	assert_int_equal(x->launched.health.n_command, 3);
	assert_string_equal(x->launched.health.command[0], "/bin/sh");
	assert_string_equal(x->launched.health.command[2], "check it");
	assert_null(x->launched.health.command[3]);
	assert_int_equal(x->launched.health.interval_ms, 5000);
	assert_int_equal(x->launched.health.timeout_ms, 100);
	assert_int_equal(x->launched.health.retries, 7);
	h.test = (const char *[]){ "CMD", "/check", NULL };
	planned(x, .name = NULL);
	assert_int_equal(x->launched.health.n_command, 1);
	planned(x, .health_cmd = "mine");
	assert_string_equal(x->launched.health.command[2], "mine");
	planned(x, .no_healthcheck = true);
	assert_null(x->launched.health.command);
	h.test = (const char *[]){ "NONE", NULL };
	h.n_test = 1;
	planned(x, .name = NULL);
	assert_null(x->launched.health.command);
	h.test = (const char *[]){ "SHELL", NULL };
	refused(x, "'SHELL'", .name = NULL);
	refused(x, "--health-", .health_cmd = "x", .health_retries = { true, 0 });
	refused(x, "--no-healthcheck", .health_cmd = "x", .no_healthcheck = true);
}

static uint64_t bounding(const struct fixture *x)
{
	return x->spec->process->capabilities->set[CAPS_BOUNDING];
}

static bool denies(const struct spec *s, const char *name)
{
	for (size_t i = 0; s->lx.seccomp && i < s->lx.seccomp->n_rules; i++)
		for (size_t j = 0; j < s->lx.seccomp->rules[i].n_names; j++)
			if (strcmp(s->lx.seccomp->rules[i].names[j], name) == 0)
				return true;
	return false;
}

static void capabilities(void **state)
{
	struct fixture *x = *state;

	planned(x, .cap_add = LIST("net_admin", "CAP_SYS_TIME"), .cap_drop = LIST("MKNOD"));
	assert_true(bounding(x) >> CAP_NET_ADMIN & 1 && bounding(x) >> CAP_SYS_TIME & 1 && !(bounding(x) >> CAP_MKNOD & 1));
	assert_true(denies(x->spec, "mount") && !denies(x->spec, "settimeofday"));
	planned(x, .cap_drop = LIST("all"), .cap_add = LIST("chown"));
	assert_int_equal(bounding(x), 1);
	planned(x, .cap_drop = LIST("chown"), .cap_add = LIST("ALL"));
	assert_int_equal(bounding(x), x->facts.capabilities & ~UINT64_C(1));
	assert_false(denies(x->spec, "mount") || denies(x->spec, "clone"));
	assert_true(denies(x->spec, "keyctl"));
	planned(x, .privileged = true);
	assert_int_equal(bounding(x), x->facts.capabilities);
	assert_null(x->spec->lx.seccomp);
	assert_int_equal(x->spec->lx.n_masked_paths + x->spec->lx.n_readonly_paths, 0);
	assert_true(x->spec->lx.resources->devices[0].allow);
	assert_false(has(mount_on(x->spec, "/sys"), "ro"));
	refused(x, "did you mean \"CAP_NET_ADMIN\"", .cap_add = LIST("net_admn"));
	refused(x, "--cap-drop", .cap_drop = LIST("CAP_CAP_CHOWN"));
}

static void security_options(void **state)
{
	struct fixture *x = *state;

	planned(x, .security_opts = LIST("no-new-privileges", "apparmor=mine", "label=disable", "seccomp=unconfined"));
	assert_true(x->spec->process->no_new_privileges);
	assert_string_equal(x->spec->process->apparmor_profile, "mine");
	assert_null(x->spec->lx.seccomp);
	planned(x, .security_opts = LIST("no-new-privileges:false", "unmask=/proc/kcore:/proc/sys", "mask=/x:/y"));
	assert_false(x->spec->process->no_new_privileges);
	for (size_t i = 0; i < x->spec->lx.n_masked_paths; i++)
		assert_string_not_equal(x->spec->lx.masked_paths[i], "/proc/kcore");
	assert_string_equal(x->spec->lx.masked_paths[x->spec->lx.n_masked_paths - 1], "/y");
	x->facts.seccomp = "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\","
			   "\"subArchitectures\":[\"SCMP_ARCH_X86\"]},{\"architecture\":\"SCMP_ARCH_AARCH64\"}],\"syscalls\":["
			   "{\"names\":[\"one\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}},"
			   "{\"names\":[\"two\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"5.0\"}},"
			   "{\"names\":[\"three\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"6.2\"}},"
			   "{\"names\":[\"four\"],\"action\":\"SCMP_ACT_ALLOW\",\"excludes\":{\"arches\":[\"amd64\"]}},"
			   "{\"names\":[\"five\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"arches\":[\"amd64\",\"x32\"]}}]}";
	planned(x, .security_opts = LIST("seccomp=/profile"));
	assert_int_equal(x->spec->lx.seccomp->n_rules, 2);
	assert_true(denies(x->spec, "two") && denies(x->spec, "five"));
	assert_int_equal(x->spec->lx.seccomp->n_architectures, 2);
	planned(x, .security_opts = LIST("seccomp=/profile"), .cap_add = LIST("SYS_ADMIN"));
	assert_int_equal(x->spec->lx.seccomp->n_rules, 3);
	x->facts.seccomp = "{ }";
	refused(x, "seccomp=/profile", .security_opts = LIST("seccomp=/profile"));
	static const char *const bad[] = { "", "nonsense", "seccomp", "seccomp=", "no-new-privileges=maybe", "label=type:x",
					   "mask=", "mask=relative", "unmask", "apparmor" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(x, "--security-opt", .security_opts = { (const char **)&bad[i], 1 });
}

static void mounts(void **state)
{
	struct fixture *x = *state;

	planned(x, .volumes = LIST("/a:/x/y:ro", "./b:/x", "/data"),
		.mounts = LIST("type=bind,source=/c,target=/etc/hosts,readonly", "type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=700",
			       "type=volume,dst=/v", "destination=/w", "source=data,dst=/n,ro,volume-nocopy"),
		.tmpfs = LIST("/s:exec,size=2m", "/dev/shm"), .shm_bytes = { true, 4096 });
	const struct spec_mount *outer = mount_on(x->spec, "/x"), *inner = mount_on(x->spec, "/x/y");
	assert_true(outer < inner);
	assert_string_equal(outer->source, "/work/b");
	assert_true(has(inner, "rro"));
	assert_string_equal(mount_on(x->spec, "/etc/hosts")->source, "/c");
	assert_true(has(mount_on(x->spec, "/t"), "size=1m") && has(mount_on(x->spec, "/t"), "mode=700"));
	assert_true(has(mount_on(x->spec, "/s"), "exec") && has(mount_on(x->spec, "/s"), "size=2m"));
	assert_string_equal(mount_on(x->spec, "/dev/shm")->source, "tmpfs"); /* in place of the system's */
	assert_null(mount_on(x->spec, "/data"));
	assert_null(mount_on(x->spec, "/v"));
	assert_string_equal(mount_on(x->spec, "/n")->source, "/volumes/data/_data");
	assert_true(has(mount_on(x->spec, "/n"), "rro"));
	planned(x, .shm_bytes = { true, 4096 });
	assert_true(has(mount_on(x->spec, "/dev/shm"), "size=4096"));
	static const char *const bad[] = { "", "type=bind,dst=/x", "type=bind,src=/x", "type=bind,src=x,dst=/x", "type=nfs,dst=/x",
					   "type=volume,src=/data,dst=/x", "type=bind,src=/a,dst=/x,volume-nocopy",
					   "type=tmpfs,dst=/x,U", "type=tmpfs,src=/x,dst=/x", "type=bind,src=/x,dst=/x,ro=2",
					   "type=bind,src=/x,dst=/x,tmpfs-size=1", "type=bind,src=/x,dst=/x,bind-propagation=x" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(x, "--mount", .mounts = { (const char **)&bad[i], 1 });
	refused(x, "two mounts on '/x'", .volumes = LIST("/a:/x"), .tmpfs = LIST("/x"));
	refused(x, "--tmpfs", .tmpfs = LIST("relative"));
	refused(x, "--shm-size", .shm_bytes = { true, 0 });
}

static bool maps_are(const struct spec_idmap *maps, size_t n, const struct spec_idmap *wanted, size_t n_wanted)
{
	return n == n_wanted && memcmp(maps, wanted, n * sizeof(*maps)) == 0;
}

/* The caller is who he is outside; all others of an image are who they are without. */
static void keep_id(void **state)
{
	static const struct spec_idmap wanted[] = { { 0, 200999, 1 }, { 1, 200000, 999 }, { 1000, 1000, 1 },
						     { 1001, 201000, 64536 } };
	static const struct spec_idmap few[] = { { 0, 300009, 1 }, { 1, 300000, 9 }, { 1000, 1000, 1 } };
	static const struct spec_idmap one[] = { { 0, 300000, 1 }, { 1000, 1000, 1 } };
	struct fixture *x = *state;

	refused(x, "--userns keep-id: it is for ordinary users", .userns = "keep-id");
	x->facts.rootless = true;
	x->facts.uid = x->facts.gid = 1000;
	refused(x, "--userns keep-id: it takes ids", .userns = "keep-id");
	x->facts.subuid = (struct spec_idmap){ 1, 200000, 65536 };
	x->facts.subgid = (struct spec_idmap){ 1, 300000, 10 };
	planned(x, .userns = "keep-id");
	assert_true(maps_are(x->spec->lx.uid_mappings, x->spec->lx.n_uid_mappings, wanted, 4));
	assert_true(maps_are(x->spec->lx.gid_mappings, x->spec->lx.n_gid_mappings, few, 3));
	assert_int_equal(x->spec->process->user.uid, 1000);
	assert_int_equal(x->spec->process->user.gid, 1000);
	planned(x, .userns = "keep-id", .user = "app");
	assert_int_equal(x->spec->process->user.uid, 50);
	x->facts.subgid.size = 1;
	planned(x, .userns = "keep-id");
	assert_true(maps_are(x->spec->lx.gid_mappings, x->spec->lx.n_gid_mappings, one, 2));
}

static void namespaces(void **state)
{
	struct fixture *x = *state;

	planned(x, .pid_mode = "host", .ipc_mode = "host", .uts_mode = "host", .networks = LIST("host"));
	assert_int_equal(x->spec->lx.n_namespaces, 2);
	assert_null(x->spec->hostname);
	assert_string_equal(env(x->spec, "HOSTNAME"), "machine");
	assert_string_equal(mount_on(x->spec, "/dev/shm")->type, "bind");
	planned(x, .userns = "0:100000:65536");
	assert_int_equal(x->spec->lx.uid_mappings[0].host_id, 100000);
	assert_int_equal(x->spec->lx.gid_mappings[0].size, 65536);
	x->facts.random = UINT64_MAX;
	planned(x, .userns = "auto");
	assert_true(x->spec->lx.uid_mappings[0].host_id >= 524288);
	assert_true((uint64_t)x->spec->lx.uid_mappings[0].host_id + 65536 <= 1879048192);
	planned(x, .userns = "host");
	assert_null(spec_find_namespace(x->spec, CLONE_NEWUSER));
	static const char *const bad[] = { "keep-id", "", "0:1", "0:1:0", "1:1:1", "0:1:2:3", "0:4294967295:2", "0:-1:5" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(x, "--userns", .userns = bad[i]);
	refused(x, "--pid 'container:x'", .pid_mode = "container:x");
	refused(x, "--hostname", .uts_mode = "host", .hostname = "h");
	planned(x, .cgroup_parent = "/some/where");
	assert_string_equal(x->spec->lx.cgroups_path, "/some/where/web");
	x->facts.systemd = true;
	planned(x, .cgroup_parent = "my.slice");
	assert_string_equal(x->spec->lx.cgroups_path, "my.slice:ferry:web");
}

static void limits(void **state)
{
	struct fixture *x = *state;

	planned(x, .memory_bytes = { true, 1 << 20 }, .memory_swap_bytes = { true, 3 << 20 },
		.memory_reservation_bytes = { true, 1 << 19 }, .cpu_shares = { true, 512 }, .cpuset_cpus = "0-1",
		.cpuset_mems = "0", .ulimits = LIST("nofile=1", "core=-1", "NOFILE=10:20", "nproc=5"), .sysctls = LIST("net.a=1", "net.a=2"),
		.oom_score_adj = { true, -5 });
	const struct spec_resources *r = x->spec->lx.resources;
	assert_int_equal(r->memory->swap.v, 3 << 20);
	assert_int_equal(r->memory->reservation.v, 1 << 19);
	assert_int_equal(r->cpu->shares.v, 512);
	assert_string_equal(r->cpu->cpus, "0-1");
	assert_string_equal(r->cpu->mems, "0");
	assert_int_equal(x->spec->process->n_rlimits, 3);
	assert_int_equal(x->spec->process->rlimits[0].hard, 20);
	assert_int_equal(x->spec->process->rlimits[1].soft, UINT64_MAX);
	assert_int_equal(x->spec->process->rlimits[2].resource, RLIMIT_NPROC);
	assert_int_equal(x->spec->process->oom_score_adj.v, -5);
	assert_int_equal(x->spec->lx.n_sysctl, 1);
	assert_string_equal(x->spec->lx.sysctl[0].value, "2");
	refused(x, "--memory-swap", .memory_swap_bytes = { true, 1 });
	refused(x, "--memory-swap", .memory_bytes = { true, 2 }, .memory_swap_bytes = { true, 1 });
	refused(x, "--memory-reservation", .memory_bytes = { true, 2 }, .memory_reservation_bytes = { true, 3 });
	refused(x, "--cpu-shares", .cpu_shares = { true, 1 });
	refused(x, "--oom-score-adj", .oom_score_adj = { true, 1001 });
	refused(x, "--sysctl", .sysctls = LIST("novalue"));
	static const char *const bad[] = { "", "nofile", "nofile=", "=1", "nofile=2:1", "nofile=1:", "nofile=x", "files=1",
					     "rlimit_nofile=1" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refused(x, "--ulimit", .ulimits = { (const char **)&bad[i], 1 });
}

static void devices(void **state)
{
	struct fixture *x = *state;
	struct launch_device d = { "/dev/it", 'b', 8, 1, 0660, 0, 6, "rw" };

	x->facts.devices = &d;
	x->facts.n_devices = 1;
	planned(x, .name = NULL);
	assert_int_equal(x->spec->lx.n_devices, 1);
	assert_string_equal(x->spec->lx.devices[0].path, "/dev/it");
	assert_int_equal(x->spec->lx.devices[0].type, DEVICE_BLOCK);
	assert_int_equal(x->spec->lx.devices[0].gid, 6);
	const struct spec_resources *r = x->spec->lx.resources;
	const struct spec_device_rule *last = &r->devices[r->n_devices - 1];
	assert_true(last->allow && last->read && last->write && !last->mknod);
	assert_int_equal(last->major, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(entrypoints_and_commands, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_the_image_says, set_up, tear_down),
		cmocka_unit_test_setup_teardown(health_checks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(capabilities, set_up, tear_down),
		cmocka_unit_test_setup_teardown(security_options, set_up, tear_down),
		cmocka_unit_test_setup_teardown(mounts, set_up, tear_down),
		cmocka_unit_test_setup_teardown(keep_id, set_up, tear_down),
		cmocka_unit_test_setup_teardown(namespaces, set_up, tear_down),
		cmocka_unit_test_setup_teardown(limits, set_up, tear_down),
		cmocka_unit_test_setup_teardown(devices, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("launch_image", tests, NULL, NULL);
}
