#include "cgroups/resources.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define I64(n) { .set = true, .v = (n) }
#define U64(n) { .set = true, .v = (n) }

struct expected {
	const char *file, *value;
};

static void expect_writes(const struct spec_resources *r, const struct expected *want, size_t n)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct cgroup_writes w;
	struct err e = ERR_INIT;

	if (resources_writes(r, &a, &w, &e) < 0)
		fail_msg("%s", e.msg);
	for (size_t i = 0; i < w.n && i < n; i++) {
		assert_string_equal(w.item[i].file, want[i].file);
		assert_string_equal(w.item[i].value, want[i].value);
	}
	assert_int_equal(w.n, n);
}

#define EXPECT(r, ...)                                                                                                 \
	do {                                                                                                           \
		const struct expected want[] = { __VA_ARGS__ };                                                        \
		expect_writes((r), want, sizeof(want) / sizeof(want[0]));                                              \
	} while (0)

static void expect_error(const struct spec_resources *r, int code, const char *part)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct cgroup_writes w;
	struct err e = ERR_INIT;

	assert_int_equal(resources_writes(r, &a, &w, &e), -code);
	if (!strstr(e.msg, part))
		fail_msg("'%s' does not say '%s'", e.msg, part);
}

static void test_nothing(void **state)
{
	(void)state;
	struct spec_memory m = { .limit = I64(0), .swap = I64(0), .reservation = I64(0), .use_hierarchy = true };
	struct spec_cpu c = { .shares = U64(0), .quota = I64(0), .period = U64(0), .cpus = "", .realtime_runtime = I64(0) };
	struct spec_resources r = { .memory = &m, .cpu = &c, .blkio_weight = U64(0), .net_class_id = U64(0) };

	expect_writes(&r, NULL, 0);
}

static void test_memory(void **state)
{
	(void)state;
	struct spec_memory m = { .limit = I64(1000), .swap = I64(1500), .reservation = I64(500) };
	struct spec_resources r = { .memory = &m };

	EXPECT(&r, { "memory.max", "1000" }, { "memory.low", "500" }, { "memory.swap.max", "500" });

	m = (struct spec_memory){ .limit = I64(1000), .swap = I64(1000) };
	EXPECT(&r, { "memory.max", "1000" }, { "memory.swap.max", "0" });
	m = (struct spec_memory){ .limit = I64(1000), .swap = I64(-1) };
	EXPECT(&r, { "memory.max", "1000" }, { "memory.swap.max", "max" });
	m = (struct spec_memory){ .limit = I64(-1) };
	EXPECT(&r, { "memory.max", "max" }, { "memory.swap.max", "max" });
	m = (struct spec_memory){ .limit = I64(1000), .kernel = I64(5), .kernel_tcp = I64(5) };
	EXPECT(&r, { "memory.max", "1000" });

	m = (struct spec_memory){ .swap = I64(1000) };
	expect_error(&r, EINVAL, "linux.resources.memory.swap");
	m = (struct spec_memory){ .limit = I64(-1), .swap = I64(1000) };
	expect_error(&r, EINVAL, "without memory limit");
	m = (struct spec_memory){ .limit = I64(1000), .swap = I64(999) };
	expect_error(&r, EINVAL, "linux.resources.memory.swap");
	m = (struct spec_memory){ .swappiness = U64(60) };
	expect_error(&r, ENOTSUP, "linux.resources.memory.swappiness");
	m = (struct spec_memory){ .disable_oom_killer = true };
	expect_error(&r, ENOTSUP, "disableOOMKiller");
}

static void test_cpu(void **state)
{
	(void)state;
	struct spec_cpu c = { .shares = U64(1024), .quota = I64(50000), .period = U64(200000), .burst = U64(1000),
			      .cpus = "0-1", .mems = "0" };
	struct spec_resources r = { .cpu = &c };

	EXPECT(&r, { "cpu.max", "50000 200000" }, { "cpu.weight", "100" }, { "cpu.max.burst", "1000" },
	       { "cpuset.cpus", "0-1" }, { "cpuset.mems", "0" });

	c = (struct spec_cpu){ .quota = I64(-1) };
	EXPECT(&r, { "cpu.max", "max" });
	c = (struct spec_cpu){ .quota = I64(50000) };
	EXPECT(&r, { "cpu.max", "50000" });
	c = (struct spec_cpu){ .quota = I64(0), .period = U64(50000) };
	EXPECT(&r, { "cpu.max", "max 50000" });
	c = (struct spec_cpu){ .idle = I64(1), .shares = U64(2) };
	EXPECT(&r, { "cpu.idle", "1" });
	c = (struct spec_cpu){ .idle = I64(0), .shares = U64(2) };
	EXPECT(&r, { "cpu.idle", "0" }, { "cpu.weight", "1" });
	c = (struct spec_cpu){ .realtime_runtime = I64(1) };
	expect_error(&r, ENOTSUP, "linux.resources.cpu.realtimeRuntime");
}

static void test_pids(void **state)
{
	(void)state;
	struct spec_resources r = { .pids_limit = I64(20) };

	EXPECT(&r, { "pids.max", "20" });
	r.pids_limit.v = -1;
	EXPECT(&r, { "pids.max", "max" });
	r.pids_limit.v = 0;
	EXPECT(&r, { "pids.max", "1" });
}

static void test_io(void **state)
{
	(void)state;
	struct spec_weight_device weight = { 8, 16, U64(500), { 0 } };
	struct spec_throttle_device read_bps = { 8, 0, 1048576 }, write_iops = { 8, 0, 0 };
	struct spec_resources r = {
		.blkio_weight = U64(10),
		.weight_devices = &weight,
		.n_weight_devices = 1,
		.throttle = { [THROTTLE_READ_BPS] = &read_bps, [THROTTLE_WRITE_IOPS] = &write_iops },
		.n_throttle = { [THROTTLE_READ_BPS] = 1, [THROTTLE_WRITE_IOPS] = 1 },
	};
	cleanup_arena struct arena a = ARENA_INIT;
	struct cgroup_writes w;
	struct err e;

	EXPECT(&r, { "io.bfq.weight", "10" }, { "io.bfq.weight", "8:16 500" }, { "io.max", "8:0 rbps=1048576" },
	       { "io.max", "8:0 wiops=max" });
	assert_int_equal(resources_writes(&r, &a, &w, &e), 0);
	assert_string_equal(w.item[0].or_file, "io.weight");
	assert_string_equal(w.item[0].or_value, "1");
	assert_string_equal(w.item[1].or_value, "8:16 4950");
	assert_string_equal(w.item[2].what, "linux.resources.blockIO.throttleReadBpsDevice[0]");
	assert_int_equal(writes_controllers(&w), CONTROLLER_IO);

	r = (struct spec_resources){ .blkio_weight = U64(1001) };
	expect_error(&r, EINVAL, "linux.resources.blockIO.weight");
	r = (struct spec_resources){ .blkio_leaf_weight = U64(10) };
	expect_error(&r, ENOTSUP, "leafWeight");
}

static void test_others(void **state)
{
	(void)state;
	struct spec_hugepage pages = { "2MB", 4194304 };
	struct spec_rdma rdma = { "mlx5_1", U64(3), U64(10000) };
	struct spec_pair unified[] = { { "memory.high", "100" }, { "cgroup.max.depth", "2" } };
	struct spec_resources r = { .hugepages = &pages, .n_hugepages = 1, .rdma = &rdma, .n_rdma = 1,
				    .unified = unified, .n_unified = 2 };

	EXPECT(&r, { "hugetlb.2MB.max", "4194304" }, { "hugetlb.2MB.rsvd.max", "4194304" },
	       { "rdma.max", "mlx5_1 hca_handle=3 hca_object=10000" }, { "memory.high", "100" },
	       { "cgroup.max.depth", "2" });

	unified[0].key = "../memory.max";
	expect_error(&r, EINVAL, "linux.resources.unified");
	unified[0].key = "..";
	expect_error(&r, EINVAL, "linux.resources.unified");
	r = (struct spec_resources){ .net_class_id = U64(1) };
	expect_error(&r, ENOTSUP, "linux.resources.network.classID");
	r = (struct spec_resources){ .n_net_priorities = 1 };
	expect_error(&r, ENOTSUP, "linux.resources.network.priorities");
}

static void test_missing_controller(void **state)
{
	(void)state;
	struct spec_memory m = { .limit = I64(1000) };
	struct spec_resources r = { .memory = &m };
	struct cgroup_host h = { .mountpoint = "/sys/fs/cgroup/unified", .controllers = "hugetlb", .hybrid = true };
	cleanup_arena struct arena a = ARENA_INIT;
	struct cgroup_writes w;
	struct err e;

	assert_int_equal(resources_writes(&r, &a, &w, &e), 0);
	assert_int_equal(writes_check(&w, &h, &e), -ENOTSUP);
	assert_string_equal(e.msg, "linux.resources.memory.limit: this host's cgroup v2 hierarchy at "
				   "'/sys/fs/cgroup/unified' has no memory controller (hybrid mode: version 1 holds it)");
	h.controllers = "cpu memory";
	assert_int_equal(writes_check(&w, &h, &e), 0);
	h.mountpoint = NULL;
	assert_int_equal(writes_check(&w, &h, &e), -ENOTSUP);
}

static void test_controllers(void **state)
{
	(void)state;
	assert_int_equal(controllers_parse("cpuset cpu io memory hugetlb pids rdma misc\n"),
			 CONTROLLERS_USUAL | CONTROLLER_HUGETLB | CONTROLLER_RDMA | CONTROLLER_MISC);
	assert_int_equal(controllers_parse("\n"), 0);
	assert_int_equal(controllers_parse(NULL), 0);
	assert_int_equal(controller_of_file("cpu.max.burst"), CONTROLLER_CPU);
	assert_int_equal(controller_of_file("cpuset.cpus"), CONTROLLER_CPUSET);
	assert_int_equal(controller_of_file("cpu.pressure"), 0);
	assert_int_equal(controller_of_file("cgroup.freeze"), 0);
}

static void test_weights(void **state)
{
	(void)state;
	static const struct {
		uint64_t shares, weight;
	} known[] = { { 1, 1 },	    { 2, 1 },	    { 3, 2 },	    { 256, 35 },       { 512, 59 },
		      { 1024, 100 }, { 1025, 101 }, { 2048, 174 }, { 262143, 10000 }, { 262144, 10000 }, { 1u << 30, 10000 } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_int_equal(cpu_shares_to_weight(known[i].shares), known[i].weight);
	for (uint64_t x = 3; x < 262144; x += 7)
		assert_true(cpu_shares_to_weight(x - 1) <= cpu_shares_to_weight(x));
	assert_int_equal(blkio_weight_to_io_weight(10), 1);
	assert_int_equal(blkio_weight_to_io_weight(1000), 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing),	    cmocka_unit_test(test_memory), cmocka_unit_test(test_cpu),
		cmocka_unit_test(test_pids),	    cmocka_unit_test(test_io),	   cmocka_unit_test(test_others),
		cmocka_unit_test(test_missing_controller), cmocka_unit_test(test_controllers),
		cmocka_unit_test(test_weights),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
