#include "ns_example.h"

static struct arena arena;

static struct rootfs_plan *plan(const struct spec *s, struct err *e)
{
	const struct rootfs_options o = { .bundle = "/b", .host_userns = true, .cgroup_namespace = true };
	struct rootfs_plan *p;

	return rootfs_plan_make(s, &o, &arena, &p, e) < 0 ? NULL : p;
}

static void test_example(void **state)
{
	struct spec s;
	struct err e = ERR_INIT;

	(void)state;
	example_spec(&arena, &s);
	struct rootfs_plan *p = plan(&s, &e);
	assert_non_null(p);
	assert_string_equal(rootfs_path(p), "/b/rootfs");
	assert_int_equal(p->n_mounts, 7);
	assert_int_equal(p->proc_mount, 0);
	assert_int_equal(p->dev_mount, 1);
	assert_int_equal(p->pts_mount, 2);
	for (int i = 2; i <= 4; i++)
		assert_int_equal(p->mounts[i].base, 1);
	assert_string_equal(p->mounts[2].base_name, "pts");
	assert_int_equal(p->mounts[5].base, -1);
	assert_int_equal(p->mounts[6].base, -1);
	assert_int_equal(p->mounts[6].kind, MOUNT_CGROUP);
	assert_true(p->mounts[1].keep && !p->mounts[3].keep && !p->mounts[5].keep);
	assert_int_equal(p->n_nodes, 6);
	assert_int_equal(p->n_links, 6);
	assert_true(p->make_dev && p->readonly);
}

static void test_targets(void **state)
{
	struct spec s;
	struct err e = ERR_INIT;
	const struct spec_mount more[] = {
		MOUNT("//run/./", "tmpfs", "tmpfs", "ro"),
		MOUNT("/run/a", "x", "bind", "bind"),
		MOUNT("/run/a", "/y", "bind", "bind"), /* on top of the other: no plain name any more */
		MOUNT("/run/b/c", "/y", "bind", "bind"),
		MOUNT("/run/../x", "/y", "bind", "bind"),
		MOUNT("relative", "/y", "none", "rbind"),
		MOUNT("/dev/pts/x", "/y", "bind", "bind"),
	};

	(void)state;
	example_spec(&arena, &s);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		add_mount(&arena, &s, &more[i]);
	struct rootfs_plan *p = plan(&s, &e);
	assert_non_null(p);
	const struct mount_plan *m = &p->mounts[7];
	assert_string_equal(m[0].target, "/run");
	assert_true(m[0].late_readonly && m[0].keep);
	assert_int_equal(m[1].base, 7);
	assert_string_equal(m[1].source, "/b/x");
	assert_int_equal(m[2].base, -1);
	assert_int_equal(m[3].base, -1);
	assert_int_equal(m[4].base, -1);
	assert_string_equal(m[5].target, "/relative");
	assert_int_equal(m[5].kind, MOUNT_BIND);
	assert_int_equal(m[6].base, -1);
}

static void test_devices(void **state)
{
	struct spec s;
	struct err e = ERR_INIT;
	struct spec_device devices[] = {
		{ DEVICE_CHAR, "/dev/fuse", 10, 229, 0600, 7, 8 },
		{ DEVICE_CHAR, "/dev/null", 1, 3, 0600, 0, 0 },
		{ DEVICE_FIFO, "/run/pipe", 0, 0, 0622, 0, 0 },
	};

	(void)state;
	example_spec(&arena, &s);
	s.lx.devices = devices;
	s.lx.n_devices = 3;
	struct rootfs_plan *p = plan(&s, &e);
	assert_non_null(p);
	assert_int_equal(p->n_nodes, 8);
	assert_int_equal(p->nodes[0].mode, S_IFCHR | 0600); /* the configuration's word on /dev/null */
	assert_false(p->nodes[0].implied);
	assert_string_equal(p->nodes[6].dev_name, "fuse");
	assert_null(p->nodes[7].dev_name);
	assert_int_equal(p->nodes[7].mode, S_IFIFO | 0622);

	add_mount(&arena, &s, &(struct spec_mount)MOUNT("/dev", "/dev", "bind", "rbind"));
	p = plan(&s, &e);
	assert_non_null(p);
	assert_false(p->make_dev);
	assert_int_equal(p->n_nodes, 0);
}

static void test_mounts_of_devices(void **state)
{
	const struct {
		struct spec_mount m;
		bool of_device;
	} cases[] = {
		{ MOUNT("/x", "/dev/sda", "bind", "rbind"), false },
		{ MOUNT("/x", "/dev/sda", "none", "bind"), false },
		{ MOUNT("/x", "overlay", "overlay", "lowerdir=/a:/b"), false },
		{ MOUNT("/proc", "/dev/sda", "ext4", "remount"), false },
		{ MOUNT("/x", "/dev/sda", "ext4", "ro"), true },
		{ MOUNT("/x", "sda", "btrfs", "device=sdb"), true },
	};
	struct spec s;
	struct err e = ERR_INIT;

	(void)state;
	example_spec(&arena, &s);
	struct rootfs_plan *p = plan(&s, &e);
	assert_non_null(p);
	assert_false(rootfs_mounts_devices(p));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		example_spec(&arena, &s);
		add_mount(&arena, &s, &cases[i].m);
		p = plan(&s, &e);
		assert_non_null(p);
		assert_int_equal(rootfs_mounts_devices(p), cases[i].of_device);
	}
}

static void expect_error(const struct spec *s, const char *text)
{
	struct err e = ERR_INIT;

	assert_null(plan(s, &e));
	assert_string_equal(e.msg, text);
}

static void test_errors(void **state)
{
	static const struct {
		struct spec_mount m;
		const char *text;
	} bad[] = {
		{ { .destination = "/", .type = "tmpfs" }, "mounts[7].destination: '/' is the root file system's" },
		{ { .destination = "/x" }, "mounts[7].type: needed for what is no bind mount" },
		{ { .destination = "/x", .type = "bind" }, "mounts[7].source: a bind mount needs one" },
	};
	struct spec s;
	struct spec_idmap map = { 0, 0, 1 };
	struct spec_mount half = { .destination = "/x", .type = "bind", .source = "/y", .uid_mappings = &map,
				   .n_uid_mappings = 1 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		example_spec(&arena, &s);
		add_mount(&arena, &s, &bad[i].m);
		expect_error(&s, bad[i].text);
	}
	example_spec(&arena, &s);
	add_mount(&arena, &s, &half);
	expect_error(&s, "mounts[7].gidMappings: both mappings or none");
	example_spec(&arena, &s);
	add_mount(&arena, &s, &(struct spec_mount)MOUNT("/x", "/y", "ext4", "tmpcopyup"));
	expect_error(&s, "mounts[7].options: tmpcopyup is for a tmpfs");
	example_spec(&arena, &s);
	s.lx.n_namespaces = 0;
	expect_error(&s, "linux.namespaces: mounts needs a mount namespace");
}

static void test_sysctl(void **state)
{
	static struct spec_pair good[] = {
		{ "net.ipv4.ip_forward", "1" }, { "net.ipv4.conf.eth0/100.forwarding", "1" },
		{ "net/ipv4/conf/eth0.100/forwarding", "1" }, { "kernel.shmmax", "5" }, { "fs.mqueue.msg_max", "5" },
	};
	static struct spec_pair bad[] = {
		{ "kernel.panic", "1" }, { "kernel.hostname", "x" }, { "net/../../kernel/panic", "1" }, { "kernel.shmmaxx", "1" },
	};
	struct spec s;
	struct err e = ERR_INIT;

	(void)state;
	example_spec(&arena, &s);
	s.lx.sysctl = good;
	s.lx.n_sysctl = 5;
	struct rootfs_plan *p = plan(&s, &e);
	assert_non_null(p);
	assert_string_equal(p->sysctl[0].key, "net/ipv4/ip_forward");
	assert_string_equal(p->sysctl[1].key, "net/ipv4/conf/eth0.100/forwarding");
	assert_string_equal(p->sysctl[2].key, "net/ipv4/conf/eth0.100/forwarding");
	s.lx.n_sysctl = 1;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		s.lx.sysctl = &bad[i];
		assert_null(plan(&s, &e));
	}
	s.lx.n_namespaces = 5; /* no cgroup */
	s.lx.sysctl = good;
	s.lx.namespaces[1].flag = CLONE_NEWTIME; /* no network */
	expect_error(&s, "linux.sysctl: 'net.ipv4.ip_forward' is not allowed without a private network namespace");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example), cmocka_unit_test(test_targets), cmocka_unit_test(test_devices),
		cmocka_unit_test(test_mounts_of_devices), cmocka_unit_test(test_errors),
		cmocka_unit_test(test_sysctl),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	arena_finish(&arena);
	return r;
}
