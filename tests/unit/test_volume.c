/* Volumes at rest: their names and places, making, using, removing, and what killed commands leave. */
#include "lib/fd.h"
#include "lib/file.h"
#include "runtime/volume/volume.h"
#include "tests/unit/fixture_dir.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

struct fixture {
	struct fixture_dir dir;
	struct runtime rt;
	struct volumes all;
	struct err e;
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->dir = fixture_dir_new();
	setenv("FERRY_VOLUME_STORE", arena_printf(&f->rt.arena, "%s/volumes", f->dir.path), 1);
	*state = f;
	return volumes_open(&f->rt, true, &f->all, &f->e) < 0 || volumes_lock(&f->all, &f->e) < 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	volumes_close(&f->all);
	fixture_dir_finish(&f->dir);
	arena_finish(&f->rt.arena);
	free(f);
	return 0;
}

static int make(struct fixture *f, const char *name)
{
	struct spec_pair labels[] = { { "a", "1" }, { "b", "" } };

	return volume_make(&f->all, &(struct volume){ .name = name, .created = "2001-02-03T04:05:06Z", .labels = labels,
						      .n_labels = 2 }, &f->e);
}

static const char *names(struct fixture *f)
{
	struct volume *all;
	const char *text = "";
	size_t n;

	assert_int_equal(volumes_list(&f->all, &f->rt.arena, &all, &n, &f->e), 0);
	for (size_t i = 0; i < n; i++)
		text = arena_printf(&f->rt.arena, "%s%s%s", text, i ? " " : "", all[i].name);
	return text;
}

static void names_and_places(void **state)
{
	static const char *const good[] = { "a", "7", "Data_1.2-x" };
	static const char *const bad[] = { "", ".", "..", ".new", "-x", "_x", "a/b", "a b", "\xc3\xa4" };
	struct fixture *f = *state;
	struct arena *a = &f->rt.arena;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(volume_is_name(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(volume_is_name(bad[i]));
		assert_int_equal(make(f, bad[i]), -EINVAL);
	}
	assert_string_equal(volume_data("/v", "x", a), "/v/x/_data");
	assert_string_equal(volume_of_data("/v", "/v/x/_data", a), "x");
	assert_null(volume_of_data("/v", "/v/x", a));
	assert_null(volume_of_data("/v", "/v/x/_data/y", a));
	assert_null(volume_of_data("/v", "/var/x/_data", a));
}

static void what_was_made_comes_back(void **state)
{
	struct fixture *f = *state;
	struct volume v;

	assert_int_equal(make(f, "data"), 1);
	assert_int_equal(make(f, "data"), 0);
	assert_int_equal(make(f, "b"), 1);
	assert_string_equal(names(f), "b data");
	assert_int_equal(volume_find(&f->all, "data", &f->rt.arena, &v, &f->e), 0);
	assert_string_equal(v.created, "2001-02-03T04:05:06Z");
	assert_int_equal(v.n_labels, 2);
	assert_string_equal(v.labels[0].value, "1");
	assert_int_equal(v.n_users, 0);
	assert_false(v.anonymous);
	assert_int_equal(volume_find(&f->all, "date", &f->rt.arena, &v, &f->e), -ENOENT);
	assert_string_equal(f->e.msg, "no volume \"date\": did you mean \"data\"?");
	assert_int_equal(volume_remove(&f->all, "data", &f->e), 0);
	assert_string_equal(names(f), "b");
}

static void a_use_is_over_when_the_container_is_gone(void **state)
{
	struct fixture *f = *state;
	const char *web = arena_printf(&f->rt.arena, "%s/web", f->dir.path);
	const char *db = arena_printf(&f->rt.arena, "%s/db", f->dir.path);
	struct volume v;
	bool first;

	assert_int_equal(make(f, "v"), 1);
	assert_int_equal(mkdir(web, 0700), 0);
	assert_int_equal(mkdir(db, 0700), 0);
	cleanup_close int a = volume_use(&f->all, "v", web, &f->rt.arena, &first, &f->e);
	assert_true(a >= 0 && first);
	cleanup_close int again = volume_use(&f->all, "v", web, &f->rt.arena, &first, &f->e);
	assert_true(again >= 0 && first);
	cleanup_close int b = volume_use(&f->all, "v", db, &f->rt.arena, &first, &f->e);
	assert_true(b >= 0 && !first);
	assert_int_equal(volume_find(&f->all, "v", &f->rt.arena, &v, &f->e), 0);
	assert_int_equal(v.n_users, 2);
	assert_int_equal(rmdir(web), 0);
	assert_int_equal(volume_find(&f->all, "v", &f->rt.arena, &v, &f->e), 0);
	assert_int_equal(v.n_users, 1);
	assert_string_equal(v.users[0], db);
}

static void what_killed_commands_leave_goes(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mkdirat(f->all.dir, ".new", 0700), 0);
	assert_int_equal(mkdirat(f->all.dir, ".gone", 0700), 0);
	assert_int_equal(mkdirat(f->all.dir, "stranger", 0700), 0);
	assert_string_equal(names(f), "");
	assert_int_equal(make(f, "v"), 1);
	assert_string_equal(names(f), "v");
	assert_true(faccessat(f->all.dir, ".new", F_OK, 0) < 0 && faccessat(f->all.dir, ".gone", F_OK, 0) < 0);
	assert_int_equal(faccessat(f->all.dir, "stranger", F_OK, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_and_places, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_made_comes_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_use_is_over_when_the_container_is_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_killed_commands_leave_goes, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("volume", tests, NULL, NULL);
}
