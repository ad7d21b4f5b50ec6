/* Names looked up in layers that are not mounted, and the upper directory of a root that is made of them. */
#include "overlay/root.h"

#include "fixture_dir.h"
#include "lib/arena.h"
#include "lib/file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cmocka.h>

struct layers {
	struct fixture_dir dir;
	struct arena arena;
	const char *paths[3]; /* the top first */
	struct merged merged;
};

static int set_up(void **state)
{
	struct layers *x = calloc(1, sizeof(*x));

	x->dir = fixture_dir_new();
	for (int i = 0; i < 3; i++) {
		x->paths[i] = arena_printf(&x->arena, "%s/%d", x->dir.path, i);
		if (mkdir(x->paths[i], 0755) < 0)
			return -1;
	}
	x->merged = (struct merged){ x->paths, 3, true };
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct layers *x = *state;

	arena_finish(&x->arena);
	fixture_dir_finish(&x->dir);
	free(x);
	return 0;
}

static const char *path_in(struct layers *x, int layer, const char *path)
{
	return arena_printf(&x->arena, "%s/%s", x->paths[layer], path);
}

static void add_dir(struct layers *x, int layer, const char *path, mode_t mode)
{
	assert_int_equal(mkdir(path_in(x, layer, path), mode), 0);
	assert_int_equal(chmod(path_in(x, layer, path), mode), 0);
}

static void add_file(struct layers *x, int layer, const char *path, const char *text)
{
	struct err e = ERR_INIT;

	assert_int_equal(file_replace_at(AT_FDCWD, path_in(x, layer, path), 0644, text, strlen(text), &e), 0);
}

static void add_link(struct layers *x, int layer, const char *path, const char *to)
{
	assert_int_equal(symlink(to, path_in(x, layer, path)), 0);
}

static void mark(struct layers *x, int layer, const char *path, const char *attribute)
{
	if (setxattr(path_in(x, layer, path), arena_printf(&x->arena, "user.overlay.%s", attribute), "y", 1, 0) < 0)
		skip();
}

static void shows(struct layers *x, const char *path, const char *text)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	cleanup_close int fd = merged_open(&x->merged, path, &e);

	if (fd < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(fd_read_all(fd, 100, &b, &e), 0);
	assert_string_equal(buf_text(&b), text);
}

static void fails(struct layers *x, const char *path, int code)
{
	struct err e = ERR_INIT;

	assert_int_equal(merged_open(&x->merged, path, &e), code);
}

static void the_upper_of_two_is_seen(void **state)
{
	struct layers *x = *state;

	add_dir(x, 0, "etc", 0755);
	add_dir(x, 2, "etc", 0755);
	add_file(x, 2, "etc/passwd", "low");
	add_file(x, 2, "etc/group", "group");
	shows(x, "etc/passwd", "low");
	add_file(x, 0, "etc/passwd", "high");
	shows(x, "etc/passwd", "high");
	shows(x, "/etc//./group", "group");
	fails(x, "etc/shadow", -ENOENT);
	fails(x, "etc", -EINVAL);
	fails(x, "etc/passwd/x", -ENOENT);
}

static void what_is_taken_away_is_not_seen(void **state)
{
	struct layers *x = *state;

	add_dir(x, 2, "etc", 0755);
	add_file(x, 2, "etc/gone", "low");
	add_file(x, 2, "etc/kept", "kept");
	add_dir(x, 2, "dir", 0755);
	add_file(x, 2, "dir/below", "low");
	add_dir(x, 1, "etc", 0755);
	add_file(x, 1, "etc/gone", "");
	mark(x, 1, "etc/gone", "whiteout");
	add_dir(x, 1, "dir", 0755);
	mark(x, 1, "dir", "opaque");
	fails(x, "etc/gone", -ENOENT);
	shows(x, "etc/kept", "kept");
	fails(x, "dir/below", -ENOENT);
	add_dir(x, 0, "dir", 0755);
	fails(x, "dir/below", -ENOENT); /* one that is not opaque above one that is */
	add_file(x, 0, "dir/below", "new");
	shows(x, "dir/below", "new");
}

static void a_file_hides_a_directory(void **state)
{
	struct layers *x = *state;

	add_dir(x, 2, "a", 0755);
	add_file(x, 2, "a/b", "low");
	add_file(x, 0, "a", "file");
	fails(x, "a/b", -ENOENT);
}

static void links_stay_within(void **state)
{
	struct layers *x = *state;

	add_dir(x, 2, "real", 0755);
	add_file(x, 2, "real/file", "found");
	add_dir(x, 1, "etc", 0755);
	add_link(x, 1, "etc/absolute", "/real/file");
	add_link(x, 1, "etc/relative", "../real/file");
	add_link(x, 0, "dir", "real");
	add_link(x, 0, "out", "../../../../../../../../../../etc/hostname");
	add_link(x, 0, "loop", "loop");
	add_link(x, 0, "host", "/etc/passwd");
	shows(x, "etc/absolute", "found");
	shows(x, "etc/relative", "found");
	shows(x, "dir/file", "found");
	shows(x, "dir/../real/file", "found");
	fails(x, "out", -ENOENT);
	fails(x, "host", -ENOENT);
	fails(x, "loop", -ELOOP);
	fails(x, "../../../etc/passwd", -ENOENT);
}

static void only_regular_files_are_opened(void **state)
{
	struct layers *x = *state;

	assert_int_equal(mkfifo(path_in(x, 0, "pipe"), 0644), 0);
	fails(x, "pipe", -EINVAL);
}

static bool has_option(const struct layered_root *r, const char *option)
{
	for (size_t i = 0; i < r->n_options; i++)
		if (strcmp(r->options[i], option) == 0)
			return true;
	return false;
}

static void the_plan_of_a_root(void **state)
{
	static const char *const lowers[] = { "/store/top", "/store/bottom" }, *const bad[] = { "/store/a:b" };
	struct layers *x = *state;
	struct layered_root_options o = { .dir = "/c/web", .lowers = { lowers, 2, false } };
	struct layered_root r;
	struct err e = ERR_INIT;

	assert_int_equal(layered_root_plan(&o, &x->arena, &r, &e), 0);
	assert_string_equal(r.options[0], "lowerdir+=/store/top");
	assert_string_equal(r.options[1], "lowerdir+=/store/bottom");
	assert_true(has_option(&r, "upperdir=/c/web/upper") && has_option(&r, "workdir=/c/web/work"));
	assert_false(has_option(&r, "userxattr") || has_option(&r, "volatile"));
	o.lowers.userxattr = o.discarded = true;
	assert_int_equal(layered_root_plan(&o, &x->arena, &r, &e), 0);
	assert_true(has_option(&r, "userxattr") && has_option(&r, "volatile"));
	o.lowers = (struct merged){ NULL, 0, false };
	assert_int_equal(layered_root_plan(&o, &x->arena, &r, &e), 0);
	assert_true(has_option(&r, "lowerdir+=/c/web/empty"));
	o.lowers = (struct merged){ bad, 1, false };
	assert_int_equal(layered_root_plan(&o, &x->arena, &r, &e), -EINVAL);
	o.lowers = (struct merged){ lowers, 501, false };
	assert_int_equal(layered_root_plan(&o, &x->arena, &r, &e), -E2BIG);
}

static mode_t mode_of(struct layers *x, const char *path)
{
	struct stat st;

	if (stat(arena_printf(&x->arena, "%s/c/upper/%s", x->dir.path, path), &st) < 0)
		return 0;
	return st.st_mode & 07777;
}

static void directories_in_the_upper(void **state)
{
	struct layers *x = *state;
	struct layered_root_options o = { .dir = arena_printf(&x->arena, "%s/c", x->dir.path), .lowers = x->merged };
	struct layered_root r;
	struct err e = ERR_INIT;

	assert_int_equal(chmod(x->paths[0], 0711), 0);
	add_dir(x, 1, "var", 0750);
	add_dir(x, 2, "var", 0777);
	add_dir(x, 2, "var/lib", 01777);
	add_link(x, 0, "data", "var/lib/data");
	add_file(x, 0, "file", "");
	assert_int_equal(mkdir(o.dir, 0700), 0);
	assert_int_equal(layered_root_plan(&o, &x->arena, &r, &e), 0);
	assert_int_equal(layered_root_make(&r, &e), 0);
	assert_int_equal(mode_of(x, ""), 0711);
	assert_int_equal(layered_root_mkdir(&r, "var/lib", &e), 0);
	assert_int_equal(mode_of(x, "var"), 0); /* nothing had to be made */
	assert_int_equal(layered_root_mkdir(&r, "data/sub", &e), 0);
	assert_int_equal(mode_of(x, "var"), 0750);
	assert_int_equal(mode_of(x, "var/lib"), 01777);
	assert_int_equal(mode_of(x, "var/lib/data/sub"), 0755);
	assert_int_equal(layered_root_mkdir(&r, "file", &e), -ENOTDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_upper_of_two_is_seen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_taken_away_is_not_seen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_file_hides_a_directory, set_up, tear_down),
		cmocka_unit_test_setup_teardown(links_stay_within, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_regular_files_are_opened, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_plan_of_a_root, set_up, tear_down),
		cmocka_unit_test_setup_teardown(directories_in_the_upper, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("overlay_root", tests, NULL, NULL);
}
