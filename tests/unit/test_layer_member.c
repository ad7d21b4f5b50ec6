#include "overlay/layer/layer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants the four above. */
#include <cmocka.h>

static void test_members_of_images(void **state)
{
	static const char *const names[] = {
		"oci-layout", "index.json", "manifest.json", "repositories", "blobs", "blobs/", "blobs/sha256/00",
		"0123456789ab.json", "0123456789ab/", "0123456789ab/layer.tar", "0123456789abcdef.tar", "layer.tar.gz",
		"sha256:0123456789abcdef",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!layer_is_image_member(names[i]))
			fail_msg("'%s' is one", names[i]);
}

static void test_members_of_root_file_systems(void **state)
{
	static const char *const names[] = {
		"", "bin", "bin/", "etc/passwd", "etc/x.json", "srv/layer.tar", "deadbeef", "0123456789aX", "blobs2", ".tar", ".json",
		"/blobs", "sha256:", "../blobs",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (layer_is_image_member(names[i]))
			fail_msg("'%s' is none", names[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members_of_images),
		cmocka_unit_test(test_members_of_root_file_systems),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
