/* The story of a pull: the manifest, the configuration, the layers, the name. */
#include "overlay/registry/layers.h"

#include "lib/json.h"
#include "lib/near.h"
#include "lib/sha256.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

static const char accepted[] = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
			       "application/vnd.docker.distribution.manifest.v2+json, "
			       "application/vnd.docker.distribution.manifest.list.v2+json";

struct document {
	const char *text, *digest, *media_type;
	size_t len;
};

struct pull {
	const struct registry_pull *o;
	struct store *store;
	struct arena *arena;
	struct registry registry;
	struct document top, manifest; /* top: what the reference names, the manifest itself or an index */
	struct image_manifest parsed;
	struct image_config config;
};

/* ---- near tags ---- */

enum { TAGS_SHOWN = 5 };

/* A stranger's word, to be shown. */
static bool is_tag(const struct json *v)
{
	return v->type == JSON_STRING && *v->text && strlen(v->text) <= 128 &&
	       !v->text[strspn(v->text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")];
}

/* ": did you mean ...?", or where none is near ": it has 1, 2, 3" */
static const char *tags_hint(const struct json *tree, const char *tag, struct arena *a)
{
	const struct json *tags = tree->type == JSON_OBJECT ? json_get(tree, "tags") : NULL;
	struct near near = { .word = tag };
	const char *some = "";
	size_t n = 0;

	for (size_t i = 0; tags && tags->type == JSON_ARRAY && i < tags->n; i++) {
		const struct json *v = &tags->members[i].value;
		if (!is_tag(v))
			continue;
		near_offer(&near, v->text, v->text);
		if (++n <= TAGS_SHOWN)
			some = arena_printf(a, "%s%s%s", some, n > 1 ? ", " : ": it has ", v->text);
	}
	if (near.n > 0)
		return near_hint(&near, a);
	return n > TAGS_SHOWN ? arena_printf(a, "%s and %zu more", some, n - TAGS_SHOWN) : some;
}

/* The tag is not there: one request more tells which are. */
static int no_such_tag(struct pull *p, struct err *e)
{
	const struct image_reference *ref = p->o->ref;
	struct registry_request q = registry_request(&p->registry, "GET", "tags", "list?n=1000");
	struct registry_answer w;
	struct err other = ERR_INIT;
	struct json tree = { 0 };
	const char *text;
	size_t len;

	int r = registry_get(&p->registry, &q, NULL, &text, &len, &w, &other);
	if (r == -ENOENT)
		return err_say(e, ENOENT, "'%s' has no images named '%s'", ref->host, ref->path);
	if (r >= 0)
		r = json_parse(text, len, p->arena, &tree, &other);
	return err_say(e, ENOENT, "'%s/%s' has no tag '%s'%s", ref->host, ref->path, ref->tag,
		       r < 0 ? "" : tags_hint(&tree, ref->tag, p->arena));
}

/* ---- documents ---- */

/* By what the document says of itself, or else its sender. */
static const char *media_type_of(const char *text, size_t len, const char *content_type, struct arena *a)
{
	struct err ignored;
	struct json tree;

	if (json_parse(text, len, a, &tree, &ignored) == 0 && tree.type == JSON_OBJECT) {
		const struct json *own = json_get(&tree, "mediaType");
		if (own && own->type == JSON_STRING)
			return own->text;
	}
	return arena_strndup(a, content_type, strcspn(content_type, "; "));
}

/* @reference: a tag or a digest; @digest: what it must have, or NULL. */
static int get_manifest(struct pull *p, const char *reference, const char *digest, struct document *ret, struct err *e)
{
	struct registry_request q = registry_request(&p->registry, "GET", "manifests", reference);
	struct registry_answer w;

	q.accept = accepted;
	int r = registry_get(&p->registry, &q, digest, &ret->text, &ret->len, &w, e);
	if (r == -ENOENT && p->o->ref->tag && !digest)
		return no_such_tag(p, e);
	if (r < 0)
		return r;
	struct sha256_text is = sha256_of(ret->text, ret->len);
	ret->digest = arena_strdup(p->arena, is.text);
	ret->media_type = media_type_of(ret->text, ret->len, w.content_type, p->arena);
	if (!digest && *w.digest && strcmp(w.digest, ret->digest) != 0)
		return err_say(e, EBADMSG, "the registry sent a manifest with the digest %s, and said it was %s", ret->digest,
			       w.digest);
	return 0;
}

static int no_platform(const struct image_index *index, const char *platform, struct arena *a, struct err *e)
{
	cleanup_buf struct buf has = BUF_INIT;

	for (size_t i = 0; i < index->n_manifests; i++) {
		const struct image_descriptor *d = &index->manifests[i];
		if (d->os && d->architecture && strcmp(d->os, "unknown") != 0)
			buf_printf(&has, "%s%s/%s%s%s", has.len ? ", " : "", d->os, d->architecture,
				   d->variant ? "/" : "", d->variant ? d->variant : "");
	}
	return err_say(e, ENOENT, "the image is not there for %s, only for: %s", platform,
		       has.len ? arena_strdup(a, buf_text(&has)) : "nothing");
}

static int choose(struct pull *p, struct err *e)
{
	struct image_index index;
	struct utsname u;

	if (image_index_parse(p->top.text, p->top.len, p->arena, &index, e) < 0)
		return err_wrap(e, "the index");
	uname(&u);
	const char *platform = p->o->platform ? p->o->platform : u.machine;
	const struct image_descriptor *d = image_index_choose(&index, platform);
	if (!d)
		return no_platform(&index, platform, p->arena, e);
	return get_manifest(p, d->digest, d->digest, &p->manifest, e);
}

static int find_manifest(struct pull *p, struct err *e)
{
	const struct image_reference *ref = p->o->ref;

	if (get_manifest(p, ref->digest ? ref->digest : ref->tag, ref->digest, &p->top, e) < 0)
		return -e->code;
	p->manifest = p->top;
	if (image_kind_of(p->top.media_type) == IMAGE_INDEX && choose(p, e) < 0)
		return -e->code;
	if (image_kind_of(p->manifest.media_type) != IMAGE_MANIFEST)
		return err_say(e, ENOTSUP, "what the registry has there is no image: '%s'", p->manifest.media_type);
	if (image_manifest_parse(p->manifest.text, p->manifest.len, p->arena, &p->parsed, e) < 0)
		return err_wrap(e, "the manifest");
	return 0;
}

static int get_config(struct pull *p, struct ingest *in, struct err *e)
{
	const struct image_descriptor *d = &p->parsed.config;
	struct registry_request q = registry_request(&p->registry, "GET", "blobs", d->digest);
	struct registry_answer w;
	const char *text;
	size_t len;

	if (d->size_bytes > REGISTRY_DOCUMENT_MAX)
		return err_say(e, EFBIG, "the configuration is larger than %d MiB", REGISTRY_DOCUMENT_MAX >> 20);
	q.length_bytes = d->size_bytes;
	q.exact = 1;
	int r = store_read(p->store, d->digest, p->arena, &text, &len, e);
	if (r < 0)
		r = registry_get(&p->registry, &q, d->digest, &text, &len, &w, e);
	if (r >= 0)
		r = image_config_parse(text, len, &p->parsed, p->arena, &p->config, e);
	if (r >= 0)
		r = ingest_document(in, text, len, p->arena, NULL, e);
	return r < 0 ? err_wrap(e, "the configuration %s", d->digest) : 0;
}

static int add(struct pull *p, const char *name, struct err *e)
{
	cleanup_ingest struct ingest in = INGEST_INIT;

	/* What the store has already cannot be pruned from here on. */
	if (ingest_begin(p->store, &in, e) < 0 || get_config(p, &in, e) < 0)
		return -e->code;
	struct registry_layers layers = {
		.registry = &p->registry,
		.store = p->store,
		.ingest = &in,
		.manifest = &p->parsed,
		.config = &p->config,
		.rootless = p->o->rootless,
		.progress = p->o->progress,
	};
	if (registry_layers_pull(&layers, e) < 0)
		return -e->code;
	if (ingest_document(&in, p->manifest.text, p->manifest.len, p->arena, NULL, e) < 0)
		return -e->code;
	return ingest_commit(&in, p->manifest.digest, &name, 1, e);
}

int registry_pull(struct store *s, const struct registry_pull *o, struct arena *a, struct image_added *ret,
		  struct err *e)
{
	struct pull p = { .o = o, .store = s, .arena = a, .registry = REGISTRY_INIT };
	const char *name = image_reference_text(o->ref, a);

	int r = registry_open(o->ref, arena_printf(a, "repository:%s:pull", o->ref->path), &o->access, a, &p.registry, e);
	if (r >= 0)
		r = find_manifest(&p, e);
	if (r >= 0 && o->accept)
		r = o->accept(o->accept_data, name, p.top.text, p.top.len, e);
	if (r >= 0)
		r = add(&p, name, e);
	registry_close(&p.registry);
	if (r < 0)
		return r;
	const char **names = arena_new_array(a, 2, const char *);
	names[0] = name;
	*ret = (struct image_added){
		.digest = p.manifest.digest,
		.id = p.parsed.config.digest,
		.names = names,
		.n_names = 1,
	};
	return 0;
}
