/* Small archives: what tar(1) makes is made again, and what is something else is told. */
#include "tests/unit/fixture_dir.h"

#include "checkpoint/images/tar.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

enum { ARCHIVE_MAX = 1 << 20 };

/* Of what @commands make in a directory. */
static void archive_of(struct fixture_dir *d, const char *commands, struct buf *ret)
{
	char command[600];
	struct err e = ERR_INIT;

	snprintf(command, sizeof(command),
		 "cd %s && mkdir tree && cd tree && { %s; } && tar --create --sparse --numeric-owner . >../tar", d->path, commands);
	assert_int_equal(system(command), 0);
	assert_int_equal(file_read_at(d->fd, "tar", ARCHIVE_MAX, ret, &e), 0);
}

static struct wire whole(const struct buf *b)
{
	return wire_of(b->data, b->len);
}

static void assert_same(int a, int b, const char *name)
{
	struct stat x, y;

	assert_int_equal(fstatat(a, name, &x, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(fstatat(b, name, &y, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(x.st_mode, y.st_mode);
	assert_int_equal(x.st_uid, y.st_uid);
	assert_int_equal(x.st_gid, y.st_gid);
	assert_int_equal(x.st_rdev, y.st_rdev);
	assert_int_equal(x.st_mtim.tv_sec, y.st_mtim.tv_sec);
	if (!S_ISDIR(x.st_mode))
		assert_int_equal(x.st_size, y.st_size);
}

static void test_unpacked(void **state)
{
	(void)state;
	static const char *const names[] = { ".", "dir", "dir/below", "dir/below/file", "empty", "fifo", "link" };
	cleanup_fixture struct fixture_dir from = fixture_dir_new(), to = fixture_dir_new();
	cleanup_buf struct buf archive = BUF_INIT, text = BUF_INIT;
	struct err e = ERR_INIT;
	char target[16] = "";

	archive_of(&from, "mkdir -p dir/below; seq 200 >dir/below/file; chmod 4751 dir/below/file; : >empty; mkfifo -m 620 fifo; "
		   "ln -s dir/below link; touch -h -d @1000000000 link dir; chmod 1711 dir; chmod 750 .; touch -d @1100000000 .",
		   &archive);
	assert_int_equal(tar_unpack(whole(&archive), to.fd, &e), 0);
	cleanup_close int tree = openat(from.fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_same(tree, to.fd, names[i]);
	assert_int_equal(readlinkat(to.fd, "link", target, sizeof(target)), strlen("dir/below"));
	assert_string_equal(target, "dir/below");
	assert_int_equal(file_read_at(to.fd, "dir/below/file", ARCHIVE_MAX, &text, &e), 0);
	assert_true(strncmp(buf_text(&text), "1\n2\n3\n", 6) == 0);
	assert_true(strcmp(buf_text(&text) + text.len - 4, "200\n") == 0);
}

static void test_devices(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir from = fixture_dir_new(), to = fixture_dir_new();
	cleanup_buf struct buf archive = BUF_INIT;
	struct err e = ERR_INIT;
	struct stat st;

	if (geteuid() != 0) {
		print_message("making devices needs root\n");
		skip();
	}
	archive_of(&from, "mknod -m 666 null c 1 3; mknod -m 640 disk b 253 300; chown 1000:7 disk", &archive);
	assert_int_equal(tar_unpack(whole(&archive), to.fd, &e), 0);
	cleanup_close int tree = openat(from.fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_same(tree, to.fd, "null");
	assert_same(tree, to.fd, "disk");
	assert_int_equal(fstatat(to.fd, "disk", &st, 0), 0);
	assert_true(st.st_rdev == makedev(253, 300) && st.st_uid == 1000 && st.st_gid == 7);
}

/* Something else is not unpacked as if it were known. */
static void test_refused(void **state)
{
	(void)state;
	static const char *const trees[] = {
		": >a; ln a b", /* a hard link */
		"truncate -s 1M a", /* a hole */
		": >\"$(printf %0120d 0)\"", /* a long name */
	};

	for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
		cleanup_fixture struct fixture_dir from = fixture_dir_new(), to = fixture_dir_new();
		cleanup_buf struct buf archive = BUF_INIT;
		struct err e = ERR_INIT;
		archive_of(&from, trees[i], &archive);
		assert_int_equal(tar_unpack(whole(&archive), to.fd, &e), -EBADMSG);
	}
}

/* An archive's links lead nowhere but in the directory. */
static void test_confined(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir from = fixture_dir_new(), to = fixture_dir_new();
	cleanup_buf struct buf archive = BUF_INIT;
	char command[600];
	struct err e = ERR_INIT;

	/* "out" is a link to the other directory, and then a directory with a file. */
	snprintf(command, sizeof(command),
		 "cd %s && mkdir made one two two/out && ln -s '%s' one/out && : >two/out/file && "
		 "tar --append -f all -C one ./out && tar --append -f all -C two ./out/file", from.path, to.path);
	assert_int_equal(system(command), 0);
	cleanup_close int made = openat(from.fd, "made", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(file_read_at(from.fd, "all", ARCHIVE_MAX, &archive, &e), 0);
	assert_int_equal(tar_unpack(whole(&archive), made, &e), -ENOENT);
	assert_int_equal(faccessat(made, "out", F_OK, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(faccessat(to.fd, "file", F_OK, 0), -1);
}

/* Cut short, or with any byte of a head changed, it is refused, or what is made lies in the directory. */
static void test_damaged(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir from = fixture_dir_new();
	cleanup_buf struct buf archive = BUF_INIT;
	struct err e = ERR_INIT;
	struct tar_entry x;

	archive_of(&from, "mkdir dir; echo text >dir/file; ln -s dir link", &archive);
	for (size_t n = 0; n < archive.len; n += 64) {
		struct wire rest = wire_of(archive.data, n);
		while (tar_next(&rest, &x) > 0)
			;
		assert_true(rest.at <= rest.end);
	}
	for (size_t i = 0; i < 2048; i++) {
		cleanup_fixture struct fixture_dir to = fixture_dir_new();
		archive.data[i] ^= 0x11;
		int r = tar_unpack(whole(&archive), to.fd, &e);
		assert_true(r <= 0);
		archive.data[i] ^= 0x11;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unpacked), cmocka_unit_test(test_devices), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_confined), cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
