#include "lib/sha256.h"

#include "tests/unit/fixture_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* FIPS 180-2, appendix B. */
static void known_answers(void **state)
{
	struct sha256 s;

	(void)state;
	assert_string_equal(sha256_of("", 0).text,
			    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_string_equal(sha256_of("abc", 3).text,
			    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	sha256_begin(&s);
	for (int i = 0; i < 1000000; i++)
		sha256_add(&s, "a", 1);
	assert_string_equal(sha256_end(&s).text,
			    "sha256:cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void of_a_file(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	struct sha256_text text;
	struct err e;
	int64_t bytes;

	(void)state;
	fixture_file(&d, "x", "abc");
	cleanup_close int fd = openat(d.fd, "x", O_RDONLY | O_CLOEXEC);
	assert_int_equal(sha256_of_fd(fd, &text, &bytes, &e), 0);
	assert_int_equal(bytes, 3);
	assert_string_equal(text.text, sha256_of("abc", 3).text);
	assert_int_equal(sha256_of_fd(-1, &text, NULL, &e), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(known_answers), cmocka_unit_test(of_a_file) };
	return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
