/* The story of a push: each blob that is missing, then the manifest. distribution-spec, "Push". */
#include "overlay/registry/client.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	WHOLE_MAX = 16 << 20, /* what is sent in one piece; and the size of a piece otherwise */
	FAILURES_MAX = 5, /* in a row, without a byte between */
};

struct push {
	const struct registry_push *o;
	const struct store *store;
	const struct store_image *image;
	struct registry registry;
	const char *mount_from; /* another repository of that registry that has the image's blobs, or NULL */
	struct image_part *parts;
	size_t n_parts;
};

/* A blob on its way. */
struct upload {
	struct push *push;
	const struct image_descriptor *what;
	int fd;
	int64_t sent_bytes; /* that the registry has for certain */
	int64_t piece_bytes; /* 0: in one piece */
	const char *location;
	struct image_part *part; /* NULL: is not shown */
};

static void show(const struct push *p)
{
	const struct image_progress *progress = p->o->progress;

	if (progress)
		progress->show(progress->data, p->parts, p->n_parts);
}

/* registry_ask, which shows how far it is. */
static int ask(struct upload *u, const struct registry_request *q, int fd, struct registry_answer *ret, struct err *e)
{
	struct push *p = u->push;
	int64_t bytes;

	int r = registry_send(&p->registry, q, fd, e);
	while (r == 0) {
		r = registry_receive(&p->registry, &bytes, ret, e);
		if (r == 0 && u->part) {
			u->part->done_bytes = bytes;
			show(p);
		}
	}
	return r < 0 ? r : 0;
}

/* ---- where to mount from ---- */

/* The image has come from, or went to, another repository of the same registry. */
static const char *find_mount(const struct store_image *image, const struct image_reference *to, struct arena *a)
{
	for (size_t i = 0; i < image->n_names; i++) {
		struct image_reference ref;
		struct err ignored;
		if (image_reference_parse(image->names[i], a, &ref, &ignored) == 0 && ref.host &&
		    strcmp(ref.host, to->host) == 0 && strcmp(ref.path, to->path) != 0)
			return ref.path;
	}
	return NULL;
}

static const char *scope_of(const struct push *p, struct arena *a)
{
	const char *scope = arena_printf(a, "repository:%s:pull,push", p->o->ref->path);

	return p->mount_from ? arena_printf(a, "%s repository:%s:pull", scope, p->mount_from) : scope;
}

/* ---- one blob ---- */

/* Returns 1 when the registry has it. */
static int is_there(struct upload *u, struct err *e)
{
	struct registry_request q = registry_request(&u->push->registry, "HEAD", "blobs", u->what->digest);
	struct registry_answer w;

	if (ask(u, &q, -1, &w, e) < 0)
		return -e->code;
	if (w.status == 200)
		return 1;
	return w.status == 404 ? 0 : registry_refused(&u->push->registry, &w, e);
}

/* Begins an upload. Returns 1 when the registry has mounted it from another repository instead. */
static int begin(struct upload *u, const char *from, struct err *e)
{
	struct registry *r = &u->push->registry;
	struct registry_request q = registry_request(r, "POST", "blobs", "uploads/");
	struct registry_answer w;

	if (from)
		q.url = arena_printf(r->arena, "%s?mount=%s&from=%s", q.url, u->what->digest, from);
	if (ask(u, &q, -1, &w, e) < 0)
		return -e->code;
	if (w.status == 201)
		return 1;
	if (w.status != 202)
		return registry_refused(r, &w, e);
	if (!*w.location)
		return err_say(e, EPROTO, "'%s' does not say where to send to", r->host);
	u->location = w.location;
	u->sent_bytes = 0;
	if (u->piece_bytes && u->piece_bytes < w.chunk_min_bytes)
		u->piece_bytes = w.chunk_min_bytes;
	return 0;
}

static int send_piece(struct upload *u, struct err *e)
{
	struct registry *r = &u->push->registry;
	struct registry_request q = registry_request(r, "PATCH", "blobs", "");
	struct registry_answer w;
	int64_t left = u->what->size_bytes - u->sent_bytes;

	q.url = u->location;
	q.content_type = "application/octet-stream";
	q.offset_bytes = u->sent_bytes;
	q.length_bytes = left < u->piece_bytes ? left : u->piece_bytes;
	q.range = 1;
	if (ask(u, &q, u->fd, &w, e) < 0)
		return -e->code;
	if (w.status != 202)
		return registry_refused(r, &w, e);
	u->sent_bytes += q.length_bytes;
	if (*w.location)
		u->location = w.location;
	return 0;
}

/* All of it, or what ends it when it went in pieces. */
static int finish(struct upload *u, struct err *e)
{
	struct registry *r = &u->push->registry;
	struct registry_request q = registry_request(r, "PUT", "blobs", "");
	struct registry_answer w;

	q.url = arena_printf(r->arena, "%s%cdigest=%s", u->location, strchr(u->location, '?') ? '&' : '?',
			     u->what->digest);
	q.content_type = "application/octet-stream";
	q.offset_bytes = u->sent_bytes;
	q.length_bytes = u->what->size_bytes - u->sent_bytes;
	if (ask(u, &q, u->fd, &w, e) < 0)
		return -e->code;
	return w.status == 201 ? 0 : registry_refused(r, &w, e);
}

/* After a piece went wrong: "Range: 0-N" of the upload's address. It may have been forgotten, too. */
static int find_out(struct upload *u, struct err *e)
{
	struct registry *r = &u->push->registry;
	struct registry_request q = registry_request(r, "GET", "blobs", "");
	struct registry_answer w;
	int64_t last;

	q.url = u->location;
	if (ask(u, &q, -1, &w, e) < 0)
		return -e->code;
	if (w.status != 204 || sscanf(w.range, "0-%" SCNd64, &last) != 1 || last + 1 > u->what->size_bytes || last < 0)
		return begin(u, NULL, e);
	u->sent_bytes = last > 0 ? last + 1 : 0;
	if (*w.location)
		u->location = w.location;
	return 0;
}

static bool is_passing(const struct err *e)
{
	return e->code == ECONNRESET || e->code == ETIMEDOUT || e->code == EIO || e->code == EBUSY;
}

static int send_blob(struct upload *u, struct err *e)
{
	for (int failures = 0;;) {
		int64_t before = u->sent_bytes;
		int r = 0;
		while (r >= 0 && u->piece_bytes && u->sent_bytes < u->what->size_bytes)
			r = send_piece(u, e);
		if (r >= 0)
			r = finish(u, e);
		if (r >= 0)
			return 0;
		/* Some registries take blobs in one piece alone. */
		bool refused = e->code == EPROTO && u->piece_bytes;
		if (refused)
			u->piece_bytes = 0;
		failures = u->sent_bytes > before ? 1 : failures + 1;
		if (!(refused || is_passing(e)) || failures >= FAILURES_MAX)
			return r;
		usleep(200000u << failures);
		r = u->piece_bytes ? find_out(u, e) : begin(u, NULL, e);
		if (r != 0)
			return r < 0 ? r : 0;
	}
}

static int push_blob(struct push *p, const struct image_descriptor *what, struct image_part *part, struct err *e)
{
	struct upload u = {
		.push = p,
		.what = what,
		.part = part,
		.piece_bytes = what->size_bytes > WHOLE_MAX ? WHOLE_MAX : 0,
	};

	if (part)
		part->state = IMAGE_PART_WORKING;
	int there = is_there(&u, e);
	if (there == 0)
		there = begin(&u, p->mount_from, e);
	if (there == 0) {
		cleanup_close int fd = store_open_blob(p->store, what->digest, e);
		u.fd = fd;
		there = fd < 0 ? fd : send_blob(&u, e);
		if (there >= 0 && part)
			part->state = IMAGE_PART_DONE;
	} else if (part) {
		part->state = IMAGE_PART_THERE;
	}
	if (there < 0)
		return err_wrap(e, "blob %s", what->digest);
	if (part)
		part->done_bytes = what->size_bytes;
	show(p);
	return 0;
}

/* ---- the manifest ---- */

static const char *media_type_of(const char *text, size_t len, struct arena *a)
{
	struct err ignored;
	struct json tree;

	const struct json *own =
		json_parse(text, len, a, &tree, &ignored) == 0 && tree.type == JSON_OBJECT ? json_get(&tree, "mediaType") : NULL;
	return own && own->type == JSON_STRING ? own->text : "application/vnd.oci.image.manifest.v1+json";
}

static int push_manifest(struct push *p, struct arena *a, struct err *e)
{
	const struct image_reference *ref = p->o->ref;
	struct registry_request q = registry_request(&p->registry, "PUT", "manifests", ref->tag ? ref->tag : ref->digest);
	struct registry_answer w;
	const char *text;
	size_t len;

	if (store_read(p->store, p->image->digest, a, &text, &len, e) < 0)
		return -e->code;
	cleanup_close int memory = memfd_create("manifest", MFD_CLOEXEC);
	if (memory < 0)
		return err_set(e, errno, "make a file in memory");
	if (fd_write_all(memory, text, len, e) < 0)
		return -e->code;
	q.content_type = media_type_of(text, len, a);
	q.length_bytes = (int64_t)len;
	if (registry_ask(&p->registry, &q, memory, &w, e) < 0)
		return err_wrap(e, "the manifest");
	return w.status == 201 ? 0 : registry_refused(&p->registry, &w, e);
}

static int push_all(struct push *p, struct arena *a, struct err *e)
{
	const struct image_manifest *m = &p->image->manifest;

	p->n_parts = m->n_layers;
	p->parts = arena_new_array(a, m->n_layers + 1, struct image_part);
	for (size_t i = 0; i < m->n_layers; i++)
		p->parts[i] = (struct image_part){ .digest = m->layers[i].digest, .total_bytes = m->layers[i].size_bytes };
	show(p);
	for (size_t i = 0; i < m->n_layers; i++)
		if (push_blob(p, &m->layers[i], &p->parts[i], e) < 0)
			return -e->code;
	if (push_blob(p, &m->config, NULL, e) < 0)
		return -e->code;
	return push_manifest(p, a, e);
}

int registry_push(const struct store *s, const struct store_image *image, const struct registry_push *o,
		  struct arena *a, struct err *e)
{
	struct push p = { .o = o, .store = s, .image = image, .registry = REGISTRY_INIT };

	p.mount_from = find_mount(image, o->ref, a);
	int r = registry_open(o->ref, scope_of(&p, a), &o->access, a, &p.registry, e);
	if (r >= 0)
		r = push_all(&p, a, e);
	registry_close(&p.registry);
	return r;
}
