/* Templates: documents with names, which appear by link(2) and go by unlink(2). */
#include "runtime/clone/clone.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/near.h"
#include "lib/text.h"
#include "runtime/container.h"
#include "runtime/log.h"
#include "spec/decode.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DOCUMENT_END ".json"

enum { DOCUMENT_MAX = 1 << 20, VERSION = 1, TEMPLATE_NAME_MAX = NAME_MAX - (sizeof(DOCUMENT_END) - 1) };

struct document {
	struct template t;
	int64_t version;
};

#define TEMPLATE(member) AT(struct document, t.member)
static const struct field fields[] = {
	{ "version", FIELD_INT, AT(struct document, version), .required = true },
	{ "source", FIELD_STRING, TEMPLATE(source), .required = true },
	{ "snapshot", FIELD_STRING, TEMPLATE(snapshot), .required = true },
	{ "hook", FIELD_STRING, TEMPLATE(hook) },
	{ "description", FIELD_STRING, TEMPLATE(description) },
	{ "created", FIELD_STRING, TEMPLATE(created), .required = true },
};
static const struct object object = { FIELDS(fields) };

static bool is_name(const char *text)
{
	struct err ignored = ERR_INIT;

	return container_check_id(text, &ignored) == 0 && strlen(text) <= TEMPLATE_NAME_MAX;
}

static const char *directory(struct runtime *rt, struct err *e)
{
	const char *path = runtime_data_path(rt, "templates");

	if (!path)
		err_say(e, EINVAL, "HOME is not set: there is no place for templates");
	return path;
}

/* -ENOENT: there is none. */
static int open_templates(struct runtime *rt, bool make, struct err *e)
{
	const char *path = directory(rt, e);

	if (!path || (make && mkdir_parents(path, 0700, e) < 0))
		return -e->code;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "open '%s'", path) : fd;
}

static int load(int dir, const char *name, struct arena *a, struct template *ret, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct document d = { .t.name = name };

	if (file_read_at(dir, arena_printf(a, "%s" DOCUMENT_END, name), DOCUMENT_MAX, &text, e) < 0)
		return -e->code;
	if (decode_document(buf_text(&text), text.len, &object, a, &d, e) < 0)
		return -e->code;
	if (d.version != VERSION)
		return err_say(e, ENOTSUP, "it was made by another version of ferry, in the form %lld", (long long)d.version);
	if (!strchr(d.t.source, '/') || d.t.snapshot[0] != '/')
		return err_say(e, EBADMSG, "it does not say what it is made of");
	*ret = d.t;
	return 0;
}

static int save(int dir, const struct template *t, const char *file, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct json_writer w = { .out = &b, .pretty = true };

	json_begin_object(&w, NULL);
	json_int(&w, "version", VERSION);
	json_string(&w, "source", t->source);
	json_string(&w, "snapshot", t->snapshot);
	if (t->hook)
		json_string(&w, "hook", t->hook);
	if (t->description)
		json_string(&w, "description", t->description);
	json_string(&w, "created", t->created);
	json_end_object(&w);
	buf_char(&b, '\n');
	cleanup_close int fd = openat(dir, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	if (fd < 0 || fd_write_all(fd, b.data, b.len, e) < 0 || fsync(fd) < 0)
		return e->code ? -e->code : err_set(e, errno, "write it");
	if (linkat(AT_FDCWD, fd_path(fd).path, dir, file, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (errno != EEXIST)
		return err_set(e, errno, "create '%s'", file);
	return err_say(e, EEXIST, "it is there already: remove it, or choose another name");
}

static int create(struct runtime *rt, const struct template *t, const struct clone_source *s, struct err *e)
{
	cleanup_snapshots struct snapshots held = SNAPSHOTS_INIT;
	cleanup_close int dir = open_templates(rt, true, e);
	if (dir < 0)
		return dir;
	const char *file = arena_printf(&rt->arena, "%s" DOCUMENT_END, t->name);
	struct template made = *t;
	made.source = arena_printf(&rt->arena, "%s/%s", s->l.id, s->snapshot);
	made.snapshot = s->dir;
	/* First who it is for: until it is there itself, it uses nothing. */
	if (clone_take_source(rt, s, arena_printf(&rt->arena, "%s/%s", directory(rt, e), file), &held, e) < 0)
		return -e->code;
	return save(dir, &made, file, e) < 0 ? err_wrap(e, "template '%s'", t->name) : 0;
}

int template_create(struct runtime *rt, const struct template *t, struct err *e)
{
	struct clone_source s = { 0 };

	if (!is_name(t->name))
		return err_say(e, EINVAL, "\"%s\" is no name for a template: use letters, digits and _+-., at most %d, with "
			       "no dot in front", t->name, TEMPLATE_NAME_MAX);
	if (clone_source_find(rt, t->source, t->name, false, &s, e) < 0)
		return -e->code;
	if (create(rt, t, &s, e) == 0)
		return 0;
	clone_source_drop(rt, &s);
	return -e->code;
}

/* ---- all ---- */

struct listing {
	struct arena *arena;
	struct template *all;
	size_t n;
};

static int add_one(int dir, const char *file, unsigned char type, void *data, struct err *e)
{
	struct listing *w = data;
	struct err why = ERR_INIT;
	struct template t;

	(void)type, (void)e;
	if (*file == '.' || !text_ends_with(file, DOCUMENT_END))
		return 0;
	const char *name = arena_strndup(w->arena, file, strlen(file) - strlen(DOCUMENT_END));
	int r = load(dir, name, w->arena, &t, &why);
	if (r == 0)
		*arena_push(w->arena, &w->all, &w->n) = t;
	else if (r != -ENOENT)
		log_warn("template '%s': %s", name, why.msg);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct template *)a)->name, ((const struct template *)b)->name);
}

int template_list(struct runtime *rt, struct template **ret, size_t *ret_n, struct err *e)
{
	cleanup_close int dir = open_templates(rt, false, e);
	struct listing w = { .arena = &rt->arena };

	*ret = NULL;
	*ret_n = 0;
	if (dir == -ENOENT)
		return *e = ERR_INIT, 0;
	if (dir < 0 || dir_each(dir, add_one, &w, e) < 0)
		return dir < 0 ? dir : err_wrap(e, "templates");
	if (w.n)
		qsort(w.all, w.n, sizeof(*w.all), by_name);
	*ret = w.all;
	*ret_n = w.n;
	return 0;
}

/* ---- one ---- */

static int unknown(struct runtime *rt, const char *name, struct err *e)
{
	struct near near = { .word = name };
	struct template *all;
	size_t n;

	*e = ERR_INIT;
	if (template_list(rt, &all, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		near_offer(&near, all[i].name, all[i].name);
	return err_say(e, ENOENT, "no template \"%s\"%s", name, near_hint(&near, &rt->arena));
}

int template_load(struct runtime *rt, const char *name, struct template *ret, struct err *e)
{
	cleanup_close int dir = is_name(name) ? open_templates(rt, false, e) : -ENOENT;
	int r = dir < 0 ? dir : load(dir, name, &rt->arena, ret, e);

	if (r == -ENOENT)
		return unknown(rt, name, e);
	return r < 0 ? err_wrap(e, "template '%s'", name) : 0;
}

int template_remove(struct runtime *rt, const char *name, struct err *e)
{
	struct template t;
	int r = template_load(rt, name, &t, e);

	if (r == -ENOENT)
		return r;
	/* One that cannot be read can be removed all the same. */
	*e = ERR_INIT;
	cleanup_close int dir = open_templates(rt, false, e);
	if (dir < 0)
		return dir;
	const char *file = arena_printf(&rt->arena, "%s" DOCUMENT_END, name);
	return unlinkat(dir, file, 0) < 0 ? err_set(e, errno, "remove template '%s'", name) : 0;
}
