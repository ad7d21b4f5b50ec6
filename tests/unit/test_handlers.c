/* What processes do of signals, in images of CRIU, for whoever had them do something else meanwhile. */
#include "tests/unit/fixture_dir.h"

#include "checkpoint/images/handlers.h"
#include "checkpoint/images/image.h"
#include "lib/file.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { PID = 7, DEAD = 8, TASK = 3, COMM = 6, ACTION = 15, UNKNOWN = 400, MASK = 21, REAL_TIME = 34, OURS = 1000, OTHERS = 2000 };

static const struct images_handler handlers[] = { { SIGTRAP, OURS, 0 }, { REAL_TIME, OTHERS, 1 } };

static void add_action(struct buf *task, uint64_t handler, uint64_t mask)
{
	cleanup_buf struct buf action = BUF_INIT;

	wire_put_number(&action, 1, handler);
	wire_put_number(&action, 2, 0);
	wire_put_number(&action, 3, 0);
	wire_put_number(&action, 4, mask);
	wire_put_bytes(task, ACTION, action.data, action.len);
}

/* All signals have the same handler, but these. */
static void core(struct buf *image, uint64_t of_trap, uint64_t of_real_time, uint64_t mask)
{
	cleanup_buf struct buf task = BUF_INIT, entry = BUF_INIT;

	wire_put_string(&task, COMM, "before");
	for (int signal = 1; signal <= 64; signal++) {
		if (signal == SIGKILL || signal == SIGSTOP)
			continue;
		if (signal == SIGTRAP)
			add_action(&task, of_trap, mask);
		else if (signal == REAL_TIME)
			add_action(&task, of_real_time, mask);
		else
			add_action(&task, OURS, MASK);
	}
	wire_put_string(&task, UNKNOWN, "kept");
	wire_put_number(&entry, 1, 1);
	wire_put_string(&entry, UNKNOWN, "kept, too");
	wire_put_bytes(&entry, TASK, task.data, task.len);
	image_begin(image, IMAGE_CORE);
	image_add(image, &entry);
}

static void expect(const struct fixture_dir *d, const char *name, const struct buf *image)
{
	cleanup_buf struct buf is = BUF_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(file_read_at(d->fd, name, 1 << 20, &is, &e), 0);
	assert_int_equal(is.len, image->len);
	assert_memory_equal(is.data, image->data, is.len);
}

static void put_tree(const struct fixture_dir *d)
{
	cleanup_buf struct buf tree = BUF_INIT;
	struct err e = ERR_INIT;

	image_begin(&tree, IMAGE_PSTREE);
	for (uint64_t pid = PID; pid <= DEAD; pid++) {
		cleanup_buf struct buf process = BUF_INIT;
		wire_put_number(&process, 1, pid);
		image_add(&tree, &process);
	}
	assert_int_equal(image_write(d->fd, "pstree.img", &tree, &e), 0);
}

/* One has no handlers. */
static void put_dead(const struct fixture_dir *d, struct buf *image)
{
	cleanup_buf struct buf entry = BUF_INIT;
	struct err e = ERR_INIT;

	wire_put_number(&entry, 1, 1);
	image_begin(image, IMAGE_CORE);
	image_add(image, &entry);
	assert_int_equal(image_write(d->fd, "core-8.img", image, &e), 0);
}

static void test_changed(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_buf struct buf before = BUF_INIT, after = BUF_INIT, dead = BUF_INIT;
	struct err e = ERR_INIT;

	put_tree(&d);
	put_dead(&d, &dead);
	core(&before, OURS, OTHERS, MASK);
	assert_int_equal(image_write(d.fd, "core-7.img", &before, &e), 0);
	assert_int_equal(images_change_handlers(d.fd, handlers, 2, &e), 0);
	expect(&d, "core-8.img", &dead);
	/* The message about the task comes last, as it does in what is expected. */
	core(&after, 0, 1, 0);
	expect(&d, "core-7.img", &after);
}

static void test_others_stay(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_buf struct buf before = BUF_INIT, dead = BUF_INIT;
	struct err e = ERR_INIT;
	struct stat was, is;

	put_tree(&d);
	put_dead(&d, &dead);
	core(&before, OTHERS, OURS, MASK);
	assert_int_equal(image_write(d.fd, "core-7.img", &before, &e), 0);
	assert_int_equal(fstatat(d.fd, "core-7.img", &was, 0), 0);
	assert_int_equal(images_change_handlers(d.fd, handlers, 2, &e), 0);
	assert_int_equal(fstatat(d.fd, "core-7.img", &is, 0), 0);
	assert_true(was.st_ino == is.st_ino);
	expect(&d, "core-7.img", &before);
}

static void test_damage_is_named(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_buf struct buf image = BUF_INIT, entry = BUF_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(images_change_handlers(d.fd, handlers, 2, &e), -ENOENT);
	put_tree(&d);
	e = ERR_INIT;
	assert_int_equal(images_change_handlers(d.fd, handlers, 2, &e), -ENOENT);
	wire_put_bytes(&entry, TASK, "\xff\xff", 2);
	image_begin(&image, IMAGE_CORE);
	image_add(&image, &entry);
	e = ERR_INIT;
	assert_int_equal(image_write(d.fd, "core-7.img", &image, &e), 0);
	assert_int_equal(images_change_handlers(d.fd, handlers, 2, &e), -EBADMSG);
	assert_string_equal(e.msg, "'core-7.img': an entry is damaged");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changed),
		cmocka_unit_test(test_others_stay),
		cmocka_unit_test(test_damage_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
