#include "cgroups/update.h"

#include "lib/fd.h"
#include "tests/unit/fixture_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct expected {
	enum update_action action;
	const char *file, *value;
};

static void expect_order(const struct spec_resources *r, const struct update_now *now, const struct expected *want,
			 size_t n)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct cgroup_writes w;
	struct update_step *steps;
	struct err e = ERR_INIT;
	size_t n_steps;

	assert_int_equal(resources_writes(r, &a, &w, &e), 0);
	update_order(&w, now, &a, &steps, &n_steps);
	assert_int_equal(n_steps, n);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(steps[i].action, want[i].action);
		assert_string_equal(steps[i].write.file, want[i].file);
		assert_string_equal(steps[i].write.value, want[i].value);
	}
}

#define EXPECT(r, now, ...)                                                                                            \
	do {                                                                                                           \
		const struct expected want[] = { __VA_ARGS__ };                                                        \
		expect_order((r), (now), want, sizeof(want) / sizeof(want[0]));                                        \
	} while (0)

static void test_memory_order(void **state)
{
	(void)state;
	struct spec_memory m = { .limit = { true, 1000 }, .swap = { true, 1500 } };
	struct spec_resources r = { .memory = &m, .pids_limit = { true, 4 } };
	struct update_now now = { .memory_max = 2000, .swap_max = 2000 };

	EXPECT(&r, &now, { UPDATE_SHRINK_MEMORY, "memory.max", "1000" }, { UPDATE_WRITE, "memory.swap.max", "500" },
	       { UPDATE_WRITE, "pids.max", "4" });

	now = (struct update_now){ .memory_max = 500, .swap_max = 100 };
	EXPECT(&r, &now, { UPDATE_WRITE, "memory.swap.max", "500" }, { UPDATE_WRITE, "memory.max", "1000" },
	       { UPDATE_WRITE, "pids.max", "4" });

	now = (struct update_now){ .memory_max = UINT64_MAX, .swap_max = UINT64_MAX };
	m = (struct spec_memory){ .limit = { true, -1 } };
	EXPECT(&r, &now, { UPDATE_WRITE, "memory.swap.max", "max" }, { UPDATE_WRITE, "memory.max", "max" },
	       { UPDATE_WRITE, "pids.max", "4" });
}

static void test_unified_memory_shrinks_carefully(void **state)
{
	(void)state;
	struct spec_pair unified = { "memory.max", "1000" };
	struct spec_resources r = { .unified = &unified, .n_unified = 1 };
	struct update_now now = { .memory_max = UINT64_MAX, .swap_max = UINT64_MAX };

	EXPECT(&r, &now, { UPDATE_SHRINK_MEMORY, "memory.max", "1000" });
}

static void test_burst_order(void **state)
{
	(void)state;
	struct spec_cpu c = { .quota = { true, 10000 }, .burst = { true, 5000 } };
	struct spec_resources r = { .cpu = &c };
	struct update_now now = { .has_burst = true };

	EXPECT(&r, &now, { UPDATE_WRITE, "cpu.max.burst", "0" }, { UPDATE_WRITE, "cpu.max", "10000" },
	       { UPDATE_WRITE, "cpu.max.burst", "5000" });
	now.has_burst = false;
	EXPECT(&r, &now, { UPDATE_WRITE, "cpu.max", "10000" }, { UPDATE_WRITE, "cpu.max.burst", "5000" });
}

static void test_complete(void **state)
{
	(void)state;
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	struct spec_memory m = { .swap = { true, 3000 } };
	struct spec_cpu c = { .period = { true, 50000 } };
	struct spec_resources r = { .memory = &m, .cpu = &c }, whole;
	struct cgroup_writes w;
	struct err e = ERR_INIT;

	fixture_file(&d, "memory.max", "1000\n");
	fixture_file(&d, "cpu.max", "70000 100000\n");
	fixture_file(&d, "cpu.max.burst", "20\n");
	assert_int_equal(update_complete(d.fd, &r, &a, &whole, &e), 0);
	assert_int_equal(resources_writes(&whole, &a, &w, &e), 0);
	assert_int_equal(w.n, 4);
	assert_string_equal(w.item[1].file, "memory.swap.max");
	assert_string_equal(w.item[1].value, "2000");
	assert_string_equal(w.item[2].value, "70000 50000");
	assert_string_equal(w.item[3].value, "20");
	assert_false(m.limit.set); /* the caller's is left as it is */

	fixture_file(&d, "memory.max", "max\n");
	fixture_file(&d, "cpu.max", "max 100000\n");
	assert_int_equal(update_complete(d.fd, &r, &a, &whole, &e), 0);
	assert_int_equal(whole.cpu->quota.v, -1);
	assert_int_equal(resources_writes(&whole, &a, &w, &e), -EINVAL);
}

/* The whole of cgroup_update on files in place of a cgroup: what each holds in the end. */
static void run_update(struct fixture_dir *d, const struct spec_resources *r, int want, const char *part)
{
	struct cgroup_ref ref = { .driver = CGROUP_CGROUPFS, .path = "/." };
	struct cgroup_host h = { .mountpoint = "/m", .root_fd = d->fd, .own_path = "/", .controllers = "memory cpu pids" };
	struct err e = ERR_INIT;

	assert_int_equal(cgroup_update(&ref, &h, r, &e), want);
	if (part && !strstr(e.msg, part))
		fail_msg("'%s' does not say '%s'", e.msg, part);
}

static void test_update_memory(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	struct spec_memory m = { .limit = { true, 1000 } };
	struct spec_resources r = { .memory = &m };

	fixture_file(&d, "cgroup.subtree_control", "memory cpu pids");
	fixture_file(&d, "memory.max", "max");
	fixture_file(&d, "memory.high", "max");
	fixture_file(&d, "memory.current", "5000");

	/* In use, and nothing comes back: refused, and memory.high is as it was. */
	run_update(&d, &r, -EBUSY, "unable to set memory limit to 1000 (current usage: 5000)");
	fixture_expect(&d, "memory.max", "max");
	fixture_expect(&d, "memory.high", "max0"); /* "1000", then "max" over it: a plain file keeps the rest */

	m.check_before_update = true;
	fixture_file(&d, "memory.high", "max");
	run_update(&d, &r, -EBUSY, "current usage: 5000");
	fixture_expect(&d, "memory.high", "max");

	fixture_file(&d, "memory.current", "900");
	run_update(&d, &r, 0, NULL);
	fixture_expect(&d, "memory.max", "1000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_order), cmocka_unit_test(test_unified_memory_shrinks_carefully),
		cmocka_unit_test(test_burst_order),  cmocka_unit_test(test_complete),
		cmocka_unit_test(test_update_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
