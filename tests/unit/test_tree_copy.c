#include "lib/tree_copy.h"
#include "tests/unit/fixture_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/xattr.h>

#include <cmocka.h>

static int entry(struct fixture_dir *f, const char *path)
{
	int fd = openat(f->fd, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static int copy(struct fixture_dir *f, const struct tree_copy *how, const char *from, const char *to_dir,
		const char *name, struct err *e)
{
	cleanup_close int source = entry(f, from), dir = entry(f, to_dir);

	return tree_copy(how, source, dir, name, e);
}

static struct stat look(struct fixture_dir *f, const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(f->fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

static void every_kind(void **state)
{
	static const struct tree_copy how = { 0 };
	cleanup_fixture struct fixture_dir f = fixture_dir_new();
	const struct timespec old[2] = { { 1000, 0 }, { 2000, 3000 } };
	char target[16] = "";
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(mkdirat(f.fd, "a", 0755) + mkdirat(f.fd, "a/sub", 0555) + mkdirat(f.fd, "to", 0755), 0);
	fixture_file(&f, "a/file", "text");
	assert_int_equal(fchmodat(f.fd, "a/file", 04751, 0), 0);
	assert_int_equal(utimensat(f.fd, "a/file", old, 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", f.fd, "a/link"), 0);
	assert_int_equal(mkfifoat(f.fd, "a/fifo", 0640), 0);
	assert_int_equal(copy(&f, &how, "a", "to", "b", &e), 0);
	fixture_expect(&f, "to/b/file", "text");
	assert_int_equal(look(&f, "to/b/file").st_mode, S_IFREG | 0751);
	assert_int_equal(look(&f, "to/b/file").st_mtim.tv_nsec, 3000);
	assert_int_equal(look(&f, "to/b/sub").st_mode, S_IFDIR | 0555);
	assert_true(S_ISFIFO(look(&f, "to/b/fifo").st_mode));
	assert_int_equal(readlinkat(f.fd, "to/b/link", target, sizeof(target)), 11);
	assert_string_equal(target, "/etc/passwd");
}

static void set_id_bits_are_asked_for(void **state)
{
	static const struct tree_copy how = { .keep_set_id = true };
	cleanup_fixture struct fixture_dir f = fixture_dir_new();
	struct err e = ERR_INIT;

	(void)state;
	fixture_file(&f, "a", "x");
	assert_int_equal(fchmodat(f.fd, "a", 06755, 0), 0);
	assert_int_equal(copy(&f, &how, "a", ".", "b", &e), 0);
	assert_int_equal(look(&f, "b").st_mode, S_IFREG | 06755);
}

/* A link where the copy shall be is replaced, never followed. */
static void links_are_not_followed(void **state)
{
	static const struct tree_copy how = { 0 };
	cleanup_fixture struct fixture_dir f = fixture_dir_new();
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(mkdirat(f.fd, "outside", 0755) + mkdirat(f.fd, "to", 0755) + mkdirat(f.fd, "a", 0755), 0);
	fixture_file(&f, "outside/victim", "safe");
	fixture_file(&f, "a/one", "new");
	assert_int_equal(mkdirat(f.fd, "a/two", 0755), 0);
	fixture_file(&f, "a/two/victim", "new");
	assert_int_equal(symlinkat("../outside/victim", f.fd, "to/one"), 0);
	assert_int_equal(symlinkat("../outside", f.fd, "to/two"), 0);
	cleanup_close int from = entry(&f, "a"), to = entry(&f, "to");
	assert_int_equal(tree_copy_content(&how, from, to, &e), -ENOTDIR);
	assert_non_null(strstr(e.msg, "'two'"));
	fixture_expect(&f, "outside/victim", "safe");
	assert_int_equal(copy(&f, &how, "a/one", "to", "one", &e), 0);
	assert_true(S_ISREG(look(&f, "to/one").st_mode));
	fixture_expect(&f, "outside/victim", "safe");
}

static void directories_are_merged(void **state)
{
	static const struct tree_copy how = { 0 };
	cleanup_fixture struct fixture_dir f = fixture_dir_new();
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(mkdirat(f.fd, "a", 0755) + mkdirat(f.fd, "b", 0700), 0);
	fixture_file(&f, "a/new", "new");
	fixture_file(&f, "a/both", "new");
	fixture_file(&f, "b/both", "longer than that");
	fixture_file(&f, "b/old", "old");
	assert_int_equal(copy(&f, &how, "a", ".", "b", &e), 0);
	fixture_expect(&f, "b/new", "new");
	fixture_expect(&f, "b/both", "new");
	fixture_expect(&f, "b/old", "old");
	assert_int_equal(look(&f, "b").st_mode, S_IFDIR | 0700);
	assert_int_equal(mkdirat(f.fd, "b/dir", 0755), 0);
	assert_int_equal(copy(&f, &how, "a/new", "b", "dir", &e), -EISDIR);
	assert_int_equal(copy(&f, &how, "a", "b", "new", &e), -ENOTDIR);
}

static void not_into_itself(void **state)
{
	static const struct tree_copy how = { 0 };
	cleanup_fixture struct fixture_dir f = fixture_dir_new();
	struct stat st;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(mkdirat(f.fd, "a", 0755) + mkdirat(f.fd, "a/in", 0755), 0);
	fixture_file(&f, "a/x", "x");
	assert_int_equal(copy(&f, &how, "a", "a/in", "copy", &e), 0);
	fixture_expect(&f, "a/in/copy/x", "x");
	assert_int_equal(fstatat(f.fd, "a/in/copy/in", &st, 0), -1);
}

static void owners(void **state)
{
	static const struct id_range uids[] = { { 0, 1000, 1 }, { 33, 5033, 10 } };
	const struct tree_copy mapped = { .owner = OWNER_MAPPED, .uids = uids, .n_uids = 2 };
	const struct tree_copy fixed = { .owner = OWNER_FIXED, .uid = 7, .gid = 8 };
	cleanup_fixture struct fixture_dir f = fixture_dir_new();
	struct err e = ERR_INIT;

	(void)state;
	if (geteuid() != 0)
		skip();
	fixture_file(&f, "a", "x");
	assert_int_equal(fchownat(f.fd, "a", 35, 36, 0), 0);
	assert_int_equal(copy(&f, &mapped, "a", ".", "b", &e), 0);
	assert_int_equal(look(&f, "b").st_uid, 5035);
	assert_int_equal(look(&f, "b").st_gid, 36);
	assert_int_equal(copy(&f, &fixed, "a", ".", "c", &e), 0);
	assert_int_equal(look(&f, "c").st_uid, 7);
	assert_int_equal(look(&f, "c").st_gid, 8);
}

static void over_a_file(void **state)
{
	cleanup_fixture struct fixture_dir f = fixture_dir_new();
	struct err e = ERR_INIT;

	(void)state;
	fixture_file(&f, "a", "new");
	fixture_file(&f, "b", "longer than that");
	assert_int_equal(mkfifoat(f.fd, "fifo", 0600), 0);
	cleanup_close int from = entry(&f, "a"), to = entry(&f, "b"), fifo = entry(&f, "fifo");
	assert_int_equal(tree_copy_over(from, to, &e), 0);
	fixture_expect(&f, "b", "new");
	assert_int_equal(tree_copy_over(from, fifo, &e), -EINVAL);
	assert_int_equal(tree_copy_over(fifo, to, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind),
		cmocka_unit_test(set_id_bits_are_asked_for),
		cmocka_unit_test(links_are_not_followed),
		cmocka_unit_test(directories_are_merged),
		cmocka_unit_test(not_into_itself),
		cmocka_unit_test(owners),
		cmocka_unit_test(over_a_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
