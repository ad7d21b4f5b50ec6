/*
 * What images are in use for. A use is a symbolic link, uses/DIRECTORY -> DIGEST:PATH, of the container's directory: made by
 * one system call, whole or not at all, and over when the directory is gone, whoever removed that.
 */
#include "overlay/store/files.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Digits of the directory's digest, which stand for it; and those of the manifest's in the target. */
enum { DIRECTORY_DIGITS = 32, DIGEST_DIGITS = 64 };

struct use_name {
	char text[DIRECTORY_DIGITS + 1];
};

static struct use_name name_of(const char *dir)
{
	struct use_name name;
	struct sha256_text of_dir = sha256_of(dir, strlen(dir));

	snprintf(name.text, sizeof(name.text), "%.*s", DIRECTORY_DIGITS, store_hex(of_dir.text));
	return name;
}

int store_use(struct store *s, const char *digest, const char *dir, struct err *e)
{
	char target[PATH_MAX];

	if (image_digest_check(digest, e) < 0)
		return -e->code;
	struct use_name name = name_of(dir);
	const struct store_path at = store_path(STORE_USES, name.text);
	if ((size_t)snprintf(target, sizeof(target), "%s:%s", store_hex(digest), dir) >= sizeof(target))
		return err_set(e, ENAMETOOLONG, "'%s'", dir);
	int r = symlinkat(target, s->dir, at.path);
	/* A directory that was used for another image before is not used for that any more. */
	if (r < 0 && errno == EEXIST && unlinkat(s->dir, at.path, 0) == 0)
		r = symlinkat(target, s->dir, at.path);
	/* Where nothing can be made, nothing can be removed either. */
	if (r == 0 || errno == EROFS)
		return 0;
	return err_set(e, errno, "image store '%s': create '%s/%s'", s->path, STORE_USES, name.text);
}

int store_unuse(const char *path, const char *dir, struct err *e)
{
	char use[PATH_MAX];
	struct use_name name = name_of(dir);

	if ((size_t)snprintf(use, sizeof(use), "%s/" STORE_USES "/%s", path, name.text) >= sizeof(use))
		return err_set(e, ENAMETOOLONG, "'%s'", path);
	return unlink(use) == 0 || errno == ENOENT ? 0 : err_set(e, errno, "remove '%s'", use);
}

struct reading {
	struct arena *arena;
	struct store_user *v;
	size_t n;
};

/* What is no use, or is over, is left for the sweep. */
static int read_use(int folder, const char *name, void *data, struct err *e)
{
	struct reading *r = data;
	char target[PATH_MAX], *dir = target + DIGEST_DIGITS;
	struct err ignored;

	(void)e;
	ssize_t n = readlinkat(folder, name, target, sizeof(target) - 1);
	if (n <= DIGEST_DIGITS || strlen(name) != DIRECTORY_DIGITS || *dir != ':')
		return 0;
	target[n] = *dir++ = '\0';
	const char *digest = arena_printf(r->arena, "sha256:%s", target);
	if (image_digest_check(digest, &ignored) < 0 || path_is_gone(dir))
		return 0;
	*arena_push(r->arena, &r->v, &r->n) = (struct store_user){ digest, arena_strdup(r->arena, dir) };
	return 0;
}

int store_users(const struct store *s, struct arena *a, struct store_user **ret, size_t *ret_n, struct err *e)
{
	struct reading r = { .arena = a };

	if (store_each(s->dir, STORE_USES, read_use, &r, e) < 0)
		return err_wrap(e, "image store '%s'", s->path);
	*ret = r.v;
	*ret_n = r.n;
	return 0;
}

static int sweep_use(int folder, const char *name, void *data, struct err *e)
{
	struct reading r = { .arena = data };

	if (read_use(folder, name, &r, e) < 0)
		return -e->code;
	if (r.n == 0 && unlinkat(folder, name, 0) < 0)
		return err_set(e, errno, "remove '%s/%s'", STORE_USES, name);
	return 0;
}

int store_sweep_users(const struct store *s, struct arena *a, struct err *e)
{
	return store_each(s->dir, STORE_USES, sweep_use, a, e);
}
