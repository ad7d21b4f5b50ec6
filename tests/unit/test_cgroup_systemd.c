#include "cgroups/systemd.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct systemd_property *find(const struct systemd_properties *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->item[i].name, name) == 0)
			return &p->item[i];
	fail_msg("no property '%s'", name);
	return NULL;
}

static void expect_number(const struct systemd_properties *p, const char *name, uint64_t value)
{
	assert_string_equal(find(p, name)->type, "t");
	if (find(p, name)->v.number != value)
		fail_msg("%s is %llu", name, (unsigned long long)find(p, name)->v.number);
}

static void test_limits(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	struct spec_memory m = { .limit = { true, 1000 }, .swap = { true, 1500 }, .reservation = { true, 500 } };
	struct spec_cpu c = { .shares = { true, 1024 }, .quota = { true, 33333 }, .period = { true, 100000 },
			      .cpus = "0-2,9", .mems = "0" };
	struct spec_throttle_device rate = { 8, 0, 100 };
	struct spec_resources r = {
		.memory = &m,
		.cpu = &c,
		.pids_limit = { true, -1 },
		.blkio_weight = { true, 1000 },
		.throttle = { [THROTTLE_WRITE_BPS] = &rate },
		.n_throttle = { [THROTTLE_WRITE_BPS] = 1 },
	};
	struct systemd_properties p = { 0 };
	struct err e = ERR_INIT;

	assert_int_equal(systemd_resource_properties(&r, &a, &p, &e), 0);
	expect_number(&p, "MemoryMax", 1000);
	expect_number(&p, "MemoryLow", 500);
	expect_number(&p, "MemorySwapMax", 500);
	expect_number(&p, "CPUWeight", 100);
	expect_number(&p, "CPUQuotaPeriodUSec", 100000);
	expect_number(&p, "CPUQuotaPerSecUSec", 340000); /* rounded up to 10 ms */
	expect_number(&p, "TasksMax", UINT64_MAX);
	expect_number(&p, "IOWeight", 10000);
	assert_int_equal(find(&p, "AllowedCPUs")->v.bytes.n, 2);
	assert_memory_equal(find(&p, "AllowedCPUs")->v.bytes.data, "\x07\x02", 2);
	assert_int_equal(find(&p, "AllowedMemoryNodes")->v.bytes.n, 1);
	assert_string_equal(find(&p, "IOWriteBandwidthMax")->v.device.path, "/dev/block/8:0");
	assert_int_equal(find(&p, "IOWriteBandwidthMax")->v.device.value, 100);
	assert_int_equal(p.n, 11);
}

static void test_no_limits(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	struct spec_memory m = { .limit = { true, 0 } };
	struct spec_cpu c = { .quota = { true, 0 } };
	struct spec_resources r = { .memory = &m, .cpu = &c };
	struct systemd_properties p = { 0 };
	struct err e = ERR_INIT;

	assert_int_equal(systemd_resource_properties(&r, &a, &p, &e), 0);
	assert_int_equal(p.n, 0);
	c.quota.v = -1;
	assert_int_equal(systemd_resource_properties(&r, &a, &p, &e), 0);
	expect_number(&p, "CPUQuotaPerSecUSec", UINT64_MAX);
}

static void test_unified(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	struct spec_pair unified[] = { { "memory.high", "max" }, { "cpu.max", "50000 100000" }, { "pids.max", "7" },
				       { "cpuset.cpus", "1" },	 { "misc.max", "x 1" } };
	struct spec_resources r = { .unified = unified, .n_unified = 5 };
	struct systemd_properties p = { 0 };
	struct err e = ERR_INIT;

	assert_int_equal(systemd_resource_properties(&r, &a, &p, &e), 0);
	expect_number(&p, "MemoryHigh", UINT64_MAX);
	expect_number(&p, "CPUQuotaPerSecUSec", 500000);
	expect_number(&p, "CPUQuotaPeriodUSec", 100000);
	expect_number(&p, "TasksMax", 7);
	assert_int_equal(p.n, 5);
}

static void test_cpu_list(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	const uint8_t *data;
	struct err e;
	size_t n;

	assert_int_equal(cpu_list_to_bytes("0,8,15-16", &a, &data, &n, &e), 0);
	assert_int_equal(n, 3);
	assert_memory_equal(data, "\x01\x81\x01", 3);
	static const char *const bad[] = { "a", "1-", "3-2", "1,,2", "-1", "1;2", "99999999" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(cpu_list_to_bytes(bad[i], &a, &data, &n, &e), -EINVAL);
}

static struct cgroup_plan plan_with(const char *scope, const struct spec_pair *annotations, size_t n)
{
	return (struct cgroup_plan){
		.ref = { .driver = CGROUP_SYSTEMD, .scope = scope },
		.id = "web",
		.slice = "machine.slice",
		.annotations = annotations,
		.n_annotations = n,
	};
}

static void test_scope(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	const struct spec_pair annotations[] = {
		{ "org.systemd.property.TimeoutStopUSec", "uint64 10000000" },
		{ "org.systemd.property.KillSignal", "37" },
		{ "org.systemd.property.After", "['a.mount', 'b.mount']" },
		{ "org.systemd.property.Documentation", "'x y'" },
		{ "org.systemd.property.IgnoreOnIsolate", "true" },
		{ "org.systemd.property.RuntimeMaxSec", "uint64 2" },
		{ "com.example", "?" },
	};
	struct cgroup_plan plan = plan_with("libpod-web.scope", annotations, 7);
	struct systemd_properties p;
	struct err e = ERR_INIT;

	if (systemd_unit_properties(&plan, 42, &a, &p, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(find(&p, "Slice")->v.string, "machine.slice");
	assert_int_equal(find(&p, "PIDs")->v.pid, 42);
	assert_true(find(&p, "Delegate")->v.boolean);
	assert_false(find(&p, "DefaultDependencies")->v.boolean);
	assert_string_equal(find(&p, "CollectMode")->v.string, "inactive-or-failed");
	expect_number(&p, "TimeoutStopUSec", 10000000);
	expect_number(&p, "RuntimeMaxUSec", 2000000);
	assert_string_equal(find(&p, "KillSignal")->type, "i");
	assert_int_equal(find(&p, "KillSignal")->v.number, 37);
	assert_int_equal(find(&p, "After")->v.strings.n, 2);
	assert_string_equal(find(&p, "After")->v.strings.items[1], "b.mount");
	assert_string_equal(find(&p, "Documentation")->v.string, "x y");
	assert_true(find(&p, "IgnoreOnIsolate")->v.boolean);
}

static void test_bad_annotations(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "x", "['a'", "[a]", "uint64 x", "1 2", "-1", "['a'] x" };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		cleanup_arena struct arena a = ARENA_INIT;
		struct spec_pair annotation = { "org.systemd.property.X", bad[i] };
		struct cgroup_plan plan = plan_with("x.scope", &annotation, 1);
		struct systemd_properties p;
		struct err e = ERR_INIT;
		assert_int_equal(systemd_unit_properties(&plan, 1, &a, &p, &e), -EINVAL);
		assert_non_null(strstr(e.msg, "annotations['org.systemd.property.X']"));
	}
}

static void test_slice(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	struct cgroup_plan plan = plan_with("machine-pod.slice", NULL, 0);
	struct systemd_properties p;
	struct err e = ERR_INIT;

	assert_int_equal(systemd_unit_properties(&plan, 42, &a, &p, &e), 0);
	assert_string_equal(find(&p, "Wants")->v.strings.items[0], "machine.slice");
	for (size_t i = 0; i < p.n; i++)
		assert_string_not_equal(p.item[i].name, "PIDs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),	 cmocka_unit_test(test_no_limits),	 cmocka_unit_test(test_unified),
		cmocka_unit_test(test_cpu_list), cmocka_unit_test(test_scope),		 cmocka_unit_test(test_bad_annotations),
		cmocka_unit_test(test_slice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
