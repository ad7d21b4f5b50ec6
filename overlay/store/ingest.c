/* What is being added, before its commit. */
#include "overlay/store/files.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- beginning ---- */

static int draw_name(char *ret, size_t size, struct err *e)
{
	unsigned long long number;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return err_set(e, errno, "draw a random number");
	snprintf(ret, size, "%016llx", number);
	return 0;
}

/*
 * Between its making and its locking whoever recovers may take the directory for one that was left, and remove it.
 * Returns 1 when that has happened, 0 when it is ours.
 */
static int lock_directory(int parent, const char *name, int *ret, struct err *e)
{
	struct stat here, there;

	cleanup_close int dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0)
		return errno == ENOENT ? 1 : err_set(e, errno, "open '%s'", name);
	if (flock(dir, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? 1 : err_set(e, errno, "lock '%s'", name);
	if (fstat(dir, &here) < 0 || fstatat(parent, name, &there, AT_SYMLINK_NOFOLLOW) < 0 ||
	    here.st_ino != there.st_ino)
		return 1;
	*ret = take_fd(&dir);
	return 0;
}

int ingest_make(struct store *s, struct ingest *ret, struct err *e)
{
	struct ingest in = INGEST_INIT;
	int lost;

	cleanup_close int parent = store_folder(s->dir, STORE_INGEST, e);
	if (parent < 0)
		return parent;
	do {
		if (draw_name(in.name, sizeof(in.name), e) < 0)
			return -e->code;
		if (mkdirat(parent, in.name, 0700) < 0)
			return err_set(e, errno, "create '%s/%s/%s'", s->path, STORE_INGEST, in.name);
		lost = lock_directory(parent, in.name, &in.dir, e);
	} while (lost > 0);
	if (lost < 0)
		return lost;
	in.store = s;
	*ret = in;
	return 0;
}

int ingest_begin(struct store *s, struct ingest *ret, struct err *e)
{
	static const char *const folders[] = { "parts", "blobs", "layers", "modes", "names" };
	cleanup_ingest struct ingest in = INGEST_INIT;

	cleanup_close int lock = openat(s->dir, "lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (lock < 0)
		return err_set(e, errno, "open the lock of the image store '%s'", s->path);
	while (flock(lock, LOCK_SH) < 0)
		if (errno != EINTR)
			return err_set(e, errno, "lock the image store '%s'", s->path);
	if (ingest_make(s, &in, e) < 0)
		return -e->code;
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		if (mkdirat(in.dir, folders[i], 0700) < 0)
			return err_set(e, errno, "create '%s'", folders[i]);
	*ret = in;
	ret->lock = take_fd(&lock);
	in = INGEST_INIT;
	return 0;
}

/* ---- parts ---- */

static int check_key(const char *key, struct err *e)
{
	if (!*key || *key == '.' || strchr(key, '/') || strlen(key) > 128)
		return err_say(e, EINVAL, "'%s' cannot be the name of a file", key);
	return 0;
}

int ingest_blob(struct ingest *in, const char *key, struct err *e)
{
	if (check_key(key, e) < 0)
		return -e->code;
	int fd = openat(in->dir, store_path("parts", key).path,
			O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd >= 0 ? fd : err_set(e, errno, "create the blob '%s'", key);
}

int ingest_blob_take(struct ingest *in, const char *key, int dir, const char *name, struct err *e)
{
	struct stat st;

	if (check_key(key, e) < 0)
		return -e->code;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "stat '%s'", name);
	if (!S_ISREG(st.st_mode))
		return err_say(e, EINVAL, "'%s' is not a file", name);
	if (linkat(dir, name, in->dir, store_path("parts", key).path, 0) < 0)
		return err_set(e, errno, "link to '%s'", name);
	return 0;
}

int ingest_blob_done(struct ingest *in, const char *key, const char *digest, struct err *e)
{
	if (check_key(key, e) < 0 || image_digest_check(digest, e) < 0)
		return -e->code;
	struct store_path part = store_path("parts", key);
	if (store_has_blob(in->store, digest)) {
		if (unlinkat(in->dir, part.path, 0) < 0)
			return err_set(e, errno, "remove the blob '%s'", key);
		return 0;
	}
	if (renameat(in->dir, part.path, in->dir, store_path("blobs", store_hex(digest)).path) < 0)
		return err_set(e, errno, "rename the blob '%s'", key);
	return 0;
}

int ingest_document(struct ingest *in, const char *text, size_t len, struct arena *a, const char **ret_digest,
		    struct err *e)
{
	struct sha256_text digest = sha256_of(text, len);

	if (ret_digest)
		*ret_digest = arena_strdup(a, digest.text);
	if (store_has_blob(in->store, digest.text))
		return 0;
	cleanup_close int fd = openat(in->dir, store_path("blobs", store_hex(digest.text)).path,
				      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_set(e, errno, "create the blob %s", digest.text);
	if (fd_write_all(fd, text, len, e) < 0)
		return err_wrap(e, "blob %s", digest.text);
	return 0;
}

int ingest_layer(struct ingest *in, const char *key, struct err *e)
{
	if (check_key(key, e) < 0)
		return -e->code;
	struct store_path part = store_path("parts", key);
	if (mkdirat(in->dir, part.path, 0700) < 0)
		return err_set(e, errno, "create the layer '%s'", key);
	cleanup_close int fd = store_folder(in->dir, part.path, e);
	if (fd < 0)
		return fd;
	/* Whatever the umask is. */
	if (fchmod(fd, 0755) < 0)
		return err_set(e, errno, "chmod the layer '%s'", key);
	return take_fd(&fd);
}

/*
 * An ordinary user cannot give a directory that he may not write to another parent. Such a one gets its mode back
 * when it is in its place; until then a symbolic link, which is made in one step, says what that is.
 */
static int keep_mode(struct ingest *in, const char *part, const char *hex, struct err *e)
{
	struct stat st;
	char mode[16];

	if (fstatat(in->dir, part, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "stat '%s'", part);
	if (st.st_mode & S_IWUSR)
		return 0;
	snprintf(mode, sizeof(mode), "%o", (unsigned)st.st_mode & 07777);
	if ((symlinkat(mode, in->dir, store_path("modes", hex).path) < 0 && errno != EEXIST) ||
	    fchmodat(in->dir, part, st.st_mode | S_IWUSR, 0) < 0)
		return err_set(e, errno, "keep the mode of '%s'", part);
	return 0;
}

int ingest_layer_done(struct ingest *in, const char *key, const char *diff_id, struct err *e)
{
	if (check_key(key, e) < 0 || image_digest_check(diff_id, e) < 0)
		return -e->code;
	struct store_path part = store_path("parts", key), place = store_path("layers", store_hex(diff_id));
	if (store_has_layer(in->store, diff_id) || faccessat(in->dir, place.path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return remove_tree_at(in->dir, part.path, e);
	if (keep_mode(in, part.path, store_hex(diff_id), e) < 0)
		return -e->code;
	if (renameat(in->dir, part.path, in->dir, place.path) < 0)
		return err_set(e, errno, "rename the layer '%s'", key);
	return 0;
}

/* ---- ending ---- */

int ingest_commit(struct ingest *in, const char *digest, const char *const *names, size_t n_names, struct err *e)
{
	struct err ignored;

	int r = commit_write(in->dir, digest, names, n_names, e);
	if (r >= 0)
		r = commit_carry_on(in->store, in->dir, e);
	else if (faccessat(in->dir, "commit", F_OK, 0) < 0)
		return r;
	if (r >= 0)
		remove_tree_at(in->store->dir, store_path(STORE_INGEST, in->name).path, &ignored);
	close_fd(&in->dir);
	close_fd(&in->lock);
	return r < 0 ? err_wrap(e, "image store '%s'", in->store->path) : 0;
}

void ingest_end(struct ingest *in)
{
	struct err ignored;

	/* What cannot be removed now is removed by the next store_open. */
	if (in->dir >= 0)
		remove_tree_at(in->store->dir, store_path(STORE_INGEST, in->name).path, &ignored);
	close_fd(&in->dir);
	close_fd(&in->lock);
}
