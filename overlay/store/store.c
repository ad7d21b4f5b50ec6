/* The store itself: making and opening it, its lock, its files. */
#include "overlay/store/files.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Manifests have up to 4 MiB where registries keep to their specification; configurations can be longer. */
enum { DOCUMENT_MAX = 32 << 20 };

static const char *const folders[] = { "blobs", STORE_BLOBS, STORE_LAYERS, STORE_NAMES, STORE_USES, STORE_INGEST };
enum { N_FOLDERS = sizeof(folders) / sizeof(*folders) };

/* ---- files ---- */

const char *store_hex(const char *digest)
{
	return strchr(digest, ':') + 1;
}

struct store_path store_path(const char *folder, const char *name)
{
	struct store_path p;
	snprintf(p.path, sizeof(p.path), "%s/%s", folder, name);
	return p;
}

int store_folder(int dir, const char *folder, struct err *e)
{
	int fd = openat(dir, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 ? fd : err_set(e, errno, "open '%s'", folder);
}

struct visit {
	int (*each)(int folder, const char *name, void *data, struct err *e);
	void *data;
};

static int visit(int folder, const char *name, unsigned char type, void *data, struct err *e)
{
	const struct visit *v = data;

	(void)type;
	return v->each(folder, name, v->data, e);
}

int store_each(int dir, const char *folder, int (*each)(int folder, const char *name, void *data, struct err *e),
	       void *data, struct err *e)
{
	cleanup_close int fd = store_folder(dir, folder, e);

	return fd < 0 ? fd : dir_each(fd, visit, &(struct visit){ each, data }, e);
}

/* ---- making and opening ---- */

static int only_ours(int folder, const char *name, void *data, struct err *e)
{
	(void)folder, (void)data;
	for (int i = 0; i < N_FOLDERS; i++)
		if (strcmp(folders[i], name) == 0)
			return 0;
	return err_say(e, EINVAL, "it is no image store and holds '%s': say an empty directory, or one that does not "
		       "exist", name);
}

/* The lock is made last: where it is, everything is. */
static int fill(int dir, struct err *e)
{
	if (store_each(dir, ".", only_ours, NULL, e) < 0)
		return -e->code;
	for (int i = 0; i < N_FOLDERS; i++)
		if (mkdirat(dir, folders[i], 0700) < 0 && errno != EEXIST)
			return err_set(e, errno, "create '%s'", folders[i]);
	int lock = openat(dir, "lock", O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return lock >= 0 ? lock : err_set(e, errno, "create 'lock'");
}

/* Whoever may write there decides what containers run: it must be nobody else. */
static int check_owner(int dir, struct err *e)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return err_set(e, errno, "stat");
	if (st.st_uid != geteuid())
		return err_say(e, EPERM, "it belongs to user %u, not to %u: say --image-store for one of your own",
			       (unsigned)st.st_uid, (unsigned)geteuid());
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_say(e, EPERM, "others may write to it: 'chmod go-w' it");
	return 0;
}

static int open_parts(struct store *s, bool make, struct err *e)
{
	s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0 && errno == ENOENT && make) {
		if (mkdir_parents(s->path, 0700, e) < 0)
			return -e->code;
		s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (s->dir < 0)
		return err_set(e, errno, "open");
	if (check_owner(s->dir, e) < 0)
		return -e->code;
	s->lock = openat(s->dir, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (s->lock < 0 && errno == ENOENT && make)
		return s->lock = fill(s->dir, e);
	return s->lock >= 0 ? 0 : err_set(e, errno, "open 'lock'");
}

static int anything(int folder, const char *name, void *data, struct err *e)
{
	(void)folder, (void)name, (void)e;
	return *(bool *)data = true, 0;
}

/* Only when there is something, as the lock may have to be waited for. */
static int recover(struct store *s, struct err *e)
{
	bool something = false;

	if (store_each(s->dir, STORE_INGEST, anything, &something, e) < 0)
		return -e->code;
	if (!something)
		return 0;
	if (store_lock_shared(s, e) < 0)
		return -e->code;
	int r = commit_recover(s, e);
	store_unlock(s);
	return r < 0 && r != -EROFS ? err_wrap(e, "complete what was interrupted") : 0;
}

int store_open(const char *path, bool make, struct arena *a, struct store *ret, struct err *e)
{
	struct store s = STORE_INIT;

	s.path = arena_strdup(a, path);
	if (open_parts(&s, make, e) < 0 || recover(&s, e) < 0) {
		store_close(&s);
		return err_wrap(e, "image store '%s'", path);
	}
	*ret = s;
	return 0;
}

void store_close(struct store *s)
{
	close_fd(&s->lock);
	close_fd(&s->dir);
}

/* ---- the lock ---- */

/* Returns 1 with the lock, 0 when that would have to be waited for. */
static int lock(struct store *s, int how, struct err *e)
{
	while (flock(s->lock, how) < 0) {
		if (errno == EWOULDBLOCK)
			return 0;
		if (errno != EINTR)
			return err_set(e, errno, "lock the image store '%s'", s->path);
	}
	return 1;
}

/* What was committed may need what nothing leads to yet. */
static int lock_alone(struct store *s, int how, struct err *e)
{
	int r = lock(s, how, e);

	if (r <= 0)
		return r;
	r = commit_recover(s, e);
	if (r >= 0 || r == -EROFS)
		return 1;
	store_unlock(s);
	return err_wrap(e, "image store '%s': complete what was interrupted", s->path);
}

int store_lock_shared(struct store *s, struct err *e)
{
	return lock(s, LOCK_SH, e);
}

int store_lock_alone(struct store *s, struct err *e)
{
	return lock_alone(s, LOCK_EX, e);
}

int store_try_lock_alone(struct store *s, struct err *e)
{
	return lock_alone(s, LOCK_EX | LOCK_NB, e);
}

void store_unlock(struct store *s)
{
	flock(s->lock, LOCK_UN);
}

/* ---- reading ---- */

/* @digest may come from anywhere: it becomes a file's name only when it is one. */
static int open_content(const struct store *s, const char *folder, const char *what, const char *digest, int flags,
			struct err *e)
{
	if (image_digest_check(digest, e) < 0)
		return -e->code;
	int fd = openat(s->dir, store_path(folder, store_hex(digest)).path, flags | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		return err_say(e, ENOENT, "the %s %s is not in the image store '%s'", what, digest, s->path);
	return err_set(e, errno, "open the %s %s", what, digest);
}

int store_open_blob(const struct store *s, const char *digest, struct err *e)
{
	return open_content(s, STORE_BLOBS, "blob", digest, O_RDONLY, e);
}

int store_open_layer(const struct store *s, const char *diff_id, struct err *e)
{
	return open_content(s, STORE_LAYERS, "layer", diff_id, O_PATH | O_DIRECTORY, e);
}

static bool has(const struct store *s, const char *folder, const char *digest)
{
	struct err ignored;

	return image_digest_check(digest, &ignored) == 0 &&
	       faccessat(s->dir, store_path(folder, store_hex(digest)).path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool store_has_blob(const struct store *s, const char *digest)
{
	return has(s, STORE_BLOBS, digest);
}

bool store_has_layer(const struct store *s, const char *diff_id)
{
	return has(s, STORE_LAYERS, diff_id);
}

const char *store_layer_path(const struct store *s, const char *diff_id, struct arena *a)
{
	return arena_printf(a, "%s/" STORE_LAYERS "/%s", s->path, store_hex(diff_id));
}

int store_read(const struct store *s, const char *digest, struct arena *a, const char **ret, size_t *ret_len,
	       struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;

	cleanup_close int fd = store_open_blob(s, digest, e);
	if (fd < 0)
		return fd;
	if (fd_read_all(fd, DOCUMENT_MAX, &b, e) < 0)
		return err_wrap(e, "blob %s", digest);
	struct sha256_text is = sha256_of(buf_text(&b), b.len);
	if (strcmp(is.text, digest) != 0)
		return err_say(e, EBADMSG, "the blob %s is damaged: its content has the digest %s", digest, is.text);
	*ret = arena_strndup(a, buf_text(&b), b.len);
	*ret_len = b.len;
	return 0;
}
