/* Mark and sweep. What is removed is first put where nobody looks for it, or is a file, which goes at once. */
#include "overlay/store/files.h"

#include "lib/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Hexadecimal digits of what stays. */
struct marks {
	struct arena *arena;
	const char **v;
	size_t n;
};

static void mark(struct marks *m, const char *digest)
{
	*arena_push(m->arena, &m->v, &m->n) = store_hex(digest);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool marked(const struct marks *m, const char *hex)
{
	return m->n && bsearch(&hex, m->v, m->n, sizeof(*m->v), compare);
}

struct sweep {
	struct store *store;
	struct store_prune *prune;
	struct marks blobs, layers;
	struct ingest trash;
};

/* Of an image that is damaged stays what can be told to be its own. */
static int mark_image(struct sweep *w, const char *digest, struct err *e)
{
	struct store_image image;

	if (store_load(w->store, digest, w->blobs.arena, &image, e) < 0)
		return err_wrap(e, "image %s", digest);
	mark(&w->blobs, image.digest);
	if (image.id)
		mark(&w->blobs, image.id);
	for (size_t i = 0; i < image.manifest.n_layers; i++)
		mark(&w->blobs, image.manifest.layers[i].digest);
	for (size_t i = 0; i < image.config.n_diff_ids; i++)
		mark(&w->layers, image.config.diff_ids[i]);
	return 0;
}

static bool is_dropped(const struct store_prune *p, const char *digest)
{
	for (size_t i = 0; i < p->n_drop; i++)
		if (strcmp(p->drop[i], digest) == 0)
			return true;
	return false;
}

static int mark_name(struct sweep *w, const struct store_name *name, struct err *e)
{
	if (!is_dropped(w->prune, name->digest))
		return mark_image(w, name->digest, e);
	return w->prune->dry_run ? 0 : store_remove_name(w->store, name->name, name->digest, e);
}

static int mark_all(struct sweep *w, struct err *e)
{
	struct arena *a = w->blobs.arena;
	struct store_user *users = NULL;
	struct store_name *names = NULL;
	size_t n = 0, n_users = 0;

	if (store_names(w->store, a, &names, &n, e) < 0 || store_users(w->store, a, &users, &n_users, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		if (mark_name(w, &names[i], e) < 0)
			return -e->code;
	for (size_t i = 0; i < n_users; i++)
		if (mark_image(w, users[i].digest, e) < 0)
			return -e->code;
	if (w->blobs.n)
		qsort(w->blobs.v, w->blobs.n, sizeof(*w->blobs.v), compare);
	if (w->layers.n)
		qsort(w->layers.v, w->layers.n, sizeof(*w->layers.v), compare);
	return 0;
}

/* What a tree occupies; of a file with several links the part of one. What cannot be read counts as nothing. */
static int64_t tree_bytes(int dir, const char *name)
{
	int64_t total = 0;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	total = (int64_t)st.st_blocks * 512 / (S_ISDIR(st.st_mode) ? 1 : (int64_t)st.st_nlink);
	if (!S_ISDIR(st.st_mode))
		return total;
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		close_fd(&fd);
		return total;
	}
	for (struct dirent *ent; (ent = readdir(d));)
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			total += tree_bytes(dirfd(d), ent->d_name);
	closedir(d);
	return total;
}

static int sweep_blob(int folder, const char *name, void *data, struct err *e)
{
	struct sweep *w = data;
	struct stat st;

	if (marked(&w->blobs, name) || fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (!w->prune->dry_run && unlinkat(folder, name, 0) < 0)
		return err_set(e, errno, "remove the blob %s", name);
	w->prune->blobs++;
	w->prune->freed_bytes += st.st_size;
	return 0;
}

/* An ordinary user must be allowed to write to what he gives another parent. */
static int put_away(int folder, const char *name, int trash)
{
	if (renameat(folder, name, trash, name) == 0)
		return 0;
	if (errno != EACCES || fchmodat(folder, name, 0700, 0) < 0)
		return -1;
	return renameat(folder, name, trash, name);
}

static int sweep_layer(int folder, const char *name, void *data, struct err *e)
{
	struct sweep *w = data;

	if (marked(&w->layers, name))
		return 0;
	int64_t bytes = tree_bytes(folder, name);
	if (!w->prune->dry_run && put_away(folder, name, w->trash.dir) < 0)
		return err_set(e, errno, "remove the layer %s", name);
	w->prune->layers_removed++;
	w->prune->freed_bytes += bytes;
	return 0;
}

int store_sweep(struct store *s, struct store_prune *p, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct sweep w = { s, p, { .arena = &a }, { .arena = &a }, INGEST_INIT };

	int r = mark_all(&w, e);
	if (r >= 0 && !p->dry_run)
		r = store_sweep_users(s, &a, e);
	/* The blobs first: a full disk gets room for the directory that the layers go to. */
	if (r >= 0)
		r = store_each(s->dir, STORE_BLOBS, sweep_blob, &w, e);
	if (r >= 0 && !p->dry_run)
		r = ingest_make(s, &w.trash, e);
	if (r >= 0)
		r = store_each(s->dir, STORE_LAYERS, sweep_layer, &w, e);
	/* Removing large layers takes its time, and nobody else has to wait for that. */
	store_unlock(s);
	ingest_end(&w.trash);
	return r < 0 ? err_wrap(e, "image store '%s'", s->path) : 0;
}
