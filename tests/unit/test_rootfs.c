#include "ns_example.h"

#include <linux/magic.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

static bool may_unshare(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(unshare(CLONE_NEWNS) < 0);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Each test has the example configuration, a bundle with an empty root, and leaves the mounts as they were. */
struct fixture {
	struct arena arena;
	struct spec spec;
	char bundle[64];
	int root; /* of the bundle */
	char *mounts;
};

static int set_up(void **state)
{
	struct fixture *f = *state = calloc(1, sizeof(*f));

	example_spec(&f->arena, &f->spec);
	bundle_make(f->bundle);
	f->root = open(f->bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	f->mounts = strdup(slurp("/proc/self/mountinfo"));
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	assert_string_equal(f->mounts, slurp("/proc/self/mountinfo"));
	close(f->root);
	bundle_remove(f->bundle);
	arena_finish(&f->arena);
	free(f->mounts);
	free(f);
	return 0;
}

static bool is_char(const char *path, unsigned major, unsigned minor)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(major, minor);
}

static bool is_fs(const char *path, unsigned long magic)
{
	struct statfs st;
	return statfs(path, &st) == 0 && (unsigned long)st.f_type == magic;
}

static bool links_to(const char *path, const char *to)
{
	char target[256] = "";
	return readlink(path, target, sizeof(target) - 1) > 0 && strcmp(target, to) == 0;
}

/* Missing, the null device, or empty and read-only. */
static bool is_masked(const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT;
	return S_ISDIR(st.st_mode) ? is_fs(path, TMPFS_MAGIC) && mount_has(path, " ro,") : is_char(path, 1, 3);
}

static int check_example(struct container *c, int step, struct err *e)
{
	char name[65];
	struct stat st;

	(void)c;
	(void)e;
	if (step == 0)
		return 0;
	CHECK(gethostname(name, sizeof(name)) == 0 && strcmp(name, "example") == 0);
	CHECK(is_fs("/proc", PROC_SUPER_MAGIC) && is_fs("/sys", SYSFS_MAGIC) && is_fs("/dev", TMPFS_MAGIC));
	CHECK(is_fs("/dev/pts", DEVPTS_SUPER_MAGIC) && is_fs("/sys/fs/cgroup", CGROUP2_SUPER_MAGIC));
	CHECK(links_to("/proc/self", "1"));
	CHECK(is_char("/dev/null", 1, 3) && is_char("/dev/zero", 1, 5) && is_char("/dev/full", 1, 7));
	CHECK(is_char("/dev/random", 1, 8) && is_char("/dev/urandom", 1, 9) && is_char("/dev/tty", 5, 0));
	CHECK(stat("/dev/null", &st) == 0 && (st.st_mode & 0777) == 0666);
	CHECK(links_to("/dev/ptmx", "pts/ptmx") && links_to("/dev/fd", "/proc/self/fd"));
	CHECK(links_to("/dev/stdin", "/proc/self/fd/0") && links_to("/dev/core", "/proc/kcore"));
	CHECK(mount_has("/dev", "nosuid") && !mount_has("/dev", "relatime"));
	CHECK(mount_has("/dev/shm", "rw,nosuid,nodev,noexec,relatime"));
	CHECK(mount_has("/sys", "ro,nosuid,nodev,noexec") && mount_has("/sys/fs/cgroup", "ro,nosuid"));
	CHECK(mount_has("/proc/sys", " ro,") && mount_has("/proc/bus", " ro,"));
	for (size_t i = 0; i < c->rootfs->n_masked_paths; i++)
		CHECK(is_masked(c->rootfs->masked_paths[i]));
	CHECK(open("/proc/sys/kernel/hostname", O_WRONLY) < 0 && (errno == EROFS || errno == EACCES));
	CHECK(mkdir("/new", 0755) < 0 && errno == EROFS);
	CHECK(mount_has("/", " ro,"));
	CHECK(access("/tmp", F_OK) < 0 && chdir("..") == 0 && access("etc", F_OK) < 0);
	return 0;
}

static void run_ok(struct fixture *f, struct rootfs_options o, int (*inside)(struct container *, int, struct err *))
{
	struct container c = { .spec = &f->spec, .options = o };
	struct err e = ERR_INIT;

	c.options.bundle = f->bundle;
	int r = run_container(&c, inside, &e);

	if (r != 0)
		fail_msg("%d: %s", r, e.msg);
}

static void test_example(void **state)
{
	struct fixture *f = *state;

	run_ok(f, (struct rootfs_options){ 0 }, check_example);
}

/* The same as an ordinary user would have it: one id, devices by bind mounts. */
static struct spec_idmap one_id[] = { { 0, 0, 1 } };

static void make_rootless(struct fixture *f, uint32_t id)
{
	struct arena *a = &f->arena;
	struct spec *s = &f->spec;
	struct spec_namespace *ns = arena_new_array(a, s->lx.n_namespaces + 1, struct spec_namespace);

	memcpy(ns, s->lx.namespaces, s->lx.n_namespaces * sizeof(*ns));
	ns[s->lx.n_namespaces++].flag = CLONE_NEWUSER;
	s->lx.namespaces = ns;
	s->lx.uid_mappings = s->lx.gid_mappings = arena_dup(a, one_id, sizeof(one_id));
	s->lx.n_uid_mappings = s->lx.n_gid_mappings = 1;
	s->lx.uid_mappings->host_id = id;
	for (size_t i = 0; i < s->n_mounts; i++)
		if (strcmp(s->mounts[i].type, "devpts") == 0)
			s->mounts[i].n_options--; /* gid=5 */
}

static void test_userns(void **state)
{
	struct fixture *f = *state;

	make_rootless(f, 0);
	run_ok(f, (struct rootfs_options){ 0 }, check_example);
}

static void test_unprivileged(void **state)
{
	struct fixture *f = *state;
	int status;

	assert_int_equal(chown(f->bundle, 12345, 12345), 0);
	assert_int_equal(fchownat(f->root, "rootfs", 12345, 12345, 0), 0);
	make_rootless(f, 12345);
	pid_t pid = fork();
	if (pid == 0) {
		struct err e = ERR_INIT;
		struct container c = { .spec = &f->spec, .options = { .bundle = f->bundle }, .euid = 12345 };
		CHECK(setresgid(12345, 12345, 12345) == 0 && setresuid(12345, 12345, 12345) == 0);
		CHECK(prctl(PR_SET_DUMPABLE, 1) == 0);
		int r = run_container(&c, check_example, &e);
		if (r)
			fprintf(stderr, "%d: %s\n", r, e.msg);
		_exit(r != 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static int check_hostile(struct container *c, int step, struct err *e)
{
	(void)c;
	(void)e;
	if (step == 0) {
		/* Nothing of it lies on the host's tree, seen from the container's side of it. */
		CHECK(!mount_line("/etc") && !mount_line("/tmp"));
		return 0;
	}
	CHECK(is_fs("/etc", TMPFS_MAGIC) && is_char("/etc/null", 1, 3)); /* dev -> /etc stayed inside */
	CHECK(is_fs("/proc", PROC_SUPER_MAGIC));
	CHECK(is_char("/inside", 1, 3)); /* the masked symlink's target */
	return 0;
}

static void test_hostile_image(void **state)
{
	struct fixture *f = *state;
	struct stat etc_before, etc_after;
	struct spec_linux *lx = &f->spec.lx;
	const char *masked[] = { "/secret", "/proc/kcore", "/up" };

	assert_int_equal(symlinkat("/etc", f->root, "rootfs/dev"), 0);
	assert_int_equal(symlinkat("../../../inside", f->root, "rootfs/secret"), 0);
	assert_int_equal(symlinkat("../../../../../../../etc/passwd", f->root, "rootfs/up"), 0);
	assert_int_equal(mknodat(f->root, "rootfs/inside", S_IFREG | 0644, 0), 0);
	assert_int_equal(mkdirat(f->root, "rootfs/etc", 0755), 0);
	assert_int_equal(mkdirat(f->root, "rootfs/pts", 0755), 0);
	assert_int_equal(stat("/etc", &etc_before), 0);
	lx->masked_paths = masked;
	lx->n_masked_paths = 3;
	run_ok(f, (struct rootfs_options){ 0 }, check_hostile);
	assert_int_equal(stat("/etc", &etc_after), 0);
	assert_int_equal(etc_before.st_mtim.tv_nsec, etc_after.st_mtim.tv_nsec);
	assert_int_equal(etc_before.st_mtim.tv_sec, etc_after.st_mtim.tv_sec);
}

/* Mount points and /dev of the image without a mount on it: symlinks lead nowhere outside. */
static void test_hostile_dev_without_mount(void **state)
{
	struct fixture *f = *state;
	struct container c = { .spec = &f->spec };
	struct err e = ERR_INIT;
	const struct spec_mount bind = MOUNT("/link/deep/dir", "/usr", "bind", "bind", "ro");

	assert_int_equal(mkdirat(f->root, "rootfs/dev", 0755), 0);
	assert_int_equal(symlinkat("/etc/passwd", f->root, "rootfs/dev/null"), 0);
	assert_int_equal(symlinkat("/var/ferry-unit-missing", f->root, "rootfs/link"), 0);
	f->spec.n_mounts = 1; /* proc */
	add_mount(&f->arena, &f->spec, &bind);
	c.options.bundle = f->bundle;
	int r = run_container(&c, check_hostile, &e);
	assert_int_not_equal(r, 0); /* the null device is not one: masking with it is refused */
	assert_int_not_equal(access("/var/ferry-unit-missing", F_OK), 0);
}

static int check_binds(struct container *c, int step, struct err *e)
{
	(void)c;
	(void)e;
	if (step == 0)
		return 0;
	CHECK(mount_has("/data/file", " ro,") && strcmp(slurp("/data/file"), "text") == 0);
	CHECK(open("/data/file", O_WRONLY) < 0 && errno == EROFS);
	CHECK(mount_has("/data/dir", "noexec") && mount_has("/data/dir", "nodev"));
	CHECK(mount_has("/run", " ro,") && access("/run/made", F_OK) == 0);
	CHECK(strcmp(slurp("/copy/a"), "kept") == 0 && is_fs("/copy", TMPFS_MAGIC));
	struct stat st;
	CHECK(stat("/copy", &st) == 0 && (st.st_mode & 07777) == 0750);
	CHECK(stat("/copy/sub", &st) == 0 && (st.st_mode & 07777) == 0701);
	CHECK(mount_has("/data/dir", "nosuid"));
	CHECK(strcmp(slurp("/etc/resolv.conf"), "text") == 0 && mount_has("/stub/deep/resolv.conf", "rw"));
	return 0;
}

static void write_file(int dir, const char *path, const char *text)
{
	int fd = openat(dir, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

static void binds(void **state, bool userns)
{
	struct fixture *f = *state;
	const struct spec_mount more[] = {
		MOUNT("/data/file", "file", "bind", "bind", "ro"),
		MOUNT("/data/dir", "dir", NULL, "rbind", "rprivate", "noexec", "rnodev", "rw"),
		MOUNT("/run", "tmpfs", "tmpfs", "ro", "mode=755"),
		MOUNT("/run/made", "file", "bind", "bind"),
		MOUNT("/copy", "tmpfs", "tmpfs", "tmpcopyup"),
		MOUNT("/data/dir", NULL, NULL, "remount", "bind", "nosuid"),
		MOUNT("/etc/resolv.conf", "file", "bind", "bind"),
	};

	write_file(f->root, "file", "text");
	assert_int_equal(mkdirat(f->root, "dir", 0755), 0);
	assert_int_equal(mkdirat(f->root, "rootfs/copy", 0750), 0);
	assert_int_equal(mkdirat(f->root, "rootfs/copy/sub", 0701), 0);
	write_file(f->root, "rootfs/copy/a", "kept");
	assert_int_equal(mkdirat(f->root, "rootfs/etc", 0755), 0);
	assert_int_equal(symlinkat("../gone/deep/resolv.conf", f->root, "rootfs/etc/resolv.conf"), 0);
	assert_int_equal(symlinkat("/stub", f->root, "rootfs/gone"), 0);
	if (userns)
		make_rootless(f, 0);
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		add_mount(&f->arena, &f->spec, &more[i]);
	run_ok(f, (struct rootfs_options){ 0 }, check_binds);
}

static void test_binds(void **state)
{
	(void)state;
	binds(state, false);
}

static void test_binds_userns(void **state)
{
	(void)state;
	binds(state, true);
}

static void test_missing_source(void **state)
{
	struct fixture *f = *state;
	struct err e = ERR_INIT;
	const struct spec_mount bind = MOUNT("/x", "/nonexistent", "bind", "bind");
	struct container c = { .spec = &f->spec };

	make_rootless(f, 0); /* so that the parent finds out */
	add_mount(&f->arena, &f->spec, &bind);
	c.options.bundle = f->bundle;
	assert_int_equal(run_container(&c, check_example, &e), -1);
	assert_string_equal(e.msg, "error mounting \"/nonexistent\" to rootfs at \"/x\": stat /nonexistent: no such file or "
				   "directory");
}

static int check_idmap(struct container *c, int step, struct err *e)
{
	struct stat st;

	(void)c;
	(void)e;
	if (step == 0)
		return 0;
	CHECK(stat("/mapped/file", &st) == 0);
	if (st.st_uid != 1000 || st.st_gid != 1000)
		fprintf(stderr, "owner is %u:%u\n", st.st_uid, st.st_gid);
	return !(st.st_uid == 1000 && st.st_gid == 1000);
}

static void test_idmap(void **state)
{
	struct fixture *f = *state;
	struct spec_idmap map[] = { { 0, 1000, 10 } };
	struct spec_mount bind = MOUNT("/mapped", "dir", "bind", "bind");

	assert_int_equal(mkdirat(f->root, "dir", 0755), 0);
	write_file(f->root, "dir/file", "x");
	bind.uid_mappings = bind.gid_mappings = map;
	bind.n_uid_mappings = bind.n_gid_mappings = 1;
	add_mount(&f->arena, &f->spec, &bind);
	run_ok(f, (struct rootfs_options){ 0 }, check_idmap);
}

static int check_console(struct container *c, int step, struct err *e)
{
	static int master, slave;
	struct stat st, con;

	if (step == 0) {
		CHECK_OK(rootfs_console(c->rootfs, 24, 80, &master, &slave, e), e);
		return 0;
	}
	CHECK(fstat(slave, &st) == 0 && stat("/dev/console", &con) == 0);
	CHECK(st.st_rdev == con.st_rdev && major(con.st_rdev) == 136);
	CHECK(write(slave, "hi", 2) == 2);
	char text[3] = "";
	CHECK(read(master, text, 2) == 2 && strcmp(text, "hi") == 0);
	int m2, s2;
	CHECK_OK(console_open(0, 0, &m2, &s2, e), e);
	return 0;
}

static void test_console(void **state)
{
	struct fixture *f = *state;

	run_ok(f, (struct rootfs_options){ 0 }, check_console);
	make_rootless(f, 0);
	run_ok(f, (struct rootfs_options){ 0 }, check_console);
}

static int check_sysctl(struct container *c, int step, struct err *e)
{
	(void)c;
	(void)e;
	if (step == 1)
		CHECK(strcmp(slurp("/proc/sys/net/ipv4/ip_unprivileged_port_start"), "80\n") == 0);
	return 0;
}

static void test_sysctl(void **state)
{
	struct fixture *f = *state;
	struct spec_pair set[] = { { "net.ipv4.ip_unprivileged_port_start", "80" } };

	f->spec.lx.sysctl = set;
	f->spec.lx.n_sysctl = 1;
	run_ok(f, (struct rootfs_options){ 0 }, check_sysctl);
}

static void test_no_pivot(void **state)
{
	struct fixture *f = *state;

	run_ok(f, (struct rootfs_options){ .no_pivot = true }, check_example);
}

static int check_shared(struct container *c, int step, struct err *e)
{
	(void)c;
	(void)e;
	if (step == 1)
		CHECK(mount_has("/", "shared:"));
	return 0;
}

/* On a host whose tree is shared, as under systemd: nothing may come back to it. */
static void test_shared_host(void **state)
{
	struct fixture *f = *state;
	static const char *const asked[] = { NULL, "rshared", "rslave", "rprivate", "private", "runbindable" };
	int status;

	pid_t pid = fork();
	if (pid == 0) {
		CHECK(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL) == 0);
		for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
			char *before = strdup(slurp("/proc/self/mountinfo"));
			struct err e = ERR_INIT;
			example_spec(&f->arena, &f->spec);
			if (i == 2)
				make_rootless(f, 0);
			f->spec.lx.rootfs_propagation = asked[i];
			struct container c = { .spec = &f->spec, .options.bundle = f->bundle };
			int r = run_container(&c, i == 1 ? check_shared : check_example, &e);
			if (r)
				fprintf(stderr, "%zu: %d %s\n", i, r, e.msg);
			CHECK(r == 0);
			CHECK(strcmp(before, slurp("/proc/self/mountinfo")) == 0);
			free(before);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* A root whose path the container's root may not walk: everything still works, on top of "/". */
static void test_unreachable_root(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(chmod(f->bundle, 0700), 0);
	make_rootless(f, 54321); /* owns nothing here */
	f->spec.mounts[0].destination = "/proc";
	static const char *const dirs[] = { "rootfs/proc", "rootfs/dev", "rootfs/sys" };
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(mkdirat(f->root, dirs[i], 0755), 0);
	run_ok(f, (struct rootfs_options){ 0 }, check_example);
}

static int check_host_net(struct container *c, int step, struct err *e)
{
	(void)c;
	(void)e;
	if (step == 1) {
		CHECK(is_fs("/sys", SYSFS_MAGIC) && mount_has("/sys", " ro,"));
		CHECK(is_fs("/sys/fs/cgroup", TMPFS_MAGIC) && mount_has("/sys/fs/cgroup", " ro,"));
	}
	return 0;
}

/* No network namespace of its own: /sys is the host's. No cgroup namespace: the cgroup is a bind. */
static void test_fallbacks(void **state)
{
	struct fixture *f = *state;

	make_rootless(f, 0);
	memmove(&f->spec.lx.namespaces[1], &f->spec.lx.namespaces[2], 5 * sizeof(*f->spec.lx.namespaces)); /* network */
	memmove(&f->spec.lx.namespaces[4], &f->spec.lx.namespaces[5], sizeof(*f->spec.lx.namespaces)); /* cgroup */
	f->spec.lx.n_namespaces -= 2;
	run_ok(f, (struct rootfs_options){ .cgroup_dir = "/dev/shm" }, check_host_net);
}

static int check_time(struct container *c, int step, struct err *e)
{
	(void)c;
	(void)e;
	if (step == 1)
		CHECK(strstr(slurp("/proc/self/timens_offsets"), "100000"));
	return 0;
}

static void test_time_in_userns(void **state)
{
	struct fixture *f = *state;

	make_rootless(f, 54321);
	f->spec.lx.namespaces[5].flag = CLONE_NEWTIME; /* instead of cgroup */
	f->spec.lx.offset_monotonic = (struct spec_time_offset){ .set = true, .secs = 100000 };
	assert_int_equal(chmod(f->bundle, 0755), 0);
	assert_int_equal(fchownat(f->root, "rootfs", 54321, 54321, 0), 0);
	f->spec.n_mounts--; /* cgroup */
	run_ok(f, (struct rootfs_options){ 0 }, check_time);
}

static int check_overlay(struct container *c, int step, struct err *e)
{
	(void)c;
	(void)e;
	if (step == 1)
		CHECK(strcmp(slurp("/merged/file"), "low") == 0 && mount_has("/merged", " ro,nosuid"));
	return 0;
}

/* Options too long for fsconfig(2). */
static void test_long_options(void **state)
{
	struct fixture *f = *state;
	char *lower;
	cleanup_buf struct buf option = BUF_INIT;

	buf_str(&option, "lowerdir=");
	for (int i = 0; i < 12; i++) {
		lower = arena_printf(&f->arena, "lower%d", i);
		assert_int_equal(mkdirat(f->root, lower, 0755), 0);
		buf_printf(&option, "%s%s/%s", i ? ":" : "", f->bundle, lower);
	}
	write_file(f->root, "lower11/file", "low");
	add_mount(&f->arena, &f->spec,
		  &(struct spec_mount)MOUNT("/merged", "overlay", "overlay", buf_text(&option), "ro", "nosuid"));
	run_ok(f, (struct rootfs_options){ 0 }, check_overlay);
}

static int check_covered(struct container *c, int step, struct err *e)
{
	static int master, slave;
	struct stat st;

	if (step == 0) {
		CHECK_OK(rootfs_console(c->rootfs, 0, 0, &master, &slave, e), e);
		return 0;
	}
	/* proc -> .. covered nothing outside; console -> /etc/passwd was covered, not followed */
	CHECK(!mount_line("/etc/passwd") && stat("/dev/console", &st) == 0 && major(st.st_rdev) == 136);
	return 0;
}

static void test_hostile_console(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdirat(f->root, "rootfs/dev", 0755), 0);
	assert_int_equal(mkdirat(f->root, "rootfs/etc", 0755), 0);
	write_file(f->root, "rootfs/etc/passwd", "x");
	assert_int_equal(symlinkat("/etc/passwd", f->root, "rootfs/dev/console"), 0);
	assert_int_equal(symlinkat("../../../../..", f->root, "rootfs/up"), 0);
	f->spec.mounts[1] = (struct spec_mount)MOUNT("/up/tmp", "tmpfs", "tmpfs", "mode=755");
	f->spec.mounts[1].options = (const char *[]){ "mode=755" };
	f->spec.lx.n_masked_paths = 0;
	run_ok(f, (struct rootfs_options){ 0 }, check_covered);
}

/* The image's /proc is a symlink: no procfs may land where it points to. */
static void test_hostile_proc(void **state)
{
	struct fixture *f = *state;
	struct container c = { .spec = &f->spec };
	struct err e = ERR_INIT;

	assert_int_equal(symlinkat("..", f->root, "rootfs/proc"), 0);
	c.options.bundle = f->bundle;
	assert_int_equal(run_container(&c, check_host_net, &e), 1); /* refused */
}

static int exec_true(struct container *c, int step, struct err *e)
{
	(void)c;
	(void)e;
	if (step == 0)
		return 0;
	execl("/bin/true", "true", (char *)NULL);
	return errno;
}

/* `test_rootfs walk BUNDLE` runs BUNDLE/rootfs's /bin/true in the example container: for counting system calls. */
static int walk(const char *bundle)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct spec s;
	struct err e = ERR_INIT;
	struct container c = { .spec = &s, .options = { .bundle = bundle } };

	example_spec(&a, &s);
	int r = run_container(&c, exec_true, &e);
	if (r)
		fprintf(stderr, "%d: %s\n", r, e.msg);
	return r;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "walk") == 0)
		return walk(argv[2]);
	if (geteuid() != 0 || !may_unshare()) {
		print_message("skipped: making namespaces is not permitted here\n");
		return 0;
	}

	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_example, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_userns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unprivileged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_image, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_dev_without_mount, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_binds, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_binds_userns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_missing_source, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_idmap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_console, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sysctl, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_pivot, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_shared_host, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unreachable_root, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_fallbacks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_time_in_userns, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_options, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_console, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_hostile_proc, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
