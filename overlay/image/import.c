#include "overlay/image/crew.h"
#include "overlay/image/document.h"
#include "overlay/image/found.h"

#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One image on its way into the store. */
struct adding {
	struct store *store;
	const struct source *source;
	const struct image_import *o;
	struct arena *arena;
	struct ingest *ingest;
	struct found_image *image;
	bool alone; /* the one image of its source */
	struct document_blob *blobs; /* what is known of each layer in the end */
	struct image_part *parts;
	int64_t newest_s; /* the latest time in a layer */
};

static const char *blob_key(const struct adding *w, size_t i)
{
	return arena_printf(w->arena, "blob-%zu", i);
}

static const char *layer_key(const struct adding *w, size_t i)
{
	return arena_printf(w->arena, "layer-%zu", i);
}

static bool stored_blob(const struct adding *w, const char *digest)
{
	return digest && store_has_blob(w->store, digest);
}

/* A layer that an image has twice, as empty ones often are, is worked on once. */
static const struct found_layer *earlier(const struct found_image *f, size_t i)
{
	const struct found_layer *l = &f->layers[i];

	for (const struct found_layer *k = f->layers; k < l; k++) {
		bool digests = l->digest && k->digest;
		const char *is = digests ? l->digest : l->diff_id, *other = digests ? k->digest : k->diff_id;
		if (is && other && strcmp(is, other) == 0)
			return k;
	}
	return NULL;
}

/*
 * True when the store has the layer in both forms. docker-archive does not tell digests, but its layers mostly are
 * plain tars: then the two are the same.
 */
static bool is_there(const struct adding *w, size_t i)
{
	struct found_layer *l = &w->image->layers[i];
	const char *digest = l->digest ? l->digest : l->diff_id;
	struct err ignored;
	struct stat st;

	if (!digest || !l->diff_id || !store_has_layer(w->store, l->diff_id))
		return false;
	cleanup_close int fd = store_open_blob(w->store, digest, &ignored);
	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	l->digest = digest;
	w->blobs[i] = (struct document_blob){ document_layer_type(LAYER_PLAIN), digest, st.st_size };
	return true;
}

static int begin_layer(void *data, size_t i, struct layer_job *ret, struct err *e)
{
	const struct adding *w = data;
	const struct found_layer *l = &w->image->layers[i];
	struct source_file file;

	ret->verb = LAYER_UNPACK;
	ret->userxattr = w->o->rootless;
	if (source_file(w->source, l->member, &file, e) < 0)
		return err_wrap(e, "layer %s", w->parts[i].digest);
	ret->from = file.fd;
	ret->offset = file.offset;
	ret->length_bytes = w->parts[i].total_bytes = file.size_bytes;
	if (l->size_bytes >= 0 && l->size_bytes != file.size_bytes)
		return err_say(e, EBADMSG, "layer %s has %lld bytes, the manifest says %lld", w->parts[i].digest,
			       (long long)file.size_bytes, (long long)l->size_bytes);
	if (!l->diff_id || !store_has_layer(w->store, l->diff_id)) {
		ret->dir = ingest_layer(w->ingest, layer_key(w, i), e);
		if (ret->dir < 0)
			return ret->dir;
	}
	if (stored_blob(w, l->digest))
		return 0;
	if (file.take)
		return ingest_blob_take(w->ingest, blob_key(w, i), w->source->made, file.take, e);
	ret->to = ingest_blob(w->ingest, blob_key(w, i), e);
	return ret->to < 0 ? ret->to : 0;
}

static int end_layer(void *data, size_t i, const struct layer_result *result, struct err *e)
{
	struct adding *w = data;
	struct found_layer *l = &w->image->layers[i];

	if (l->digest && strcmp(l->digest, result->digest) != 0)
		return err_say(e, EBADMSG, "layer %s: its file is %s", l->digest, result->digest);
	if (l->diff_id && strcmp(l->diff_id, result->diff_id) != 0)
		return err_say(e, EBADMSG, "layer %s: unpacked it is %s, the configuration says %s", w->parts[i].digest,
			       result->diff_id, l->diff_id);
	if (!stored_blob(w, l->digest) && ingest_blob_done(w->ingest, blob_key(w, i), result->digest, e) < 0)
		return -e->code;
	if (!l->diff_id || !store_has_layer(w->store, l->diff_id))
		if (ingest_layer_done(w->ingest, layer_key(w, i), result->diff_id, e) < 0)
			return -e->code;
	if (result->newest_s > w->newest_s)
		w->newest_s = result->newest_s;
	l->digest = arena_strdup(w->arena, result->digest);
	l->diff_id = arena_strdup(w->arena, result->diff_id);
	w->blobs[i] = (struct document_blob){ document_layer_type(result->compression), l->digest, result->size_bytes };
	return 0;
}

/* Looks which layers the store has, in both forms. */
static void plan_layers(struct adding *w)
{
	struct found_image *f = w->image;

	for (size_t i = 0; i < f->n_layers; i++) {
		struct found_layer *l = &f->layers[i];
		const char *name = l->digest ? l->digest : l->diff_id ? l->diff_id : l->member;

		w->parts[i] = (struct image_part){ .digest = name, .total_bytes = l->size_bytes };
		if (is_there(w, i) || earlier(f, i))
			w->parts[i].state = IMAGE_PART_THERE;
	}
}

static int add_layers(struct adding *w, struct err *e)
{
	struct found_image *f = w->image;
	struct crew crew = {
		.parts = w->parts,
		.n = f->n_layers,
		.begin = begin_layer,
		.end = end_layer,
		.data = w,
		.progress = w->o->progress,
	};

	plan_layers(w);
	if (crew_run(&crew, e) < 0)
		return -e->code;
	for (size_t i = 0; i < f->n_layers; i++) {
		const struct found_layer *same = earlier(f, i);
		if (same && !f->layers[i].digest)
			f->layers[i].digest = same->digest;
		if (same)
			w->blobs[i] = w->blobs[same - f->layers];
	}
	return 0;
}

/* The documents that the source did not have. */
static int make_documents(struct adding *w, struct err *e)
{
	struct found_image *f = w->image;

	if (!f->config) {
		struct buf text = BUF_INIT;
		document_rootfs_config(w->o->platform, f->layers[0].diff_id, w->newest_s, w->arena, &text);
		f->config = arena_dup(w->arena, text.data, text.len + 1);
		f->config_len = text.len;
		buf_finish(&text);
	}
	if (ingest_document(w->ingest, f->config, f->config_len, w->arena, &f->config_digest, e) < 0)
		return -e->code;
	if (!f->manifest) {
		struct buf text = BUF_INIT;
		struct document_blob config = { DOCUMENT_CONFIG_TYPE, f->config_digest, (int64_t)f->config_len };
		document_manifest(&config, w->blobs, f->n_layers, &text);
		f->manifest = arena_dup(w->arena, text.data, text.len + 1);
		f->manifest_len = text.len;
		buf_finish(&text);
	}
	return ingest_document(w->ingest, f->manifest, f->manifest_len, w->arena, &f->manifest_digest, e);
}

/* From the archive, or the fallback, unless there are others. An image may be without. */
static int choose_names(const struct adding *w, struct image_added *ret, struct err *e)
{
	const struct image_import *o = w->o;

	if (o->n_names)
		return found_names(o->names, o->n_names, w->arena, &ret->names, &ret->n_names, e);
	if (w->image->n_names)
		return found_names(w->image->names, w->image->n_names, w->arena, &ret->names, &ret->n_names, e);
	if (o->fallback && w->alone)
		return found_names(&o->fallback, 1, w->arena, &ret->names, &ret->n_names, e);
	if (w->source->kind == SOURCE_ROOTFS)
		return err_say(e, EINVAL, "a root file system has no name: give it one by --name");
	return 0;
}

static int ask(const struct adding *w, const struct image_added *image, struct err *e)
{
	static const char *const no_name[] = { "" };
	const char *const *names = image->n_names ? (const char *const *)image->names : no_name;

	for (size_t i = 0; w->o->accept && i < (image->n_names ? image->n_names : 1); i++)
		if (w->o->accept(w->o->accept_data, names[i], w->image->manifest, w->image->manifest_len, e) < 0)
			return -e->code;
	return 0;
}

static int add_image(struct adding *w, struct image_added *ret, struct err *e)
{
	const bool made_here = !w->image->manifest;
	struct image_added added = { 0 };

	if (choose_names(w, &added, e) < 0 || (!made_here && ask(w, &added, e) < 0) ||
	    ingest_begin(w->store, w->ingest, e) < 0)
		return -e->code;
	w->blobs = arena_new_array(w->arena, w->image->n_layers + 1, struct document_blob);
	w->parts = arena_new_array(w->arena, w->image->n_layers + 1, struct image_part);
	if (add_layers(w, e) < 0 || make_documents(w, e) < 0 || (made_here && ask(w, &added, e) < 0))
		return -e->code;
	if (ingest_commit(w->ingest, w->image->manifest_digest, added.names, added.n_names, e) < 0)
		return -e->code;
	added.digest = w->image->manifest_digest;
	added.id = w->image->config_digest;
	*ret = added;
	return 0;
}

static int find_images(const struct source *s, const struct image_import *o, struct arena *a, struct found_list *ret,
		       struct err *e)
{
	if (s->kind == SOURCE_ROOTFS) {
		struct found_image *f = arena_push(a, &ret->v, &ret->n);
		f->layers = arena_new(a, struct found_layer);
		f->layers[0] = (struct found_layer){ .member = SOURCE_ARCHIVE, .size_bytes = -1 };
		f->n_layers = 1;
		return 0;
	}
	if (!source_has(s, "index.json"))
		return found_in_docker_archive(s, a, ret, e);
	if (found_in_layout(s, o, a, ret, e) < 0)
		return -e->code;
	return source_has(s, "manifest.json") ? found_repo_tags(s, a, ret, e) : 0;
}

int image_import(struct store *s, const struct image_import *o, struct arena *a, struct image_added **ret,
		 size_t *ret_n, struct err *e)
{
	cleanup_source struct source source = SOURCE_INIT;
	struct found_list found = { 0 };
	struct image_added *added;

	if (o->platform && !strchr(o->platform, '/'))
		return err_say(e, EINVAL, "platform '%s': expected OS/ARCHITECTURE, as in linux/arm64", o->platform);
	if (source_open(s, o->from, a, &source, e) < 0 || find_images(&source, o, a, &found, e) < 0)
		return -e->code;
	if (o->n_names && found.n > 1)
		return err_say(e, EINVAL, "%zu images are in it: they keep their names", found.n);
	added = arena_new_array(a, found.n, struct image_added);
	for (size_t i = 0; i < found.n; i++) {
		cleanup_ingest struct ingest in = INGEST_INIT;
		struct adding w = { .store = s, .source = &source, .o = o, .arena = a, .image = &found.v[i],
				    .ingest = &in, .alone = found.n == 1 };
		if (add_image(&w, &added[i], e) < 0)
			return -e->code;
	}
	*ret = added;
	*ret_n = found.n;
	return 0;
}
