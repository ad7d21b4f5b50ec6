/*
 * The end of an ingest. Once `commit` is on disk, and everything else of it was before, the way is only forward: blobs
 * and layers go to their places, then the names, then `commit` goes. All of that are renames, so that a full disk hinders
 * nothing. Each step can be done again by whoever finds the directory unlocked.
 */
#include "overlay/store/files.h"

#include "lib/fd.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- writing it ---- */

int commit_sync_folder(int dir, const char *folder, struct err *e)
{
	cleanup_close int fd = store_folder(dir, folder, e);
	if (fd < 0)
		return fd;
	return fsync(fd) < 0 ? err_set(e, errno, "sync '%s'", folder) : 0;
}

static int write_file(int dir, const char *name, const char *text, bool sync, struct err *e)
{
	cleanup_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(e, errno, "create '%s'", name);
	if (fd_write_all(fd, text, strlen(text), e) < 0)
		return err_wrap(e, "'%s'", name);
	return sync && fsync(fd) < 0 ? err_set(e, errno, "sync '%s'", name) : 0;
}

int commit_write_file(int dir, const char *text, int to, const char *name, struct err *e)
{
	if (write_file(dir, "new", text, true, e) < 0)
		return err_wrap(e, "'%s'", name);
	return renameat(dir, "new", to, name) < 0 ? err_set(e, errno, "rename 'new' to '%s'", name) : 0;
}

/* The file of the @i-th name; of an image without one, where there are none. */
static int name_file(const char *digest, const char *const *names, size_t n_names, size_t i, char ret[256], struct err *e)
{
	return store_name_file(n_names ? names[i] : NULL, digest, ret, e);
}

int commit_write(int dir, const char *digest, const char *const *names, size_t n_names, struct err *e)
{
	size_t n = n_names ? n_names : 1;
	char file[256];

	for (size_t i = 0; i < n; i++)
		if (name_file(digest, names, n_names, i, file, e) < 0)
			return -e->code;
	for (size_t i = 0; i < n; i++)
		if (name_file(digest, names, n_names, i, file, e) < 0 ||
		    write_file(dir, store_path("names", file).path, digest, false, e) < 0)
			return -e->code;
	if (syncfs(dir) < 0)
		return err_set(e, errno, "sync the file system");
	if (commit_write_file(dir, digest, dir, "commit", e) < 0)
		return -e->code;
	return commit_sync_folder(dir, ".", e);
}

/* ---- carrying on ---- */

struct commit {
	char digest[80];
};

/* -EINVAL: nothing that commit_write has written. */
static int read_commit(int dir, struct commit *ret, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;

	if (file_read_once_at(dir, "commit", &text, e) < 0)
		return -e->code;
	if (image_digest_check(buf_text(&text), e) < 0)
		return err_wrap(e, "commit");
	snprintf(ret->digest, sizeof(ret->digest), "%s", buf_text(&text));
	return 0;
}

/* What is there already is the same: it stays, and this one is removed with the ingest. A name's file is replaced. */
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

/* Moves what is in one folder of the ingest to one of the store. */
static int move_folder(const struct store *s, int ingest, const char *from, const char *to, struct err *e)
{
	cleanup_close int target = store_folder(s->dir, to, e);
	if (target < 0)
		return target;
	if (store_each(ingest, from, move_one, &target, e) < 0)
		return -e->code;
	if (strcmp(from, "layers") == 0 && store_each(ingest, "modes", give_mode, &target, e) < 0)
		return -e->code;
	return fsync(target) < 0 ? err_set(e, errno, "sync '%s'", to) : 0;
}

/* An image that has a name needs not be kept without, neither by this ingest nor by one before. */
int commit_drop_nameless(const struct store *s, int ingest, const char *digest, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct store_name *names = NULL;
	bool named = false;
	size_t n = 0;
	char file[256];

	if (store_names(s, &a, &names, &n, e) < 0 || store_name_file(NULL, digest, file, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		named = named || (names[i].name && strcmp(names[i].digest, digest) == 0);
	if (named) {
		unlinkat(ingest, store_path("names", file).path, 0);
		unlinkat(s->dir, store_path(STORE_NAMES, file).path, 0);
	}
	return 0;
}

static int carry_on(const struct store *s, int dir, const struct commit *c, struct err *e)
{
	if (move_folder(s, dir, "blobs", STORE_BLOBS, e) < 0 || move_folder(s, dir, "layers", STORE_LAYERS, e) < 0 ||
	    commit_drop_nameless(s, dir, c->digest, e) < 0 || move_folder(s, dir, "names", STORE_NAMES, e) < 0 ||
	    commit_drop_nameless(s, dir, c->digest, e) < 0)
		return -e->code;
	/* Before the rest, so that names that are removed from now on are not set again. */
	if (unlinkat(dir, "commit", 0) < 0)
		return err_set(e, errno, "remove 'commit'");
	return 0;
}

int commit_carry_on(const struct store *s, int dir, struct err *e)
{
	struct commit c;

	return read_commit(dir, &c, e) < 0 ? -e->code : carry_on(s, dir, &c, e);
}

/* ---- recovering ---- */

/*
 * One that is locked is being written, or being carried on: that is soon over and waited for. One that cannot be
 * removed hinders nobody.
 */
static int recover_one(int folder, const char *name, void *data, struct err *e)
{
	const struct store *s = data;
	struct commit c;
	struct err ignored;

	cleanup_close int dir = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return 0;
	bool committed = faccessat(dir, "commit", F_OK, 0) == 0;
	if (flock(dir, committed ? LOCK_EX : LOCK_EX | LOCK_NB) < 0)
		return 0;
	int r = read_commit(dir, &c, e);
	if (r >= 0)
		r = carry_on(s, dir, &c, e);
	else if (r == -ENOENT || r == -EINVAL)
		r = 0;
	if (r >= 0)
		remove_tree_at(folder, name, &ignored);
	return r;
}

int commit_recover(const struct store *s, struct err *e)
{
	return store_each(s->dir, STORE_INGEST, recover_one, (void *)s, e);
}
