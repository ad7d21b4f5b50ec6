/*
 * The end of an ingest. Once `commit` is on disk, and everything else of it was before, the way is only forward: blobs
 * and layers go to their places, then the names, then `commit` goes. Each step can be done again by whoever finds the
 * directory unlocked.
 */
#include "overlay/store/files.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COMMIT_MAX = 1 << 20 };

static int sync_folder(int dir, const char *folder, struct err *e)
{
	cleanup_close int fd = store_folder(dir, folder, e);
	if (fd < 0)
		return fd;
	return fsync(fd) < 0 ? err_set(e, errno, "sync '%s'", folder) : 0;
}

/* A file that is on disk before it is renamed to where it will be seen. */
static int write_synced(int dir, const char *text, size_t len, int to, const char *name, struct err *e)
{
	cleanup_close int fd = openat(dir, "new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(e, errno, "create '%s'", name);
	if (fd_write_all(fd, text, len, e) < 0)
		return err_wrap(e, "'%s'", name);
	if (fsync(fd) < 0)
		return err_set(e, errno, "sync '%s'", name);
	if (renameat(dir, "new", to, name) < 0)
		return err_set(e, errno, "rename '%s'", name);
	return 0;
}

int commit_write(int dir, const char *digest, const char *const *names, size_t n_names, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct json_writer w = { .out = &text };
	char file[256];

	for (size_t i = 0; i < n_names; i++)
		if (store_name_file(names[i], digest, file, e) < 0)
			return -e->code;
	if (image_digest_check(digest, e) < 0)
		return -e->code;
	json_begin_object(&w, NULL);
	json_string(&w, "digest", digest);
	json_strings(&w, "names", names, n_names);
	json_end_object(&w);
	if (write_synced(dir, text.data, text.len, dir, "commit", e) < 0)
		return -e->code;
	return sync_folder(dir, ".", e);
}

struct commit {
	const char *digest;
	const struct json *names;
};

/* -EINVAL: nothing that commit_write has written. */
static int read_commit(int dir, struct arena *a, struct commit *ret, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct json *doc = arena_new(a, struct json);
	char file[256];

	int r = file_read_at(dir, "commit", COMMIT_MAX, &text, e);
	if (r < 0)
		return r;
	if (json_parse(buf_text(&text), text.len, a, doc, e) < 0)
		return err_wrap(e, "commit");
	const struct json *digest = json_get(doc, "digest"), *names = json_get(doc, "names");
	if (!digest || digest->type != JSON_STRING || !names || names->type != JSON_ARRAY)
		return err_say(e, EINVAL, "commit: not understood");
	for (size_t i = 0; i < names->n; i++)
		if (names->members[i].value.type != JSON_STRING ||
		    store_name_file(names->members[i].value.text, digest->text, file, e) < 0)
			return err_say(e, EINVAL, "commit: names: not understood");
	*ret = (struct commit){ .digest = digest->text, .names = names };
	return image_digest_check(digest->text, e);
}

/* ---- carrying on ---- */

struct move {
	int ingest, to;
};

/* What is there already is the same: it stays, and this one is removed with the ingest. */
static int move_one(int folder, const char *name, void *data, struct err *e)
{
	const int *to = data;

	if (renameat(folder, name, *to, name) < 0 && errno != EEXIST && errno != ENOTEMPTY && errno != ENOENT)
		return err_set(e, errno, "rename '%s'", name);
	return 0;
}

static int give_mode(int folder, const char *name, void *data, struct err *e)
{
	const int *to = data;
	char text[16];
	ssize_t n = readlinkat(folder, name, text, sizeof(text) - 1);

	if (n < 0)
		return err_set(e, errno, "read the mode of '%s'", name);
	text[n] = '\0';
	if (fchmodat(*to, name, (mode_t)strtoul(text, NULL, 8) & 07777, 0) < 0 && errno != ENOENT)
		return err_set(e, errno, "chmod '%s'", name);
	return 0;
}

/* Moves one folder of the ingest to one of the store. An ingest of a name alone has none. */
static int move_folder(const struct store *s, int ingest, const char *from, const char *to, struct err *e)
{
	cleanup_close int target = store_folder(s->dir, to, e);
	if (target < 0)
		return target;
	if (faccessat(ingest, from, F_OK, 0) < 0)
		return 0;
	if (store_each(ingest, from, move_one, &target, e) < 0)
		return -e->code;
	if (strcmp(from, "layers") == 0 && store_each(ingest, "modes", give_mode, &target, e) < 0)
		return -e->code;
	return fsync(target) < 0 ? err_set(e, errno, "sync '%s'", to) : 0;
}

static int set_name(int ingest, int names, const char *name, const char *digest, struct err *e)
{
	char file[256];

	if (store_name_file(name, digest, file, e) < 0)
		return -e->code;
	return write_synced(ingest, digest, strlen(digest), names, file, e);
}

static int set_names(const struct store *s, int ingest, const struct commit *c, struct arena *a, struct err *e)
{
	struct store_name *there = NULL;
	size_t n = 0;
	bool named = c->names->n > 0;
	char file[256];

	cleanup_close int names = store_folder(s->dir, STORE_NAMES, e);
	if (names < 0 || store_names(s, a, &there, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		named = named || strcmp(there[i].digest, c->digest) == 0;
	if (!named && set_name(ingest, names, NULL, c->digest, e) < 0)
		return -e->code;
	for (size_t i = 0; i < c->names->n; i++)
		if (set_name(ingest, names, c->names->members[i].value.text, c->digest, e) < 0)
			return -e->code;
	/* With a name it needs no longer be kept without. */
	if (c->names->n && store_name_file(NULL, c->digest, file, e) == 0)
		unlinkat(names, file, 0);
	return fsync(names) < 0 ? err_set(e, errno, "sync '%s'", STORE_NAMES) : 0;
}

int commit_carry_on(const struct store *s, int dir, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct commit c = { 0 };

	if (read_commit(dir, &a, &c, e) < 0 || move_folder(s, dir, "blobs", STORE_BLOBS, e) < 0 ||
	    move_folder(s, dir, "layers", STORE_LAYERS, e) < 0 || set_names(s, dir, &c, &a, e) < 0)
		return -e->code;
	/* Before the rest, so that names that are removed from now on are not set again. */
	if (unlinkat(dir, "commit", 0) < 0)
		return err_set(e, errno, "remove 'commit'");
	return 0;
}

/* ---- recovering ---- */

/*
 * One that is locked is being written, or being carried on: that is soon over and waited for. One that cannot be
 * removed hinders nobody.
 */
static int recover_one(int folder, const char *name, void *data, struct err *e)
{
	const struct store *s = data;
	struct err ignored;

	cleanup_close int dir = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return 0;
	bool committed = faccessat(dir, "commit", F_OK, 0) == 0;
	if (flock(dir, committed ? LOCK_EX : LOCK_EX | LOCK_NB) < 0)
		return 0;
	if (faccessat(dir, "commit", F_OK, 0) == 0) {
		int r = commit_carry_on(s, dir, e);
		if (r < 0 && r != -EINVAL)
			return r;
	}
	remove_tree_at(folder, name, &ignored);
	return 0;
}

int commit_recover(const struct store *s, struct err *e)
{
	return store_each(s->dir, STORE_INGEST, recover_one, (void *)s, e);
}
