#include "lib/in_root.h"
#include "tests/unit/fixture_dir.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inside),
		cmocka_unit_test(test_make),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
