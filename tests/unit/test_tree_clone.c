#include "lib/tree_clone.h"
#include "lib/sha256.h"
#include "lib/tree_ahead.h"
#include "lib/tree_digest.h"
#include "tests/unit/fixture_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include <cmocka.h>

static const struct timespec long_ago[2] = { { 1000000000, 1 }, { 1100000000, 123456789 } };

static const char *text_of(struct fixture_dir *f, const char *name, struct buf *b)
{
	struct err e = ERR_INIT;

	b->len = 0;
	if (tree_digest(f->fd, name, b, &e) < 0)
		fail_msg("%s", e.msg);
	return buf_text(b);
}

/* But for the name it begins with, of which both have one letter. */
static void expect_same(struct fixture_dir *f, const char *a, const char *b)
{
	cleanup_buf struct buf first = BUF_INIT, second = BUF_INIT;
	char *at = (char *)text_of(f, b, &second);

	for (; (at = strstr(at, b)); at++)
		if (at[-1] == ' ' || at[-1] == '=')
			*at = *a;
	assert_string_equal(text_of(f, a, &first), buf_text(&second));
}

static void clone_it(struct fixture_dir *f)
{
	struct err e = ERR_INIT;

	if (tree_clone(f->fd, "A", f->fd, "B", NULL, &e) < 0)
		fail_msg("%s", e.msg);
}

static struct stat look(struct fixture_dir *f, const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(f->fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st;
}

static void set_time(struct fixture_dir *f, const char *path)
{
	assert_int_equal(utimensat(f->fd, path, long_ago, AT_SYMLINK_NOFOLLOW), 0);
}

static void every_kind(void **state)
{
	cleanup_fixture struct fixture_dir f = fixture_dir_new();
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	cleanup_close int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdirat(f.fd, "A", 0755), 0);
	assert_int_equal(mkdirat(f.fd, "A/dir", 0755), 0);
	fixture_file(&f, "A/file", "text");
	fixture_file(&f, "A/dir/\xc3\xa4 b\\\n", "its name is odd");
	fixture_file(&f, "A/none", "");
	assert_int_equal(fchownat(f.fd, "A/file", 1234, 5678, 0), 0);
	assert_int_equal(fchmodat(f.fd, "A/file", 06751, 0), 0);
	assert_int_equal(linkat(f.fd, "A/file", f.fd, "A/dir/again", 0), 0);
	assert_int_equal(symlinkat("/no/such/file", f.fd, "A/link"), 0);
	assert_int_equal(linkat(f.fd, "A/link", f.fd, "A/link2", 0), 0);
	assert_int_equal(fchownat(f.fd, "A/link", 7, 8, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(mkfifoat(f.fd, "A/fifo", 0642), 0);
	assert_int_equal(mknodat(f.fd, "A/gone", S_IFCHR | 0600, makedev(0, 0)), 0);
	assert_int_equal(mknodat(f.fd, "A/device", S_IFBLK | 0640, makedev(7, 300)), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/A/socket", f.path);
	assert_int_equal(bind(sock, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(fchmodat(f.fd, "A/dir", 01700, 0), 0);
	for (const char *const *p = (const char *const[]){ "A/file", "A/link", "A/gone", "A/socket", "A/dir", "A", NULL }; *p; p++)
		set_time(&f, *p);
	clone_it(&f);
	expect_same(&f, "A", "B");
	/* It is not only what the digest sees. */
	assert_int_equal(look(&f, "B/file").st_mode, S_IFREG | 06751);
	assert_int_equal(look(&f, "B/file").st_uid, 1234);
	assert_int_equal(look(&f, "B/file").st_ino, look(&f, "B/dir/again").st_ino);
	assert_int_not_equal(look(&f, "B/file").st_ino, look(&f, "A/file").st_ino);
	assert_int_equal(look(&f, "B/link").st_ino, look(&f, "B/link2").st_ino);
	assert_int_equal(look(&f, "B/link").st_gid, 8);
	assert_int_equal(look(&f, "B/device").st_rdev, makedev(7, 300));
	assert_true(S_ISSOCK(look(&f, "B/socket").st_mode));
	assert_int_equal(look(&f, "B").st_mtim.tv_nsec, 123456789);
	assert_int_equal(look(&f, "B/link").st_mtim.tv_sec, 1100000000);
	fixture_expect(&f, "B/dir/again", "text");
}

/* Of overlayfs, of users, of security modules; also on links and devices. */
static void attributes(void **state)
{
	static const struct {
		const char *path, *name, *value;
	} table[] = {
		{ "A", "trusted.overlay.opaque", "y" }, { "A/file", "trusted.overlay.origin", "a\1b" },
		{ "A/file", "user.empty", "" }, { "A/link", "trusted.of.link", "l" }, { "A/gone", "trusted.z", "z" },
		{ "A/file", "user.overlay.whiteout", "y" },
		{ "A/file", "security.capability", "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0" },
	};
	cleanup_fixture struct fixture_dir f = fixture_dir_in("/var/tmp");
	char path[PATH_MAX], value[64];

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(mkdirat(f.fd, "A", 0755), 0);
	fixture_file(&f, "A/file", "");
	assert_int_equal(symlinkat("x", f.fd, "A/link"), 0);
	assert_int_equal(mknodat(f.fd, "A/gone", S_IFCHR | 0600, makedev(0, 0)), 0);
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		size_t n = strcmp(table[i].name, "security.capability") == 0 ? 20 : strlen(table[i].value);
		snprintf(path, sizeof(path), "%s/%s", f.path, table[i].path);
		assert_int_equal(lsetxattr(path, table[i].name, table[i].value, n, 0), 0);
	}
	clone_it(&f);
	expect_same(&f, "A", "B");
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		snprintf(path, sizeof(path), "%s/B%s", f.path, table[i].path + 1);
		assert_true(lgetxattr(path, table[i].name, value, sizeof(value)) >= 0);
	}
}

static void holes(void **state)
{
	cleanup_fixture struct fixture_dir f = fixture_dir_new();

	(void)state;
	assert_int_equal(mkdirat(f.fd, "A", 0755), 0);
	cleanup_close int fd = openat(f.fd, "A/file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(pwrite(fd, "in the midst", 12, 40 << 20), 12);
	assert_int_equal(pwrite(fd, "second", 6, (80 << 20) + 5), 6);
	assert_int_equal(ftruncate(fd, 100 << 20), 0);
	clone_it(&f);
	expect_same(&f, "A", "B");
	assert_int_equal(look(&f, "B/file").st_size, 100 << 20);
	assert_true(look(&f, "B/file").st_blocks <= 64);
	/* What is written as zeros is no other file. */
	cleanup_close int copy = openat(f.fd, "B/file", O_RDWR | O_CLOEXEC);
	assert_int_equal(pwrite(copy, "\0\0\0\0", 4, 7), 4);
	assert_int_equal(futimens(copy, long_ago), 0);
	assert_int_equal(futimens(fd, long_ago), 0);
	expect_same(&f, "A", "B");
}

/* Whatever is changed in a tree, its digest is another. */
static void sees(void **state)
{
	static const char *const changes[] = {
		"printf Text >B/file", "printf 'text ' >B/file", "chmod 601 B/file", "ln -sfn y B/link", "rm B/link", "touch B/more",
		"rm B/again", "cp -p B/file B/f && mv B/f B/file", "mv B/file B/other", "rmdir B/dir", "touch B/dir",
		"chmod 700 B", "ln B/file B/third",
	};
	cleanup_fixture struct fixture_dir f = fixture_dir_new();
	cleanup_buf struct buf before = BUF_INIT, after = BUF_INIT;
	char command[256];

	(void)state;
	assert_int_equal(mkdirat(f.fd, "A", 0755), 0);
	assert_int_equal(mkdirat(f.fd, "A/dir", 0755), 0);
	fixture_file(&f, "A/file", "text");
	assert_int_equal(linkat(f.fd, "A/file", f.fd, "A/again", 0), 0);
	assert_int_equal(symlinkat("x", f.fd, "A/link"), 0);
	set_time(&f, "A/file");
	set_time(&f, "A/dir");
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		struct err e = ERR_INIT;
		clone_it(&f);
		text_of(&f, "B", &before);
		snprintf(command, sizeof(command), "cd %s && %s", f.path, changes[i]);
		assert_int_equal(system(command), 0);
		if (strcmp(buf_text(&before), text_of(&f, "B", &after)) == 0)
			fail_msg("not seen: %s", changes[i]);
		assert_int_equal(remove_tree_at(f.fd, "B", &e), 0);
	}
}

static void a_line(void **state)
{
	cleanup_fixture struct fixture_dir f = fixture_dir_new();
	cleanup_buf struct buf b = BUF_INIT;
	char expected[256];

	(void)state;
	fixture_file(&f, "a b", "");
	set_time(&f, "a b");
	snprintf(expected, sizeof(expected), "- 0600 %u %u 0 1100000000.123456789 - %s a\\040b\n", geteuid(), getegid(),
		 sha256_of("", 0).text);
	assert_string_equal(text_of(&f, "a b", &b), expected);
}

static ino_t inode(struct fixture_dir *f, const char *path)
{
	return look(f, path).st_ino;
}

static void large(struct fixture_dir *f, const char *name, char c)
{
	cleanup_close int fd = openat(f->fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
	char data[100000];

	memset(data, c, sizeof(data));
	assert_int_equal(write(fd, data, sizeof(data)), sizeof(data));
}

/* What is copied ahead is taken as long as it is right. */
static void ahead(void **state)
{
	cleanup_fixture struct fixture_dir f = fixture_dir_in("/var/tmp");
	struct tree_ahead t = { 0 };
	struct err e = ERR_INIT;
	char name[32];

	(void)state;
	assert_int_equal(mkdirat(f.fd, "A", 0755), 0);
	assert_int_equal(mkdirat(f.fd, "A/dir", 0755), 0);
	assert_int_equal(mkdirat(f.fd, "ahead", 0755), 0);
	large(&f, "A/dir/large", 'a');
	large(&f, "A/written", 'b');
	large(&f, "A/gone", 'c');
	fixture_file(&f, "A/small", "d");
	assert_int_equal(linkat(f.fd, "A/dir/large", f.fd, "A/again", 0), 0);
	assert_int_equal(symlinkat("dir/large", f.fd, "A/link"), 0);
	cleanup_close int dir = openat(f.fd, "ahead", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(tree_ahead_begin(dir, &t, &e), 1);
	assert_true(tree_ahead_ready(&t));
	/* They are too new: nothing is copied. */
	assert_int_equal(tree_ahead_copy(&t, f.fd, "A", &e), 0);
	snprintf(name, sizeof(name), "ahead/%lu", (unsigned long)inode(&f, "A/dir/large"));
	assert_int_equal(faccessat(f.fd, name, F_OK, 0), -1);
	t.since += 1000;
	assert_int_equal(tree_ahead_copy(&t, f.fd, "A", &e), 0);
	assert_int_equal(faccessat(f.fd, name, F_OK, 0), 0);
	/* One is written, one is removed, and one is new. */
	snprintf(name, sizeof(name), "ahead/%lu", (unsigned long)inode(&f, "A/written"));
	ino_t old = inode(&f, name);
	large(&f, "A/written", 'B');
	assert_int_equal(unlinkat(f.fd, "A/gone", 0), 0);
	large(&f, "A/new", 'e');
	t.since = look(&f, "A/written").st_ctim.tv_sec;
	assert_int_equal(tree_clone(f.fd, "A", f.fd, "B", &t, &e), 0);
	expect_same(&f, "A", "B");
	assert_int_not_equal(inode(&f, "B/written"), old);
	assert_int_equal(remove_tree_at(f.fd, "B", &e), 0);
	/* As long as nothing is, copies are taken. */
	t.since += 1000;
	large(&f, "A/written", 'b');
	remove_tree_at(f.fd, "ahead", &e);
	assert_int_equal(mkdirat(f.fd, "ahead", 0755), 0);
	close_fd(&dir);
	dir = t.dir = openat(f.fd, "ahead", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(tree_ahead_copy(&t, f.fd, "A", &e), 0);
	snprintf(name, sizeof(name), "ahead/%lu", (unsigned long)inode(&f, "A/dir/large"));
	ino_t copy = inode(&f, name);
	assert_int_equal(tree_clone(f.fd, "A", f.fd, "B", &t, &e), 0);
	expect_same(&f, "A", "B");
	assert_int_equal(inode(&f, "B/dir/large"), copy);
	assert_int_equal(inode(&f, "B/again"), copy);
	assert_int_equal(faccessat(f.fd, name, F_OK, 0), -1);
	/* A clock that was set back would make new files old. */
	t.clock_s += 5;
	assert_false(tree_ahead_ready(&t));
}

static void nothing_ahead_in_memory(void **state)
{
	cleanup_fixture struct fixture_dir f = fixture_dir_in("/dev/shm");
	struct tree_ahead t = { .dir = 7 };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(tree_ahead_begin(f.fd, &t, &e), 0);
	assert_int_equal(t.dir, 7);
}

static void errors(void **state)
{
	cleanup_fixture struct fixture_dir f = fixture_dir_new();
	cleanup_buf struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(tree_clone(f.fd, "A", f.fd, "B", NULL, &e), -ENOENT);
	assert_string_equal(e.msg, "copy 'A': open it: No such file or directory");
	assert_int_equal(mkdirat(f.fd, "A", 0755), 0);
	assert_int_equal(mkdirat(f.fd, "B", 0755), 0);
	assert_int_equal(tree_clone(f.fd, "A", f.fd, "B", NULL, &e), -EEXIST);
	assert_int_equal(tree_digest(f.fd, "none", &b, &e), -ENOENT);
	assert_string_equal(e.msg, "open 'none': No such file or directory");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind),
		cmocka_unit_test(attributes),
		cmocka_unit_test(holes),
		cmocka_unit_test(sees),
		cmocka_unit_test(a_line),
		cmocka_unit_test(ahead),
		cmocka_unit_test(nothing_ahead_in_memory),
		cmocka_unit_test(errors),
	};
	return cmocka_run_group_tests_name("tree_clone", tests, NULL, NULL);
}
