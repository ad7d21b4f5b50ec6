/* Layers' archives, such as strangers may write them. */
#include "lib/sha256.h"
#include "tests/unit/layer_fixture.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
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


/* ---- hostile ones ---- */

/* Where an archive tries to write outside of its directory, or what no layer has. */
static const struct hostile {
	const char *name;
	struct member members[4];
	int error;
	const char *says;
} hostile[] = {
	{ "dot dot", { { "../evil", '0', "x" } }, EINVAL, "'../evil': has '..' in it" },
	{ "dot dot within", { { "a/../../evil", '0', "x" } }, EINVAL, "has '..' in it" },
	{ "dot dot last", { { "a/..", '5' } }, EINVAL, "has '..' in it" },
	{ "dot dot as a whiteout's directory", { { "../.wh.canary", '0' } }, EINVAL, "has '..' in it" },
	{ "a file for the root", { { ".", '0', "x" } }, EINVAL, "/: not a directory" },
	{ "a link for the root", { { "./", '2', "/tmp" } }, EINVAL, "/: not a directory" },
	{ "link upwards, then a file", { { "up", '2', "../outside" }, { "up/canary", '0', "dead" } }, ENOENT, "up" },
	{ "link far upwards, then a file",
	  { { "up", '2', "../../../../../../../../tmp" }, { "up/ferry-evil", '0', "x" } }, ENOENT, "up" },
	{ "hard link upwards", { { "mine", '1', "../canary" } }, EINVAL, "mine: hard link: '../canary': has '..' in it" },
	{ "hard link through a link",
	  { { "up", '2', ".." }, { "mine", '1', "up/canary" } }, ENOENT, "mine: hard link to 'up/canary'" },
	{ "hard link through a link outside",
	  { { "up", '2', "../outside" }, { "mine", '1', "up/canary" } }, ENOENT, "mine: hard link to 'up/canary'" },
	{ "hard link to nothing", { { "mine", '1', "nothing" } }, ENOENT, "mine: hard link to 'nothing'" },
	{ "hard link to a directory", { { "d", '5' }, { "mine", '1', "d" } }, EPERM, "mine: hard link to 'd'" },
	{ "below a file", { { "a", '0', "x" }, { "a/b", '0', "x" } }, ENOTDIR, "a/b" },
	{ "links in a circle", { { "a", '2', "b" }, { "b", '2', "a" }, { "a/c", '0', "x" } }, ELOOP, "a/c" },
	{ "link through the kernel", { { "p", '2', "/proc/self/root/tmp" }, { "p/ferry-evil", '0', "x" } }, ENOENT, "p" },
	{ "directory replaced by a link",
	  { { "d", '5' }, { "d/a", '0', "x" }, { "d", '2', "../outside" }, { "d/evil", '0', "x" } }, ENOENT, "d/evil" },
	{ "whiteout of nothing", { { ".wh.", '0' } }, EINVAL, "a whiteout of nothing" },
	{ "whiteout of dot", { { "a/.wh..", '0' } }, EINVAL, "a whiteout of nothing" },
	{ "whiteout of dot dot", { { "a/.wh...", '0' } }, EINVAL, "a whiteout of nothing" },
	{ "below a whiteout", { { ".wh.a/b", '0' } }, EINVAL, "is below a whiteout" },
	{ "unknown type", { { "a", '9', "x" } }, 0, NULL },
};

static void test_hostile(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(hostile); i++) {
		cleanup_place struct place p = place_new();
		struct err e = ERR_INIT;
		size_t n = 0;
		while (n < N(hostile[i].members) && hostile[i].members[n].name)
			n++;
		int r = unpack_members(p.dir, hostile[i].members, n, &e);
		assert_untouched(&p);
		if (r != -hostile[i].error || (r < 0 && !strstr(e.msg, hostile[i].says)))
			fail_msg("%s: %d '%s'", hostile[i].name, r, e.msg);
	}
}

/* What only looks hostile, and what tar makes of it. */
static void test_inside(void **state)
{
	static const struct member members[] = {
		{ "/absolute", '0', "1" },
		{ "//a//./b/", '5' },
		{ "link", '2', "/a/../../../a" },
		{ "link/c", '0', "2" },
		{ "./link/d", '1', "/absolute" },
		{ "up", '2', "../../.." },
		{ "up/e", '0', "3" },
				{ "absolute", '1', "absolute" },
	};
	cleanup_place struct place p = place_new();
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	if (unpack_members(p.dir, members, N(members), &e) < 0)
		fail_msg("%s", e.msg);
	fixture_expect(&p.d, "layer/absolute", "1");
	fixture_expect(&p.d, "layer/a/c", "2");
	fixture_expect(&p.d, "layer/e", "3");
	assert_int_equal(fstatat(p.dir, "a/d", &st, 0), 0);
	assert_int_equal(st.st_nlink, 2);
	assert_untouched(&p);
}

static void test_later_members_replace(void **state)
{
	static const struct member members[] = {
		{ "a", '0', "first" },		{ "a", '0', "2nd" },	{ "d", '5' },
		{ "d/x", '0', "x" },		{ "d", '0', "file" },	{ "l", '2', "/nowhere" },
		{ "l", '0', "not followed" },	{ "f", '0', "x" },	{ "f", '5', .mtime_s = 5 },
		{ "f/in", '0', "x" },		{ "kept", '5' },	{ "kept/x", '0', "x" },
		{ "kept", '5', .mode = 0700 },	{ "e", '2', "kept" },	{ "e", '5' },
	};
	cleanup_place struct place p = place_new();
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	if (unpack_members(p.dir, members, N(members), &e) < 0)
		fail_msg("%s", e.msg);
	fixture_expect(&p.d, "layer/a", "2nd");
	fixture_expect(&p.d, "layer/d", "file");
	fixture_expect(&p.d, "layer/l", "not followed");
	fixture_expect(&p.d, "layer/f/in", "x");
	assert_int_equal(fstatat(p.dir, "f", &st, 0), 0);
	assert_int_equal(st.st_mtim.tv_sec, 5);
	fixture_expect(&p.d, "layer/kept/x", "x");
	assert_int_equal(fstatat(p.dir, "kept", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	assert_int_equal(fstatat(p.dir, "e", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISDIR(st.st_mode));
}

static void test_long_names(void **state)
{
	cleanup_place struct place p = place_new();
	char deep[5001], component[301], fits[2001];
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	for (size_t i = 0; i < sizeof(deep); i++)
		deep[i] = i % 100 == 99 ? '/' : 'a';
	deep[sizeof(deep) - 1] = '\0';
	memcpy(fits, deep, sizeof(fits));
	fits[sizeof(fits) - 2] = 'b';
	fits[sizeof(fits) - 1] = '\0';
	memset(component, 'c', sizeof(component) - 1);
	component[sizeof(component) - 1] = '\0';
	const struct member too_deep = { deep, '0', "x" }, too_long = { component, '0', "x" };
	const struct member good[] = { { fits, '0', "x" }, { "link", '2', fits } };

	assert_int_equal(unpack_members(p.dir, &too_deep, 1, &e), -ENAMETOOLONG);
	assert_int_equal(unpack_members(p.dir, &too_long, 1, &e), -ENAMETOOLONG);
	assert_int_equal(unpack_members(p.dir, good, 2, &e), 0);
	assert_int_equal(fstatat(p.dir, fits, &st, 0), 0);
	assert_int_equal(fstatat(p.dir, "link", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_size, strlen(fits));
}

/* A thousand directories, each in the other: no more descriptors and no more memory than for one. */
static void test_deep(void **state)
{
	cleanup_place struct place p = place_new();
	cleanup_buf struct buf tar = BUF_INIT;
	struct layer_result result;
	struct err e = ERR_INIT;
	char name[3001] = "";

	(void)state;
	for (size_t i = 0; i < 1400; i++) {
		strcat(name, "d/");
		tar_member(&tar, &(struct member){ name, '5' });
	}
	tar_end(&tar);
	struct layer_job j = { .dir = p.dir, .to = -1, .mtime_max_s = -1 };
	assert_int_equal(layer_do(j, &tar, &result, &e), 0);
	name[strlen(name) - 1] = '\0';
	assert_int_equal(faccessat(p.dir, name, F_OK, 0), 0);
}

/* ---- what hides ---- */

static void test_whiteouts(void **state)
{
	static const struct member members[] = {
		{ ".wh.gone", '0' },
		{ "d/", '5', .mtime_s = 9 },
		{ "d/.wh..wh..opq", '0' },
		{ "d/.wh..wh.plnk", '0' },
		{ ".wh..wh.aufs/x", '0', "x" },
		/* What the layer has itself is not hidden, whichever comes first. */
		{ "before", '0', "x" },
		{ ".wh.before", '0' },
		{ ".wh.after", '0' },
		{ "after", '0', "x" },
		{ "dir-before", '5' },
		{ ".wh.dir-before", '0' },
		{ ".wh.dir-after", '0' },
		{ "dir-after", '5' },
	};
	cleanup_place struct place p = place_new();
	struct err e = ERR_INIT;
	struct stat st;
	char value;

	(void)state;
	if (unpack_members(p.dir, members, N(members), &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(fstatat(p.dir, "gone", &st, 0), 0);
	assert_true(S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0));
	fixture_expect(&p.d, "layer/before", "x");
	fixture_expect(&p.d, "layer/after", "x");
	const char *const opaque[] = { "d", "dir-before", "dir-after" };
	for (size_t i = 0; i < N(opaque); i++) {
		cleanup_close int fd = openat(p.dir, opaque[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_int_equal(fgetxattr(fd, geteuid() == 0 ? "trusted.overlay.opaque" : "user.overlay.opaque",
					   &value, 1), 1);
		assert_int_equal(value, 'y');
	}
	assert_int_equal(fstatat(p.dir, "d", &st, 0), 0);
	assert_int_equal(st.st_mtim.tv_sec, 9);
	assert_int_equal(faccessat(p.dir, "d/.wh..wh.plnk", F_OK, 0), -1);
	assert_int_equal(faccessat(p.dir, ".wh..wh.aufs", F_OK, 0), -1);
}

/* overlayfs's own would make of a file what the archive does not say. */
static void test_xattrs(void **state)
{
	static const char capability[] = "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	cleanup_place struct place p = place_new();
	cleanup_buf struct buf tar = BUF_INIT;
	struct layer_result result;
	struct err e = ERR_INIT;
	char value[64];

	(void)state;
	tar_pax(&tar, "SCHILY.xattr.trusted.overlay.opaque", "y", 1);
	tar_member(&tar, &(struct member){ "d", '5' });
	tar_pax(&tar, "SCHILY.xattr.user.overlay.redirect", "/etc", 4);
	tar_member(&tar, &(struct member){ "e", '5' });
	tar_pax(&tar, "SCHILY.xattr.user.a", "b\0c", 3);
	tar_member(&tar, &(struct member){ "f", '0', "x" });
	tar_pax(&tar, "SCHILY.xattr.security.capability", capability, 20);
	tar_member(&tar, &(struct member){ "g", '0', "x", .uid = 1 });
	tar_pax(&tar, "mtime", "1234.567891", 11);
	tar_member(&tar, &(struct member){ "h", '0', "x" });
	tar_end(&tar);
	struct layer_job j = { .dir = p.dir, .to = -1 };
	if (layer_do(j, &tar, &result, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(fchdir(p.dir), 0);
	assert_true(getxattr("d", "trusted.overlay.opaque", value, sizeof(value)) < 0);
	assert_true(getxattr("e", "user.overlay.redirect", value, sizeof(value)) < 0);
	assert_int_equal(getxattr("f", "user.a", value, sizeof(value)), 3);
	assert_memory_equal(value, "b\0c", 3);
	if (geteuid() == 0)
		assert_int_equal(getxattr("g", "security.capability", value, sizeof(value)), 20);
	struct stat st;
	assert_int_equal(stat("h", &st), 0);
	assert_int_equal(st.st_mtim.tv_nsec, 567891000);
	assert_int_equal(chdir("/"), 0);
}

static void test_acls(void **state)
{
	static const char access[] = "user::rw-,user:7:rwx,group::r--,mask::rwx,other::---";
	cleanup_place struct place p = place_new();
	cleanup_buf struct buf tar = BUF_INIT;
	struct layer_job j = { .to = -1, .mtime_max_s = -1 };
	struct layer_result result;
	struct err e = ERR_INIT;
	struct stat st;
	char value[256];

	(void)state;
	tar_pax(&tar, "SCHILY.acl.access", access, strlen(access));
	tar_member(&tar, &(struct member){ "f", '0', "x", .mode = 0670 });
	tar_pax(&tar, "SCHILY.acl.default", access, strlen(access));
	tar_member(&tar, &(struct member){ "d", '5', .mode = 0755 });
	tar_member(&tar, &(struct member){ "d/plain", '0', "x", .mode = 0604 });
	tar_end(&tar);
	j.dir = p.dir;
	if (layer_do(j, &tar, &result, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(fstatat(p.dir, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0670);
	assert_int_equal(fchdir(p.dir), 0);
	assert_int_equal(getxattr("f", "system.posix_acl_access", value, sizeof(value)), 4 + 5 * 8);
	assert_int_equal(getxattr("d", "system.posix_acl_default", value, sizeof(value)), 4 + 5 * 8);
	assert_true(getxattr("d/plain", "system.posix_acl_access", value, sizeof(value)) < 0);
	assert_int_equal(fstatat(p.dir, "d/plain", &st, 0), 0);
	assert_int_equal(st.st_mode & 0777, 0604);
	j.verb = LAYER_COMPARE;
	if (layer_do(j, &tar, &result, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(chdir("/"), 0);
}

/* In a process of nobody's: the files are its own, and it can go on in them. Returns what the test sees then. */
static int unpack_as_nobody(int dir)
{
	static const struct member members[] = {
		{ "d", '5', .mode = 0111 },
		{ "d/unreadable", '0', "x", .uid = 5, .gid = 6, .mode = 02 },
		{ "d/suid", '0', "x", .uid = 5, .mode = 04755 },
		{ "d/null", '3', .mode = 0666, .major = 1, .minor = 3 },
		{ "d/.wh.gone", '0' },
		{ "d", '5', .mode = 0111 },
	};
	cleanup_buf struct buf tar = BUF_INIT;
	struct layer_result result;
	struct err e = ERR_INIT;

	if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
		return 2;
	if (unpack_members(dir, members, N(members), &e) < 0) {
		print_error("%s\n", e.msg);
		return 3;
	}
	for (size_t i = 0; i < N(members); i++)
		tar_member(&tar, &members[i]);
	tar_end(&tar);
	if (layer_do((struct layer_job){ .verb = LAYER_COMPARE, .dir = dir, .to = -1 }, &tar, &result, &e) < 0) {
		print_error("%s\n", e.msg);
		return 4;
	}
	return 0;
}

static void test_rootless(void **state)
{
	cleanup_place struct place p = place_new();
	struct stat st;
	int status;

	(void)state;
	if (geteuid() != 0)
		skip(); /* all the others are */
	assert_int_equal(fchown(p.dir, 65534, 65534), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(unpack_as_nobody(p.dir));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(fstatat(p.dir, "d", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0711);
	assert_int_equal(fstatat(p.dir, "d/unreadable", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0402);
	assert_int_equal(st.st_uid, 65534);
	assert_int_equal(fstatat(p.dir, "d/null", &st, 0), 0);
	assert_true(S_ISREG(st.st_mode) && st.st_size == 0);
	assert_int_equal(fstatat(p.dir, "d/gone", &st, 0), 0);
	assert_true(S_ISCHR(st.st_mode));
}

/* ---- archives that are none, or not whole ---- */

static void test_bad_archives(void **state)
{
	static const struct {
		const char *name, *data;
		size_t len;
		const char *says;
	} bad[] = {
		{ "text", "this is no archive, whatever its name says\n", 43, "Unrecognized archive format" },
		{ "gzip's beginning", "\x1f\x8b\x08\0\0\0\0\0\0\3", 10, "decompress: truncated gzip input" },
		{ "gzip with rubbish", "\x1f\x8b\x08\0\0\0\0\0\0\3garbage garbage garbage", 33, "decompress: " },
		{ "zstd with rubbish", "\x28\xb5\x2f\xfdgarbage garbage garbage", 27, "decompress: " },
		{ "xz with rubbish", "\xfd" "7zXZ\0garbage garbage garbage", 29, "decompress: " },
	};
	struct layer_result result;

	(void)state;
	for (size_t i = 0; i < N(bad); i++) {
		cleanup_place struct place p = place_new();
		cleanup_buf struct buf tar = BUF_INIT;
		struct err e = ERR_INIT;
		buf_add(&tar, bad[i].data, bad[i].len);
		int r = layer_do((struct layer_job){ .dir = p.dir, .to = -1 }, &tar, &result, &e);
		if (r != -EBADMSG || !strstr(e.msg, bad[i].says))
			fail_msg("%s: %d '%s'", bad[i].name, r, e.msg);
	}
}

/* The beginnings of archives: how much memory each says that it takes. Content there is none. */
static void test_windows(void **state)
{
#define MAGIC "\x28\xb5\x2f\xfd"
#define SKIPPED "\x5f\x2a\x4d\x18\3\0\0\0abc"
#define EMPTY_BLOCK "\1\0\0"
#define XZ "\xfd" "7zXZ\0\0\4\xe6\xd6\xb4\x46"
	static const struct {
		const char *name, *data;
		size_t len;
		const char *mib; /* NULL: not too much */
	} archives[] = {
		{ "zstd, 32 MiB", MAGIC "\0\x78" EMPTY_BLOCK, 9, NULL },
		{ "zstd, 36 MiB", MAGIC "\0\x79" EMPTY_BLOCK, 9, "36" },
		{ "zstd, 128 MiB", MAGIC "\0\x88" EMPTY_BLOCK, 9, "128" },
		{ "behind what is skipped", SKIPPED MAGIC "\0\x88" EMPTY_BLOCK, 20, "128" },
		{ "the second frame", MAGIC "\0\x78" EMPTY_BLOCK MAGIC "\0\x80" EMPTY_BLOCK, 18, "64" },
		{ "with a checksum, a run and text", MAGIC "\4\x78" "\x22\0\0x" "\x11\0\0xy" "SUM!" MAGIC "\0\x80" EMPTY_BLOCK, 26, "64" },
		{ "one segment, and an id", MAGIC "\xa2\1\2\0\0\0\4" EMPTY_BLOCK, 14, "64" },
		{ "one segment of 8 bytes' size", MAGIC "\xe0\0\0\0\4\0\0\0\0" EMPTY_BLOCK, 16, "64" },
		{ "xz, 64 MiB", XZ "\2\0\x21\1\x1c\0\0\0", 20, "64" },
		{ "xz, with sizes and a filter before", XZ "\4\xc1\x80\1\5\4\0\x21\1\x1e\0\0\0", 25, "128" },
		{ "xz, 4 GiB", XZ "\2\0\x21\1\x28\0\0\0", 20, "4095" },
	};
	struct layer_result result;
	char says[64];

	(void)state;
	for (size_t i = 0; i < N(archives); i++) {
		cleanup_place struct place p = place_new();
		cleanup_buf struct buf tar = BUF_INIT;
		struct err e = ERR_INIT;
		buf_add(&tar, archives[i].data, archives[i].len);
		int r = layer_do((struct layer_job){ .dir = p.dir, .to = -1 }, &tar, &result, &e);
		snprintf(says, sizeof(says), "takes %s MiB of memory, and 32 MiB is the limit", archives[i].mib);
		if (archives[i].mib ? r != -EFBIG || !strstr(e.msg, says) : r != 0)
			fail_msg("%s: %d '%s'", archives[i].name, r, e.msg);
	}
}

/* One that takes much memory waits for what others have of the budget. */
static void test_budget(void **state)
{
	cleanup_layer_worker struct layer_worker w = LAYER_WORKER_INIT;
	cleanup_place struct place p = place_new();
	struct flock part = { .l_type = F_WRLCK, .l_start = 1, .l_len = 1 };
	struct layer_result result;
	struct err e = ERR_INIT;

	(void)state;
	cleanup_close int budget = layer_budget(&e);
	cleanup_close int from = bytes_file(MAGIC "\0\x78" EMPTY_BLOCK, 9);
	struct layer_job j = { .dir = p.dir, .from = from, .length_bytes = -1, .to = -1, .budget = budget,
			       .userxattr = geteuid() != 0 };
	assert_int_equal(fcntl(budget, F_SETLK, &part), 0);
	assert_int_equal(layer_start(&j, &w, &e), 0);
	assert_int_equal(poll(&(struct pollfd){ .fd = w.pidfd, .events = POLLIN }, 1, 200), 0);
	part.l_type = F_UNLCK;
	assert_int_equal(fcntl(budget, F_SETLK, &part), 0);
	assert_int_equal(layer_wait(&w, &result, &e), 0);
}

static void test_truncated(void **state)
{
	cleanup_place struct place p = place_new();
	cleanup_buf struct buf tar = BUF_INIT;
	struct layer_result result;
	struct err e = ERR_INIT;

	(void)state;
	tar_member(&tar, &(struct member){ "a", '0', "some text" });
	tar.len -= 503; /* the content is whole, its block is not */
	if (layer_do((struct layer_job){ .dir = p.dir, .to = -1 }, &tar, &result, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(result.diff_size_bytes, 521);
	fixture_expect(&p.d, "layer/a", "some text");
	tar.len -= 2;
	assert_int_equal(layer_do((struct layer_job){ .dir = p.dir, .to = -1 }, &tar, &result, &e), -EBADMSG);
	tar.len -= 300;
	assert_int_equal(layer_do((struct layer_job){ .dir = p.dir, .to = -1 }, &tar, &result, &e), -EBADMSG);
}

/* An owner that chown(2) would take for "as it is". */
static void test_impossible_owner(void **state)
{
	cleanup_place struct place p = place_new();
	cleanup_buf struct buf tar = BUF_INIT;
	struct layer_result result;
	struct err e = ERR_INIT;

	(void)state;
	tar_pax(&tar, "uid", "4294967295", 10);
	tar_member(&tar, &(struct member){ "a", '0', "some text" });
	tar_end(&tar);
	assert_int_equal(layer_do((struct layer_job){ .dir = p.dir, .to = -1 }, &tar, &result, &e), -EINVAL);
	assert_string_equal(e.msg, "a: owner 4294967295:0: not an id");
}

/* ---- digests ---- */

/* The copy is as the archive came; bytes after the tar's end count, as do those after the compressed stream. */
static void test_digests(void **state)
{
	cleanup_place struct place p = place_new();
	cleanup_buf struct buf tar = BUF_INIT, copied = BUF_INIT;
	struct layer_result result;
	struct err e = ERR_INIT;

	(void)state;
	tar_member(&tar, &(struct member){ "a", '0', "some text" });
	tar_end(&tar);
	for (int i = 0; i < 100000; i++)
		buf_str(&tar, "after the end ");
	cleanup_close int to = memfd_create("copy", MFD_CLOEXEC);
	assert_int_equal(layer_do((struct layer_job){ .dir = p.dir, .to = to }, &tar, &result, &e), 0);
	assert_string_equal(result.digest, sha256_of(tar.data, tar.len).text);
	assert_string_equal(result.diff_id, result.digest);
	assert_int_equal(result.size_bytes, tar.len);
	assert_int_equal(result.diff_size_bytes, tar.len);
	assert_int_equal(result.compression, LAYER_PLAIN);
	assert_int_equal(lseek(to, 0, SEEK_SET), 0);
	assert_int_equal(fd_read_all(to, 64 << 20, &copied, &e), 0);
	assert_int_equal(copied.len, tar.len);
	assert_memory_equal(copied.data, tar.data, tar.len);
	fixture_expect(&p.d, "layer/a", "some text");
	/* Without a directory it only is hashed; nothing at all is an empty layer. */
	assert_int_equal(layer_do((struct layer_job){ .dir = -1, .to = -1 }, &tar, &result, &e), 0);
	assert_string_equal(result.digest, sha256_of(tar.data, tar.len).text);
	tar.len = 0;
	assert_int_equal(layer_do((struct layer_job){ .dir = p.dir, .to = -1 }, &tar, &result, &e), 0);
	assert_string_equal(result.digest, sha256_of("", 0).text);
}

/* Part of a file, while others read the same one. */
static void test_part_of_a_file(void **state)
{
	cleanup_place struct place p = place_new();
	cleanup_layer_worker struct layer_worker w = LAYER_WORKER_INIT;
	cleanup_buf struct buf tar = BUF_INIT;
	struct layer_result result;
	struct err e = ERR_INIT;

	(void)state;
	buf_str(&tar, "before");
	cleanup_buf struct buf inner = BUF_INIT;
	tar_member(&inner, &(struct member){ "a", '0', "some text" });
	tar_end(&inner);
	buf_add(&tar, inner.data, inner.len);
	buf_str(&tar, "behind");
	cleanup_close int from = bytes_file(tar.data, tar.len);
	struct layer_job j = { .dir = p.dir, .from = from, .offset = 6, .length_bytes = (int64_t)inner.len, .to = -1,
			       .userxattr = geteuid() != 0 };
	assert_int_equal(layer_start(&j, &w, &e), 0);
	assert_int_equal(layer_wait(&w, &result, &e), 0);
	assert_string_equal(result.digest, sha256_of(inner.data, inner.len).text);
	assert_int_equal(lseek(from, 0, SEEK_CUR), (off_t)tar.len);
	j.length_bytes = (int64_t)tar.len;
	assert_int_equal(layer_start(&j, &w, &e), 0);
	assert_int_equal(layer_wait(&w, &result, &e), -EBADMSG);
	assert_non_null(strstr(e.msg, "the archive ends 6 bytes too early"));
}

/* ---- there and back ---- */

static void test_round_trip(void **state)
{
	static const struct member members[] = {
		{ "./", '5', .mode = 0750 },
		{ "bin", '2', "usr/bin" },
		{ "d/", '5', .mtime_s = 9 },
		{ "d/.wh..wh..opq", '0' },
		{ "d/.wh.gone", '0' },
		{ "d/a", '0', "text", .mode = 04711, .uid = 1, .gid = 2, .mtime_s = 99 },
		{ "d/z", '1', "d/a" },
		{ "d/gr\xc3\xb6\xc3\x9f" "e", '0', "x" },
		{ "d/not\xff utf", '0', "x" },
		{ "d/null", '3', .major = 1, .minor = 3, .mode = 0666 },
		{ "d/pipe", '6' },
		{ "usr/bin/sh", '0', "#!" },
	};
	cleanup_place struct place p = place_new();
	struct layer_job j = { .dir = p.dir, .mtime_max_s = -1 };
	cleanup_buf struct buf tar = BUF_INIT;
	struct layer_result first, result;
	struct err e = ERR_INIT;

	(void)state;
	if (unpack_members(p.dir, members, N(members), &e) < 0)
		fail_msg("%s", e.msg);
	cleanup_close int sparse = openat(p.dir, "d/sparse", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(pwrite(sparse, "end", 3, 100 << 20), 3);
	assert_int_equal(ftruncate(sparse, 300 << 20), 0);
	assert_int_equal(fsetxattr(sparse, "user.a", "b", 1, 0), 0);
	const enum layer_compression all[] = { LAYER_PLAIN, LAYER_GZIP, LAYER_ZSTD, LAYER_XZ };
	for (size_t i = 0; i < N(all); i++) {
		cleanup_place struct place other = place_new();
		cleanup_close int to = memfd_create("packed", MFD_CLOEXEC);
		j.verb = LAYER_PACK;
		j.compression = all[i];
		j.dir = p.dir;
		j.to = to;
		assert_int_equal(layer_do(j, NULL, i == 0 ? &first : &result, &e), 0);
		if (i == 0)
			result = first;
		assert_string_equal(result.diff_id, first.diff_id);
		assert_true(result.diff_size_bytes < 1 << 20);
		tar.len = 0;
		assert_int_equal(lseek(to, 0, SEEK_SET), 0);
		assert_int_equal(fd_read_all(to, 64 << 20, &tar, &e), 0);
		assert_string_equal(result.digest, sha256_of(tar.data, tar.len).text);
		j.to = -1;
		j.verb = LAYER_UNPACK;
		j.dir = other.dir;
		if (layer_do(j, &tar, &result, &e) < 0)
			fail_msg("%s", e.msg);
		assert_int_equal(result.compression, all[i]);
		assert_string_equal(result.diff_id, first.diff_id);
		j.verb = LAYER_COMPARE;
		if (layer_do(j, &tar, &result, &e) < 0)
			fail_msg("%s", e.msg);
		j.verb = LAYER_PACK;
		assert_int_equal(layer_do(j, NULL, &result, &e), 0);
		assert_string_equal(result.diff_id, first.diff_id);
	}
}

static void test_pack_mtime(void **state)
{
	cleanup_place struct place p = place_new();
	struct layer_job j = { .verb = LAYER_PACK, .dir = p.dir, .to = -1, .mtime_max_s = 1000 };
	struct layer_result one, two;
	struct err e = ERR_INIT;

	(void)state;
	fixture_file(&p.d, "layer/a", "text");
	assert_int_equal(layer_do(j, NULL, &one, &e), 0);
	assert_int_equal(utimensat(p.dir, "a", NULL, 0), 0);
	assert_int_equal(layer_do(j, NULL, &two, &e), 0);
	assert_string_equal(one.digest, two.digest);
	assert_int_equal(unlinkat(p.dir, "a", 0), 0);
	fixture_file(&p.d, "layer/.wh.a", "");
	assert_int_equal(layer_do(j, NULL, &two, &e), -EINVAL);
	assert_string_equal(e.msg, ".wh.a: the name would be a whiteout in an archive");
}

/* ---- comparing ---- */

static void test_compare(void **state)
{
	static const struct member members[] = {
		{ "d/", '5', .mtime_s = 9 },
		{ "d/a", '0', "other text", .mtime_s = 99 },
		{ "d/a", '0', "text", .mtime_s = 99 }, /* is the one that counts */
		{ "d/l", '2', "a" },
		{ "implicit/too/b", '0', "x" },
		{ ".wh.gone", '0' },
	};
	static const struct {
		const char *command, *says;
	} changes[] = {
		{ "true", NULL },
		{ "touch d/new", "d/new: is not in the archive" },
		{ "mkdir implicit/c", "implicit/c: is not in the archive" },
		{ "rm d/a", "d/a: is missing" },
		{ "rm gone", ".wh.gone: is missing" },
		{ "rm -r implicit", "implicit/too/b: is missing" },
		{ "touch -r d/a save && echo texT | head -c 4 >d/a && touch -r save d/a && rm save", "d/a: content differs" },
		{ "echo >>d/a", "d/a: is 5 bytes long, not 4" },
		{ "chmod 600 d/a", "d/a: has mode 0600, not 0644" },
		{ "touch d/a", "d/a: was modified at another time" },
		{ "touch d", "d: was modified at another time" },
		{ "ln -sf b d/l", "d/l: leads to 'b', not to 'a'" },
		{ "rm d/a && mkdir d/a", "d/a: is a directory, not a file" },
	};
	struct layer_result result;

	(void)state;
	for (size_t i = 0; i < N(changes); i++) {
		cleanup_place struct place p = place_new();
		cleanup_buf struct buf tar = BUF_INIT;
		struct layer_job j = { .verb = LAYER_COMPARE, .dir = p.dir, .to = -1 };
		struct err e = ERR_INIT;
		if (unpack_members(p.dir, members, N(members), &e) < 0)
			fail_msg("%s", e.msg);
		for (size_t k = 0; k < N(members); k++)
			tar_member(&tar, &members[k]);
		tar_end(&tar);
		assert_int_equal(fchdir(p.dir), 0);
		assert_int_equal(system(changes[i].command), 0);
		assert_int_equal(chdir("/"), 0);
		int r = layer_do(j, &tar, &result, &e);
		if (r != (changes[i].says ? -EBADMSG : 0) || (r < 0 && strcmp(e.msg, changes[i].says) != 0))
			fail_msg("%s: %d '%s'", changes[i].command, r, e.msg);
	}
}

/* ---- archives of images ---- */

static void test_split(void **state)
{
	static const struct member image[] = {
		{ "./", '5' },
		{ "blobs/sha256/", '5', .mode = 0 },
		{ "blobs/sha256/0123456789ab", '0', "a blob", .mode = 0, .uid = 12 },
		{ "manifest.json", '0', "[]" },
		{ "0123456789abcdef/layer.tar", '2', "../blobs/sha256/0123456789ab" },
		{ "./0123456789abcdef.json", '1', "manifest.json" },
	};
	static const struct member root[] = { { "bin/", '5' } }, device[] = { { "a.json", '3' } };
	cleanup_place struct place p = place_new();
	cleanup_buf struct buf tar = BUF_INIT, other = BUF_INIT;
	struct layer_job j = { .verb = LAYER_SPLIT, .dir = p.dir, .to = -1 };
	struct layer_result result;
	struct err e = ERR_INIT;
	struct stat st;

	(void)state;
	for (size_t i = 0; i < N(image); i++)
		tar_member(&tar, &image[i]);
	tar_end(&tar);
	if (layer_do(j, &tar, &result, &e) < 0)
		fail_msg("%s", e.msg);
	fixture_expect(&p.d, "layer/0123456789abcdef/layer.tar", "a blob");
	assert_int_equal(fstatat(p.dir, "blobs/sha256/0123456789ab", &st, 0), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_uid, geteuid());
	fixture_expect(&p.d, "layer/0123456789abcdef.json", "[]");
	tar_member(&other, &root[0]);
	assert_int_equal(layer_do(j, &other, &result, &e), -EMEDIUMTYPE);
	other.len = 0;
	tar_member(&other, &device[0]);
	assert_int_equal(layer_do(j, &other, &result, &e), -EMEDIUMTYPE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_inside),
		cmocka_unit_test(test_later_members_replace),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_whiteouts),
		cmocka_unit_test(test_xattrs),
		cmocka_unit_test(test_acls),
		cmocka_unit_test(test_rootless),
		cmocka_unit_test(test_bad_archives),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_impossible_owner),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_part_of_a_file),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_pack_mtime),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_split),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
