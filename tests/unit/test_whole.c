/* Images of CRIU of which nothing is missing, and others. */
#include "tests/unit/fixture_dir.h"

#include "checkpoint/images/image.h"
#include "checkpoint/images/whole.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { PSTREE_PID = 1, PSTREE_THREADS = 5, CORE_TASK = 3, TASK_STATE = 1 };
enum { ALIVE = 1, ZOMBIE = 6 };
enum { PID = 7, THREAD = 8, ANY_NUMBER = 1433714496 };

static void write_empty(struct fixture_dir *d, const char *name, enum image_type type)
{
	cleanup_buf struct buf image = BUF_INIT, entry = BUF_INIT;
	struct err e = ERR_INIT;

	wire_put_number(&entry, 1, 1);
	image_begin(&image, type);
	image_add(&image, &entry);
	assert_int_equal(image_write(d->fd, name, &image, &e), 0);
}

static void write_core(struct fixture_dir *d, unsigned tid, uint64_t state)
{
	cleanup_buf struct buf image = BUF_INIT, entry = BUF_INIT, task = BUF_INIT;
	struct err e = ERR_INIT;
	char name[40];

	wire_put_number(&task, TASK_STATE, state);
	wire_put_bytes(&entry, CORE_TASK, task.data, task.len);
	image_begin(&image, IMAGE_CORE);
	image_add(&image, &entry);
	snprintf(name, sizeof(name), "core-%u.img", tid);
	assert_int_equal(image_write(d->fd, name, &image, &e), 0);
}

/* One process, with a thread of that number besides. */
static void write_images(struct fixture_dir *d, uint64_t state, unsigned thread)
{
	cleanup_buf struct buf image = BUF_INIT, entry = BUF_INIT;
	struct err e = ERR_INIT;

	write_empty(d, "inventory.img", IMAGE_INVENTORY);
	write_empty(d, "files.img", IMAGE_FILES);
	wire_put_number(&entry, PSTREE_PID, PID);
	wire_put_number(&entry, PSTREE_THREADS, thread);
	image_begin(&image, IMAGE_PSTREE);
	image_add(&image, &entry);
	assert_int_equal(image_write(d->fd, "pstree.img", &image, &e), 0);
	write_core(d, PID, state);
}

static void test_zombie(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	struct err e = ERR_INIT;

	write_images(&d, ZOMBIE, ANY_NUMBER);
	assert_int_equal(images_check(d.fd, false, &e), 0);
}

static void test_missing(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	struct err e = ERR_INIT;

	assert_int_equal(images_check(d.fd, false, &e), -EBADMSG);
	write_images(&d, ALIVE, THREAD);
	assert_int_equal(images_check(d.fd, false, &e), -EBADMSG);
	assert_string_equal(e.msg, "'core-8.img' is missing");
	write_core(&d, THREAD, ALIVE);
	assert_int_equal(images_check(d.fd, false, &e), -EBADMSG);
	assert_string_equal(e.msg, "'mm-7.img' is missing");
	write_empty(&d, "mm-7.img", IMAGE_MM);
	/* Memory that is to come from elsewhere. */
	assert_int_equal(images_check(d.fd, true, &e), 0);
	assert_int_equal(images_check(d.fd, false, &e), -EBADMSG);
	assert_string_equal(e.msg, "'pagemap-7.img' is missing");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_zombie), cmocka_unit_test(test_missing) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
