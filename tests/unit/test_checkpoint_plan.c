/* What CRIU is told of a configuration, and descriptors.json. */
#include "checkpoint/plan.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the four above. */
#include <cmocka.h>

static const char *rbind[] = { "rbind", "ro" }, *remount[] = { "bind", "remount", "ro" };
static struct spec_mount mounts[] = {
	{ .destination = "/proc", .type = "proc", .source = "proc" },
	{ .destination = "/data/", .type = "none", .source = "/srv/data", .options = rbind, .n_options = 2 },
	{ .destination = "/etc/hosts", .type = "bind", .source = "hosts" },
	{ .destination = "/data", .source = "/srv/data", .options = remount, .n_options = 3 },
	{ .destination = "/sys/fs/cgroup", .type = "cgroup", .source = "cgroup" },
};
static const char *targets[] = { "/proc", "/data", "/etc/hosts", "/data", "/sys/fs/cgroup" };
static const char *sources[] = { NULL, "/srv/data", "/b/hosts", NULL, NULL };
static const char *masked_paths[] = { "/proc/keys", "/proc/acpi" };
static const char *masked[] = { "/proc/keys", NULL };
static struct spec_device fuse = { .type = DEVICE_CHAR, .path = "/dev/fuse" };

static const struct checkpoint_facts facts = {
	.sources = sources, .targets = targets, .masked = masked, .cgroup_dir = "/sys/fs/cgroup/c", .netns = 4026532000,
	.netns_fd = 7, .pidns_fd = -1,
};

static struct spec spec_with(struct spec_namespace *ns, size_t n)
{
	return (struct spec){ .mounts = mounts, .n_mounts = 5,
			      .lx = { .namespaces = ns, .n_namespaces = n, .masked_paths = masked_paths,
				      .n_masked_paths = 2, .devices = &fuse, .n_devices = 1 } };
}

/* "key=value ...", without the devices that every container has. */
static void check_mounts(const struct criu_options *o, const char *expected)
{
	cleanup_buf struct buf b = BUF_INIT;

	for (size_t i = 0; i < o->n_mounts; i++)
		if (strncmp(o->mounts[i].key, "/dev/", 5) != 0 || strcmp(o->mounts[i].key, "/dev/fuse") == 0)
			buf_printf(&b, "%s=%s ", o->mounts[i].key, o->mounts[i].value);
	assert_string_equal(buf_text(&b), expected);
}

static void test_dump(void **state)
{
	struct spec_namespace ns[] = { { CLONE_NEWNET, "/run/netns/x" }, { CLONE_NEWNS, NULL } };
	cleanup_arena struct arena a = ARENA_INIT;
	struct criu_options o = CRIU_OPTIONS_INIT;
	const struct spec s = spec_with(ns, 2);

	(void)state;
	checkpoint_plan_dump(&s, &facts, &a, &o);
	/* Without a cgroup namespace the cgroup is bound. */
	check_mounts(&o, "/data=/data /etc/hosts=/etc/hosts /sys/fs/cgroup=/sys/fs/cgroup /proc/keys=/dev/null "
			 "/dev/fuse=/dev/fuse ");
	assert_int_equal(o.n_external, 1);
	assert_string_equal(o.external[0], "net[4026532000]:extRootNetNS");
	assert_int_equal(o.n_inherit + o.n_join, 0);
}

/* A user namespace's processes may mount no cgroup of a namespace that is not theirs, as CRIU's is not. */
static void test_cgroup_with_userns(void **state)
{
	struct spec_namespace ns[] = { { CLONE_NEWCGROUP, NULL }, { CLONE_NEWUSER, NULL } };
	cleanup_arena struct arena a = ARENA_INIT;
	struct criu_options o = CRIU_OPTIONS_INIT;
	const struct spec s = spec_with(ns, 2);
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(checkpoint_plan_restore(&s, &facts, &a, &o, &e), 0);
	check_mounts(&o, "/data=/srv/data /etc/hosts=/b/hosts /sys/fs/cgroup=/sys/fs/cgroup/c /dev/fuse=/dev/fuse ");
}

/* A network namespace that is the user namespace's own is made by CRIU, which leaves it empty; not one that is joined. */
static void test_network_with_userns(void **state)
{
	struct spec_namespace ns[] = { { CLONE_NEWNET, NULL }, { CLONE_NEWUSER, NULL } };
	cleanup_arena struct arena a = ARENA_INIT;
	struct criu_options o = CRIU_OPTIONS_INIT, joined = CRIU_OPTIONS_INIT;
	const struct spec s = spec_with(ns, 2);

	(void)state;
	checkpoint_plan_dump(&s, &facts, &a, &o);
	assert_int_equal(o.n_external, 0);
	assert_int_equal(o.empty_namespaces, CLONE_NEWNET);
	ns[0].path = "/run/netns/x";
	checkpoint_plan_dump(&s, &facts, &a, &joined);
	assert_int_equal(joined.n_external, 1);
	assert_int_equal(joined.empty_namespaces, 0);
}

static void test_restore(void **state)
{
	struct spec_namespace ns[] = { { CLONE_NEWNET, "/run/netns/x" }, { CLONE_NEWIPC, "/proc/7/ns/ipc" },
				       { CLONE_NEWCGROUP, NULL } };
	cleanup_arena struct arena a = ARENA_INIT;
	struct criu_options o = CRIU_OPTIONS_INIT;
	const struct spec s = spec_with(ns, 3);
	struct err e = ERR_INIT;
	bool null = false;

	(void)state;
	assert_int_equal(checkpoint_plan_restore(&s, &facts, &a, &o, &e), 0);
	check_mounts(&o, "/data=/srv/data /etc/hosts=/b/hosts /dev/fuse=/dev/fuse ");
	for (size_t i = 0; i < o.n_mounts; i++)
		null |= strcmp(o.mounts[i].key, "/dev/null") == 0 && strcmp(o.mounts[i].value, "/dev/null") == 0;
	assert_true(null);
	assert_int_equal(o.n_external, 0);
	assert_int_equal(o.n_inherit, 1);
	assert_string_equal(o.inherit[0].key, "extRootNetNS");
	assert_int_equal(o.inherit[0].fd, 7);
	assert_int_equal(o.n_join, 1);
	assert_string_equal(o.join[0].kind, "ipc");
	assert_string_equal(o.join[0].path, "/proc/7/ns/ipc");

	ns[1] = (struct spec_namespace){ CLONE_NEWTIME, "/proc/7/ns/time" };
	assert_int_equal(checkpoint_plan_restore(&s, &facts, &a, &o, &e), -ENOTSUP);
	assert_string_equal(e.msg, "linux.namespaces[1].path: criu cannot restore into this namespace");
}

static void test_descriptors(void **state)
{
	static const int null[] = { 9, 10, 11 };
	char path[] = "/tmp/ferry-unit-XXXXXX";
	cleanup_arena struct arena a = ARENA_INIT;
	struct criu_options o = CRIU_OPTIONS_INIT;
	struct err e = ERR_INIT;
	int from[CHECKPOINT_DESCRIPTORS];
	const char *external;

	(void)state;
	assert_non_null(mkdtemp(path));
	cleanup_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(checkpoint_load_descriptors(dir, null, from, &a, &o, &e), -ENODATA);

	external = checkpoint_external_file(&a, 0x6e, 3);
	assert_string_equal(external, "file[6e:3]");
	const char *const kept[] = { "file[6e:3]:/dev/null", "pipe:[17]", "/dev/pts/0" };
	assert_int_equal(checkpoint_save_descriptors(dir, kept, &e), 0);
	assert_int_equal(checkpoint_load_descriptors(dir, null, from, &a, &o, &e), 0);
	assert_int_equal(o.n_inherit, 2);
	assert_string_equal(o.inherit[0].key, "pipe:[17]");
	assert_int_equal(o.inherit[0].fd, 1);
	assert_string_equal(o.inherit[1].key, "file[6e:3]");
	assert_int_equal(o.inherit[1].fd, 9);
	assert_int_equal(from[0], 9);
	assert_int_equal(from[1], 1);
	assert_int_equal(from[2], -1);

	/* Three that were one: the last of them is taken. */
	const char *const same[] = { "file[6e:3]:/log", "file[6e:3]:/log", "file[6e:3]:/log" };
	o.n_inherit = 0;
	assert_int_equal(checkpoint_save_descriptors(dir, same, &e), 0);
	assert_int_equal(checkpoint_load_descriptors(dir, null, from, &a, &o, &e), 0);
	assert_int_equal(o.n_inherit, 1);
	assert_int_equal(o.inherit[0].fd, 2);
	assert_true(from[0] == 2 && from[1] == 2 && from[2] == 2);
	assert_int_equal(remove_tree_at(AT_FDCWD, path, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_cgroup_with_userns),
		cmocka_unit_test(test_network_with_userns),
		cmocka_unit_test(test_restore),
		cmocka_unit_test(test_descriptors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
