#include "lib/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the four above. */
#include <cmocka.h>

static void test_text(void **state)
{
	cleanup_buf struct buf b = BUF_INIT;

	(void)state;
	assert_string_equal(buf_text(&b), "");
	buf_str(&b, "a");
	buf_char(&b, 'b');
	buf_printf(&b, "%d", 12);
	buf_add(&b, "\0x", 2);
	assert_int_equal(b.len, 6);
	assert_memory_equal(b.data, "ab12\0x", 7);
	buf_add(&b, NULL, 0);
	assert_int_equal(b.len, 6);
}

static void test_growth(void **state)
{
	cleanup_buf struct buf b = BUF_INIT;

	(void)state;
	for (int i = 0; i < 10000; i++)
		buf_printf(&b, "%04d", i);
	assert_int_equal(b.len, 40000);
	assert_int_equal(b.data[b.len], 0);
	assert_memory_equal(b.data + 4 * 1234, "1234", 4);
	memset(buf_reserve(&b, 100), 'x', 100);
	b.len += 100;
	buf_char(&b, 'y');
	assert_string_equal(b.data + b.len - 3, "xxy");
	buf_finish(&b);
	assert_null(b.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_growth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
