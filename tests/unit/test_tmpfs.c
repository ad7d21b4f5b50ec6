/* File systems in memory in images of CRIU: those of which there is nothing, or little, to be restored. */
#include "tests/unit/fixture_dir.h"

#include "checkpoint/images/image.h"
#include "checkpoint/images/mountpoints.h"
#include "checkpoint/images/tmpfs.h"

#include <errno.h>
#include <setjmp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include <cmocka.h>

enum { PROC = 1 };

/* As CRIU makes it, of a directory with that mode. */
static void add_archive(struct fixture_dir *d, unsigned device, mode_t mode, const char *file)
{
	char command[400];

	snprintf(command, sizeof(command),
		 "cd %s && mkdir tree && chmod %o tree && { [ -z '%s' ] || touch 'tree/%s'; } && "
		 "tar --create --gzip --numeric-owner --directory tree . >tmpfs-dev-%u.tar.gz.img && rm -r tree",
		 d->path, (unsigned)mode, file, file, device);
	assert_int_equal(system(command), 0);
}

static void add_mount(struct buf *image, uint64_t type, unsigned device, const char *options, const char *type_name)
{
	cleanup_buf struct buf entry = BUF_INIT, text = BUF_INIT;

	buf_printf(&text, "size=64k,%s%suid=%u,gid=%u", options, *options ? "," : "", getuid(), getgid());
	wire_put_number(&entry, MOUNT_TYPE, type);
	wire_put_number(&entry, MOUNT_DEVICE, device);
	wire_put_string(&entry, MOUNT_POINT, "/somewhere");
	wire_put_string(&entry, MOUNT_OPTIONS, buf_text(&text));
	if (type_name)
		wire_put_string(&entry, MOUNT_TYPE_NAME, type_name);
	image_add(image, &entry);
}

static void make_mounts(struct buf *image, bool spared)
{
	const char *name = spared ? "tmpfs" : NULL;

	image_begin(image, IMAGE_MOUNTS);
	add_mount(image, PROC, 70, "", NULL);
	add_mount(image, spared ? MOUNT_BY_NAME : MOUNT_TMPFS, 71, "", name); /* 1777 is what a mount without a mode has */
	add_mount(image, spared ? MOUNT_BY_NAME : MOUNT_TMPFS, 72, "mode=755", name);
	add_mount(image, MOUNT_TMPFS, 73, "mode=755", NULL); /* its mode was changed */
	add_mount(image, MOUNT_TMPFS, 74, "mode=755", NULL); /* it has a file */
	add_mount(image, MOUNT_TMPFS, 75, "mode=755", NULL); /* its archive is no archive */
	add_mount(image, MOUNT_TMPFS, 76, "mode=755", NULL); /* it has none */
}

static void test_spared(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir from = fixture_dir_new(), to = fixture_dir_new();
	cleanup_buf struct buf before = BUF_INIT, after = BUF_INIT, is = BUF_INIT;
	struct err e = ERR_INIT;

	make_mounts(&before, false);
	make_mounts(&after, true);
	assert_int_equal(image_write(from.fd, "mountpoints-12.img", &before, &e), 0);
	add_archive(&from, 71, 01777, "");
	add_archive(&from, 72, 0755, "");
	add_archive(&from, 73, 0700, "");
	add_archive(&from, 74, 0755, "file");
	fixture_file(&from, "tmpfs-dev-75.tar.gz.img", "no archive");
	assert_int_equal(images_spare_tmpfs(from.fd, to.fd, &e), 0);
	assert_int_equal(file_read_at(to.fd, "mountpoints-12.img", 1 << 20, &is, &e), 0);
	assert_int_equal(is.len, after.len);
	assert_memory_equal(is.data, after.data, is.len);
}

static void test_nothing_to_spare(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir from = fixture_dir_new(), to = fixture_dir_new();
	cleanup_buf struct buf image = BUF_INIT;
	struct err e = ERR_INIT;

	make_mounts(&image, false);
	assert_int_equal(image_write(from.fd, "mountpoints-12.img", &image, &e), 0);
	assert_int_equal(images_spare_tmpfs(from.fd, to.fd, &e), 0);
	assert_int_equal(faccessat(to.fd, "mountpoints-12.img", F_OK, 0), -1);
	for (size_t n = 0; n < image.len; n++) {
		struct buf part = { .data = image.data, .len = n };
		unlinkat(from.fd, "mountpoints-12.img", 0);
		assert_int_equal(image_write(from.fd, "mountpoints-12.img", &part, &e), 0);
		int r = images_spare_tmpfs(from.fd, to.fd, &e);
		assert_true(r == 0 || r == -EBADMSG);
	}
}

/* ---- with little in them ---- */

/* @number, @value: something else that it has; 0. */
static void add_whole(struct buf *image, unsigned device, const char *root, const char *place, uint32_t number, uint64_t value)
{
	cleanup_buf struct buf entry = BUF_INIT;

	wire_put_number(&entry, MOUNT_TYPE, MOUNT_TMPFS);
	wire_put_number(&entry, MOUNT_DEVICE, device);
	wire_put_string(&entry, MOUNT_ROOT, root);
	wire_put_string(&entry, MOUNT_POINT, place);
	wire_put_string(&entry, MOUNT_OPTIONS, "size=128k,mode=755");
	if (number)
		wire_put_number(&entry, number, value);
	image_add(image, &entry);
}

static void write_mounts(struct fixture_dir *d, const char *name, const struct buf *image)
{
	struct err e = ERR_INIT;

	assert_int_equal(image_write(d->fd, name, image, &e), 0);
}

static size_t spared(struct fixture_dir *from, struct arena *a, struct images_tmpfs *ret, struct fixture_dir *to)
{
	struct err e = ERR_INIT;

	assert_int_equal(images_spare_tmpfs(from->fd, to->fd, &e), 0);
	assert_int_equal(images_tmpfs_find(to->fd, a, ret, &e), 0);
	return ret->n;
}

/* In a mount namespace of its own. Its exit code: which look failed; 0. */
static int mount_and_look(int images, const struct images_tmpfs *t, const char *place)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct statfs fs;
	struct stat st;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 1;
	if (images_tmpfs_mount(images, t, place, &e) < 0)
		return 2;
	const char *path = images_tmpfs_path(&t->all[0], place, &a);
	if (statfs(path, &fs) < 0 || fs.f_blocks * (uint64_t)fs.f_bsize != 128 << 10)
		return 3;
	if (stat(path, &st) < 0 || (st.st_mode & 07777) != 0750)
		return 4;
	return stat(arena_printf(&a, "%s/file", path), &st) < 0 || !S_ISREG(st.st_mode) ? 5 : 0;
}

static void test_external(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir from = fixture_dir_new(), to = fixture_dir_new(), place = fixture_dir_new();
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_buf struct buf image = BUF_INIT;
	struct images_tmpfs t;
	int status;

	if (geteuid() != 0) {
		print_message("mounting needs root\n");
		skip();
	}
	image_begin(&image, IMAGE_MOUNTS);
	add_whole(&image, 80, "/", "/dev", 0, 0);
	write_mounts(&from, "mountpoints-12.img", &image);
	add_archive(&from, 80, 0750, "file");
	assert_int_equal(spared(&from, &a, &t, &to), 1);
	assert_string_equal(t.all[0].key, "tmpfs-dev-80.tar");
	assert_string_equal(t.all[0].options, "size=128k,mode=755");
	pid_t pid = fork();
	if (pid == 0)
		_exit(mount_and_look(to.fd, &t, place.path));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* Nothing of it is here. */
	assert_int_equal(faccessat(place.fd, "tmpfs-dev-80.tar", F_OK, 0), -1);
}

/* What CRIU has to make itself. */
static void test_not_external(void **state)
{
	(void)state;
	static const struct {
		const char *root, *place, *beside; /* another image */
		uint32_t number;
		uint64_t value;
		bool twice;
	} cases[] = {
		{ "/part", "/dev", NULL, 0, 0, false },
		{ "/", "/", NULL, 0, 0, false },
		{ "/", "/dev", NULL, MOUNT_SHARED, 7, false },
		{ "/", "/dev", NULL, MOUNT_MASTER, 7, false },
		{ "/", "/dev", NULL, MOUNT_SUPERBLOCK, MS_RDONLY, false },
		{ "/", "/dev", NULL, 0, 0, true },
		{ "/", "/dev", "userns-9.img", 0, 0, false },
		{ "/", "/dev", "mountpoints-13.img", 0, 0, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_fixture struct fixture_dir from = fixture_dir_new(), to = fixture_dir_new();
		cleanup_arena struct arena a = ARENA_INIT;
		cleanup_buf struct buf image = BUF_INIT, none = BUF_INIT;
		struct images_tmpfs t;
		image_begin(&image, IMAGE_MOUNTS);
		image_begin(&none, IMAGE_MOUNTS);
		add_whole(&image, 80, cases[i].root, cases[i].place, cases[i].number, cases[i].value);
		if (cases[i].twice)
			add_whole(&image, 80, "/", "/again", 0, 0);
		if (cases[i].beside)
			write_mounts(&from, cases[i].beside, &none);
		write_mounts(&from, "mountpoints-12.img", &image);
		add_archive(&from, 80, 0755, "file");
		assert_int_equal(spared(&from, &a, &t, &to), 0);
		assert_int_equal(faccessat(to.fd, "tmpfs-dev-80.tar", F_OK, 0), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_spared), cmocka_unit_test(test_nothing_to_spare),
					  cmocka_unit_test(test_external), cmocka_unit_test(test_not_external) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
