#include "lib/err.h"

#include <errno.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the four above. */
#include <cmocka.h>

static void test_levels(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(err_set(&e, ENOENT, "open '%s'", "a"), -ENOENT);
	assert_string_equal(e.msg, "open 'a': No such file or directory");
	assert_int_equal(err_wrap(&e, "mount '%s'", "/b"), -ENOENT);
	assert_string_equal(e.msg, "mount '/b': open 'a': No such file or directory");
	assert_int_equal(err_say(&e, EINVAL, "bad"), -EINVAL);
	assert_string_equal(e.msg, "bad");
}

/* A failure is never 0, and a long message is cut, not overrun. */
static void test_limits(void **state)
{
	struct err e = ERR_INIT;
	char big[4096];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(err_say(&e, 0, "%s", "a"), -EIO);
	assert_int_equal(err_set(&e, EPERM, "%s", big), -EPERM);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	err_wrap(&e, "%s", big);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	e = ERR_INIT;
	assert_int_equal(err_wrap(&e, "a"), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
