/* File systems in memory in images of CRIU: those of which there is nothing to be restored. */
#include "tests/unit/fixture_dir.h"

#include "checkpoint/image.h"
#include "checkpoint/tmpfs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { TYPE = 1, DEVICE = 3, MOUNTPOINT = 7, OPTIONS = 9, TYPE_NAME = 14 };
enum { PROC = 1, TMPFS = 5, BY_NAME = 16 };

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
	wire_put_number(&entry, TYPE, type);
	wire_put_number(&entry, DEVICE, device);
	wire_put_string(&entry, MOUNTPOINT, "/somewhere");
	wire_put_string(&entry, OPTIONS, buf_text(&text));
	if (type_name)
		wire_put_string(&entry, TYPE_NAME, type_name);
	image_add(image, &entry);
}

static void make_mounts(struct buf *image, bool spared)
{
	const char *name = spared ? "tmpfs" : NULL;

	image_begin(image, IMAGE_MOUNTS);
	add_mount(image, PROC, 70, "", NULL);
	add_mount(image, spared ? BY_NAME : TMPFS, 71, "", name); /* 1777 is what a mount without a mode has */
	add_mount(image, spared ? BY_NAME : TMPFS, 72, "mode=755", name);
	add_mount(image, TMPFS, 73, "mode=755", NULL); /* its mode was changed */
	add_mount(image, TMPFS, 74, "mode=755", NULL); /* it has a file */
	add_mount(image, TMPFS, 75, "mode=755", NULL); /* its archive is no archive */
	add_mount(image, TMPFS, 76, "mode=755", NULL); /* it has none */
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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_spared), cmocka_unit_test(test_nothing_to_spare) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
