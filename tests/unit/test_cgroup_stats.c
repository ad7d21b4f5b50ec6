#include "cgroups/cgroups.h"
#include "cgroups/files.h"

#include "tests/unit/fixture_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_numbers(void **state)
{
	(void)state;
	uint64_t v = 0;

	assert_true(cgroup_number("12\n", &v));
	assert_int_equal(v, 12);
	assert_true(cgroup_number("max\n", &v));
	assert_true(v == UINT64_MAX);
	assert_false(cgroup_number("", &v));
	assert_false(cgroup_number("-1", &v));
	assert_false(cgroup_number("99999999999999999999", &v));
	assert_true(cgroup_keyed("low 1\nhigh 2\nhigher 3\n", "high", &v));
	assert_int_equal(v, 2);
	assert_true(cgroup_keyed("low 1\nhigh 2\nhigher 3", "higher", &v));
	assert_int_equal(v, 3);
	assert_false(cgroup_keyed("low 1\n", "hi", &v));
	assert_false(cgroup_keyed("", "hi", &v));
}

static void test_empty(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_arena struct arena a = ARENA_INIT;
	struct cgroup_stats s;
	struct err e = ERR_INIT;

	assert_int_equal(cgroup_stats(d.fd, &a, &s, &e), 0);
	assert_false(s.cpu.set || s.memory.set || s.pids.set || s.io.set);
	assert_int_equal(s.n_hugetlb + s.n_rdma + s.io.n_devices, 0);
	assert_true(s.pids.max == UINT64_MAX && s.memory.max_bytes == UINT64_MAX);
	assert_int_equal(cgroup_watch_memory_events(d.fd, &e), -ENOTSUP);
}

static void test_cpu_memory_pids(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_arena struct arena a = ARENA_INIT;
	struct cgroup_stats s;
	struct err e = ERR_INIT;

	fixture_file(&d, "cpu.stat", "usage_usec 300\nuser_usec 200\nsystem_usec 100\nnr_periods 3\nnr_throttled 2\n"
				     "throttled_usec 50\n");
	fixture_file(&d, "cpu.pressure", "some avg10=1.50 avg60=2.00 avg300=0.10 total=777\n"
					 "full avg10=0.00 avg60=0.25 avg300=0.00 total=555\n");
	fixture_file(&d, "memory.current", "4096\n");
	fixture_file(&d, "memory.peak", "8192\n");
	fixture_file(&d, "memory.max", "max\n");
	fixture_file(&d, "memory.swap.max", "100\n");
	fixture_file(&d, "memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 1\noom_group_kill 0\n");
	fixture_file(&d, "memory.stat", "anon 10\nfile 20\n");
	fixture_file(&d, "pids.current", "2\n");
	fixture_file(&d, "pids.max", "50\n");

	assert_int_equal(cgroup_stats(d.fd, &a, &s, &e), 0);
	assert_true(s.cpu.set && s.memory.set && s.pids.set && !s.io.set);
	assert_int_equal(s.cpu.usage_us, 300);
	assert_int_equal(s.cpu.nr_throttled, 2);
	assert_true(s.cpu.pressure.set && !s.memory.pressure.set);
	assert_true(s.cpu.pressure.some_avg10 == 1.5 && s.cpu.pressure.full_avg60 == 0.25);
	assert_int_equal(s.cpu.pressure.some_total_us, 777);
	assert_int_equal(s.cpu.pressure.full_total_us, 555);
	assert_int_equal(s.memory.current_bytes, 4096);
	assert_int_equal(s.memory.peak_bytes, 8192);
	assert_true(s.memory.max_bytes == UINT64_MAX);
	assert_int_equal(s.memory.swap_max_bytes, 100);
	assert_int_equal(s.memory.events_max, 7);
	assert_int_equal(s.memory.events_oom, 2);
	assert_int_equal(s.memory.events_oom_kill, 1);
	assert_int_equal(s.memory.n_stat, 2);
	assert_string_equal(s.memory.stat[1].key, "file");
	assert_string_equal(s.memory.stat[1].value, "20");
	assert_int_equal(s.pids.current, 2);
	assert_int_equal(s.pids.max, 50);
}

static void test_io_hugetlb_rdma(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_arena struct arena a = ARENA_INIT;
	struct cgroup_stats s;
	struct err e = ERR_INIT;

	fixture_file(&d, "io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n7:0\n254:1 rbytes=9 cost.usage=4\n");
	fixture_file(&d, "hugetlb.2MB.current", "2097152\n");
	fixture_file(&d, "hugetlb.2MB.events", "max 3\n");
	fixture_file(&d, "hugetlb.2MB.rsvd.current", "1\n");
	fixture_file(&d, "hugetlb.2MB.max", "max\n");
	fixture_file(&d, "rdma.current", "mlx4_0 hca_handle=2 hca_object=2000\nocrdma1 hca_handle=3 hca_object=0\n");

	assert_int_equal(cgroup_stats(d.fd, &a, &s, &e), 0);
	assert_int_equal(s.io.n_devices, 2);
	assert_int_equal(s.io.devices[0].major, 8);
	assert_int_equal(s.io.devices[0].rbytes, 1);
	assert_int_equal(s.io.devices[0].dios, 6);
	assert_int_equal(s.io.devices[1].minor, 1);
	assert_int_equal(s.io.devices[1].rbytes, 9);
	assert_int_equal(s.n_hugetlb, 1);
	assert_string_equal(s.hugetlb[0].page_size, "2MB");
	assert_int_equal(s.hugetlb[0].current_bytes, 2097152);
	assert_int_equal(s.hugetlb[0].max_events, 3);
	assert_int_equal(s.n_rdma, 2);
	assert_string_equal(s.rdma[0].device, "mlx4_0");
	assert_int_equal(s.rdma[0].hca_objects, 2000);
	assert_int_equal(s.rdma[1].hca_handles, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_cpu_memory_pids),
		cmocka_unit_test(test_io_hugetlb_rdma),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
