/* What a restore that was killed leaves of deleted files, by the images. */
#include "tests/unit/fixture_dir.h"
#include "tests/unit/image_fixture.h"

#include "checkpoint/images/files.h"
#include "checkpoint/images/ghosts.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { LINKED = 0, GHOST = 1 };

static void write_image(struct fixture_dir *d, const char *name, struct buf *image)
{
	struct err e = ERR_INIT;

	if (image_write(d->fd, name, image, &e) < 0)
		fail_msg("%s", e.msg);
	buf_finish(image);
}

static void add_remap(struct buf *image, uint32_t file, uint32_t id, uint32_t type)
{
	cleanup_buf struct buf entry = BUF_INIT;

	wire_put_number(&entry, 1, file);
	wire_put_number(&entry, 2, id);
	wire_put_number(&entry, 3, type);
	image_add(image, &entry);
}

static void make_images(struct fixture_dir *d)
{
	struct buf files = BUF_INIT, remaps = BUF_INIT;

	image_begin(&files, IMAGE_FILES);
	image_fixture_file(&files, 1, "/var/lib/deleted");
	image_fixture_file(&files, 2, "/top");
	image_fixture_file(&files, 3, "/has/another/name");
	write_image(d, "files.img", &files);
	image_begin(&remaps, IMAGE_REMAPS);
	add_remap(&remaps, 1, 0x1f, GHOST);
	add_remap(&remaps, 3, 2, LINKED);
	add_remap(&remaps, 2, 3, GHOST);
	add_remap(&remaps, 99, 4, GHOST);
	write_image(d, "remap-fpath.img", &remaps);
}

static void images_name_them(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_arena struct arena a = ARENA_INIT;
	struct image_ghost *ghosts;
	struct err e = ERR_INIT;
	size_t n;

	(void)state;
	assert_int_equal(image_ghosts_read(d.fd, &a, &ghosts, &n, &e), 0);
	assert_int_equal(n, 0);
	make_images(&d);
	assert_int_equal(image_ghosts_read(d.fd, &a, &ghosts, &n, &e), 0);
	assert_int_equal(n, 2);
	assert_string_equal(ghosts[0].path, "/var/lib/deleted");
	assert_string_equal(ghosts[0].name, "deleted");
	assert_string_equal(ghosts[0].ghost, "deleted.cr.1f.ghost");
	assert_string_equal(ghosts[1].ghost, "top.cr.3.ghost");
	fixture_file(&d, "remap-fpath.img", "no image");
	assert_int_equal(image_ghosts_read(d.fd, &a, &ghosts, &n, &e), -EBADMSG);
}

static void only_they_are_removed(void **state)
{
	static const struct image_ghost ghost = { "/dir/file", "file", "file.cr.1.ghost" };
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	struct err e = ERR_INIT;

	(void)state;
	/* There is none; the file is the container's. */
	fixture_file(&d, "file", "new");
	assert_int_equal(image_ghost_remove(d.fd, &ghost, &e), 0);
	fixture_expect(&d, "file", "new");
	fixture_file(&d, ghost.ghost, "deleted");
	assert_int_equal(image_ghost_remove(d.fd, &ghost, &e), 0);
	assert_int_equal(faccessat(d.fd, ghost.ghost, F_OK, 0), -1);
	fixture_expect(&d, "file", "new");
	/* It was just linked. */
	unlinkat(d.fd, "file", 0);
	fixture_file(&d, ghost.ghost, "deleted");
	assert_int_equal(linkat(d.fd, ghost.ghost, d.fd, "file", 0), 0);
	assert_int_equal(image_ghost_remove(d.fd, &ghost, &e), 0);
	assert_int_equal(faccessat(d.fd, ghost.ghost, F_OK, 0), -1);
	assert_int_equal(faccessat(d.fd, "file", F_OK, 0), -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(images_name_them),
		cmocka_unit_test(only_they_are_removed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
