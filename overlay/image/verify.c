#include "overlay/image/crew.h"


#include <errno.h>
#include <string.h>

struct verifying {
	const struct store *store;
	const struct store_image *image;
	bool rootless;
};

static int begin_layer(void *data, size_t i, struct layer_job *ret, struct err *e)
{
	const struct verifying *w = data;
	const char *digest = w->image->manifest.layers[i].digest;

	ret->verb = LAYER_COMPARE;
	ret->userxattr = w->rootless;
	ret->from = store_open_blob(w->store, digest, e);
	if (ret->from < 0)
		return err_wrap(e, "layer %s", digest);
	ret->dir = store_open_layer(w->store, w->image->config.diff_ids[i], e);
	return ret->dir < 0 ? err_wrap(e, "layer %s", digest) : 0;
}

static int end_layer(void *data, size_t i, const struct layer_result *result, struct err *e)
{
	const struct verifying *w = data;
	const struct image_descriptor *d = &w->image->manifest.layers[i];

	if (strcmp(d->digest, result->digest) != 0)
		return err_say(e, EBADMSG, "layer %s: its blob is %s", d->digest, result->digest);
	if (strcmp(w->image->config.diff_ids[i], result->diff_id) != 0)
		return err_say(e, EBADMSG, "layer %s: unpacked it is %s, the configuration says %s", d->digest,
			       result->diff_id, w->image->config.diff_ids[i]);
	return 0;
}

int image_verify(const struct store *s, const struct store_image *image, bool rootless,
		 const struct image_progress *progress, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct verifying w = { s, image, rootless };
	struct crew crew = { .n = image->manifest.n_layers, .begin = begin_layer, .end = end_layer, .data = &w,
			     .progress = progress };
	const char *text;
	size_t len;

	if (store_read(s, image->digest, &a, &text, &len, e) < 0)
		return err_wrap(e, "manifest");
	if (store_read(s, image->id, &a, &text, &len, e) < 0)
		return err_wrap(e, "configuration");
	crew.parts = arena_new_array(&a, crew.n + 1, struct image_part);
	for (size_t i = 0; i < crew.n; i++)
		crew.parts[i] = (struct image_part){
			.digest = image->manifest.layers[i].digest,
			.total_bytes = image->manifest.layers[i].size_bytes,
		};
	return crew_run(&crew, e);
}
