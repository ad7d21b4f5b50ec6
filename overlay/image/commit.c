#include "overlay/image/changes.h"
#include "overlay/image/crew.h"
#include "overlay/image/document.h"
#include "overlay/image/found.h"

#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* The new layer in the ingest. */
#define BLOB "blob"
#define LAYER "layer"

struct committing {
	struct store *store;
	const struct image_commit *o;
	struct arena *arena;
	struct ingest *ingest;
	struct layer_result layer;
};

static int pack(struct committing *w, int blob, struct err *e)
{
	struct layer_job job = LAYER_JOB_INIT;

	job.verb = LAYER_PACK;
	job.userxattr = w->o->rootless;
	job.compression = LAYER_GZIP;
	job.dir = w->o->upper;
	job.to = blob;
	if (crew_alone(&job, &w->layer, e) < 0)
		return -e->code;
	return ingest_blob_done(w->ingest, BLOB, w->layer.digest, e);
}

/* What was packed is unpacked again, so that the layer is what everybody else will make of it. */
static int unpack(struct committing *w, int blob, struct err *e)
{
	struct layer_job job = LAYER_JOB_INIT;
	struct layer_result result;

	cleanup_close int dir = ingest_layer(w->ingest, LAYER, e);
	if (dir < 0)
		return dir;
	job.verb = LAYER_UNPACK;
	job.userxattr = w->o->rootless;
	job.from = blob;
	job.dir = dir;
	if (crew_alone(&job, &result, e) < 0)
		return -e->code;
	if (strcmp(result.diff_id, w->layer.diff_id) != 0)
		return err_say(e, EBADMSG, "the layer is %s as it was written and %s as it was read", w->layer.diff_id,
			       result.diff_id);
	return ingest_layer_done(w->ingest, LAYER, result.diff_id, e);
}

static int add_layer(struct committing *w, struct err *e)
{
	cleanup_close int to = ingest_blob(w->ingest, BLOB, e);
	if (to < 0)
		return to;
	cleanup_close int from = open(fd_path(to).path, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return err_set(e, errno, "open the new layer");
	return pack(w, to, e) < 0 || unpack(w, from, e) < 0 ? -e->code : 0;
}

static void set_text(struct json *object, const char *key, const char *text, struct arena *a)
{
	if (text)
		*json_make(object, key, JSON_STRING, a) = json_text(text, a);
}

static int write_config(struct committing *w, struct buf *out, struct err *e)
{
	const struct image_commit *o = w->o;
	struct arena *a = w->arena;
	struct json_writer writer = { .out = out };
	const char *text;
	size_t len;
	struct json j;

	if (store_read(w->store, o->base->id, a, &text, &len, e) < 0 || json_parse(text, len, a, &j, e) < 0)
		return -e->code;
	set_text(&j, "created", o->created, a);
	set_text(&j, "author", o->author, a);
	if (changes_apply(&j, o->changes, o->n_changes, a, e) < 0)
		return -e->code;
	struct json *rootfs = json_make(&j, "rootfs", JSON_OBJECT, a);
	*json_append(json_make(rootfs, "diff_ids", JSON_ARRAY, a), a) = json_text(w->layer.diff_id, a);
	struct json *entry = json_append(json_make(&j, "history", JSON_ARRAY, a), a);
	*entry = (struct json){ .type = JSON_OBJECT };
	set_text(entry, "created", o->created, a);
	set_text(entry, "created_by", "ferry image build-from", a);
	set_text(entry, "author", o->author, a);
	set_text(entry, "comment", o->message, a);
	json_value(&writer, NULL, &j);
	return 0;
}

/* The manifest is of the OCI's kind, and so are the layers' types in it, whatever kind the base's was. */
static const char *layer_type(const char *media_type)
{
	if (!media_type || strstr(media_type, "gzip"))
		return document_layer_type(LAYER_GZIP);
	if (strstr(media_type, "zstd"))
		return document_layer_type(LAYER_ZSTD);
	return document_layer_type(strstr(media_type, "xz") ? LAYER_XZ : LAYER_PLAIN);
}

static int add_documents(struct committing *w, struct image_added *added, struct err *e)
{
	const struct image_manifest *base = &w->o->base->manifest;
	cleanup_buf struct buf config = BUF_INIT, manifest = BUF_INIT;
	struct document_blob *layers = arena_new_array(w->arena, base->n_layers + 1, struct document_blob);

	if (write_config(w, &config, e) < 0 ||
	    ingest_document(w->ingest, config.data, config.len, w->arena, &added->id, e) < 0)
		return -e->code;
	for (size_t i = 0; i < base->n_layers; i++)
		layers[i] = (struct document_blob){ layer_type(base->layers[i].media_type), base->layers[i].digest,
						    base->layers[i].size_bytes };
	layers[base->n_layers] = (struct document_blob){ document_layer_type(w->layer.compression), w->layer.digest,
							 w->layer.size_bytes };
	struct document_blob of_config = { DOCUMENT_CONFIG_TYPE, added->id, (int64_t)config.len };
	document_manifest(&of_config, layers, base->n_layers + 1, &manifest);
	return ingest_document(w->ingest, manifest.data, manifest.len, w->arena, &added->digest, e);
}

int image_commit(struct store *s, const struct image_commit *o, struct arena *a, struct image_added *ret,
		 struct err *e)
{
	cleanup_ingest struct ingest in = INGEST_INIT;
	struct committing w = { .store = s, .o = o, .arena = a, .ingest = &in };
	struct image_added added = { 0 };

	if (found_names(o->names, o->n_names, a, &added.names, &added.n_names, e) < 0 ||
	    ingest_begin(s, &in, e) < 0 || add_layer(&w, e) < 0 || add_documents(&w, &added, e) < 0 ||
	    ingest_commit(&in, added.digest, added.names, added.n_names, e) < 0)
		return -e->code;
	*ret = added;
	return 0;
}
