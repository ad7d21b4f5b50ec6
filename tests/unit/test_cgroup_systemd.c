#include "cgroups/systemd/request.h"

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

/* ---- what is asked of ferry-systemd ---- */

static void expect_same(const struct systemd_property *p, const struct systemd_property *q)
{
	assert_string_equal(p->name, q->name);
	assert_string_equal(p->type, q->type);
	if (strcmp(p->type, "b") == 0) {
		assert_int_equal(p->v.boolean, q->v.boolean);
	} else if (strcmp(p->type, "s") == 0) {
		assert_string_equal(p->v.string, q->v.string);
	} else if (strcmp(p->type, "au") == 0) {
		assert_int_equal(p->v.pid, q->v.pid);
	} else if (strcmp(p->type, "ay") == 0) {
		assert_int_equal(p->v.bytes.n, q->v.bytes.n);
		assert_memory_equal(p->v.bytes.data, q->v.bytes.data, p->v.bytes.n);
	} else if (strcmp(p->type, "as") == 0) {
		assert_int_equal(p->v.strings.n, q->v.strings.n);
		for (size_t i = 0; i < p->v.strings.n; i++)
			assert_string_equal(p->v.strings.items[i], q->v.strings.items[i]);
	} else if (strcmp(p->type, "a(st)") == 0) {
		assert_string_equal(p->v.device.path, q->v.device.path);
		assert_true(p->v.device.value == q->v.device.value);
	} else {
		assert_true(p->v.number == q->v.number);
	}
}

static const char *const items[] = { "a.mount", "", "b c" };

static struct systemd_property every_type[] = {
	{ "Delegate", "b", { .boolean = true } },
	{ "Slice", "s", { .string = "\xc3\xa4.slice" } },
	{ "Empty", "s", { .string = "" } },
	{ "MemoryMax", "t", { .number = UINT64_MAX } },
	{ "X", "u", { .number = UINT32_MAX } },
	{ "KillSignal", "i", { .number = 37 } },
	{ "After", "as", { .strings = { (const char **)items, 3 } } },
	{ "None", "as", { .strings = { NULL, 0 } } },
	{ "AllowedCPUs", "ay", { .bytes = { (const uint8_t *)"\x00\xff\x01", 3 } } },
	{ "PIDs", "au", { .pid = 4194304 } },
	{ "IOReadBandwidthMax", "a(st)", { .device = { "/dev/block/8:0", UINT64_MAX } } },
};

static const struct systemd_request every_request = {
	SYSTEMD_SET_PROPERTIES, "x.scope", { every_type, sizeof(every_type) / sizeof(every_type[0]) },
};

static void test_request(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_buf struct buf b = BUF_INIT;
	struct systemd_request r = { 0 };
	struct err e = ERR_INIT;

	assert_int_equal(systemd_request_encode(&every_request, &b, &e), 0);
	assert_int_equal(systemd_request_decode(b.data, b.len, &a, &r, &e), 0);
	assert_int_equal(r.method, SYSTEMD_SET_PROPERTIES);
	assert_string_equal(r.unit, "x.scope");
	assert_int_equal(r.properties.n, every_request.properties.n);
	for (size_t i = 0; i < r.properties.n; i++)
		expect_same(&every_type[i], &r.properties.item[i]);

	/* Every beginning of it, and what is longer than it. */
	buf_char(&b, '\0');
	for (size_t n = 0; n <= b.len; n++) {
		int expected = n == b.len - 1 ? 0 : -EPROTO;
		assert_int_equal(systemd_request_decode(b.data, n, &a, &r, &e), expected);
	}
}

static void test_bad_requests(void **state)
{
	(void)state;
	static const struct {
		const char *data;
		size_t len;
	} bad[] = {
#define BAD(text) { text, sizeof(text) }
		BAD("4\0x\0000"), /* no such method */
		BAD("-1\0x\0000"),
		BAD("0\0x\0001"), /* fewer properties than said */
		BAD("0\0x\00099999999999999999999"),
		BAD("0\0x\0001\0A\0d\0001"), /* no such type */
		BAD("0\0x\0001\0A\0b\0002"),
		BAD("0\0x\0001\0A\0t\0 1"),
		BAD("0\0x\0001\0A\0au\0004294967296"),
		BAD("0\0x\0001\0A\0ay\0001\000256"),
		BAD("0\0x\0001\0A\0as\0002\0a"),
#undef BAD
	};
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_buf struct buf b = BUF_INIT;
	struct systemd_property p = { "A", "d", { .number = 1 } };
	struct systemd_request r = { SYSTEMD_START, "x", { &p, 1 } };
	struct err e = ERR_INIT;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (systemd_request_decode(bad[i].data, bad[i].len, &a, &r, &e) != -EPROTO)
			fail_msg("request %zu was taken", i);
	r = (struct systemd_request){ SYSTEMD_START, "x", { &p, 1 } };
	assert_int_equal(systemd_request_encode(&r, &b, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),	 cmocka_unit_test(test_no_limits),	 cmocka_unit_test(test_unified),
		cmocka_unit_test(test_cpu_list), cmocka_unit_test(test_scope),		 cmocka_unit_test(test_bad_annotations),
		cmocka_unit_test(test_slice),	 cmocka_unit_test(test_request),	 cmocka_unit_test(test_bad_requests),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
