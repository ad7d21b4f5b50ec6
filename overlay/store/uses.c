/*
 * What images are in use for. A use is a symbolic link, uses/DIRECTORY.DIGEST, to the container's directory: made by
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

/* Digits of the directory's digest, which stand for it; then a dot and those of the manifest's. */
enum { DIRECTORY_DIGITS = 16, DIGEST_DIGITS = 64 };

struct use_name {
	char text[DIRECTORY_DIGITS + 1 + DIGEST_DIGITS + 1];
};

static struct use_name name_of(const char *digest, const char *dir)
{
	struct use_name name;
	struct sha256_text of_dir = sha256_of(dir, strlen(dir));

	snprintf(name.text, sizeof(name.text), "%.*s.%.*s", DIRECTORY_DIGITS, store_hex(of_dir.text), DIGEST_DIGITS,
		 store_hex(digest));
	return name;
}

/* A directory that was used for another image before is not used for that any more. */
static int remove_other(int folder, const char *name, void *data, struct err *e)
{
	const struct use_name *mine = data;

	if (strncmp(name, mine->text, DIRECTORY_DIGITS + 1) == 0 && strcmp(name, mine->text) != 0 &&
	    unlinkat(folder, name, 0) < 0 && errno != ENOENT)
		return err_set(e, errno, "remove '%s/%s'", STORE_USES, name);
	return 0;
}

int store_use(struct store *s, const char *digest, const char *dir, struct err *e)
{
	if (image_digest_check(digest, e) < 0)
		return -e->code;
	struct use_name name = name_of(digest, dir);
	if (symlinkat(dir, s->dir, store_path(STORE_USES, name.text).path) < 0 && errno != EEXIST) {
		/* Nothing can be removed there either. */
		if (errno == EROFS)
			return 0;
		return err_set(e, errno, "image store '%s': create '%s/%s'", s->path, STORE_USES, name.text);
	}
	if (store_each(s->dir, STORE_USES, remove_other, &name, e) < 0)
		return err_wrap(e, "image store '%s'", s->path);
	return 0;
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
	char dir[PATH_MAX];
	struct err ignored;

	(void)e;
	ssize_t n = readlinkat(folder, name, dir, sizeof(dir) - 1);
	if (n < 0 || strlen(name) != DIRECTORY_DIGITS + 1 + DIGEST_DIGITS)
		return 0;
	dir[n] = '\0';
	const char *digest = arena_printf(r->arena, "sha256:%s", name + DIRECTORY_DIGITS + 1);
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
