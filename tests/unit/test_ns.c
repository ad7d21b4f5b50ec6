#include "ns_example.h"

#include "namespaces/idmap.h"

#include <time.h>

static struct arena arena;

static struct spec with(size_t n, const struct spec_namespace *ns)
{
	struct spec s = { 0 };

	s.lx.namespaces = arena_dup(&arena, ns, n * sizeof(*ns));
	s.lx.n_namespaces = n;
	return s;
}

#define WITH(...) \
	with(sizeof((const struct spec_namespace[]){ __VA_ARGS__ }) / sizeof(struct spec_namespace), \
	     (const struct spec_namespace[]){ __VA_ARGS__ })

static struct ns_plan plan_ok(const struct spec *s, uid_t euid)
{
	struct ns_plan p;
	struct err e = ERR_INIT;

	if (ns_plan_make(s, euid, &arena, &p, &e) < 0)
		fail_msg("%s", e.msg);
	return p;
}

static void expect_error(const struct spec *s, const char *text)
{
	struct ns_plan p;
	struct err e = ERR_INIT;

	assert_true(ns_plan_make(s, 0, &arena, &p, &e) < 0);
	assert_string_equal(e.msg, text);
}

static void test_plan(void **state)
{
	(void)state;
	struct spec s = WITH({ CLONE_NEWPID }, { CLONE_NEWNET }, { CLONE_NEWCGROUP }, { CLONE_NEWIPC, "/proc/1/ns/ipc" });
	struct ns_plan p = plan_ok(&s, 0);
	assert_int_equal(p.create, CLONE_NEWPID | CLONE_NEWNET);
	assert_true(p.create_cgroup && p.loopback && !p.stage);
	assert_int_equal(p.n_join, 1);
	assert_int_equal(p.join[0].fd, -1);

	s = WITH({ CLONE_NEWPID, "/proc/1/ns/pid" });
	assert_true(plan_ok(&s, 0).stage);
	s = WITH({ CLONE_NEWUSER, "/proc/1/ns/user" }, { CLONE_NEWNS });
	assert_true(plan_ok(&s, 0).stage);
}

static void test_maps(void **state)
{
	static struct spec_idmap one[] = { { 0, 1000, 1 } }, many[] = { { 0, 1000, 1 }, { 1, 100000, 65536 } };
	struct spec s = WITH({ CLONE_NEWUSER });
	cleanup_buf struct buf text = BUF_INIT;

	(void)state;
	s.lx.uid_mappings = s.lx.gid_mappings = one;
	s.lx.n_uid_mappings = s.lx.n_gid_mappings = 1;
	struct ns_plan p = plan_ok(&s, 1000);
	assert_true(p.deny_setgroups && !p.map_with_helpers);
	p = plan_ok(&s, 0);
	assert_true(!p.deny_setgroups && !p.map_with_helpers);
	p = plan_ok(&s, 1001); /* another's id */
	assert_true(p.map_with_helpers);
	s.lx.uid_mappings = many;
	s.lx.n_uid_mappings = 2;
	p = plan_ok(&s, 1000);
	assert_true(p.map_with_helpers && !p.deny_setgroups);
	idmap_format(p.uid_maps, p.n_uid_maps, &text);
	assert_string_equal(buf_text(&text), "0 1000 1\n1 100000 65536\n");
}

static void test_errors(void **state)
{
	static struct spec_idmap one[] = { { 0, 1000, 1 } };
	static struct spec_net_device dev[] = { { "eth0", NULL } };

	(void)state;
	struct spec s = WITH({ CLONE_NEWPID }, { CLONE_NEWPID });
	expect_error(&s, "linux.namespaces[1].type: 'pid' is there twice");
	s = WITH({ CLONE_NEWUSER });
	expect_error(&s, "linux.uidMappings: a new user namespace needs mappings");
	s = WITH({ CLONE_NEWPID });
	s.lx.uid_mappings = one;
	s.lx.n_uid_mappings = 1;
	expect_error(&s, "linux.uidMappings: given without a user namespace");
	s = WITH({ CLONE_NEWPID });
	s.hostname = "x";
	expect_error(&s, "hostname: unable to set hostname without a private UTS namespace");
	s = WITH({ CLONE_NEWNET, "run/netns" });
	expect_error(&s, "linux.namespaces[0].path: 'run/netns' is not absolute");
	s = WITH({ CLONE_NEWPID });
	s.lx.offset_boottime.set = true;
	expect_error(&s, "linux.timeOffsets: needs a new time namespace");
	s = WITH({ CLONE_NEWNET });
	s.lx.net_devices = dev;
	s.lx.n_net_devices = 1;
	expect_error(&s, "linux.netDevices: not supported");
}

static void test_open(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	struct spec s = WITH({ CLONE_NEWNET, "/proc/self/ns/net" }, { CLONE_NEWUTS, "/proc/self/ns/uts" });
	struct ns_plan p = plan_ok(&s, 0);
	assert_int_equal(ns_plan_open(&p, &e), 0);
	assert_true(p.join[0].fd >= 0);
	ns_plan_close(&p);
	assert_int_equal(p.join[0].fd, -1);
	s = WITH({ CLONE_NEWNET, "/proc/self/ns/uts" });
	p = plan_ok(&s, 0);
	assert_true(ns_plan_open(&p, &e) < 0);
	assert_string_equal(e.msg, "linux.namespaces: '/proc/self/ns/uts' is not a net namespace");
	ns_plan_close(&p);
	s = WITH({ CLONE_NEWNET, "/dev/null" });
	p = plan_ok(&s, 0);
	assert_true(ns_plan_open(&p, &e) < 0);
}

static void need_rights(void)
{
	if (geteuid() != 0) {
		print_message("skipped: needs the rights of root\n");
		skip();
	}
}

static void wait_ok(pid_t pid)
{
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_time_offsets(void **state)
{
	struct timespec before, after;

	(void)state;
	need_rights();
	struct spec s = WITH({ CLONE_NEWTIME }, { CLONE_NEWUTS });
	s.lx.offset_boottime = (struct spec_time_offset){ .set = true, .secs = 100000 };
	s.hostname = "h";
	s.domainname = "d";
	struct ns_plan p = plan_ok(&s, 0);
	assert_int_equal(p.create, CLONE_NEWUTS);
	pid_t pid = fork();
	if (pid == 0) {
		struct err e = ERR_INIT;
		char name[65];
		CHECK(unshare(CLONE_NEWUTS) == 0 && clock_gettime(CLOCK_BOOTTIME, &before) == 0);
		CHECK_OK(ns_configure(&p, &e), &e);
		CHECK(clock_gettime(CLOCK_BOOTTIME, &after) == 0 && after.tv_sec - before.tv_sec >= 100000);
		CHECK(gethostname(name, sizeof(name)) == 0 && strcmp(name, "h") == 0);
		CHECK(getdomainname(name, sizeof(name)) == 0 && strcmp(name, "d") == 0);
		_exit(0);
	}
	wait_ok(pid);
}

/* A process with namespaces of its own, to be joined: a user namespace and a network and a uts one that belong to it. */
static void test_join_userns(void **state)
{
	struct spec_idmap map[] = { { 0, 100000, 10 } };
	char path[4][64];
	int down[2];
	struct err e = ERR_INIT;

	(void)state;
	need_rights();
	assert_int_equal(pipe2(down, O_CLOEXEC), 0);
	struct clone_args args = { .flags = CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWPID,
				   .exit_signal = SIGCHLD };
	pid_t target = sys_clone3(&args);
	if (target == 0) {
		char c;
		close(down[1]);
		_exit(read(down[0], &c, 1) != 0);
	}
	const struct idmaps m = { map, map, 1, 1 };
	assert_int_equal(idmap_write(target, &m, false, &e), 0);
	const char *files[] = { "uts", "user", "net", "pid" };
	for (int i = 0; i < 4; i++)
		snprintf(path[i], sizeof(path[i]), "/proc/%d/ns/%s", (int)target, files[i]);
	struct spec s = WITH({ CLONE_NEWUTS, path[0] }, { CLONE_NEWUSER, path[1] }, { CLONE_NEWNET, path[2] },
			     { CLONE_NEWPID, path[3] }, { CLONE_NEWNS });
	struct ns_plan p = plan_ok(&s, 0);
	assert_true(p.stage);
	assert_int_equal(ns_plan_open(&p, &e), 0);
	pid_t stage = fork();
	if (stage == 0) {
		int status;
		CHECK_OK(ns_stage(&p, &e), &e);
		struct clone_args c_args = { .flags = p.create, .exit_signal = SIGCHLD };
		pid_t c = sys_clone3(&c_args);
		if (c == 0) {
			CHECK_OK(ns_become_root(&p, &e), &e);
			CHECK_OK(ns_configure(&p, &e), &e);
			CHECK(getuid() == 0 && getgid() == 0 && getpid() == 2);
			CHECK(sethostname("joined", 6) == 0);
			_exit(0);
		}
		CHECK(waitpid(c, &status, 0) == c && status == 0);
		_exit(0);
	}
	wait_ok(stage);
	ns_plan_close(&p);
	close(down[1]);
	wait_ok(target);
	close(down[0]);
}

/* Programs that write down how they were called stand in for the set-user-id ones. */
static void test_map_helpers(void **state)
{
	static struct spec_idmap many[] = { { 0, 1000, 1 }, { 1, 100000, 65536 } };
	const struct idmaps m = { many, many, 2, 2 };
	const char *script = "#!/bin/sh\necho $0 $* >> ${0%/*}/log\n[ $1 != 13 ] || { echo no range >&2; exit 1; }\n";
	char dir[] = "/tmp/ferry-unit-XXXXXX", path[64], *old = strdup(getenv("PATH"));
	struct err e = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, i ? "newgidmap" : "newuidmap");
		int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
		assert_int_equal(write(fd, script, strlen(script)), strlen(script));
		close(fd);
	}
	setenv("PATH", dir, 1);
	assert_int_equal(idmap_write_with_helpers(12, &m, &e), 0);
	assert_true(idmap_write_with_helpers(13, &m, &e) < 0);
	assert_string_equal(e.msg, "newgidmap failed: no range");
	snprintf(path, sizeof(path), "%s/log", dir);
	assert_non_null(strstr(slurp(path), "newuidmap 12 0 1000 1 1 100000 65536\n"));
	setenv("PATH", "/nonexistent", 1);
	assert_true(idmap_write_with_helpers(12, &m, &e) < 0);
	assert_string_equal(e.msg, "newgidmap is not installed: without it a user can map only his own id");
	setenv("PATH", old, 1);
	free(old);
	assert_int_equal(remove_tree_at(AT_FDCWD, dir, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan), cmocka_unit_test(test_maps),	  cmocka_unit_test(test_errors),
		cmocka_unit_test(test_open), cmocka_unit_test(test_time_offsets), cmocka_unit_test(test_join_userns),
		cmocka_unit_test(test_map_helpers),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	arena_finish(&arena);
	return r;
}
