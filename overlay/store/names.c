/* Names of images as files: what may stand in a name and not in a file's name is escaped. */
#include "overlay/store/files.h"

#include "lib/fd.h"
#include "lib/file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int store_name_file(const char *name, const char *digest, char ret[256], struct err *e)
{
	size_t n = 0;

	if (image_digest_check(digest, e) < 0)
		return -e->code;
	if (!name)
		return snprintf(ret, 256, "@%s", digest), 0;
	if (!*name || *name == '.' || *name == '@')
		return err_say(e, EINVAL, "'%s' is not a name of an image", name);
	for (const char *c = name; *c; c++) {
		bool escape = *c == '/' || *c == '%';
		if (n + (escape ? 3 : 1) > NAME_MAX)
			return err_say(e, ENAMETOOLONG, "the image name \"%s\" is too long to be stored", name);
		n += (size_t)snprintf(ret + n, 256 - n, escape ? "%%%02x" : "%c", (unsigned char)*c);
	}
	return 0;
}

/* NULL: it is not what store_name_file makes. */
static const char *name_of_file(const char *file, struct arena *a)
{
	char *name = arena_strdup(a, file), *to = name;

	for (const char *from = file; *from; from++) {
		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		if (strncmp(from, "%2f", 3) != 0 && strncmp(from, "%25", 3) != 0)
			return NULL;
		*to++ = from[2] == 'f' ? '/' : '%';
		from += 2;
	}
	*to = '\0';
	return name;
}

struct names {
	struct arena *arena;
	struct store_name *v;
	size_t n;
};

static int read_name(int folder, const char *file, void *data, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct names *names = data;
	struct err ignored;

	const char *name = name_of_file(file, names->arena);
	int r = file_read_once_at(folder, file, &text, e);
	if (r == -ENOENT)
		return 0; /* removed meanwhile */
	if (r < 0)
		return err_wrap(e, STORE_NAMES);
	if (!name || *file == '.' || image_digest_check(buf_text(&text), &ignored) < 0)
		return 0; /* nothing that was made here */
	*arena_push(names->arena, &names->v, &names->n) = (struct store_name){
		.name = *file == '@' ? NULL : name,
		.digest = arena_strdup(names->arena, buf_text(&text)),
	};
	return 0;
}

static int by_name(const void *x, const void *y)
{
	const struct store_name *a = x, *b = y;

	if (a->name && b->name)
		return strcmp(a->name, b->name);
	if (!a->name && !b->name)
		return strcmp(a->digest, b->digest);
	return a->name ? -1 : 1;
}

int store_names(const struct store *s, struct arena *a, struct store_name **ret, size_t *ret_n, struct err *e)
{
	struct names names = { .arena = a };

	int r = store_each(s->dir, STORE_NAMES, read_name, &names, e);
	if (r < 0)
		return r;
	if (names.n)
		qsort(names.v, names.n, sizeof(*names.v), by_name);
	*ret = names.v;
	*ret_n = names.n;
	return 0;
}

/* The one renaming is all that there is to commit. */
int store_set_name(struct store *s, const char *name, const char *digest, struct err *e)
{
	cleanup_ingest struct ingest in = INGEST_INIT;
	char file[256];

	if (store_name_file(name, digest, file, e) < 0)
		return -e->code;
	cleanup_close int names = store_folder(s->dir, STORE_NAMES, e);
	if (names < 0 || ingest_make(s, &in, e) < 0 || commit_write_file(in.dir, digest, names, file, e) < 0 ||
	    commit_sync_folder(s->dir, STORE_NAMES, e) < 0)
		return -e->code;
	return commit_drop_nameless(s, in.dir, digest, e);
}

int store_remove_name(struct store *s, const char *name, const char *digest, struct err *e)
{
	char file[256];

	if (store_name_file(name, digest, file, e) < 0)
		return -e->code;
	if (unlinkat(s->dir, store_path(STORE_NAMES, file).path, 0) < 0 && errno != ENOENT)
		return err_set(e, errno, "remove the name '%s'", file);
	return commit_sync_folder(s->dir, STORE_NAMES, e);
}
