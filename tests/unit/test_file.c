#include "lib/file.h"
#include "tests/unit/fixture_dir.h"

#include <errno.h>
#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the four above. */
#include <cmocka.h>

static void test_read_write(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_buf struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	assert_int_equal(file_read_at(d.fd, "a", 10, &b, &e), -ENOENT);
	assert_string_equal(e.msg, "open 'a': No such file or directory");
	assert_int_equal(file_write_at(d.fd, "a", "x", &e), -ENOENT);
	assert_int_equal(file_replace_at(d.fd, "a", 0640, "hello", 5, &e), 0);
	assert_int_equal(file_replace_at(d.fd, "a", 0600, "hi", 2, &e), 0);
	assert_int_equal(file_read_at(d.fd, "a", 2, &b, &e), 0);
	assert_string_equal(buf_text(&b), "hi");
	assert_int_equal(file_read_at(d.fd, "a", 1, &b, &e), -EFBIG);
	assert_int_equal(file_write_at(d.fd, "a", "xy", &e), 0);
	assert_int_equal(fstatat(d.fd, "a", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(fstatat(d.fd, "a.tmp", &st, 0), -1);
}

static void test_trees(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	char path[128];
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/t/a/b", d.path);
	assert_int_equal(mkdir_parents(path, 0700, &e), 0);
	assert_int_equal(mkdir_parents(path, 0700, &e), 0);
	assert_int_equal(file_replace_at(d.fd, "t/a/f", 0600, "", 0, &e), 0);
	assert_int_equal(file_replace_at(d.fd, "keep", 0600, "", 0, &e), 0);
	assert_int_equal(symlinkat("../../keep", d.fd, "t/a/link"), 0);
	snprintf(path, sizeof(path), "%s/t/a/f/x", d.path);
	assert_true(mkdir_parents(path, 0700, &e) < 0);
	assert_int_equal(remove_tree_at(d.fd, "t", &e), 0);
	assert_int_equal(fstatat(d.fd, "t", &st, 0), -1);
	assert_int_equal(fstatat(d.fd, "keep", &st, 0), 0);
	assert_int_equal(remove_tree_at(d.fd, "t", &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_write),
		cmocka_unit_test(test_trees),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
