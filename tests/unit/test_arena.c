#include "lib/arena.h"

#include <stdint.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the four above. */
#include <cmocka.h>

static void test_memory(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;

	(void)state;
	for (size_t size = 0; size < 100000; size = size * 3 + 1) {
		unsigned char *p = arena_alloc(&a, size);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
	}
	arena_finish(&a);
	assert_null(a.chunks);
	assert_string_equal(arena_printf(&a, "%d-%s", 1, "x"), "1-x");
}

static void test_copies(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;

	(void)state;
	assert_null(arena_strdup(&a, NULL));
	assert_string_equal(arena_strdup(&a, "abc"), "abc");
	assert_string_equal(arena_strndup(&a, "abc", 2), "ab");
	assert_memory_equal(arena_dup(&a, "ab", 3), "ab", 3);
}

static void test_push(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	int *items = NULL;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		int *item = arena_push(&a, &items, &n);
		assert_int_equal(*item, 0);
		*item = i;
	}
	assert_int_equal(n, 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(items[i], i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_push),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
