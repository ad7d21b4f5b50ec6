/* Plans of a view of the host, compared as values; and what is written for them, on temporary directories. */
#include "overlay/overlay.h"

#include "lib/buf.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#define LENGTH(a) (sizeof(a) / sizeof((a)[0]))

static struct host_view_options options_of(bool rootless, bool share_home)
{
	return (struct host_view_options){
		.dir = "/var/lib/ferry/launch/web", .storage = "/var/lib/ferry/launch", .rootless = rootless,
		.share_home = share_home,
	};
}

static bool hides(const struct host_view *v, const char *path, const char *lower)
{
	for (size_t i = 0; i < v->n_hides; i++)
		if (strcmp(v->hides[i].path, path) == 0)
			return strcmp(v->layers[v->hides[i].layer].lower, lower) == 0;
	return false;
}

static bool has_option(const struct overlay_layer *l, const char *option)
{
	for (size_t i = 0; i < l->n_options; i++)
		if (strcmp(l->options[i], option) == 0)
			return true;
	return false;
}

static void paths_below(void **state)
{
	(void)state;
	assert_true(path_is_below("/a/b", "/a"));
	assert_true(path_is_below("/a", "/a"));
	assert_true(path_is_below("/a", "/"));
	assert_false(path_is_below("/ab", "/a"));
	assert_false(path_is_below("/", "/a"));
}

static void one_overlay_for_one_file_system(void **state)
{
	const char *mounts[] = { "/", "/proc", "/sys", "/home", "/data" };
	const char *hidden[] = { "/etc/shadow", "/home", "/root" };
	const struct host_facts f = { mounts, LENGTH(mounts), hidden, LENGTH(hidden), NULL, 0 };
	const struct host_view_options o = options_of(false, false);
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct host_view v;

	(void)state;
	assert_int_equal(host_view_plan(&f, &o, &a, &v, &e), 0);
	assert_int_equal(v.n_layers, 1);
	assert_string_equal(v.layers[0].lower, "/");
	assert_string_equal(v.layers[0].upper, "/var/lib/ferry/launch/web/upper");
	assert_true(has_option(&v.layers[0], "lowerdir=/"));
	assert_true(has_option(&v.layers[0], "upperdir=/var/lib/ferry/launch/web/upper"));
	assert_true(has_option(&v.layers[0], "workdir=/var/lib/ferry/launch/web/work"));
	assert_false(has_option(&v.layers[0], "userxattr"));
	assert_false(has_option(&v.layers[0], "volatile"));
	assert_int_equal(v.n_hides, 3);
	assert_true(hides(&v, "/etc/shadow", "/"));
	assert_int_equal(v.n_bare, 0);
}

static void parts_of_the_system_have_overlays_of_their_own(void **state)
{
	const char *mounts[] = { "/", "/var", "/var/lib", "/usr", "/home", "/srv" };
	const char *hidden[] = { "/home", "/var/lib/docker", "/var/tmp" };
	const struct host_facts f = { mounts, LENGTH(mounts), hidden, LENGTH(hidden), NULL, 0 };
	struct host_view_options o = options_of(false, false);
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct host_view v;

	(void)state;
	o.discarded = true;
	assert_int_equal(host_view_plan(&f, &o, &a, &v, &e), 0);
	assert_int_equal(v.n_layers, 4); /* not /home, which is hidden, nor /srv, which is no part of the system */
	assert_string_equal(v.layers[0].lower, "/");
	assert_string_equal(v.layers[3].lower, "/var/lib");
	assert_string_equal(v.layers[3].upper, "/var/lib/ferry/launch/web/upper-var-lib");
	assert_true(has_option(&v.layers[3], "volatile"));
	assert_true(hides(&v, "/var/lib/docker", "/var/lib"));
	assert_true(hides(&v, "/var/tmp", "/var"));
	assert_true(hides(&v, "/home", "/"));
}

static void a_shared_home_on_its_own_file_system(void **state)
{
	const char *mounts[] = { "/", "/home" };
	const struct host_facts f = { mounts, LENGTH(mounts), NULL, 0, NULL, 0 };
	const struct host_view_options o = options_of(false, true);
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct host_view v;

	(void)state;
	assert_int_equal(host_view_plan(&f, &o, &a, &v, &e), 0);
	assert_int_equal(v.n_layers, 2);
	assert_string_equal(v.layers[1].lower, "/home");
}

static void rootless_has_an_overlay_for_each_directory(void **state)
{
	const char *mounts[] = { "/", "/proc", "/var/lib/docker/x", "/mnt/disk" };
	const char *hidden[] = { "/home", "/tmp", "/var/tmp" };
	struct host_entry entries[] = {
		{ "/usr", S_IFDIR | 0755, NULL }, { "/bin", S_IFLNK | 0777, "usr/bin" }, { "/etc", S_IFDIR | 0755, NULL },
		{ "/proc", S_IFDIR | 0555, NULL }, { "/home", S_IFDIR | 0755, NULL }, { "/tmp", S_IFDIR | 01777, NULL },
		{ "/var", S_IFDIR | 0755, NULL }, { "/var/lib", S_IFDIR | 0755, NULL },
		{ "/var/lib/dpkg", S_IFDIR | 0755, NULL }, { "/var/lib/docker", S_IFDIR | 0711, NULL },
		{ "/var/lib/docker/x", S_IFDIR | 0755, NULL }, { "/var/tmp", S_IFDIR | 01777, NULL },
	};
	static const char *const layers[] = { "/usr", "/etc", "/var/lib/dpkg" };
	const struct host_facts f = { mounts, LENGTH(mounts), hidden, LENGTH(hidden), entries, LENGTH(entries) };
	const struct host_view_options o = options_of(true, false);
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct host_view v;

	(void)state;
	assert_int_equal(host_view_plan(&f, &o, &a, &v, &e), 0);
	assert_int_equal(v.n_layers, LENGTH(layers));
	for (size_t i = 0; i < LENGTH(layers); i++) {
		assert_string_equal(v.layers[i].lower, layers[i]);
		assert_true(has_option(&v.layers[i], "userxattr"));
	}
	assert_int_equal(v.n_bare, LENGTH(entries));
	assert_int_equal(v.n_hides, 0); /* no overlay shows them */
}

static void names_that_no_overlay_takes(void **state)
{
	const char *mounts[] = { "/" };
	struct host_entry entries[] = { { "/a,b", S_IFDIR | 0755, NULL } };
	struct host_facts f = { mounts, 1, NULL, 0, entries, 1 };
	struct host_view_options o = options_of(true, false);
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct host_view v;
	char dir[300];

	(void)state;
	assert_int_equal(host_view_plan(&f, &o, &a, &v, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "/a,b"));

	memset(dir, 'x', sizeof(dir) - 1);
	dir[0] = '/';
	dir[sizeof(dir) - 1] = '\0';
	o = options_of(false, false);
	o.dir = dir;
	f.n_entries = 0;
	assert_int_equal(host_view_plan(&f, &o, &a, &v, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "too long"));
}

/* ---- what is written ---- */

struct place {
	char top[64], lower[96], dir[96];
};

static void make_file(const char *dir, const char *name, mode_t mode)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(chmod(path, mode), 0);
}

static int set_up_place(void **state)
{
	struct place *p = calloc(1, sizeof(*p));
	char path[256];

	strcpy(p->top, "/tmp/ferry-view.XXXXXX");
	if (!p || !mkdtemp(p->top))
		return -1;
	snprintf(p->lower, sizeof(p->lower), "%s/lower", p->top);
	snprintf(p->dir, sizeof(p->dir), "%s/dir", p->top);
	mkdir(p->lower, 0755);
	mkdir(p->dir, 0700);
	snprintf(path, sizeof(path), "%s/etc", p->lower);
	mkdir(path, 0700);
	chmod(path, 02751);
	make_file(p->lower, "etc/secret", 0600);
	snprintf(path, sizeof(path), "%s/etc/keys", p->lower);
	mkdir(path, 0700);
	chmod(path, 01710);
	make_file(p->lower, "etc/keys/one", 0600);
	*state = p;
	return 0;
}

static int tear_down_place(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;
	int r = remove_tree_at(AT_FDCWD, p->top, &e);

	free(p);
	return r;
}

static void upper_directories_hide(void **state)
{
	struct place *p = *state;
	struct overlay_layer layer = { .lower = p->lower };
	struct view_hide hide[3] = { 0 };
	struct host_view v = { .layers = &layer, .n_layers = 1, .hides = hide, .n_hides = 3 };
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	char opaque[2] = "";
	struct stat st;

	if (geteuid() != 0)
		skip();
	v.root = arena_printf(&a, "%s/root", p->dir);
	layer.upper = arena_printf(&a, "%s/upper", p->dir);
	layer.work = arena_printf(&a, "%s/work", p->dir);
	hide[0].path = arena_printf(&a, "%s/etc/keys", p->lower);
	hide[1].path = arena_printf(&a, "%s/etc/secret", p->lower);
	hide[2].path = arena_printf(&a, "%s/etc/gone", p->lower);
	if (host_view_make(&v, &e) < 0 && (e.code == EPERM || e.code == EOPNOTSUPP))
		skip(); /* no trusted xattrs here */

	assert_int_equal(stat(arena_printf(&a, "%s/upper/etc", p->dir), &st), 0);
	assert_int_equal(st.st_mode & 07777, 02751);
	assert_int_equal(lstat(arena_printf(&a, "%s/upper/etc/secret", p->dir), &st), 0);
	assert_true(S_ISCHR(st.st_mode) && st.st_rdev == 0);
	const char *keys = arena_printf(&a, "%s/upper/etc/keys", p->dir);
	assert_int_equal(stat(keys, &st), 0);
	assert_int_equal(st.st_mode & 07777, 01710);
	assert_int_equal(getxattr(keys, "trusted.overlay.opaque", opaque, sizeof(opaque)), 1);
	assert_int_equal(access(arena_printf(&a, "%s/upper/etc/gone", p->dir), F_OK), -1);
	assert_int_equal(access(arena_printf(&a, "%s/upper/etc/keys/one", p->dir), F_OK), -1);
}

static void own_files_take_the_place_of_the_hosts(void **state)
{
	struct place *p = *state;
	struct overlay_layer layer = { .lower = p->lower };
	struct host_view v = { .layers = &layer, .n_layers = 1 };
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_buf struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct stat st;

	if (geteuid() != 0)
		skip();
	v.root = arena_printf(&a, "%s/root", p->dir);
	layer.upper = arena_printf(&a, "%s/upper", p->dir);
	layer.work = arena_printf(&a, "%s/work", p->dir);
	assert_int_equal(host_view_make(&v, &e), 0);
	const char *secret = arena_printf(&a, "%s/etc/secret", p->lower);
	assert_int_equal(host_view_file(&v, secret, 0444, "mine\n", &e), 0);
	const char *upper = arena_printf(&a, "%s/upper/etc/secret", p->dir);
	assert_int_equal(file_read_at(AT_FDCWD, upper, 100, &b, &e), 0);
	assert_string_equal(buf_text(&b), "mine\n");
	assert_int_equal(stat(upper, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0444);
	assert_int_equal(stat(secret, &st), 0);
	assert_int_equal(st.st_size, 0); /* the host's own is as it was */
	/* Where no overlay shows the path there is nothing to do. */
	assert_int_equal(host_view_file(&v, "/elsewhere/file", 0444, "x", &e), 0);
}

static bool is_hidden(const struct host_facts *f, const char *path)
{
	for (size_t i = 0; i < f->n_hidden; i++)
		if (path_is_below(path, f->hidden[i]))
			return true;
	return false;
}

/* This very machine: whatever it is, these must not be seen. */
static void secrets_of_this_host_are_found(void **state)
{
	static const char *const secret[] = {
		"/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/ssh/ssh_host_ed25519_key", "/root", "/home", "/tmp",
		"/etc/ssl/private", "/var/lib/docker",
	};
	static const char *const open[] = { "/etc/passwd", "/etc", "/usr", "/usr/bin", "/var", "/var/lib" };
	const struct host_view_options o = options_of(false, false);
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	struct host_facts f;

	(void)state;
	assert_int_equal(host_facts_read(&o, &a, &f, &e), 0);
	for (size_t i = 0; i < LENGTH(secret); i++)
		if (access(secret[i], F_OK) == 0)
			assert_true(is_hidden(&f, secret[i]));
	for (size_t i = 0; i < LENGTH(open); i++)
		assert_false(is_hidden(&f, open[i]));
	for (size_t i = 1; i < f.n_hidden; i++) /* none twice, none below another */
		assert_false(path_is_below(f.hidden[i], f.hidden[i - 1]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_below),
		cmocka_unit_test(one_overlay_for_one_file_system),
		cmocka_unit_test(parts_of_the_system_have_overlays_of_their_own),
		cmocka_unit_test(a_shared_home_on_its_own_file_system),
		cmocka_unit_test(rootless_has_an_overlay_for_each_directory),
		cmocka_unit_test(names_that_no_overlay_takes),
		cmocka_unit_test_setup_teardown(upper_directories_hide, set_up_place, tear_down_place),
		cmocka_unit_test_setup_teardown(own_files_take_the_place_of_the_hosts, set_up_place, tear_down_place),
		cmocka_unit_test(secrets_of_this_host_are_found),
	};

	return cmocka_run_group_tests_name("overlay_view", tests, NULL, NULL);
}
