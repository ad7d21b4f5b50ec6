#include "lib/in_root.h"
#include "tests/unit/fixture_dir.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the four above. */
#include <cmocka.h>

static bool same(int fd, int dirfd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstatat(dirfd, path, &b, 0) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

/* Whatever a name says, the look-up ends inside. */
static void test_inside(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(mkdirat(d.fd, "root", 0755), 0);
	assert_int_equal(mkdirat(d.fd, "root/etc", 0755), 0);
	assert_int_equal(symlinkat("/etc", d.fd, "root/absolute"), 0);
	assert_int_equal(symlinkat("../../../etc", d.fd, "root/up"), 0);
	assert_int_equal(symlinkat("/proc/self/root", d.fd, "root/magic"), 0);
	cleanup_close int root = openat(d.fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *const names[] = { "etc", "/etc", "absolute", "up", "../../etc", "/../etc/." };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		cleanup_close int fd = in_root_open(root, names[i], O_PATH, &e);
		assert_true(fd >= 0);
		assert_true(same(fd, d.fd, "root/etc"));
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	assert_int_equal(in_root_open(root, "magic", O_PATH, &e), -ENOENT);
	assert_string_equal(e.msg, "open 'magic' in the container: No such file or directory");
}

static void test_make(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	assert_int_equal(mkdirat(d.fd, "root", 0755), 0);
	assert_int_equal(mkdirat(d.fd, "root/var", 0755), 0);
	assert_int_equal(symlinkat("/var", d.fd, "root/link"), 0);
	cleanup_close int root = openat(d.fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);

	cleanup_close int dir = in_root_mkdir(root, "/link/a/b", 0755, &e);
	assert_true(dir >= 0 && same(dir, d.fd, "root/var/a/b"));
	cleanup_close int file = in_root_touch(root, "link/c/f", 0644, &e);
	assert_true(file >= 0 && same(file, d.fd, "root/var/c/f"));
	assert_int_equal(fstat(file, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	cleanup_close int again = in_root_touch(root, "link/c/f", 0644, &e);
	assert_true(again >= 0 && same(again, d.fd, "root/var/c/f"));
	assert_int_equal(in_root_mkdir(root, "link/c/f/x", 0755, &e), -ENOTDIR);
	assert_int_equal(in_root_touch(root, "new/..", 0644, &e), -EINVAL);
	assert_int_equal(in_root_touch(root, "new/", 0644, &e), -EINVAL);
}

/* Links whose targets are missing are followed, in the terms of the root, as far as there is one. */
static void test_dangling(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(mkdirat(d.fd, "root", 0755), 0);
	assert_int_equal(mkdirat(d.fd, "root/etc", 0755), 0);
	assert_int_equal(symlinkat("/srv/x", d.fd, "root/first"), 0);
	assert_int_equal(symlinkat("../../opt", d.fd, "root/etc/up"), 0);
	assert_int_equal(symlinkat("loop", d.fd, "root/loop"), 0);
	assert_int_equal(symlinkat("b/x", d.fd, "root/a"), 0);
	assert_int_equal(symlinkat("a/x", d.fd, "root/b"), 0);
	cleanup_close int root = openat(d.fd, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int first = in_root_mkdir(root, "/first//a/./b/", 0755, &e);
	assert_true(first >= 0 && same(first, d.fd, "root/srv/x/a/b"));
	cleanup_close int up = in_root_mkdir(root, "etc/up/a", 0755, &e);
	assert_true(up >= 0 && same(up, d.fd, "root/opt/a"));
	assert_int_equal(in_root_mkdir(root, "loop/a", 0755, &e), -ELOOP);
	assert_int_equal(in_root_mkdir(root, "a/c", 0755, &e), -ELOOP);
	assert_int_equal(in_root_mkdir(root, "new/../other", 0755, &e), -EINVAL);
	assert_int_equal(faccessat(d.fd, "root/other", F_OK, 0), -1);
}

/* As deep as a path can be, and no deeper. */
static void test_deep(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	char path[2 * PATH_MAX];
	struct err e = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = i % 2 ? '/' : 'a';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(in_root_mkdir(d.fd, path, 0755, &e), -ENAMETOOLONG);
	path[PATH_MAX - 2] = '\0';
	cleanup_close int dir = in_root_mkdir(d.fd, path, 0755, &e);
	assert_true(dir >= 0 && same(dir, d.fd, path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inside),
		cmocka_unit_test(test_make),
		cmocka_unit_test(test_dangling),
		cmocka_unit_test(test_deep),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
