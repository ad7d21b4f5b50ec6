/* How events are printed, and which. */
#include "runtime/cli/journal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct spec_pair attributes[] = { { "exitCode", "137" } };
static const struct launched_event died = {
	.time = "2001-02-03T04:05:06.000000007Z", .action = "die", .id = "web", .name = "site", .image = "host",
	.attributes = attributes, .n_attributes = 1,
};

static void forms(void **state)
{
	cleanup_buf struct buf out = BUF_INIT;

	(void)state;
	journal_write(&died, false, &out);
	journal_write(&died, true, &out);
	assert_string_equal(buf_text(&out),
			    "2001-02-03T04:05:06.000000007Z container die web (image=host, name=site, exitCode=137)\n"
			    "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"web\",\"Attributes\":"
			    "{\"image\":\"host\",\"name\":\"site\",\"exitCode\":\"137\"}},\"time\":981173106,"
			    "\"timeNano\":981173106000000007}\n");
}

static void filters(void **state)
{
	static const struct {
		const char *filter;
		int matches;
	} cases[] = {
		{ "container=web", 1 }, { "container=site", 1 }, { "container=we", 0 }, { "event=die", 1 },
		{ "event=start", 0 }, { "image=host", 1 }, { "image=", 0 }, { "type=container", 1 },
		{ "type=image", 0 }, { "event", -EINVAL }, { "colour=red", -EINVAL }, { "=x", -EINVAL },
		{ "", -EINVAL }, { "event=", -EINVAL }, { "event=died", -EINVAL },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(journal_matches(&died, cases[i].filter, &e), cases[i].matches);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),
		cmocka_unit_test(filters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
