#include "cgroups/plan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_clean(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;

	assert_string_equal(cgroup_path_clean(&a, "/a//b/../c/"), "/a/c");
	assert_string_equal(cgroup_path_clean(&a, "/../../a"), "/a");
	assert_string_equal(cgroup_path_clean(&a, "a/./b"), "/a/b");
	assert_string_equal(cgroup_path_clean(&a, "/a/.."), "/");
	assert_string_equal(cgroup_path_clean(&a, ""), "/");
	assert_string_equal(cgroup_path_clean(&a, "/..."), "/...");
}

static void test_cgroupfs_path(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;

	assert_string_equal(cgroupfs_path("/docker/x", "id", "/own/me", &a), "/docker/x");
	assert_string_equal(cgroupfs_path("foo/bar", "id", "/", &a), "/foo/bar");
	assert_string_equal(cgroupfs_path("foo", "id", "/user.slice/session.scope", &a), "/user.slice/foo");
	assert_string_equal(cgroupfs_path("../../foo", "id", "/user.slice/session.scope", &a), "/user.slice/foo");
	assert_string_equal(cgroupfs_path(NULL, "id", "/", &a), "/id");
	assert_string_equal(cgroupfs_path("", "id", "/own", &a), "/id");
	assert_string_equal(cgroupfs_path(NULL, "id", "/a/b/c", &a), "/a/b/id");
}

static void expect_place(const char *path, bool user, const char *slice, const char *unit)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct systemd_place p;
	struct err e = ERR_INIT;

	if (systemd_place(path, "id", user, &a, &p, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(p.slice, slice);
	assert_string_equal(p.unit, unit);
}

static void test_systemd_place(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	struct systemd_place p;
	struct err e;

	expect_place("machine.slice:libpod:abc", false, "machine.slice", "libpod-abc.scope");
	expect_place(NULL, false, "system.slice", "ferry-id.scope");
	expect_place(NULL, true, "user.slice", "ferry-id.scope");
	expect_place(":docker:abc", false, "system.slice", "docker-abc.scope");
	expect_place(":docker:abc", true, "user.slice", "docker-abc.scope");
	expect_place("a.slice::abc", false, "a.slice", "abc.scope");
	expect_place("a.slice:p:", false, "a.slice", "p-id.scope");
	expect_place("a.slice:p:a-b.slice", false, "a.slice", "a-b.slice");
	assert_int_equal(systemd_place("/foo/bar", "id", false, &a, &p, &e), -EINVAL);
	assert_int_equal(systemd_place("a:b:c:d", "id", false, &a, &p, &e), -EINVAL);
	assert_int_equal(systemd_place("a.slice:b:../c", "id", false, &a, &p, &e), -EINVAL);
}

static void test_slice_path(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e;
	const char *path;

	assert_int_equal(systemd_slice_path("system.slice", &a, &path, &e), 0);
	assert_string_equal(path, "/system.slice");
	assert_int_equal(systemd_slice_path("a-b-c.slice", &a, &path, &e), 0);
	assert_string_equal(path, "/a.slice/a-b.slice/a-b-c.slice");
	assert_int_equal(systemd_slice_path("-.slice", &a, &path, &e), 0);
	assert_string_equal(path, "/");
	static const char *const bad[] = { "a", ".slice", "a--b.slice", "-a.slice", "a-.slice", "a/b.slice", "" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(systemd_slice_path(bad[i], &a, &path, &e), -EINVAL);
}

static void test_plan(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	struct spec_resources r = { .pids_limit = { true, 5 } };
	struct spec s = { .lx = { .cgroups_path = "/x/y", .resources = &r } };
	struct cgroup_host h = { .mountpoint = "/sys/fs/cgroup", .root_fd = -1, .own_path = "/", .controllers = "pids cpu" };
	struct cgroup_options o = { .id = "web" };
	struct cgroup_plan *p;
	struct err e = ERR_INIT;

	assert_int_equal(cgroup_plan_make(&s, &h, &o, &a, &p, &e), 0);
	assert_string_equal(cgroup_plan_dir(p), "/sys/fs/cgroup/x/y");
	assert_string_equal(cgroup_plan_ref(p)->path, "/x/y");
	assert_int_equal(p->needed, CONTROLLER_PIDS);

	s.lx.cgroups_path = "/..";
	assert_int_equal(cgroup_plan_make(&s, &h, &o, &a, &p, &e), -EINVAL);

	s.lx.cgroups_path = NULL;
	h.controllers = "cpu";
	assert_int_equal(cgroup_plan_make(&s, &h, &o, &a, &p, &e), -ENOTSUP);
	assert_non_null(strstr(e.msg, "linux.resources.pids.limit"));

	o.driver = CGROUP_DISABLED;
	assert_int_equal(cgroup_plan_make(&s, &h, &o, &a, &p, &e), 0);
	assert_null(cgroup_plan_dir(p));
}

static void test_plan_without_hierarchy(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	struct spec s = { .lx = { .cgroups_path = "/x/y" } };
	struct cgroup_host h = { .root_fd = -1, .own_path = "/", .controllers = "" };
	struct cgroup_options o = { .id = "web" };
	struct cgroup_plan *p;
	struct err e = ERR_INIT;
	int fd = 7;

	assert_int_equal(cgroup_plan_make(&s, &h, &o, &a, &p, &e), 0);
	assert_int_equal(cgroup_plan_ref(p)->driver, CGROUP_DISABLED);
	assert_int_equal(cgroup_create(p, &h, &fd, &e), 0);
	assert_int_equal(fd, -1);
}

static void test_plan_systemd(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	struct spec s = { .lx = { .cgroups_path = "machine-x.slice:libpod:abc" } };
	struct cgroup_host h = { .mountpoint = "/sys/fs/cgroup", .root_fd = -1, .own_path = "/", .controllers = "" };
	struct cgroup_options o = { .id = "abc", .driver = CGROUP_SYSTEMD };
	struct cgroup_plan *p;
	struct err e = ERR_INIT;

	assert_int_equal(cgroup_plan_make(&s, &h, &o, &a, &p, &e), 0);
	assert_string_equal(p->ref.scope, "libpod-abc.scope");
	assert_string_equal(p->ref.path, "/machine.slice/machine-x.slice/libpod-abc.scope");
	assert_false(p->ref.user_session);

	o.rootless = true;
	assert_int_equal(cgroup_plan_make(&s, &h, &o, &a, &p, &e), 0);
	assert_true(p->ref.user_session);
	assert_null(p->ref.path);

	h.own_path = "/user.slice/user-1000.slice/user@1000.service/app.slice/x.scope";
	assert_int_equal(cgroup_plan_make(&s, &h, &o, &a, &p, &e), 0);
	assert_string_equal(p->ref.path, "/user.slice/user-1000.slice/user@1000.service/machine.slice/machine-x.slice/"
					 "libpod-abc.scope");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),	     cmocka_unit_test(test_cgroupfs_path),
		cmocka_unit_test(test_systemd_place), cmocka_unit_test(test_slice_path),
		cmocka_unit_test(test_plan),	     cmocka_unit_test(test_plan_without_hierarchy),
		cmocka_unit_test(test_plan_systemd),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
