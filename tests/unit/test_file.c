#include "lib/file.h"
#include "tests/unit/fixture_dir.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

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

/* Deeper than there are descriptors, and with the name that is used on the way. */
static void test_deep_trees(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	struct rlimit before, few = { 200, 200 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(mkdirat(d.fd, "top", 0755), 0);
	assert_int_equal(mkdirat(d.fd, "top/.ferry-moved-0", 0755), 0);
	fixture_file(&d, "top/.ferry-moved-0/file", "");
	fixture_file(&d, "top/.ferry-moved-1", "");
	int at = openat(d.fd, "top", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 3000; i++) {
		assert_int_equal(mkdirat(at, "d", 0755), 0);
		int next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
	}
	close(at);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few.rlim_max = before.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	int r = remove_tree_at(d.fd, "top", &e);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	if (r < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(faccessat(d.fd, "top", F_OK, 0), -1);
}

/* Returns 0 when a tree that its owner may not write to, nor look into, could be removed. */
static int remove_read_only(int dir)
{
	struct err e;

	if (mkdirat(dir, "t", 0755) < 0 || mkdirat(dir, "t/sub", 0755) < 0 || mkdirat(dir, "t/sub/empty", 0755) < 0 ||
	    mkdirat(dir, "t/closed", 0) < 0 || mknodat(dir, "t/sub/file", S_IFREG | 0400, 0) < 0 ||
	    fchmodat(dir, "t/sub", 0555, 0) < 0 || fchmodat(dir, "t", 0111, 0) < 0)
		return 2;
	return remove_tree_at(dir, "t", &e) < 0 || faccessat(dir, "t", F_OK, 0) == 0;
}

static void test_read_only_trees(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	enum { NOBODY = 65534 };
	int status;

	(void)state;
	assert_int_equal(fchmod(d.fd, 0777), 0);
	pid_t pid = fork();
	if (pid == 0) {
		/* Root may do anything anyway. */
		if (geteuid() == 0 && (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0))
			_exit(3);
		_exit(remove_read_only(d.fd));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_gone(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	char path[128];

	(void)state;
	assert_false(path_is_gone(d.path));
	assert_false(path_is_gone("/"));
	snprintf(path, sizeof(path), "%s/nothing", d.path);
	assert_true(path_is_gone(path));
	assert_int_equal(symlink("/nowhere/at/all", path), 0);
	assert_false(path_is_gone(path));
	snprintf(path, sizeof(path), "%s/not/there", d.path); /* a file system may be missing */
	assert_false(path_is_gone(path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_write),
		cmocka_unit_test(test_trees),
		cmocka_unit_test(test_deep_trees),
		cmocka_unit_test(test_read_only_trees),
		cmocka_unit_test(test_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
