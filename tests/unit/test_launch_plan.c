/* launch: the configuration that is written, and the values of the command line that go into it. */
#include "lib/json.h"
#include "runtime/launch/plan.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char passwd[] = "root:x:0:0:root:/root:/bin/bash\n"
			     "www-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\n"
			     "broken:x:many\n"
			     "anna:x:1000:1001:Anna,,,:/home/anna:/bin/bash";
static const char group[] = "root:x:0:\nadm:x:4:syslog,anna\nwww-data:x:33:\nsudo:x:27:anna\nanna:x:1001:anna\n";
static const char *const environment[] = { "LANG=C.UTF-8", "TERM=screen", "SECRET=1", "EMPTY=", NULL };

static struct launch_facts facts(void)
{
	return (struct launch_facts){
		.capabilities = UINT64_MAX, .hostname = "machine", .release = "6.1.0",
		.uid = 1000, .gid = 1001, .machine = "x86_64", .shell = "/bin/bash", .passwd = passwd, .group = group,
		.environ = environment, .cwd = "/work/here", .volumes = "/volumes",
	};
}

static struct launch_root root_host(void)
{
	static const char *options[] = { "lowerdir=/", "upperdir=/d/upper" };
	static const char *var_options[] = { "lowerdir=/var", "upperdir=/d/upper-var" };
	static const struct overlay_layer parts[] = { { "/var", "/d/upper-var", "/d/work-var", var_options, 2 } };

	return (struct launch_root){
		.path = "/d/root", .host = true, .options = options, .n_options = 2, .parts = parts, .n_parts = 1,
	};
}

/* ---- users ---- */

static int find(const char *text, struct arena *a, struct launch_user *u, struct err *e)
{
	const struct launch_facts f = facts();

	return launch_find_user(text, &f, a, u, e);
}

static void users_by_name(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct launch_user u;

	(void)state;
	assert_int_equal(find("anna", &a, &u, &e), 0);
	assert_int_equal(u.uid, 1000);
	assert_int_equal(u.gid, 1001);
	assert_string_equal(u.home, "/home/anna");
	assert_int_equal(u.n_groups, 2);
	assert_int_equal(u.groups[0], 4);
	assert_int_equal(u.groups[1], 27);
	assert_int_equal(find("anna:www-data", &a, &u, &e), 0);
	assert_int_equal(u.gid, 33);
	assert_int_equal(u.n_groups, 0); /* a group that is given is the only one */
}

static void users_by_number(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct launch_user u;

	(void)state;
	assert_int_equal(find("33", &a, &u, &e), 0);
	assert_string_equal(u.name, "www-data");
	assert_int_equal(u.gid, 33);
	assert_int_equal(find("4242:7", &a, &u, &e), 0);
	assert_int_equal(u.uid, 4242);
	assert_int_equal(u.gid, 7);
	assert_null(u.name);
	assert_string_equal(u.home, "/");
}

static void users_that_are_refused(void **state)
{
	static const char *const bad[] = { "", ":", "nobody-here", "anna:", "anna:nogroup-here", "-1", "4294967295", "1x",
					   "broken", "root ", "0x0" };
	cleanup_arena struct arena a = ARENA_INIT;
	struct launch_user u;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = ERR_INIT;
		assert_int_equal(find(bad[i], &a, &u, &e), -EINVAL);
		assert_true(e.msg[0]);
	}
}

/* ---- volumes ---- */

static bool has(const struct spec_mount *m, const char *option)
{
	for (size_t i = 0; i < m->n_options; i++)
		if (strcmp(m->options[i], option) == 0)
			return true;
	return false;
}

static void volumes(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	const struct launch_facts f = facts();
	struct launch_volume v;
	const struct spec_mount *m = &v.mount;

	(void)state;
	assert_int_equal(launch_volume("/src:/dst", &f, &a, &v, &e), 1);
	assert_string_equal(m->source, "/src");
	assert_string_equal(m->destination, "/dst");
	assert_string_equal(m->type, "bind");
	assert_true(has(m, "rbind") && has(m, "rprivate") && !has(m, "rro"));
	assert_int_equal(launch_volume("/src:/dst:ro,noexec", &f, &a, &v, &e), 1);
	assert_true(has(m, "rro") && has(m, "noexec") && has(m, "rprivate"));
	assert_int_equal(launch_volume("/src:/dst:rslave", &f, &a, &v, &e), 1);
	assert_true(has(m, "rslave") && !has(m, "rprivate"));
	assert_int_equal(launch_volume("./sub:/dst", &f, &a, &v, &e), 1);
	assert_string_equal(m->source, "/work/here/sub");
	assert_int_equal(launch_volume(".:/dst", &f, &a, &v, &e), 1);
	assert_string_equal(m->source, "/work/here");
	assert_int_equal(launch_volume("/src:/a..b/..c", &f, &a, &v, &e), 1);
	assert_int_equal(launch_volume("/src:/dst:ro,z", &f, &a, &v, &e), 1);
	assert_true(has(m, "rro") && has(m, "rprivate") && !has(m, "z"));
	assert_int_equal(launch_volume("/in/the/image", &f, &a, &v, &e), 0); /* nothing is mounted */
	assert_string_equal(m->destination, "/in/the/image");
	assert_null(v.name);
	assert_int_equal(launch_volume("data.1:/dst:nocopy,U", &f, &a, &v, &e), 1);
	assert_string_equal(v.name, "data.1");
	assert_string_equal(m->source, "/volumes/data.1/_data");
	assert_true(v.nocopy && v.chown && m->n_options == 2 && has(m, "rbind") && has(m, "rprivate"));
}

static void volumes_that_are_refused(void **state)
{
	static const char *const bad[] = { "", "src", "/", "/..", "/src:", ":/dst", "../name:/dst", "-name:/dst", "a/b:/dst", "/src:/dst:nocopy", "/src:dst", "/src:/", "/src:/dst:",
					   "/src:/dst:u", "/src:/dst:ro,", "/src:/a/../b", "/src:/.." };
	cleanup_arena struct arena a = ARENA_INIT;
	const struct launch_facts f = facts();
	struct launch_volume v;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = ERR_INIT;
		assert_int_equal(launch_volume(bad[i], &f, &a, &v, &e), -EINVAL);
		assert_non_null(strstr(e.msg, "--volume"));
	}
}

/* ---- the configuration ---- */

struct fixture {
	struct arena arena;
	struct buf text;
	struct launched launched;
	struct spec *spec;
	struct err e;
};

static int set_up(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return *state ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	arena_finish(&x->arena);
	buf_finish(&x->text);
	free(x);
	return 0;
}

static int plan(struct fixture *x, const struct launch_options *o, const struct launch_facts *f)
{
	const struct launch_root root = root_host();
	struct launch_options host = *o;

	host.template = "host";
	buf_finish(&x->text);
	x->text = BUF_INIT;
	x->launched = (struct launched){ .id = "calm-harbour", .name = "calm-harbour", .dir = "/d" };
	int r = launch_plan(&host, f, &root, &x->arena, &x->launched, &x->text, &x->e);
	if (r < 0)
		return r;
	return spec_parse(buf_text(&x->text), x->text.len, &x->arena, &x->spec, &x->e);
}

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

static void defaults(void **state)
{
	struct fixture *x = *state;
	const struct launch_options o = { 0 };
	const struct launch_facts f = facts();

	if (plan(x, &o, &f) < 0)
		fail_msg("%s", x->e.msg);
	const struct spec *s = x->spec;
	assert_string_equal(s->hostname, "calm-harbour");
	assert_string_equal(s->root->path, "/d/root");
	assert_false(s->root->readonly);
	assert_string_equal(s->process->args[0], "/bin/bash");
	assert_string_equal(s->process->cwd, "/");
	assert_false(s->process->terminal);
	assert_true(s->process->no_new_privileges);
	assert_int_equal(s->process->user.uid, 0);
	assert_string_equal(env(s, "HOME"), "/root");
	assert_string_equal(env(s, "LANG"), "C.UTF-8");
	assert_null(env(s, "TERM"));
	assert_null(env(s, "SECRET"));
	assert_int_equal(s->lx.n_namespaces, 6);
	assert_null(spec_find_namespace(s, CLONE_NEWUSER));
	assert_non_null(spec_find_namespace(s, CLONE_NEWNET));
	assert_null(mount_on(s, "/"));
	assert_string_equal(x->launched.image, "host");
	assert_string_equal(x->launched.command[0], "/bin/bash");
	assert_int_equal(x->launched.n_command, 1);
	assert_int_equal(x->launched.n_root_options, 2);
	assert_string_equal(x->launched.root_options[0], "lowerdir=/");
	assert_false(x->launched.terminal || x->launched.rm);
	assert_string_equal(mount_on(s, "/var")->type, "overlay");
	assert_ptr_equal(mount_on(s, "/var"), &s->mounts[0]); /* before what is mounted in it */
	assert_int_equal(__builtin_popcountll(s->process->capabilities->set[CAPS_BOUNDING]), 14);
	assert_int_equal(s->process->capabilities->n_unknown, 0);
	assert_int_equal(s->process->capabilities->set[CAPS_INHERITABLE], 0);
	assert_string_equal(s->lx.seccomp->default_action, "SCMP_ACT_ALLOW");
	assert_int_equal(s->lx.seccomp->n_architectures, 3);
	assert_false(s->lx.resources->devices[0].allow);
	assert_null(s->lx.resources->memory);
}

static void everything_said(void **state)
{
	struct fixture *x = *state;
	const char *envs[] = { "SECRET", "NONE", "A=b=c", "LANG=de", "EMPTY" }, *volume_texts[] = { "/s:/d:ro" };
	const char *command[] = { "echo", "hello world", NULL };
	const struct launch_options o = {
		.hostname = "web", .env = { envs, 5 }, .volumes = { volume_texts, 1 }, .workdir = "/srv",
		.user = "anna", .memory_bytes = { true, 1 << 20 }, .cpu_quota_us = { true, 150000 }, .pids = { true, 64 },
		.read_only = true, .command = command, .n_command = 2,
	};
	struct launch_facts f = facts();

	f.on_terminal = true;
	if (plan(x, &o, &f) < 0)
		fail_msg("%s", x->e.msg);
	const struct spec *s = x->spec;
	assert_string_equal(s->hostname, "web");
	assert_true(s->root->readonly);
	assert_true(s->process->terminal);
	assert_string_equal(s->process->args[1], "hello world");
	assert_null(s->process->args[2]);
	assert_string_equal(s->process->cwd, "/srv");
	assert_int_equal(s->process->user.uid, 1000);
	assert_int_equal(s->process->user.n_additional_gids, 2);
	assert_string_equal(env(s, "HOME"), "/home/anna");
	assert_string_equal(env(s, "TERM"), "screen");
	assert_string_equal(env(s, "SECRET"), "1");
	assert_string_equal(env(s, "A"), "b=c");
	assert_string_equal(env(s, "LANG"), "de");
	assert_string_equal(env(s, "EMPTY"), "");
	assert_null(env(s, "NONE"));
	assert_true(has(mount_on(s, "/d"), "rro"));
	assert_int_equal(s->lx.resources->memory->limit.v, 1 << 20);
	assert_int_equal(s->lx.resources->cpu->quota.v, 150000);
	assert_int_equal(s->lx.resources->cpu->period.v, LAUNCH_CPU_PERIOD_US);
	assert_int_equal(s->lx.resources->pids_limit.v, 64);
}

static void terminals(void **state)
{
	struct fixture *x = *state;
	struct launch_facts f = facts();
	struct launch_options o = { .terminal = true };

	assert_int_equal(plan(x, &o, &f), 0);
	assert_true(x->spec->process->terminal);
	assert_string_equal(env(x->spec, "TERM"), "screen");
	assert_int_equal(x->spec->process->console_height, 0);
	f.on_terminal = true;
	f.rows = 40;
	f.columns = 99;
	assert_int_equal(plan(x, &o, &f), 0);
	assert_int_equal(x->spec->process->console_height, 40);
	assert_int_equal(x->spec->process->console_width, 99);
	o = (struct launch_options){ .no_terminal = true };
	assert_int_equal(plan(x, &o, &f), 0);
	assert_false(x->spec->process->terminal);
	o = (struct launch_options){ .detach = true };
	assert_int_equal(plan(x, &o, &f), 0);
	assert_false(x->spec->process->terminal);
}

static void rootless_maps(void **state)
{
	struct fixture *x = *state;
	const struct launch_options o = { 0 };
	struct launch_facts f = facts();

	f.rootless = true;
	assert_int_equal(plan(x, &o, &f), 0);
	assert_non_null(spec_find_namespace(x->spec, CLONE_NEWUSER));
	assert_int_equal(x->spec->lx.n_uid_mappings, 1);
	assert_int_equal(x->spec->lx.uid_mappings[0].host_id, 1000);
	assert_int_equal(x->spec->lx.gid_mappings[0].host_id, 1001);
	assert_int_equal(x->spec->lx.resources ? x->spec->lx.resources->n_devices : 0, 0);
	assert_false(has(mount_on(x->spec, "/dev/pts"), "gid=5"));

	f.subuid = f.subgid = (struct spec_idmap){ 1, 100000, 65536 };
	assert_int_equal(plan(x, &o, &f), 0);
	assert_int_equal(x->spec->lx.n_uid_mappings, 2);
	assert_int_equal(x->spec->lx.uid_mappings[1].host_id, 100000);
	assert_int_equal(x->spec->lx.uid_mappings[1].size, 65536);
	assert_true(has(mount_on(x->spec, "/dev/pts"), "gid=5"));
}

static void values_that_are_refused(void **state)
{
	struct fixture *x = *state;
	const char *volume_texts[] = { "nowhere" }, *envs[] = { "=x" };
	const struct {
		struct launch_options o;
		const char *word;
	} bad[] = {
		{ { .user = "who" }, "--user 'who'" },
		{ { .workdir = "rel" }, "--workdir 'rel'" },
		{ { .volumes = { volume_texts, 1 } }, "--volume 'nowhere'" },
		{ { .env = { envs, 1 } }, "--env '=x'" },
		{ { .memory_bytes = { true, 0 } }, "--memory" },
		{ { .pids = { true, 0 } }, "--pids-limit 0" },
		{ { .pids = { true, -2 } }, "--pids-limit -2" },
	};
	const struct launch_facts f = facts();

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		x->e = ERR_INIT;
		assert_int_equal(plan(x, &bad[i].o, &f), -EINVAL);
		if (!strstr(x->e.msg, bad[i].word))
			fail_msg("no \"%s\" in \"%s\"", bad[i].word, x->e.msg);
	}
}

static void errors_speak_of_options(void **state)
{
	static const struct {
		const char *said, *says;
	} cases[] = {
		{ "container 'x': process.rlimits[0].type: unknown", "container 'x': --ulimit: unknown" },
		{ "error setting rlimit type RLIMIT_CORE to 1:1: no", "--ulimit: set RLIMIT_CORE to 1:1: no" },
		{ "linux.resources.cpu.cpus: write '99'", "--cpuset-cpus: write '99'" },
		{ "open '/process.cwd': no", "open '/process.cwd': no" },
		{ "processes are there; choose another linux.cgroupsPath", "processes are there; choose another --cgroup-parent" },
		{ "linux.sysctl: 'kernel.hostname': use hostname instead", "--sysctl: 'kernel.hostname': use hostname instead" },
		{ "linux.sysctls: no", "linux.sysctls: no" },
		{ "linux.sysctl['a", "--sysctl" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e;
		err_say(&e, ENOEXEC, "%s", cases[i].said);
		e.exec = true;
		assert_int_equal(launch_say_option(&e), -ENOEXEC);
		assert_string_equal(e.msg, cases[i].says);
		assert_true(e.exec);
	}
}

static void names_are_two_words(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;

	(void)state;
	for (uint64_t i = 0; i < 5000; i += 7) {
		const char *name = launch_name(i, &a), *dash = strchr(name, '-');
		assert_non_null(dash);
		assert_null(strchr(dash + 1, '-'));
		assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
	}
	assert_string_not_equal(launch_name(0, &a), launch_name(64, &a));
	launch_name(UINT64_MAX, &a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(users_by_name),
		cmocka_unit_test(users_by_number),
		cmocka_unit_test(users_that_are_refused),
		cmocka_unit_test(volumes),
		cmocka_unit_test(volumes_that_are_refused),
		cmocka_unit_test_setup_teardown(defaults, set_up, tear_down),
		cmocka_unit_test_setup_teardown(everything_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(terminals, set_up, tear_down),
		cmocka_unit_test_setup_teardown(rootless_maps, set_up, tear_down),
		cmocka_unit_test_setup_teardown(values_that_are_refused, set_up, tear_down),
		cmocka_unit_test(errors_speak_of_options),
		cmocka_unit_test(names_are_two_words),
	};

	return cmocka_run_group_tests_name("launch_plan", tests, NULL, NULL);
}
