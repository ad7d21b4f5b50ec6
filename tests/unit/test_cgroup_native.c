/*
 * A cgroup of this machine's own hierarchy, made and removed by each test. Skipped where none may be made. Limits are
 * tested where version 2 has their controllers, scopes where systemd runs.
 */
#include "cgroups/cgroups.h"

#include "cgroups/files.h"
#include "cgroups/plan.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct arena arena;
	struct cgroup_host host;
	char path[64];
	int dir;
	struct cgroup_plan *plan;
};

#define CHECK(call)                                                                                                    \
	do {                                                                                                           \
		if ((call) < 0)                                                                                        \
			fail_msg("%s: %s", #call, e.msg);                                                              \
	} while (0)

static bool usable(const struct cgroup_host *h)
{
	return h->mountpoint && geteuid() == 0 && faccessat(h->root_fd, "cgroup.subtree_control", W_OK, 0) == 0;
}

static int setup(void **state)
{
	static struct fixture f;
	struct err e = ERR_INIT;

	f = (struct fixture){ .arena = ARENA_INIT, .dir = -1 };
	*state = &f;
	return cgroup_host_find(&f.arena, &f.host, &e);
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	struct cgroup_ref ref = { .driver = CGROUP_CGROUPFS, .path = f->path };
	struct err e = ERR_INIT;
	int r = 0;

	close_fd(&f->dir);
	if (f->path[0])
		r = cgroup_destroy(&ref, &f->host, &e);
	cgroup_host_close(&f->host);
	arena_finish(&f->arena);
	return r;
}

static void make(struct fixture *f, const char *name, struct spec_resources *r)
{
	struct err e = ERR_INIT;

	if (!usable(&f->host)) {
		print_message("no cgroup v2 hierarchy may be changed here\n");
		skip();
	}
	snprintf(f->path, sizeof(f->path), "/ferry-test-%s-%d", name, (int)getpid());
	struct spec s = { .lx = { .cgroups_path = f->path, .resources = r } };
	struct cgroup_options o = { .id = "x" };
	CHECK(cgroup_plan_make(&s, &f->host, &o, &f->arena, &f->plan, &e));
	CHECK(cgroup_create(f->plan, &f->host, &f->dir, &e));
	assert_true(f->dir >= 0);
}

/* A child born in the cgroup. Its exit status is what @run returns. */
static pid_t child(int dir, int (*run)(void))
{
	struct clone_args args = { .flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)dir };

	pid_t pid = sys_clone3(&args);
	if (pid == 0)
		_exit(run());
	assert_true(pid > 0);
	return pid;
}

static int wait_long(void)
{
	for (;;)
		pause();
	return 0;
}

static int status_of(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static bool exists(struct fixture *f)
{
	return faccessat(f->host.root_fd, f->path + 1, F_OK, 0) == 0;
}

static void test_host(void **state)
{
	struct fixture *f = *state;

	if (!f->host.mountpoint)
		skip();
	assert_true(f->host.root_fd >= 0);
	assert_int_equal(f->host.own_path[0], '/');
	assert_non_null(f->host.controllers);
}

/* What is refused as another's is not the plan's to remove; here it is, though. */
static void expect_given_up(struct cgroup_plan *p, struct cgroup_ref own)
{
	assert_int_equal(p->ref.driver, CGROUP_DISABLED);
	assert_null(p->ref.path);
	assert_null(p->ref.scope);
	p->ref = own;
}

static void test_create_and_destroy(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;
	int again = -1;

	make(f, "life", NULL);
	assert_int_equal(cgroup_is_empty(f->dir, &e), 1);

	/* Empty, it is used again; with a process in it, not. */
	CHECK(cgroup_create(f->plan, &f->host, &again, &e));
	close_fd(&again);
	pid_t pid = child(f->dir, wait_long);
	assert_int_equal(cgroup_is_empty(f->dir, &e), 0);
	struct cgroup_ref own = *cgroup_plan_ref(f->plan);
	assert_int_equal(cgroup_create(f->plan, &f->host, &again, &e), -EEXIST);
	expect_given_up(f->plan, own);
	assert_true(exists(f));

	CHECK(cgroup_destroy(cgroup_plan_ref(f->plan), &f->host, &e));
	assert_int_equal(WTERMSIG(status_of(pid)), SIGKILL);
	assert_false(exists(f));
	CHECK(cgroup_destroy(cgroup_plan_ref(f->plan), &f->host, &e));
	assert_int_equal(cgroup_open(cgroup_plan_ref(f->plan), &f->host, &again, &e), -ENOENT);
}

static void test_destroy_children(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;

	make(f, "tree", NULL);
	assert_int_equal(mkdirat(f->dir, "a", 0755), 0);
	assert_int_equal(mkdirat(f->dir, "a/b", 0755), 0);
	assert_int_equal(mkdirat(f->dir, "c", 0755), 0);
	cleanup_close int below = openat(f->dir, "a/b", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pid_t pid = child(below, wait_long);

	pid_t *pids;
	size_t n;
	CHECK(cgroup_pids(f->dir, &f->arena, &pids, &n, &e));
	assert_int_equal(n, 1);
	assert_int_equal(pids[0], pid);

	CHECK(cgroup_destroy(cgroup_plan_ref(f->plan), &f->host, &e));
	assert_false(exists(f));
	status_of(pid);
}

static void test_freeze_signal_kill(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;

	make(f, "freeze", NULL);
	pid_t pid = child(f->dir, wait_long);
	CHECK(cgroup_freeze(f->dir, true, &e));
	assert_int_equal(cgroup_is_frozen(f->dir, &e), 1);
	CHECK(cgroup_signal(f->dir, SIGTERM, &e));
	CHECK(cgroup_freeze(f->dir, false, &e));
	assert_int_equal(WTERMSIG(status_of(pid)), SIGTERM);

	pid = child(f->dir, wait_long);
	CHECK(cgroup_signal(f->dir, SIGUSR1, &e));
	assert_int_equal(WTERMSIG(status_of(pid)), SIGUSR1);
	pid = child(f->dir, wait_long);
	CHECK(cgroup_signal(f->dir, SIGKILL, &e));
	assert_int_equal(WTERMSIG(status_of(pid)), SIGKILL);
}

static void test_failed_create_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct spec_pair unified = { "cgroup.no-such-file", "1" };
	struct spec_resources r = { .unified = &unified, .n_unified = 1 };
	struct err e = ERR_INIT;
	char top[64], path[96];
	int fd = -1;

	if (!usable(&f->host))
		skip();
	snprintf(top, sizeof(top), "/ferry-test-undo-%d", (int)getpid());
	snprintf(path, sizeof(path), "%s/a/b", top);
	struct spec s = { .lx = { .cgroups_path = path, .resources = &r } };
	struct cgroup_options o = { .id = "x" };
	CHECK(cgroup_plan_make(&s, &f->host, &o, &f->arena, &f->plan, &e));
	assert_int_equal(cgroup_create(f->plan, &f->host, &fd, &e), -ENOTSUP);
	assert_non_null(strstr(e.msg, "linux.resources.unified['cgroup.no-such-file']"));
	assert_int_equal(fd, -1);
	assert_int_equal(faccessat(f->host.root_fd, top + 1, F_OK, 0), -1);
}

static void test_unified_and_update(void **state)
{
	struct fixture *f = *state;
	struct spec_pair unified = { "cgroup.max.depth", "3" };
	struct spec_resources r = { .unified = &unified, .n_unified = 1 };
	cleanup_buf struct buf b = BUF_INIT;
	struct cgroup_stats stats;
	struct err e = ERR_INIT;

	make(f, "update", &r);
	CHECK(file_read_at(f->dir, "cgroup.max.depth", 64, &b, &e));
	assert_string_equal(buf_text(&b), "3\n");
	unified.value = "4";
	CHECK(cgroup_update(cgroup_plan_ref(f->plan), &f->host, &r, &e));
	b.len = 0;
	CHECK(file_read_at(f->dir, "cgroup.max.depth", 64, &b, &e));
	assert_string_equal(buf_text(&b), "4\n");
	CHECK(cgroup_stats(f->dir, &f->arena, &stats, &e));
	assert_true(stats.cpu.set);
}

static void test_hugetlb(void **state)
{
	struct fixture *f = *state;
	struct spec_hugepage pages = { "2MB", 4194304 };
	struct spec_resources r = { .hugepages = &pages, .n_hugepages = 1 };
	cleanup_buf struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	if (!(controllers_parse(f->host.controllers) & CONTROLLER_HUGETLB) ||
	    access("/sys/kernel/mm/hugepages/hugepages-2048kB", F_OK) < 0)
		skip();
	make(f, "hugetlb", &r);
	CHECK(file_read_at(f->dir, "hugetlb.2MB.max", 64, &b, &e));
	assert_string_equal(buf_text(&b), "4194304\n");
}

/* ---- limits ---- */

static void need(struct fixture *f, uint32_t controllers)
{
	if (controllers & ~controllers_parse(f->host.controllers)) {
		print_message("version 2 lacks the controllers here\n");
		skip();
	}
}

static void expect_file(int dir, const char *file, const char *text)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK(file_read_at(dir, file, 4096, &b, &e));
	assert_string_equal(buf_text(&b), text);
}

static void set_all(struct spec_resources *r, struct spec_memory *m, struct spec_cpu *c)
{
	*m = (struct spec_memory){ .limit = { true, 64 << 20 }, .swap = { true, 96 << 20 },
				   .reservation = { true, 1 << 20 } };
	*c = (struct spec_cpu){ .shares = { true, 512 }, .quota = { true, 33333 }, .period = { true, 100000 },
				.burst = { true, 1000 }, .cpus = "0", .mems = "0" };
	*r = (struct spec_resources){ .memory = m, .cpu = c, .pids_limit = { true, 20 } };
}

static void expect_all(int dir)
{
	expect_file(dir, "memory.max", "67108864\n");
	expect_file(dir, "memory.low", "1048576\n");
	if (faccessat(dir, "memory.swap.max", F_OK, 0) == 0)
		expect_file(dir, "memory.swap.max", "33554432\n");
	expect_file(dir, "cpu.weight", "59\n");
	expect_file(dir, "cpu.max", "33333 100000\n");
	expect_file(dir, "cpu.max.burst", "1000\n");
	expect_file(dir, "cpuset.cpus", "0\n");
	expect_file(dir, "pids.max", "20\n");
}

static int hold_40_mib(void)
{
	size_t n = 40u << 20;
	volatile char *p = malloc(n); /* volatile: the compiler would see that nobody reads it */

	if (!p)
		return 1;
	for (size_t i = 0; i < n; i += 4096)
		p[i] = 1;
	return wait_long();
}

static void wait_for_memory(int dir, uint64_t bytes)
{
	const struct timespec pause_10_ms = { .tv_nsec = 10000000 };
	uint64_t used = 0;
	struct err e;

	for (int i = 0; i < 12000 && used < bytes; i++) {
		cgroup_read_number(dir, "memory.current", &used, &e);
		nanosleep(&pause_10_ms, NULL);
	}
	assert_true(used >= bytes);
}

static void test_limits(void **state)
{
	struct fixture *f = *state;
	struct spec_memory m;
	struct spec_cpu c;
	struct spec_resources r;
	struct err e = ERR_INIT;
	uint64_t used = 0;

	need(f, CONTROLLERS_USUAL);
	set_all(&r, &m, &c);
	make(f, "limits", &r);
	expect_all(f->dir);

	/* In use and nowhere to go: refused, and nobody is killed. */
	pid_t pid = child(f->dir, hold_40_mib);
	wait_for_memory(f->dir, 40u << 20);
	m = (struct spec_memory){ .limit = { true, 8 << 20 }, .check_before_update = true };
	r = (struct spec_resources){ .memory = &m };
	assert_int_equal(cgroup_update(cgroup_plan_ref(f->plan), &f->host, &r, &e), -EBUSY);
	m.check_before_update = false;
	cgroup_update(cgroup_plan_ref(f->plan), &f->host, &r, &e); /* with swap it may fit */
	expect_file(f->dir, "memory.high", "max\n");
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);

	c = (struct spec_cpu){ .period = { true, 50000 } };
	m.limit.v = 60 << 20;
	r.cpu = &c;
	CHECK(cgroup_update(cgroup_plan_ref(f->plan), &f->host, &r, &e));
	expect_file(f->dir, "cpu.max", "33333 50000\n");
	expect_file(f->dir, "cpu.max.burst", "1000\n");
	CHECK(cgroup_read_number(f->dir, "memory.max", &used, &e));
	assert_int_equal(used, 60 << 20);
	cgroup_kill(f->dir, &e);
	status_of(pid);
}

/* ---- systemd ---- */

static void test_scope(void **state)
{
	struct fixture *f = *state;
	struct spec_memory m;
	struct spec_cpu c;
	struct spec_resources r;
	struct spec s = { .lx = { .resources = &r } };
	struct cgroup_options o = { .driver = CGROUP_SYSTEMD };
	struct err e = ERR_INIT;
	char id[32];
	int none = -1, again = -1;

	if (access("/run/systemd/system", F_OK) < 0) {
		print_message("systemd does not run here\n");
		skip();
	}
	need(f, CONTROLLERS_USUAL);
	set_all(&r, &m, &c);
	snprintf(id, sizeof(id), "test-%d", (int)getpid());
	o.id = id;
	for (int round = 0; round < 2; round++) { /* the name is free again at once */
		CHECK(cgroup_plan_make(&s, &f->host, &o, &f->arena, &f->plan, &e));
		const char *expected = arena_strdup(&f->arena, cgroup_plan_ref(f->plan)->path);
		CHECK(cgroup_create(f->plan, &f->host, &none, &e));
		assert_int_equal(none, -1);
		pid_t pid = fork();
		if (pid == 0)
			_exit(wait_long());
		CHECK(cgroup_attach(f->plan, &f->host, pid, &f->dir, &e));
		assert_string_equal(cgroup_plan_ref(f->plan)->path, expected);
		expect_all(f->dir);
		struct cgroup_ref own = *cgroup_plan_ref(f->plan);
		assert_int_equal(cgroup_attach(f->plan, &f->host, getpid(), &again, &e), -EEXIST);
		expect_given_up(f->plan, own);

		/* What systemd writes again by itself is what was asked for, but for its rounding of the quota. */
		assert_int_equal(WEXITSTATUS(system("systemctl daemon-reload")), 0);
		expect_file(f->dir, "memory.max", "67108864\n");
		m = (struct spec_memory){ .limit = { true, 48 << 20 } };
		r = (struct spec_resources){ .memory = &m };
		CHECK(cgroup_update(cgroup_plan_ref(f->plan), &f->host, &r, &e));
		assert_int_equal(WEXITSTATUS(system("systemctl daemon-reload")), 0);
		expect_file(f->dir, "memory.max", "50331648\n");

		close_fd(&f->dir);
		CHECK(cgroup_destroy(cgroup_plan_ref(f->plan), &f->host, &e));
		assert_int_equal(WTERMSIG(status_of(pid)), SIGKILL);
		assert_int_equal(cgroup_open(cgroup_plan_ref(f->plan), &f->host, &again, &e), -ENOENT);
		CHECK(cgroup_destroy(cgroup_plan_ref(f->plan), &f->host, &e));
		set_all(&r, &m, &c);
	}
}

/* ---- devices ---- */

static char node[64];

static int open_node(void)
{
	cleanup_close int fd = open(node, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? errno : 0;
}

static int open_null(void)
{
	cleanup_close int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return fd < 0 ? errno : 0;
}

static void test_devices(void **state)
{
	struct fixture *f = *state;
	/* "kmsg", which everyone has and nobody needs here */
	struct spec_device_rule deny = { false, DEVICE_ALL, -1, -1, true, true, true };
	struct spec_device_rule allow[] = { deny, { true, DEVICE_CHAR, 1, 11, true, false, false } };
	struct spec_resources r = { .devices = &deny, .n_devices = 1 };
	struct err e = ERR_INIT;

	snprintf(node, sizeof(node), "/var/tmp/ferry-test-node-%d", (int)getpid());
	if (geteuid() != 0 || mknod(node, S_IFCHR | 0600, makedev(1, 11)) < 0)
		skip();
	int plain = open_node();
	unlink(node);
	if (plain != 0) /* /var/tmp is mounted nodev, or it is a user namespace */
		skip();

	make(f, "devices", &r);
	CHECK(cgroup_attach(f->plan, &f->host, getpid(), &f->dir, &e));
	assert_int_equal(mknod(node, S_IFCHR | 0600, makedev(1, 11)), 0);
	int denied = WEXITSTATUS(status_of(child(f->dir, open_node)));
	int null = WEXITSTATUS(status_of(child(f->dir, open_null)));
	r.devices = allow;
	r.n_devices = 2;
	int updated = cgroup_update(cgroup_plan_ref(f->plan), &f->host, &r, &e);
	int allowed = WEXITSTATUS(status_of(child(f->dir, open_node)));
	/* Everything: the program goes. */
	struct spec_device_rule all = { true, DEVICE_ALL, -1, -1, true, true, true };
	r.devices = &all;
	r.n_devices = 1;
	int opened = cgroup_update(cgroup_plan_ref(f->plan), &f->host, &r, &e);
	uint32_t ids[8];
	union bpf_attr attr = { .query.target_fd = (uint32_t)f->dir, .query.attach_type = BPF_CGROUP_DEVICE,
				.query.prog_ids = (uint64_t)(uintptr_t)ids, .query.prog_cnt = 8 };
	int queried = sys_bpf(BPF_PROG_QUERY, &attr, sizeof(attr));
	unlink(node);

	assert_int_equal(denied, EPERM);
	assert_int_equal(null, 0);
	assert_int_equal(updated, 0);
	assert_int_equal(allowed, 0);
	assert_int_equal(opened, 0);
	assert_int_equal(queried, 0);
	assert_int_equal(attr.query.prog_cnt, 0);
}

#define NATIVE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		NATIVE(test_host),
		NATIVE(test_create_and_destroy),
		NATIVE(test_destroy_children),
		NATIVE(test_freeze_signal_kill),
		NATIVE(test_failed_create_leaves_nothing),
		NATIVE(test_unified_and_update),
		NATIVE(test_hugetlb),
		NATIVE(test_devices),
		NATIVE(test_limits),
		NATIVE(test_scope),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
