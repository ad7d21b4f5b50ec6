/* The image store: what is added is there whole or not at all, whenever whoever adds it is killed. */
#include "overlay/store/store.h"

#include "lib/proc.h"
#include "lib/sha256.h"
#include "tests/unit/fixture_dir.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/file.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

/* ---- images made by hand ---- */

/* Of a layer whose blob is @text, and whose directory holds the file `file` with that text. */
struct sample {
	struct arena arena;
	const char *layer, *diff_id, *config, *manifest; /* texts */
	const char *layer_digest, *config_digest, *digest;
};

static const char *digest_of(struct arena *a, const char *text)
{
	return arena_strdup(a, sha256_of(text, strlen(text)).text);
}

static struct sample sample_new(const char *text)
{
	struct sample s = { .arena = ARENA_INIT, .layer = text };
	struct arena *a = &s.arena;

	s.layer_digest = digest_of(a, text);
	s.diff_id = digest_of(a, arena_printf(a, "%s, unpacked", text));
	s.config = arena_printf(a, "{\"architecture\": \"amd64\", \"os\": \"linux\", \"author\": \"%s\", \"rootfs\": "
				"{\"type\": \"layers\", \"diff_ids\": [\"%s\"]}}", text, s.diff_id);
	s.config_digest = digest_of(a, s.config);
	s.manifest = arena_printf(a, "{\"schemaVersion\": 2, \"config\": {\"digest\": \"%s\", \"size\": %zu}, "
				  "\"layers\": [{\"digest\": \"%s\", \"size\": %zu}]}",
				  s.config_digest, strlen(s.config), s.layer_digest, strlen(text));
	s.digest = digest_of(a, s.manifest);
	return s;
}

static void sample_finish(struct sample *s)
{
	arena_finish(&s->arena);
}
#define cleanup_sample __attribute__((cleanup(sample_finish)))

static int write_file(int dir, const char *name, const char *text, struct err *e)
{
	cleanup_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	return fd < 0 ? err_set(e, errno, "create") : fd_write_all(fd, text, strlen(text), e);
}

/* Everything of an ingest but its end. @mode: of the layer's root. */
static int add_parts(struct ingest *in, const struct sample *s, mode_t mode, struct err *e)
{
	struct arena a = ARENA_INIT;

	cleanup_close int blob = ingest_blob(in, "blob", e);
	if (blob < 0 || fd_write_all(blob, s->layer, strlen(s->layer), e) < 0 ||
	    ingest_blob_done(in, "blob", s->layer_digest, e) < 0)
		return -e->code;
	cleanup_close int layer = ingest_layer(in, "layer", e);
	if (layer < 0 || write_file(layer, "file", s->layer, e) < 0)
		return -e->code;
	if (fchmod(layer, mode) < 0 || ingest_layer_done(in, "layer", s->diff_id, e) < 0)
		return -e->code;
	int r = ingest_document(in, s->config, strlen(s->config), &a, NULL, e);
	if (r >= 0)
		r = ingest_document(in, s->manifest, strlen(s->manifest), &a, NULL, e);
	arena_finish(&a);
	return r;
}

static int add(struct store *store, const struct sample *s, const char *const *names, size_t n, struct err *e)
{
	cleanup_ingest struct ingest in = INGEST_INIT;

	if (ingest_begin(store, &in, e) < 0 || add_parts(&in, s, 0755, e) < 0)
		return -e->code;
	return ingest_commit(&in, s->digest, names, n, e);
}

static int add_named(struct store *store, const struct sample *s, const char *name, struct err *e)
{
	return add(store, s, &name, name ? 1 : 0, e);
}

/* ---- what is looked at ---- */

#define ok(call)                                                                                                       \
	do {                                                                                                           \
		if ((call) < 0)                                                                                        \
			fail_msg("%s", e.msg);                                                                         \
	} while (0)

static int open_store(struct fixture_dir *d, struct arena *a, struct store *ret, struct err *e)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/store", d->path);
	return store_open(path, true, a, ret, e);
}

static size_t entries(const struct store *s, const char *folder)
{
	cleanup_close int fd = openat(s->dir, folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t n = 0;

	assert_true(fd >= 0);
	DIR *d = fdopendir(dup(fd));
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void expect_counts(const struct store *s, size_t names, size_t blobs, size_t layers)
{
	assert_int_equal(entries(s, "names"), names);
	assert_int_equal(entries(s, "blobs/sha256"), blobs);
	assert_int_equal(entries(s, "layers"), layers);
	assert_int_equal(entries(s, "ingest"), 0);
}

/* An image is all there: its documents, its blob, its layer. */
static void expect_whole(const struct store *s, const struct sample *sample, const char *text)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct fixture_dir layer = { .fd = -1 };
	struct store_image image;
	struct err e;

	ok(store_find(s, text, &a, &image, &e));
	assert_string_equal(image.digest, sample->digest);
	assert_string_equal(image.id, sample->config_digest);
	assert_string_equal(image.config.diff_ids[0], sample->diff_id);
	assert_int_equal(image.size_bytes, strlen(sample->layer));
	assert_true(store_has_blob(s, sample->layer_digest));
	layer.fd = store_open_layer(s, sample->diff_id, &e);
	fixture_expect(&layer, "file", sample->layer);
	close_fd(&layer.fd);
}

/* ---- adding and finding ---- */

static void making(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_store struct store s = STORE_INIT;
	char path[128];
	struct stat st;
	struct err e;

	(void)state;
	snprintf(path, sizeof(path), "%s/a/store", d.path);
	assert_int_equal(store_open(path, false, &a, &s, &e), -ENOENT);
	assert_int_equal(faccessat(d.fd, "a", F_OK, 0), -1);
	ok(store_open(path, true, &a, &s, &e));
	expect_counts(&s, 0, 0, 0);
	assert_int_equal(fstat(s.dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	store_close(&s);
	ok(store_open(path, false, &a, &s, &e));

	/* One that was killed while it made a store: the lock is made last. */
	assert_int_equal(unlinkat(s.dir, "lock", 0), 0);
	assert_int_equal(unlinkat(s.dir, "ingest", AT_REMOVEDIR), 0);
	store_close(&s);
	assert_int_equal(store_open(path, false, &a, &s, &e), -ENOENT);
	ok(store_open(path, true, &a, &s, &e));
	expect_counts(&s, 0, 0, 0);
}

static void refused_places(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_arena struct arena a = ARENA_INIT;
	struct store s = STORE_INIT;
	struct err e;

	(void)state;
	fixture_file(&d, "letter", "dear");
	assert_int_equal(store_open(d.path, true, &a, &s, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "holds 'letter'"));
	assert_int_equal(unlinkat(d.fd, "letter", 0), 0);
	assert_int_equal(fchmod(d.fd, 0777), 0);
	assert_int_equal(store_open(d.path, true, &a, &s, &e), -EPERM);
	assert_int_equal(fchmod(d.fd, 0700), 0);
	if (geteuid() == 0) {
		assert_int_equal(fchown(d.fd, 12345, 12345), 0);
		assert_int_equal(store_open(d.path, true, &a, &s, &e), -EPERM);
		assert_non_null(strstr(e.msg, "belongs to user 12345"));
	}
	assert_int_equal(s.dir, -1);
}

static void adding(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_sample struct sample one = sample_new("one"), two = sample_new("two");
	const char *const names[] = { "b.example/team/app:1", "b.example/team/app:latest" };
	cleanup_store struct store s = STORE_INIT;
	cleanup_arena struct arena a = ARENA_INIT;
	struct store_image *images;
	size_t n;
	struct err e;

	(void)state;
	ok(open_store(&d, &a, &s, &e));
	ok(add(&s, &one, names, 2, &e));
	ok(add_named(&s, &two, NULL, &e));
	expect_counts(&s, 3, 6, 2);
	ok(store_list(&s, &a, &images, &n, &e));
	assert_int_equal(n, 2);
	assert_string_equal(images[0].digest, one.digest);
	assert_int_equal(images[0].n_names, 2);
	assert_string_equal(images[0].names[0], names[0]);
	assert_string_equal(images[0].names[1], names[1]);
	assert_string_equal(images[1].digest, two.digest);
	assert_int_equal(images[1].n_names, 0);
	expect_whole(&s, &one, names[0]);
	expect_whole(&s, &two, two.digest);

	/* Again, it is the same; with a name, it is no longer kept without one. */
	ok(add_named(&s, &two, NULL, &e));
	expect_counts(&s, 3, 6, 2);
	ok(add_named(&s, &two, "two:latest", &e));
	ok(add_named(&s, &two, NULL, &e));
	expect_counts(&s, 3, 6, 2);
	/* A name moves. */
	ok(store_set_name(&s, "b.example/team/app:1", two.digest, &e));
	expect_whole(&s, &two, "b.example/team/app:1");
	expect_whole(&s, &one, "b.example/team/app");
	expect_counts(&s, 3, 6, 2);
}

static void finding(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_sample struct sample one = sample_new("one"), two = sample_new("two");
	const char *const names[] = { "a.example/app:latest", "a.example/team/web:1", "db:latest" };
	const char *const other[] = { "b.example:5000/app:latest", "localhost/mail:latest" };
	cleanup_store struct store s = STORE_INIT;
	cleanup_arena struct arena a = ARENA_INIT;
	struct store_image image;
	struct err e;

	(void)state;
	ok(open_store(&d, &a, &s, &e));
	ok(add(&s, &one, names, 3, &e));
	ok(add(&s, &two, other, 2, &e));
	const char *const found[] = {
		"a.example/app", "a.example/app:latest", "team/web:1", "web:1", "db", one.digest, one.config_digest,
		arena_strndup(&a, one.digest + 7, 6), arena_strndup(&a, one.config_digest, 7 + 6),
		arena_printf(&a, "whatever@%s", one.digest),
	};
	for (size_t i = 0; i < sizeof(found) / sizeof(*found); i++)
		expect_whole(&s, &one, found[i]);
	expect_whole(&s, &two, "mail");

	static const struct {
		const char *text;
		int code;
		const char *said;
	} missing[] = {
		{ "app", -EINVAL, "a.example/app:latest, b.example:5000/app:latest: say more" },
		{ "c.example/app", -ENOENT, "no image \"c.example/app\"" },
		{ "web", -ENOENT, "did you mean \"a.example/team/web:1\"?" },
		{ "team/wbe:1", -ENOENT, "did you mean \"a.example/team/web:1\"?" },
		{ "dbb", -ENOENT, "did you mean \"db:latest\"?" },
		{ "nothinglike", -ENOENT, "'ferry image import' adds one" },
		{ "Nothing", -EINVAL, "lower case" },
		{ "0000000", -ENOENT, "no image" },
		{ "../../x", -EINVAL, "invalid image name" },
		{ "", -EINVAL, "invalid image name" },
	};
	for (size_t i = 0; i < sizeof(missing) / sizeof(*missing); i++) {
		assert_int_equal(store_find(&s, missing[i].text, &a, &image, &e), missing[i].code);
		if (!strstr(e.msg, missing[i].said))
			fail_msg("'%s' has no '%s'", e.msg, missing[i].said);
	}
}

static void damage(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_sample struct sample one = sample_new("one"), two = sample_new("two");
	cleanup_store struct store s = STORE_INIT;
	cleanup_arena struct arena a = ARENA_INIT;
	struct store_image *images, image;
	struct store_prune p = { 0 };
	const char *text;
	size_t n;
	struct err e;

	(void)state;
	ok(open_store(&d, &a, &s, &e));
	ok(add_named(&s, &one, "one:1", &e));
	ok(add_named(&s, &two, "two:1", &e));
	char path[256];
	snprintf(path, sizeof(path), "blobs/sha256/%s", one.config_digest + 7);
	ok(write_file(s.dir, path, "[", &e));
	assert_int_equal(store_read(&s, one.config_digest, &a, &text, &n, &e), -EBADMSG);
	assert_int_equal(store_find(&s, "one:1", &a, &image, &e), -EBADMSG);
	ok(store_list(&s, &a, &images, &n, &e));
	assert_int_equal(n, 2);
	assert_non_null(images[0].damage);
	assert_null(images[1].damage);
	ok(store_lock_alone(&s, &e));
	ok(store_sweep(&s, &p, &e));
	expect_whole(&s, &two, "two:1");
	assert_true(store_has_blob(&s, one.layer_digest));

	/* What was no digest never becomes a path. */
	assert_int_equal(store_read(&s, "sha256:../../lock", &a, &text, &n, &e), -EINVAL);
	assert_int_equal(store_open_blob(&s, "../lock", &e), -EINVAL);
	assert_false(store_has_layer(&s, "sha256:.."));
}

static void bad_ingests(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_sample struct sample one = sample_new("one");
	cleanup_store struct store s = STORE_INIT;
	cleanup_arena struct arena a = ARENA_INIT;
	const char *const bad[] = { ".", "..", "", "../x", "a/b" };
	char lengthy[300];
	struct err e;

	(void)state;
	ok(open_store(&d, &a, &s, &e));
	cleanup_ingest struct ingest in = INGEST_INIT;
	ok(ingest_begin(&s, &in, &e));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(ingest_blob(&in, bad[i], &e), -EINVAL);
		assert_int_equal(ingest_layer(&in, bad[i], &e), -EINVAL);
	}
	cleanup_close int blob = ingest_blob(&in, "x", &e);
	assert_true(blob >= 0);
	assert_int_equal(ingest_blob(&in, "x", &e), -EEXIST);
	assert_int_equal(ingest_blob_done(&in, "x", "sha256:../x", &e), -EINVAL);
	memset(lengthy, 'a', sizeof(lengthy));
	lengthy[sizeof(lengthy) - 1] = '\0';
	const char *const names[] = { lengthy, "../x", ".x", "@x" };
	assert_int_equal(ingest_commit(&in, one.digest, &names[0], 1, &e), -ENAMETOOLONG);
	assert_int_equal(ingest_commit(&in, one.digest, &names[2], 1, &e), -EINVAL);
	assert_int_equal(ingest_commit(&in, one.digest, &names[3], 1, &e), -EINVAL);
	assert_int_equal(ingest_commit(&in, "sha256:x", NULL, 0, &e), -EINVAL);
	ingest_end(&in);
	expect_counts(&s, 0, 0, 0);
}

static void taken_blobs(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_store struct store s = STORE_INIT;
	cleanup_ingest struct ingest in = INGEST_INIT;
	cleanup_arena struct arena a = ARENA_INIT;
	struct err e;

	(void)state;
	ok(open_store(&d, &a, &s, &e));
	ok(ingest_begin(&s, &in, &e));
	fixture_file(&d, "blob", "one");
	assert_int_equal(symlinkat("blob", d.fd, "link"), 0);
	assert_int_equal(ingest_blob_take(&in, "b", d.fd, "link", &e), -EINVAL);
	ok(ingest_blob_take(&in, "b", d.fd, "blob", &e));
	ok(ingest_blob_done(&in, "b", digest_of(&a, "one"), &e));
	ok(ingest_commit(&in, digest_of(&a, "one"), NULL, 0, &e));
	expect_counts(&s, 1, 1, 0);
}

/* Two at once, of the same: both succeed, one of them is kept. */
static void concurrent(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_sample struct sample one = sample_new("one");
	cleanup_store struct store s = STORE_INIT;
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_ingest struct ingest first = INGEST_INIT, second = INGEST_INIT;
	const char *const names[] = { "one:1", "one:2" };
	struct err e;

	(void)state;
	ok(open_store(&d, &a, &s, &e));
	ok(ingest_begin(&s, &first, &e));
	ok(ingest_begin(&s, &second, &e));
	ok(add_parts(&first, &one, 0555, &e));
	ok(add_parts(&second, &one, 0555, &e));
	/* Whoever opens the store meanwhile leaves them alone, and whoever removes waits. */
	cleanup_store struct store other = STORE_INIT;
	ok(open_store(&d, &a, &other, &e));
	assert_int_equal(entries(&s, "ingest"), 2);
	assert_int_equal(flock(other.lock, LOCK_EX | LOCK_NB), -1);
	ok(ingest_commit(&first, one.digest, &names[0], 1, &e));
	ok(ingest_commit(&second, one.digest, &names[1], 1, &e));
	expect_counts(&s, 2, 3, 1);
	expect_whole(&s, &one, "one:1");
	expect_whole(&s, &one, "one:2");
	assert_int_equal(flock(other.lock, LOCK_EX | LOCK_NB), 0);
	/* The layer's root has the mode that it came with. */
	struct stat st;
	cleanup_close int layer = store_open_layer(&s, one.diff_id, &e);
	assert_int_equal(fstat(layer, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0555);
}

/* ---- removing ---- */

static void sweeping(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_sample struct sample one = sample_new("one"), two = sample_new("two"), three = sample_new("three");
	cleanup_store struct store s = STORE_INIT;
	cleanup_arena struct arena a = ARENA_INIT;
	const char *const drop[] = { three.digest };
	struct store_prune all = { 0 }, dry = { drop, 1, .dry_run = true }, used = { drop, 1 };
	struct err e;

	(void)state;
	ok(open_store(&d, &a, &s, &e));
	ok(add_named(&s, &one, "one:1", &e));
	ok(add_named(&s, &two, "two:1", &e));
	ok(add_named(&s, &three, NULL, &e));
	ok(store_lock_alone(&s, &e));
	ok(store_sweep(&s, &all, &e));
	assert_int_equal(all.blobs + all.layers_removed, 0);
	expect_counts(&s, 3, 9, 3);

	ok(store_lock_alone(&s, &e));
	ok(store_remove_name(&s, "two:1", two.digest, &e));
	ok(store_remove_name(&s, "two:1", two.digest, &e));
	ok(store_sweep(&s, &dry, &e));
	assert_int_equal(dry.blobs, 6);
	assert_int_equal(dry.layers_removed, 2);
	assert_true(dry.freed_bytes > 0);
	expect_counts(&s, 2, 9, 3);

	ok(store_use(&s, two.digest, d.path, &e));
	ok(store_lock_alone(&s, &e));
	ok(store_sweep(&s, &used, &e));
	assert_int_equal(used.blobs, 3);
	assert_int_equal(used.layers_removed, 1);
	expect_counts(&s, 1, 6, 2);
	expect_whole(&s, &one, "one:1");
	assert_true(store_has_blob(&s, two.layer_digest) && store_has_layer(&s, two.diff_id));
}

/* An image is used until the container's directory is gone. */
static void uses(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_sample struct sample one = sample_new("one"), two = sample_new("two");
	cleanup_store struct store s = STORE_INIT;
	cleanup_arena struct arena a = ARENA_INIT;
	const char *web = arena_printf(&a, "%s/web", d.path), *far = arena_printf(&a, "%s/far/web", d.path);
	struct store_prune p = { 0 };
	struct store_user *users;
	size_t n;
	struct err e;

	(void)state;
	ok(open_store(&d, &a, &s, &e));
	assert_int_equal(mkdirat(d.fd, "web", 0700), 0);
	ok(store_use(&s, one.digest, web, &e));
	ok(store_use(&s, one.digest, web, &e));
	ok(store_users(&s, &a, &users, &n, &e));
	assert_int_equal(n, 1);
	assert_string_equal(users[0].digest, one.digest);
	assert_string_equal(users[0].dir, web);
	/* Another container in its place has another image. */
	ok(store_use(&s, two.digest, web, &e));
	ok(store_users(&s, &a, &users, &n, &e));
	assert_int_equal(n, 1);
	assert_string_equal(users[0].digest, two.digest);
	/* Where all that is above it is missing, a disk may be. */
	ok(store_use(&s, one.digest, far, &e));
	assert_int_equal(unlinkat(d.fd, "web", AT_REMOVEDIR), 0);
	ok(store_users(&s, &a, &users, &n, &e));
	assert_int_equal(n, 1);
	assert_string_equal(users[0].dir, far);
	ok(store_lock_alone(&s, &e));
	ok(write_file(s.dir, "uses/garbage", "", &e));
	assert_int_equal(entries(&s, "uses"), 3);
	ok(store_sweep(&s, &p, &e));
	assert_int_equal(entries(&s, "uses"), 1);
	assert_int_equal(store_use(&s, "sha256:../x", web, &e), -EINVAL);
	ok(store_unuse(s.path, far, &e));
	ok(store_unuse(s.path, far, &e));
	assert_int_equal(entries(&s, "uses"), 0);
}

/* ---- killed ---- */

/* What a killed process does, from a store that has "one:1" and an image without a name. */
static int do_add(struct store *s, const struct sample *sample, struct err *e)
{
	const char *const names[] = { "two:1", "two:2" };
	return add(s, sample, names, 2, e);
}

static int do_move(struct store *s, const struct sample *sample, struct err *e)
{
	return add_named(s, sample, "one:1", e);
}

static int do_remove(struct store *s, const struct sample *sample, struct err *e)
{
	struct store_prune p = { 0 };

	(void)sample;
	cleanup_arena struct arena a = ARENA_INIT;
	struct store_image image;
	if (store_lock_alone(s, e) < 0 || store_find(s, "one:1", &a, &image, e) < 0 ||
	    store_remove_name(s, "one:1", image.digest, e) < 0)
		return -e->code;
	return store_sweep(s, &p, e);
}

/* The child opens the store, stops, and does it. */
static void child(struct fixture_dir *d, int (*what)(struct store *, const struct sample *, struct err *),
		  const struct sample *sample)
{
	struct store s = STORE_INIT;
	struct arena a = ARENA_INIT;
	struct err e;

	if (open_store(d, &a, &s, &e) < 0 || ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
		_exit(2);
	raise(SIGSTOP);
	_exit(what(&s, sample, &e) < 0 ? 3 : 0);
}

/* Kills it where it enters its @n-th system call. Returns whether it came to its end before. */
static bool killed_at(pid_t pid, size_t n)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	for (size_t stops = 0; stops < 2 * n - 1; stops++) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			assert_int_equal(WEXITSTATUS(status), 0);
			return true;
		}
		assert_true(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	return false;
}

static bool has_name(const struct store *s, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "names/%s", name);
	return faccessat(s->dir, path, F_OK, 0) == 0;
}

/*
 * After each death the store is as before or as after, the next command sees nothing else, and prune leaves no
 * garbage.
 */
static void kill_everywhere(int (*what)(struct store *, const struct sample *, struct err *), size_t least,
			    void (*check)(struct store *, const struct sample *, const struct sample *, bool done))
{
	cleanup_sample struct sample one = sample_new("one"), two = sample_new("two"), three = sample_new("three");
	bool done = false;
	size_t n;

	for (n = 1; !done; n++) {
		cleanup_fixture struct fixture_dir d = fixture_dir_in("/dev/shm");
		cleanup_store struct store s = STORE_INIT;
		cleanup_arena struct arena a = ARENA_INIT;
		struct store_prune p = { 0 };
		struct err e;

		ok(open_store(&d, &a, &s, &e));
		ok(add_named(&s, &one, "one:1", &e));
		ok(add_named(&s, &three, NULL, &e));
		store_close(&s);
		pid_t pid = fork();
		if (pid == 0)
			child(&d, what, &two);
		done = killed_at(pid, n);

		ok(open_store(&d, &a, &s, &e));
		assert_int_equal(entries(&s, "ingest"), 0);
		check(&s, &one, &two, done);
		expect_whole(&s, &three, three.digest);
		ok(store_lock_alone(&s, &e));
		ok(store_sweep(&s, &p, &e));
		size_t images = 1 + (has_name(&s, "one:1") ? 1 : 0) + (has_name(&s, "two:1") ? 1 : 0);
		assert_int_equal(entries(&s, "blobs/sha256"), 3 * images);
		assert_int_equal(entries(&s, "layers"), images);
		check(&s, &one, &two, done);
	}
	assert_true(n > least);
}

static void check_added(struct store *s, const struct sample *one, const struct sample *two, bool done)
{
	expect_whole(s, one, "one:1");
	assert_int_equal(has_name(s, "two:1"), has_name(s, "two:2"));
	assert_true(!done || has_name(s, "two:1"));
	if (has_name(s, "two:1"))
		expect_whole(s, two, "two:2");
}

static void check_moved(struct store *s, const struct sample *one, const struct sample *two, bool done)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct store_image image;
	struct err e;

	ok(store_find(s, "one:1", &a, &image, &e));
	bool moved = strcmp(image.digest, two->digest) == 0;
	assert_true(!done || moved);
	expect_whole(s, moved ? two : one, "one:1");
}

static void check_removed(struct store *s, const struct sample *one, const struct sample *two, bool done)
{
	(void)two;
	assert_true(!done || !has_name(s, "one:1"));
	if (has_name(s, "one:1"))
		expect_whole(s, one, "one:1");
}

static void killed_adding(void **state)
{
	(void)state;
	kill_everywhere(do_add, 60, check_added);
}

static void killed_moving_a_name(void **state)
{
	(void)state;
	kill_everywhere(do_move, 60, check_moved);
}

static void killed_removing(void **state)
{
	(void)state;
	kill_everywhere(do_remove, 30, check_removed);
}

/* What a process leaves that is killed right after its commit, @text, is written. @name: a file in names/. */
static void leave_commit(struct fixture_dir *d, const struct sample *sample, const char *text, const char *name)
{
	cleanup_store struct store s = STORE_INIT;
	cleanup_arena struct arena a = ARENA_INIT;
	struct ingest in = INGEST_INIT;
	struct err e;

	ok(open_store(d, &a, &s, &e));
	ok(ingest_begin(&s, &in, &e));
	ok(add_parts(&in, sample, 0555, &e));
	ok(write_file(in.dir, "commit", text, &e));
	if (name)
		ok(write_file(in.dir, name, text, &e));
	close_fd(&in.dir);
	close_fd(&in.lock);
}

/* Whoever carries on may be killed, too. */
static void killed_recovering(void **state)
{
	cleanup_sample struct sample one = sample_new("one");
	bool done = false;
	size_t n;

	(void)state;
	for (n = 1; !done; n++) {
		cleanup_fixture struct fixture_dir d = fixture_dir_in("/dev/shm");
		cleanup_store struct store s = STORE_INIT;
		cleanup_arena struct arena a = ARENA_INIT;
		struct err e;

		leave_commit(&d, &one, one.digest, "names/one:1");
		pid_t pid = fork();
		if (pid == 0) {
			if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
				_exit(2);
			raise(SIGSTOP);
			_exit(open_store(&d, &a, &s, &e) < 0 ? 3 : 0);
		}
		done = killed_at(pid, n);

		ok(open_store(&d, &a, &s, &e));
		expect_counts(&s, 1, 3, 1);
		expect_whole(&s, &one, "one:1");
	}
	assert_true(n > 30);
}

/* And so is one that a process leaves while another has the store open: before that one removes anything. */
static void committed_meanwhile(void **state)
{
	cleanup_fixture struct fixture_dir d = fixture_dir_new();
	cleanup_sample struct sample one = sample_new("one");
	cleanup_store struct store s = STORE_INIT, other = STORE_INIT;
	cleanup_arena struct arena a = ARENA_INIT;
	struct store_prune p = { 0 };
	char name[128];
	struct err e;

	(void)state;
	ok(open_store(&d, &a, &s, &e));
	ok(open_store(&d, &a, &other, &e));
	snprintf(name, sizeof(name), "names/@%s", one.digest);
	leave_commit(&d, &one, one.digest, name);
	ok(store_lock_shared(&other, &e));
	assert_int_equal(store_try_lock_alone(&s, &e), 0);
	store_unlock(&other);
	assert_int_equal(store_try_lock_alone(&s, &e), 1);
	expect_counts(&s, 1, 3, 1);
	ok(store_sweep(&s, &p, &e));
	expect_whole(&s, &one, one.digest);
}

/* A commit that was cut short, or is none: what belongs to it goes. */
static void bad_commits(void **state)
{
	static const char *const texts[] = { "", "sha256:", "../x", "sha256:../x" };
	cleanup_sample struct sample one = sample_new("one");

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		cleanup_fixture struct fixture_dir d = fixture_dir_new();
		cleanup_store struct store s = STORE_INIT;
		cleanup_arena struct arena a = ARENA_INIT;
		struct err e;

		leave_commit(&d, &one, texts[i], NULL);
		ok(open_store(&d, &a, &s, &e));
		expect_counts(&s, 0, 0, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(making),	   cmocka_unit_test(refused_places),
		cmocka_unit_test(adding),	   cmocka_unit_test(finding),
		cmocka_unit_test(damage),	   cmocka_unit_test(bad_ingests),
		cmocka_unit_test(taken_blobs),	   cmocka_unit_test(concurrent),
		cmocka_unit_test(sweeping),	   cmocka_unit_test(uses),	   cmocka_unit_test(killed_adding),
		cmocka_unit_test(killed_moving_a_name), cmocka_unit_test(killed_removing),
		cmocka_unit_test(killed_recovering), cmocka_unit_test(committed_meanwhile),
		cmocka_unit_test(bad_commits),
	};
	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
