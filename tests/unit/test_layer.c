/* Layers' archives, such as strangers may write them. */
#include "lib/sha256.h"
#include "tests/unit/layer_fixture.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the four above. */
#include <cmocka.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

/* The parent of the layer's directory has what an archive must not reach. */
struct place {
	struct fixture_dir d;
	int dir;
};

static struct place place_new(void)
{
	struct place p = { .d = fixture_dir_new(), .dir = -1 };

	assert_int_equal(mkdirat(p.d.fd, "layer", 0755), 0);
	assert_int_equal(mkdirat(p.d.fd, "outside", 0755), 0);
	fixture_file(&p.d, "canary", "alive");
	fixture_file(&p.d, "outside/canary", "alive");
	p.dir = openat(p.d.fd, "layer", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return p;
}

static void place_finish(struct place *p)
{
	close_fd(&p->dir);
	fixture_dir_finish(&p->d);
}

#define cleanup_place __attribute__((cleanup(place_finish)))

static void assert_untouched(struct place *p)
{
	struct stat st;

	fixture_expect(&p->d, "canary", "alive");
	fixture_expect(&p->d, "outside/canary", "alive");
	assert_int_equal(fstatat(p->d.fd, "canary", &st, 0), 0);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(fstatat(p->d.fd, "outside", &st, 0), 0);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(fstatat(p->d.fd, "outside/evil", &st, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(fstatat(p->d.fd, "evil", &st, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(fstatat(AT_FDCWD, "/ferry-evil", &st, AT_SYMLINK_NOFOLLOW), -1);
}

static void test_files(void **state)
{
	static const struct member members[] = {
		{ "./", '5', .mode = 0711, .mtime_s = 7 },
		{ "etc/", '5', .mtime_s = 1000 },
		{ "etc/a", '0', "text", .mode = 04755, .uid = 5, .gid = 6, .mtime_s = 2000 },
		{ "etc/b", '1', "etc/a" },
		{ "deep/in/it", '0', "x" },
		{ "link", '2', "/etc/a", .mtime_s = 3000 },
		{ "fifo", '6', .mode = 0622 },
	};
	cleanup_place struct place p = place_new();
	struct err e = ERR_INIT;
	struct stat st, other;

	(void)state;
	assert_int_equal(unpack_members(p.dir, members, N(members), &e), 0);
	fixture_expect(&p.d, "layer/etc/a", "text");
	assert_int_equal(fstatat(p.dir, "etc/a", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 04755);
	assert_int_equal(st.st_mtim.tv_sec, 2000);
	if (geteuid() == 0) {
		assert_int_equal(st.st_uid, 5);
		assert_int_equal(st.st_gid, 6);
	}
	assert_int_equal(fstatat(p.dir, "etc/b", &other, 0), 0);
	assert_int_equal(other.st_ino, st.st_ino);
	/* The directories' times outlive what was made in them. */
	assert_int_equal(fstatat(p.dir, "etc", &st, 0), 0);
	assert_int_equal(st.st_mtim.tv_sec, 1000);
	assert_int_equal(fstat(p.dir, &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, 7);
	assert_int_equal(st.st_mode, S_IFDIR | 0711);
	assert_int_equal(fstatat(p.dir, "deep/in", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0755);
	assert_int_equal(fstatat(p.dir, "link", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mtim.tv_sec, 3000);
	assert_int_equal(fstatat(p.dir, "fifo", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFIFO | 0622);
	assert_untouched(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
