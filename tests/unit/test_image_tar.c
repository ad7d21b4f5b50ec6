#include "overlay/image/tar_index.h"
#include "overlay/image/tar_write.h"
#include "lib/tar_header.h"

#include "tests/unit/fixture_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants these. */
#include <cmocka.h>

struct fixture {
	struct fixture_dir dir;
	struct arena arena;
	struct tar_index index;
	struct err err;
	int fd;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->dir = fixture_dir_new();
	f->fd = openat(f->dir.fd, "tar", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	*state = f;
	return f->fd < 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_finish(&f->arena);
	close_fd(&f->fd);
	fixture_dir_finish(&f->dir);
	free(f);
	return 0;
}

/* A header as it should be, then one field changed before the checksum is made. */
static void header(struct fixture *f, const char *name, char type, const char *size, const char *link)
{
	unsigned char h[TAR_BLOCK] = { 0 };
	unsigned sum = 0;

	memcpy(h, name, strlen(name));
	memcpy(h + 124, size, strlen(size));
	memset(h + 148, ' ', 8);
	h[156] = (unsigned char)type;
	if (link)
		memcpy(h + 157, link, strlen(link));
	memcpy(h + 257, "ustar\00000", 8);
	for (size_t i = 0; i < sizeof(h); i++)
		sum += h[i];
	snprintf((char *)h + 148, 8, "%06o", sum);
	assert_int_equal(write(f->fd, h, sizeof(h)), sizeof(h));
}

static void block(struct fixture *f, const char *text)
{
	char b[TAR_BLOCK] = { 0 };

	memcpy(b, text, strlen(text));
	assert_int_equal(write(f->fd, b, sizeof(b)), sizeof(b));
}

static int index_it(struct fixture *f)
{
	return tar_index_read(f->fd, &f->arena, &f->index, &f->err);
}

static void test_what_is_written_is_found(void **state)
{
	struct fixture *f = *state;
	char big[TAR_BLOCK + 1];

	memset(big, 'x', sizeof(big));
	assert_int_equal(tar_write_directory(f->fd, "blobs/", &f->err), 0);
	assert_int_equal(tar_write_text(f->fd, "blobs/a", "", 0, &f->err), 0);
	assert_int_equal(tar_write_text(f->fd, "blobs/b", big, sizeof(big), &f->err), 0);
	fixture_file(&f->dir, "file", "content");
	cleanup_close int from = openat(f->dir.fd, "file", O_RDONLY | O_CLOEXEC);
	assert_int_equal(tar_write_file(f->fd, "index.json", from, 7, &f->err), 0);
	assert_int_equal(tar_write_end(f->fd, &f->err), 0);
	assert_int_equal(index_it(f), 0);
	assert_int_equal(f->index.n, 4);
	assert_null(tar_index_find(&f->index, "blobs"));
	assert_null(tar_index_find(&f->index, "blobs/c"));
	assert_int_equal(tar_index_find(&f->index, "blobs/a")->size_bytes, 0);
	assert_int_equal(tar_index_find(&f->index, "./blobs//b")->size_bytes, sizeof(big));
	const struct tar_member *m = tar_index_find(&f->index, "index.json");
	char text[7];
	assert_int_equal(pread(f->fd, text, 7, m->offset), 7);
	assert_memory_equal(text, "content", 7);
}

static void test_a_file_that_became_shorter(void **state)
{
	struct fixture *f = *state;

	fixture_file(&f->dir, "file", "content");
	cleanup_close int from = openat(f->dir.fd, "file", O_RDONLY | O_CLOEXEC);
	assert_int_equal(tar_write_file(f->fd, "index.json", from, 8, &f->err), -EIO);
}

static void test_a_pax_header_that_does_not_add_up(void **state)
{
	struct fixture *f = *state;

	header(f, "pax", 'x', "00000000012", NULL);
	block(f, "25 size=4\n");
	header(f, "blobs/other", '0', "00000000001", NULL);
	block(f, "a");
	assert_int_equal(index_it(f), -EINVAL);
}

static void test_long_names_and_sizes(void **state)
{
	struct fixture *f = *state;

	header(f, "././@LongLink", 'L', "00000000020", NULL);
	block(f, "blobs/long/name");
	header(f, "blobs/short", '0', "00000000003", NULL);
	block(f, "abc");
	header(f, "pax", 'x', "00000000045", NULL);
	block(f, "28 path=blobs/of/pax/path/x\n9 size=4\n");
	header(f, "blobs/other", '0', "00000000001", NULL);
	block(f, "abcd");
	header(f, "global", 'g', "00000000000", NULL);
	header(f, "blobs/plain", '0', "00000000000", NULL);
	assert_int_equal(index_it(f), 0);
	assert_int_equal(f->index.n, 3);
	assert_int_equal(tar_index_find(&f->index, "blobs/long/name")->size_bytes, 3);
	assert_int_equal(tar_index_find(&f->index, "blobs/of/pax/path/x")->size_bytes, 4);
	assert_int_equal(tar_index_find(&f->index, "blobs/plain")->size_bytes, 0);
}

static void test_links(void **state)
{
	struct fixture *f = *state;

	header(f, "0123456789ab/layer.tar", '0', "00000000001", NULL);
	block(f, "x");
	header(f, "123456789abc/layer.tar", '2', "00000000000", "../0123456789ab/layer.tar");
	header(f, "blobs/hard", '1', "00000000000", "0123456789ab/layer.tar");
	header(f, "blobs/out", '2', "00000000000", "../../../../0123456789ab/layer.tar");
	header(f, "blobs/dangling", '2', "00000000000", "nowhere");
	header(f, "blobs/loop", '2', "00000000000", "loop");
	assert_int_equal(index_it(f), 0);
	const struct tar_member *m = tar_index_find(&f->index, "0123456789ab/layer.tar");
	assert_non_null(m);
	assert_ptr_equal(tar_index_find(&f->index, "123456789abc/layer.tar"), m);
	assert_ptr_equal(tar_index_find(&f->index, "blobs/hard"), m);
	assert_ptr_equal(tar_index_find(&f->index, "blobs/out"), m); /* not above the top */
	assert_null(tar_index_find(&f->index, "blobs/dangling"));
	assert_null(tar_index_find(&f->index, "blobs/loop"));
}

static void test_no_tar(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(index_it(f), -ENOTSUP);
	block(f, "\x1f\x8b some compressed bytes");
	assert_int_equal(index_it(f), -ENOTSUP);
}

static void test_no_image(void **state)
{
	struct fixture *f = *state;

	header(f, "./", '5', "00000000000", NULL);
	header(f, "./bin/", '5', "00000000000", NULL);
	assert_int_equal(index_it(f), -EMEDIUMTYPE);
}

static void test_devices_are_not_of_an_image(void **state)
{
	struct fixture *f = *state;

	header(f, "blobs/x", '3', "00000000000", NULL);
	assert_int_equal(index_it(f), -EMEDIUMTYPE);
}

static void test_a_file_twice(void **state)
{
	struct fixture *f = *state;

	header(f, "index.json", '0', "00000000000", NULL);
	header(f, "./index.json", '0', "00000000000", NULL);
	assert_int_equal(index_it(f), -EINVAL);
	assert_string_equal(f->err.msg, "'index.json' is there twice");
}

static void test_damaged(void **state)
{
	struct fixture *f = *state;

	header(f, "index.json", '0', "00000000000", NULL);
	block(f, "this is no header");
	assert_int_equal(index_it(f), -EINVAL);
}

static void test_sizes_beyond_the_end(void **state)
{
	static const char *const sizes[] = { "00000000001", "77777777777",
					     "\x80\x01\x01\x01\x01\x7f\xff\xff\xff\xff\xff\xff",
					     "\x80\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "-0000000001", "junk" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		assert_int_equal(ftruncate(f->fd, 0), 0);
		assert_int_equal(lseek(f->fd, 0, SEEK_SET), 0);
		header(f, "index.json", '0', sizes[i], NULL);
		assert_int_equal(index_it(f), -EINVAL);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_written_is_found), TEST(test_a_file_that_became_shorter),
		TEST(test_long_names_and_sizes), TEST(test_a_pax_header_that_does_not_add_up), TEST(test_links),
		TEST(test_no_tar),
		TEST(test_no_image),
		TEST(test_devices_are_not_of_an_image), TEST(test_a_file_twice), TEST(test_damaged),
		TEST(test_sizes_beyond_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
