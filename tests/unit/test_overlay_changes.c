/* What an upper directory changes in the lower ones, made of plain directories: nothing is mounted. */
#include "overlay/changes.h"
#include "tests/unit/fixture_dir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <cmocka.h>

static void options(void **state)
{
	const char *const texts[] = { "userxattr", "lowerdir=/a:/b\\:c:/d\\\\e", "upperdir=/u", "lowerdir+=/f:g",
				      "workdir=/w" };
	cleanup_arena struct arena a = ARENA_INIT;
	struct overlay_dirs d;

	(void)state;
	overlay_dirs_parse(texts, 5, &a, &d);
	assert_string_equal(d.upper, "/u");
	assert_int_equal(d.n_lowers, 4);
	assert_string_equal(d.lowers[0], "/a");
	assert_string_equal(d.lowers[1], "/b:c");
	assert_string_equal(d.lowers[2], "/d\\e");
	assert_string_equal(d.lowers[3], "/f:g");
	overlay_dirs_parse(NULL, 0, &a, &d);
	assert_null(d.upper);
}

/* One letter for the kind and a path: d directory, f file, l link, w whiteout, o opaque directory. */
static void make(struct fixture_dir *f, const char *const *entries)
{
	for (; *entries; entries++) {
		const char *path = *entries + 2;
		switch (**entries) {
		case 'd':
		case 'o':
			assert_int_equal(mkdirat(f->fd, path, 0755), 0);
			break;
		case 'f':
			fixture_file(f, path, "x");
			break;
		case 'l':
			assert_int_equal(symlinkat("/etc", f->fd, path), 0);
			break;
		case 'w':
			assert_int_equal(mknodat(f->fd, path, S_IFCHR, makedev(0, 0)), 0);
			break;
		}
		if (**entries == 'o') {
			char full[200];
			snprintf(full, sizeof(full), "%s/%s", f->path, path);
			if (setxattr(full, "trusted.overlay.opaque", "y", 1, 0) < 0)
				assert_int_equal(setxattr(full, "user.overlay.opaque", "y", 1, 0), 0);
		}
	}
}

/* "A /a,C /b" */
static const char *changes(struct fixture_dir *f, const char *const *ignored, struct arena *a)
{
	const char *lowers[] = { arena_printf(a, "%s/2", f->path), arena_printf(a, "%s/1", f->path) };
	const struct overlay_dirs dirs = { .upper = arena_printf(a, "%s/u", f->path), .lowers = lowers, .n_lowers = 2 };
	struct overlay_change *all;
	const char *text = "";
	struct err e = ERR_INIT;
	size_t n;

	assert_int_equal(overlay_changes(&dirs, ignored, a, &all, &n, &e), 0);
	for (size_t i = 0; i < n; i++)
		text = arena_printf(a, "%s%s%c %s", text, i ? "," : "", all[i].kind, all[i].path);
	return text;
}

static void added_changed_deleted(void **state)
{
	static const char *const entries[] = {
		"d 1", "d 1/etc", "f 1/etc/a", "f 1/etc/b", "d 1/same", "d 1/gone", "f 1/gone/x", "l 1/link",
		"d 1/link2",
		"d 2", "d 2/etc", "f 2/etc/c", "w 2/etc/b",
		"d u", "d u/etc", "f u/etc/a", "f u/etc/b", "w u/etc/c", "f u/etc.d", "d u/new", "d u/new/x",
		"f u/new/x/y", "d u/same", "w u/gone", "w u/never", "d u/link", "f u/link/passwd", "l u/link2", NULL,
	};
	cleanup_fixture struct fixture_dir f = fixture_dir_new();
	cleanup_arena struct arena a = ARENA_INIT;

	(void)state;
	make(&f, entries);
	assert_string_equal(changes(&f, NULL, &a),
			    "C /etc,C /etc/a,A /etc/b,D /etc/c,A /etc.d,D /gone,C /link,A /link/passwd,C /link2,"
			    "A /new,A /new/x,A /new/x/y");
	assert_int_equal(chmod(arena_printf(&a, "%s/u/same", f.path), 0700), 0);
	assert_non_null(strstr(changes(&f, NULL, &a), "C /same"));
}

static void opaque_directories(void **state)
{
	static const char *const entries[] = {
		"d 1", "d 1/a", "f 1/a/x", "f 1/a/y", "d 1/b", "f 1/b/x", "d 1/c", "f 1/c/x",
		"d 2", "o 2/a", "f 2/a/y",
		"d u", "d u/a", "f u/a/x", "f u/a/y", "o u/b", "o u/c", "f u/c/x", NULL,
	};
	static const char *const ignored[] = { "/b", NULL };
	cleanup_fixture struct fixture_dir f = fixture_dir_new();
	cleanup_arena struct arena a = ARENA_INIT;

	(void)state;
	make(&f, entries);
	assert_string_equal(changes(&f, NULL, &a), "C /a,A /a/x,C /a/y,C /b,C /c,C /c/x");
	assert_string_equal(changes(&f, ignored, &a), "C /a,A /a/x,C /a/y,C /c,C /c/x");
}

static void what_is_hidden_anyway_is_no_change(void **state)
{
	static const char *const entries[] = { "d 1", "d 1/etc", "f 1/etc/shadow", "f 1/etc/fstab", "d 2", "d u",
					       "d u/etc", "w u/etc/shadow", "f u/etc/hosts", "f u/etc/fstab", "d u/proc", NULL };
	static const char *const ignored[] = { "/etc/shadow", "/etc/hosts", "/etc/fstab", "/proc", NULL };
	cleanup_fixture struct fixture_dir f = fixture_dir_new();
	cleanup_arena struct arena a = ARENA_INIT;

	(void)state;
	make(&f, entries);
	assert_string_equal(changes(&f, NULL, &a), "C /etc,C /etc/fstab,A /etc/hosts,D /etc/shadow,A /proc");
	assert_string_equal(changes(&f, ignored, &a), "");
}

/* From one upper directory to another. */
static const char *between(struct fixture_dir *f, const char *from, const char *to, const char *const *ignored,
			   struct arena *a)
{
	const char *lowers[] = { arena_printf(a, "%s/2", f->path), arena_printf(a, "%s/1", f->path) };
	const struct overlay_dirs before = { .upper = arena_printf(a, "%s/%s", f->path, from), .lowers = lowers, .n_lowers = 2 };
	const struct overlay_dirs after = { .upper = arena_printf(a, "%s/%s", f->path, to), .lowers = lowers, .n_lowers = 2 };
	struct overlay_change *all;
	const char *text = "";
	struct err e = ERR_INIT;
	size_t n;

	assert_int_equal(overlay_compare(&before, &after, geteuid() != 0, ignored, a, &all, &n, &e), 0);
	for (size_t i = 0; i < n; i++)
		text = arena_printf(a, "%s%s%c %s", text, i ? "," : "", all[i].kind, all[i].path);
	return text;
}

static void from_one_to_another(void **state)
{
	static const char *const entries[] = {
		"d 1", "d 1/a", "f 1/a/x", "d 1/a/sub", "f 1/a/sub/z", "d 1/b", "f 1/b/x", "d 1/c", "f 1/c/x", "f 1/both",
		"d 2", "f 2/both",
		"d u", "o u/a", "w u/b", "d u/t", "f u/t/in", "f u/r", "d u/gone", "f u/gone/x", "w u/both", "d u/same",
		"f u/same/f", "l u/same/l",
		"d v", "d v/a", "o v/c", "f v/t", "d v/r", "f v/r/in", "w v/both", "d v/same", "f v/same/f", "l v/same/l",
		NULL,
	};
	static const struct timespec times[2] = { { 1, 2 }, { 3, 4 } };
	static const char *const ignored[] = { "/c", "/gone", NULL };
	cleanup_fixture struct fixture_dir f = fixture_dir_new();
	cleanup_arena struct arena a = ARENA_INIT;

	(void)state;
	make(&f, entries);
	assert_int_equal(utimensat(f.fd, "u/same/f", times, 0), 0);
	assert_int_equal(utimensat(f.fd, "v/same/f", times, 0), 0);
	assert_string_equal(between(&f, "u", "v", NULL, &a), "C /a,A /a/sub,A /a/sub/z,A /a/x,A /b,A /b/x,C /c,D /c/x,"
							     "D /gone,C /r,A /r/in,C /t");
	assert_string_equal(between(&f, "v", "u", NULL, &a), "C /a,D /a/sub,D /a/x,D /b,C /c,A /c/x,A /gone,A /gone/x,"
							     "C /r,C /t,A /t/in");
	assert_string_equal(between(&f, "u", "v", ignored, &a), "C /a,A /a/sub,A /a/sub/z,A /a/x,A /b,A /b/x,D /c/x,"
								"C /r,A /r/in,C /t");
	assert_string_equal(between(&f, "u", "u", NULL, &a), "");
	/* The same size at the same time: what is in them decides. */
	fixture_file(&f, "v/same/f", "y");
	assert_int_equal(utimensat(f.fd, "v/same/f", times, 0), 0);
	assert_non_null(strstr(between(&f, "u", "v", NULL, &a), "C /same,C /same/f,C /t"));
	assert_int_equal(fchmodat(f.fd, "v/both", 0700, 0), 0);
	assert_null(strstr(between(&f, "u", "v", NULL, &a), "/both"));
}

static void sizes(void **state)
{
	static const char *const entries[] = { "d u", "d u/a", "f u/a/x", NULL };
	cleanup_fixture struct fixture_dir f = fixture_dir_new();
	cleanup_arena struct arena a = ARENA_INIT;
	const char *upper = arena_printf(&a, "%s/u", f.path);
	uint64_t before, after;
	struct err e = ERR_INIT;

	(void)state;
	make(&f, entries);
	assert_int_equal(overlay_size(upper, &before, &e), 0);
	assert_int_equal(linkat(f.fd, "u/a/x", f.fd, "u/y", 0), 0);
	assert_int_equal(overlay_size(upper, &after, &e), 0);
	assert_int_equal(before, after);
	cleanup_close int fd = openat(f.fd, "u/z", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(posix_fallocate(fd, 0, 1 << 20), 0);
	assert_int_equal(overlay_size(upper, &after, &e), 0);
	assert_in_range(after - before, 1 << 20, (1 << 20) + 65536);
	assert_true(overlay_size("/no/such/directory", &after, &e) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options),
		cmocka_unit_test(added_changed_deleted),
		cmocka_unit_test(opaque_directories),
		cmocka_unit_test(what_is_hidden_anyway_is_no_change),
		cmocka_unit_test(from_one_to_another),
		cmocka_unit_test(sizes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
