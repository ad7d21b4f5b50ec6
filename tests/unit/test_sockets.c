/* Addresses of sockets in images of CRIU, for whoever has others. */
#include "tests/unit/fixture_dir.h"

#include "checkpoint/images/image.h"
#include "checkpoint/images/sockets.h"
#include "lib/file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { INET = 4, INET_ID = 1, INET_PORT = 7, SOURCE = 11, DESTINATION = 12, UNKNOWN = 400 };

static const uint8_t was4[] = { 10, 88, 0, 2 }, is4[] = { 10, 88, 0, 9 }, server[] = { 10, 88, 0, 1 };
static const uint8_t was6[] = { 0xfd, [15] = 2 }, is6[] = { 0xfd, [15] = 9 };
static const uint8_t mapped_was[] = { [10] = 0xff, 0xff, 10, 88, 0, 2 }, mapped_is[] = { [10] = 0xff, 0xff, 10, 88, 0, 9 };

static void put_address(struct buf *b, uint32_t field, const uint8_t *bytes, size_t n)
{
	uint32_t word;

	for (size_t i = 0; i < n; i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		wire_put_number(b, field, word);
	}
}

static void add_socket(struct buf *image, const uint8_t *from, const uint8_t *to, size_t n)
{
	cleanup_buf struct buf socket = BUF_INIT, entry = BUF_INIT;

	wire_put_number(&socket, INET_ID, 22);
	wire_put_number(&socket, INET_PORT, 10 | 88 << 8 | 2U << 24); /* no address, though it looks like one */
	put_address(&socket, SOURCE, from, n);
	put_address(&socket, DESTINATION, to, n);
	wire_put_string(&socket, UNKNOWN, "kept");
	wire_put_number(&entry, 1, 2);
	wire_put_bytes(&entry, INET, socket.data, socket.len);
	wire_put_string(&entry, UNKNOWN, "kept, too");
	image_add(image, &entry);
}

static void make(struct buf *image, bool before)
{
	image_begin(image, IMAGE_FILES);
	add_socket(image, before ? was4 : is4, server, 4);
	add_socket(image, server, before ? was4 : is4, 4);
	add_socket(image, before ? was6 : is6, before ? was6 : is6, 16);
	add_socket(image, before ? mapped_was : mapped_is, before ? was6 : is6, 16);
}

static void expect(struct fixture_dir *d, const struct buf *image)
{
	cleanup_buf struct buf is = BUF_INIT;
	struct err e = ERR_INIT;

	assert_int_equal(file_read_at(d->fd, "files.img", 1 << 20, &is, &e), 0);
	assert_int_equal(is.len, image->len);
	assert_memory_equal(is.data, image->data, is.len);
}

static const struct images_address *addresses(void)
{
	static struct images_address v[2] = { { .ipv6 = false }, { .ipv6 = true } };

	memcpy(v[0].was, was4, sizeof(was4));
	memcpy(v[0].is, is4, sizeof(is4));
	memcpy(v[1].was, was6, sizeof(was6));
	memcpy(v[1].is, is6, sizeof(is6));
	return v;
}

static void test_changed(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_buf struct buf before = BUF_INIT, after = BUF_INIT;
	struct err e = ERR_INIT;

	make(&before, true);
	make(&after, false);
	assert_int_equal(image_write(d.fd, "files.img", &before, &e), 0);
	assert_int_equal(linkat(d.fd, "files.img", d.fd, "others", 0), 0);
	assert_int_equal(images_readdress(d.fd, addresses(), 2, &e), 0);
	expect(&d, &after);
	/* And again: there is nothing left to be changed. What others have of it is as it was. */
	assert_int_equal(images_readdress(d.fd, addresses(), 2, &e), 0);
	expect(&d, &after);
	assert_int_equal(renameat(d.fd, "others", d.fd, "files.img"), 0);
	expect(&d, &before);
	assert_int_equal(images_readdress(d.fd, addresses(), 0, &e), 0);
	expect(&d, &before);
}

static void test_damaged(void **state)
{
	(void)state;
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_buf struct buf image = BUF_INIT;
	struct err e = ERR_INIT;

	make(&image, true);
	assert_int_equal(images_readdress(d.fd, addresses(), 2, &e), -ENOENT);
	for (size_t n = 0; n < image.len; n++) {
		struct buf part = { .data = image.data, .len = n };
		assert_int_equal(image_write(d.fd, "files.img", &part, &e), 0);
		int r = images_readdress(d.fd, addresses(), 2, &e);
		assert_true(r == 0 || r == -EBADMSG);
		unlinkat(d.fd, "files.img", 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_changed), cmocka_unit_test(test_damaged) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
