/* snapshot.json, and finding snapshots by it. */
#include "runtime/snapshot/snapshot.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/near.h"
#include "runtime/log.h"
#include "spec/decode.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define DOCUMENT "snapshot.json"

enum { DOCUMENT_MAX = 1 << 20, VERSION = 1 };

struct document {
	struct snapshot s;
	int64_t version;
};

#define MEMBER(member) AT(struct document, s.member)
static const struct field fields[] = {
	{ "version", FIELD_INT, AT(struct document, version), .required = true },
	{ "name", FIELD_STRING, MEMBER(name), .required = true },
	{ "container", FIELD_STRING, MEMBER(container), .required = true },
	{ "created", FIELD_STRING, MEMBER(created), .required = true },
	{ "description", FIELD_STRING, MEMBER(description) },
	{ "expires", FIELD_STRING, MEMBER(expires) },
	{ "parent", FIELD_STRING, MEMBER(parent) },
	{ "memory", FIELD_BOOL, MEMBER(memory) },
	{ "bytes", FIELD_UINT, MEMBER(bytes) },
	{ "memoryBytes", FIELD_UINT, MEMBER(memory_bytes) },
	{ "files", FIELD_STRINGS, MEMBER(files), COUNT(struct document, s.n_files), .required = true },
	{ "layers", FIELD_STRINGS, MEMBER(layers), COUNT(struct document, s.n_layers) },
	{ "clonedFrom", FIELD_STRING, MEMBER(cloned_from) },
	{ "digests", FIELD_STRING, MEMBER(digests), .required = true },
};
static const struct object object = { FIELDS(fields) };

int snapshot_read(int snapshots, const char *name, struct arena *a, struct snapshot *ret, struct err *e)
{
	cleanup_close int dir = openat(snapshots, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_buf struct buf text = BUF_INIT;
	struct document d = { 0 };
	struct timespec t;

	if (dir < 0)
		return err_set(e, errno, "open it");
	if (file_read_at(dir, DOCUMENT, DOCUMENT_MAX, &text, e) < 0)
		return -e->code;
	if (decode_document(buf_text(&text), text.len, &object, a, &d, e) < 0)
		return err_wrap(e, DOCUMENT);
	if (d.version != VERSION)
		return err_say(e, ENOTSUP, "it was made by another version of ferry, in the form %lld", (long long)d.version);
	if (!clock_parse(d.s.created, &t) || (d.s.expires && !clock_parse(d.s.expires, &t)))
		return err_say(e, EBADMSG, DOCUMENT ": a time in it makes no sense");
	*ret = d.s;
	return 0;
}

static int load(int snapshots, const char *name, struct arena *a, struct snapshot *ret, struct err *e)
{
	int r = snapshot_read(snapshots, name, a, ret, e);

	if (r == 0)
		ret->name = arena_strdup(a, name);
	return r;
}

static void write_text(struct json_writer *w, const char *key, const char *text)
{
	if (text)
		json_string(w, key, text);
}

int snapshot_save(int dir, const struct snapshot *what, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = { .out = &b, .pretty = true };

	json_begin_object(&w, NULL);
	json_int(&w, "version", VERSION);
	json_string(&w, "name", what->name);
	json_string(&w, "container", what->container);
	json_string(&w, "created", what->created);
	write_text(&w, "description", what->description);
	write_text(&w, "expires", what->expires);
	write_text(&w, "parent", what->parent);
	json_bool(&w, "memory", what->memory);
	json_uint(&w, "bytes", what->bytes);
	json_uint(&w, "memoryBytes", what->memory_bytes);
	json_strings(&w, "files", what->files, what->n_files);
	json_strings(&w, "layers", what->layers, what->n_layers);
	write_text(&w, "clonedFrom", what->cloned_from);
	json_string(&w, "digests", what->digests);
	json_end_object(&w);
	buf_char(&b, '\n');
	return file_replace_at(dir, DOCUMENT, 0600, b.data, b.len, e);
}

/* ---- all ---- */

struct listing {
	struct runtime *rt;
	const struct launched *l;
	struct snapshot *all;
	size_t n;
};

static int add_one(int fd, const char *name, unsigned char type, void *data, struct err *e)
{
	struct listing *w = data;
	struct err why = ERR_INIT;
	struct snapshot s;

	(void)e;
	if (*name == '.' || (type != DT_DIR && type != DT_UNKNOWN))
		return 0;
	int r = load(fd, name, &w->rt->arena, &s, &why);
	if (r == 0)
		*arena_push(&w->rt->arena, &w->all, &w->n) = s;
	else if (r != -ENOENT && r != -ENOTDIR)
		log_warn("snapshot '%s/%s': %s", w->l->name, name, why.msg);
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct snapshot *x = a, *y = b;
	int r = strcmp(x->created, y->created);

	return r ? r : strcmp(x->name, y->name);
}

int snapshots_list(struct runtime *rt, const struct snapshots *s, struct snapshot **ret, size_t *ret_n, struct err *e)
{
	cleanup_close int dir = s->dir < 0 ? -1 : openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct listing w = { .rt = rt, .l = s->l };

	if (s->dir >= 0 && dir < 0)
		return err_set(e, errno, "read the snapshots of container '%s'", s->l->name);
	if (dir >= 0 && dir_each(dir, add_one, &w, e) < 0)
		return err_wrap(e, "the snapshots of container '%s'", s->l->name);
	if (w.n)
		qsort(w.all, w.n, sizeof(*w.all), by_time);
	*ret = w.all;
	*ret_n = w.n;
	return 0;
}

/* ---- one ---- */

static int unknown(struct runtime *rt, const struct snapshots *s, const char *name, struct err *e)
{
	struct near near = { .word = name };
	struct snapshot *all;
	size_t n;

	if (snapshots_list(rt, s, &all, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		near_offer(&near, all[i].name, all[i].name);
	return err_say(e, ENOENT, "container '%s' has no snapshot \"%s\"%s", s->l->name, name,
		       near_hint(&near, &rt->arena));
}

int snapshot_load(struct runtime *rt, const struct snapshots *s, const char *name, struct snapshot *ret, struct err *e)
{
	bool is_name = *name && *name != '.' && !strchr(name, '/');
	int r = s->dir >= 0 && is_name ? load(s->dir, name, &rt->arena, ret, e) : -ENOENT;

	if (r == -ENOENT || r == -ENOTDIR)
		return unknown(rt, s, name, e);
	return r < 0 ? err_wrap(e, "snapshot '%s/%s'", s->l->name, name) : 0;
}

int snapshot_split(struct runtime *rt, const char *text, struct launched *ret, const char **ret_name, struct err *e)
{
	const char *slash = strchr(text, '/');

	if (!slash || slash == text || !slash[1])
		return err_say(e, EINVAL, "\"%s\" is no snapshot: expected CONTAINER/SNAPSHOT, as 'ferry snapshot ls' shows them",
			       text);
	*ret_name = slash + 1;
	return launched_find(rt, arena_strndup(&rt->arena, text, (size_t)(slash - text)), ret, e);
}

const char *snapshot_directory(const struct snapshots *s, const struct snapshot *what, struct arena *a)
{
	return arena_printf(a, "%s/%s", snapshots_path(s->l, a), what->name);
}

const char *snapshots_current(struct runtime *rt, const struct snapshots *s)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct err ignored = ERR_INIT;

	if (file_read_once_at(s->dir, SNAPSHOTS_CURRENT, &text, &ignored) < 0 || text.len == 0)
		return NULL;
	return arena_strdup(&rt->arena, buf_text(&text));
}
