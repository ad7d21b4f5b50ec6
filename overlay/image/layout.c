/*
 * OCI layouts. index.json has a descriptor for each image; one is for all its platforms when it is an index itself,
 * or when several have the same name.
 */
#include "overlay/image/found.h"

#include "lib/json.h"
#include "lib/sha256.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

enum { DEPTH_MAX = 4 };

static const char *annotation(const struct image_descriptor *d, const char *key)
{
	for (size_t i = 0; i < d->n_annotations; i++)
		if (strcmp(d->annotations[i].key, key) == 0)
			return d->annotations[i].value;
	return NULL;
}

/*
 * containerd's annotation has the name in full; the specification's has whatever its writer took for the name, or a
 * tag.
 */
static const char *name_of(const struct image_descriptor *d, const struct image_import *o, struct arena *a)
{
	const char *full = annotation(d, "io.containerd.image.name");
	const char *ref = annotation(d, "org.opencontainers.image.ref.name");

	if (full || !ref || !o->fallback || strpbrk(ref, "/:"))
		return full ? full : ref;
	return arena_printf(a, "%.*s:%s", (int)strcspn(o->fallback, ":"), o->fallback, ref);
}

/* The document of a descriptor, checked against it. */
static int read_blob(const struct source *s, const struct image_descriptor *d, struct arena *a, const char **ret,
		     size_t *ret_len, struct err *e)
{
	if (source_read(s, found_blob_path(d->digest, a), a, ret, ret_len, e) < 0)
		return -e->code;
	if ((int64_t)*ret_len != d->size_bytes)
		return err_say(e, EBADMSG, "%s has %zu bytes, its descriptor says %lld", d->digest, *ret_len,
			       (long long)d->size_bytes);
	struct sha256_text is = sha256_of(*ret, *ret_len);
	if (strcmp(is.text, d->digest) != 0)
		return err_say(e, EBADMSG, "the file of %s is %s", d->digest, is.text);
	return 0;
}

/* ---- platforms ---- */

static int no_platform(const struct image_index *i, const char *wanted, struct arena *a, struct err *e)
{
	const char *has = "";

	for (size_t k = 0; k < i->n_manifests; k++) {
		const struct image_descriptor *d = &i->manifests[k];
		if (d->os && d->architecture)
			has = arena_printf(a, "%s%s%s/%s%s%s", has, *has ? ", " : "", d->os, d->architecture,
					   d->variant ? "/" : "", d->variant ? d->variant : "");
	}
	return err_say(e, EINVAL, "the image has no platform %s%s%s", wanted, *has ? ", only " : "", has);
}

static int choose(const struct image_index *i, const char *platform, struct arena *a,
		  const struct image_descriptor **ret, struct err *e)
{
	struct utsname u;

	if (!platform && uname(&u) < 0)
		return err_set(e, errno, "uname");
	if (!platform)
		platform = u.machine;
	*ret = image_index_choose(i, platform);
	return *ret ? 0 : no_platform(i, platform, a, e);
}

/* An image for another machine may be what is wanted, unless a platform was asked for. */
static int check_platform(const struct image_config *c, const char *platform, struct arena *a, struct err *e)
{
	struct image_descriptor d = { .os = c->os, .architecture = c->architecture, .variant = c->variant };
	const struct image_index one = { &d, 1 };
	const struct image_descriptor *ignored;

	if (c->os && strcmp(c->os, "linux") != 0)
		return err_say(e, EINVAL, "the image is for %s, not for linux", c->os);
	return platform ? choose(&one, platform, a, &ignored, e) : 0;
}

/* ---- images ---- */

static void read_layers(const struct image_manifest *m, const struct image_config *c, struct found_image *f,
			struct arena *a)
{
	f->n_layers = m->n_layers;
	f->layers = arena_new_array(a, m->n_layers, struct found_layer);
	for (size_t i = 0; i < m->n_layers; i++)
		f->layers[i] = (struct found_layer){
			.member = found_blob_path(m->layers[i].digest, a),
			.digest = m->layers[i].digest,
			.diff_id = c->diff_ids[i],
			.size_bytes = m->layers[i].size_bytes,
		};
}

static int read_image(const struct source *s, const struct image_descriptor *d, const struct image_import *o,
		      struct arena *a, struct found_image *ret, struct err *e)
{
	struct found_image f = { .manifest_digest = d->digest };
	struct image_manifest m;
	struct image_config c;

	if (read_blob(s, d, a, &f.manifest, &f.manifest_len, e) < 0)
		return err_wrap(e, "manifest");
	if (image_manifest_parse(f.manifest, f.manifest_len, a, &m, e) < 0)
		return err_wrap(e, "manifest %s", d->digest);
	if (read_blob(s, &m.config, a, &f.config, &f.config_len, e) < 0)
		return err_wrap(e, "configuration");
	if (image_config_parse(f.config, f.config_len, &m, a, &c, e) < 0)
		return err_wrap(e, "configuration %s", m.config.digest);
	f.config_digest = m.config.digest;
	if (check_platform(&c, o->platform, a, e) < 0)
		return -e->code;
	read_layers(&m, &c, &f, a);
	*ret = f;
	return 0;
}

/* Through indexes, down to a manifest. */
static int descend(const struct source *s, const struct image_descriptor *d, const struct image_import *o,
		   struct arena *a, struct found_image *ret, struct err *e)
{
	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		struct image_index index;
		const char *text;
		size_t len;

		if (!d->media_type || image_kind_of(d->media_type) != IMAGE_INDEX)
			return read_image(s, d, o, a, ret, e);
		if (read_blob(s, d, a, &text, &len, e) < 0)
			return err_wrap(e, "index");
		if (image_index_parse(text, len, a, &index, e) < 0)
			return err_wrap(e, "index %s", d->digest);
		if (choose(&index, o->platform, a, &d, e) < 0)
			return -e->code;
	}
	return err_say(e, EINVAL, "indexes within indexes within indexes");
}

static struct found_image *with_digest(const struct found_list *l, const char *manifest_digest)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i].manifest_digest, manifest_digest) == 0)
			return &l->v[i];
	return NULL;
}

/* The images of one name: more than one when they are of several platforms. */
static int add_group(const struct source *s, const struct image_index *group, const char *name,
		     const struct image_import *o, struct arena *a, struct found_list *ret, struct err *e)
{
	const struct image_descriptor *d = group->manifests;
	struct found_image image;

	if (group->n_manifests > 1 && choose(group, o->platform, a, &d, e) < 0)
		return -e->code;
	if (descend(s, d, o, a, &image, e) < 0)
		return -e->code;
	struct found_image *f = with_digest(ret, image.manifest_digest);
	if (!f) {
		f = arena_push(a, &ret->v, &ret->n);
		*f = image;
	}
	if (*name)
		found_name(f, a, name);
	return 0;
}

static bool is_image(const struct image_descriptor *d)
{
	enum image_kind kind = d->media_type ? image_kind_of(d->media_type) : IMAGE_MANIFEST;

	return kind == IMAGE_MANIFEST || kind == IMAGE_INDEX;
}

static int check_layout(const struct source *s, struct arena *a, struct err *e)
{
	const char *text;
	size_t len;
	struct json j;

	if (source_read(s, "oci-layout", a, &text, &len, e) < 0)
		return -e->code;
	if (json_parse(text, len, a, &j, e) < 0)
		return err_wrap(e, "oci-layout");
	const struct json *v = j.type == JSON_OBJECT ? json_get(&j, "imageLayoutVersion") : NULL;
	if (!v || v->type != JSON_STRING || strncmp(v->text, "1.", 2) != 0)
		return err_say(e, EINVAL, "oci-layout: no imageLayoutVersion that begins with 1");
	return 0;
}

int found_in_layout(const struct source *s, const struct image_import *o, struct arena *a, struct found_list *ret,
		    struct err *e)
{
	struct found_list found = { 0 };
	struct image_index index;
	const char *text;
	size_t len;

	if (check_layout(s, a, e) < 0 || source_read(s, "index.json", a, &text, &len, e) < 0)
		return -e->code;
	if (image_index_parse(text, len, a, &index, e) < 0)
		return err_wrap(e, "index.json");
	bool *done = arena_new_array(a, index.n_manifests + 1, bool);
	for (size_t i = 0; i < index.n_manifests; i++) {
		if (done[i] || !is_image(&index.manifests[i]))
			continue;
		const char *name = name_of(&index.manifests[i], o, a);
		struct image_index group = { 0 };
		for (size_t k = i; k < index.n_manifests; k++) {
			const char *other = name_of(&index.manifests[k], o, a);
			if (!is_image(&index.manifests[k]) || strcmp(name ? name : "", other ? other : "") != 0)
				continue;
			done[k] = true;
			*arena_push(a, &group.manifests, &group.n_manifests) = index.manifests[k];
		}
		if (add_group(s, &group, name ? name : "", o, a, &found, e) < 0)
			return name ? err_wrap(e, "'%s'", name) : -e->code;
	}
	if (found.n == 0)
		return err_say(e, EINVAL, "index.json names no image");
	*ret = found;
	return 0;
}
