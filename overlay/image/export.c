/*
 * Images as one tar. Both formats have the blobs as they are stored, below blobs/sha256/, each once, and manifest.json,
 * by which Docker loads them; an OCI layout also has oci-layout, index.json and the manifests.
 */
#include "overlay/image/found.h"
#include "overlay/image/tar_write.h"

#include "lib/fd.h"
#include "lib/json.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

struct exporting {
	const struct store *store;
	const struct store_image *images;
	const char *const *names;
	size_t n;
	int to;
	struct arena *arena;
	const char **written; /* digests */
	size_t n_written;
};

static int write_blob(struct exporting *w, const char *digest, struct err *e)
{
	struct stat st;

	for (size_t i = 0; i < w->n_written; i++)
		if (strcmp(w->written[i], digest) == 0)
			return 0;
	*arena_push(w->arena, &w->written, &w->n_written) = digest;
	cleanup_close int fd = store_open_blob(w->store, digest, e);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "stat %s", digest);
	return tar_write_file(w->to, found_blob_path(digest, w->arena), fd, st.st_size, e);
}

static int write_blobs(struct exporting *w, enum image_format format, struct err *e)
{
	if (tar_write_directory(w->to, "blobs/", e) < 0 || tar_write_directory(w->to, "blobs/sha256/", e) < 0)
		return -e->code;
	for (size_t i = 0; i < w->n; i++) {
		const struct store_image *m = &w->images[i];
		if (format == IMAGE_FORMAT_OCI && write_blob(w, m->digest, e) < 0)
			return -e->code;
		if (write_blob(w, m->id, e) < 0)
			return -e->code;
		for (size_t k = 0; k < m->manifest.n_layers; k++)
			if (write_blob(w, m->manifest.layers[k].digest, e) < 0)
				return -e->code;
	}
	return 0;
}

/* What an image is called in the archive. */
static void names_of(const struct exporting *w, size_t i, const char *const **ret, size_t *ret_n)
{
	bool one = w->names && w->names[i];

	*ret = one ? &w->names[i] : (const char *const *)w->images[i].names;
	*ret_n = one ? 1 : w->images[i].n_names;
}

/* The type that the manifest gives itself; without, it is the specification's. */
static int manifest_type(const struct exporting *w, const char *digest, const char **ret, int64_t *ret_size,
			 struct err *e)
{
	const char *text;
	size_t len;
	struct json j;

	if (store_read(w->store, digest, w->arena, &text, &len, e) < 0 || json_parse(text, len, w->arena, &j, e) < 0)
		return -e->code;
	const struct json *type = j.type == JSON_OBJECT ? json_get(&j, "mediaType") : NULL;
	*ret = type && type->type == JSON_STRING ? type->text : "application/vnd.oci.image.manifest.v1+json";
	*ret_size = (int64_t)len;
	return 0;
}

static void write_descriptor(struct json_writer *j, const char *type, const char *digest, int64_t size,
			     const char *name)
{
	json_begin_object(j, NULL);
	json_string(j, "mediaType", type);
	json_string(j, "digest", digest);
	json_int(j, "size", size);
	if (name) {
		json_begin_object(j, "annotations");
		json_string(j, "io.containerd.image.name", name);
		json_string(j, "org.opencontainers.image.ref.name", name);
		json_end_object(j);
	}
	json_end_object(j);
}

static int write_index(struct exporting *w, struct buf *out, struct err *e)
{
	struct json_writer j = { .out = out };

	json_begin_object(&j, NULL);
	json_int(&j, "schemaVersion", 2);
	json_string(&j, "mediaType", "application/vnd.oci.image.index.v1+json");
	json_begin_array(&j, "manifests");
	for (size_t i = 0; i < w->n; i++) {
		const char *const *names, *type = NULL, *digest = w->images[i].digest;
		int64_t size = 0;
		size_t n;
		if (manifest_type(w, digest, &type, &size, e) < 0)
			return -e->code;
		names_of(w, i, &names, &n);
		for (size_t k = 0; k < n; k++)
			write_descriptor(&j, type, digest, size, names[k]);
		if (n == 0)
			write_descriptor(&j, type, digest, size, NULL);
	}
	json_end_array(&j);
	json_end_object(&j);
	return 0;
}

static void write_docker_manifest(struct exporting *w, struct buf *out)
{
	struct json_writer j = { .out = out };

	json_begin_array(&j, NULL);
	for (size_t i = 0; i < w->n; i++) {
		const struct image_manifest *m = &w->images[i].manifest;
		const char *const *names;
		size_t n;
		names_of(w, i, &names, &n);
		json_begin_object(&j, NULL);
		json_string(&j, "Config", found_blob_path(w->images[i].id, w->arena));
		json_strings(&j, "RepoTags", names, n);
		json_begin_array(&j, "Layers");
		for (size_t k = 0; k < m->n_layers; k++)
			json_string(&j, NULL, found_blob_path(m->layers[k].digest, w->arena));
		json_end_array(&j);
		json_end_object(&j);
	}
	json_end_array(&j);
}

static int write_layout(struct exporting *w, struct err *e)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	cleanup_buf struct buf index = BUF_INIT;

	if (write_index(w, &index, e) < 0 || tar_write_text(w->to, "oci-layout", layout, sizeof(layout) - 1, e) < 0)
		return -e->code;
	return tar_write_text(w->to, "index.json", index.data, index.len, e);
}

int image_export(const struct store *s, const struct store_image *images, const char *const *names, size_t n,
		 enum image_format format, int to, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_buf struct buf manifest = BUF_INIT;
	struct exporting w = { .store = s, .images = images, .names = names, .n = n, .to = to, .arena = &a };

	/* Documents first, since who reads from a pipe would have to keep the blobs until he knows what they are. */
	if (format == IMAGE_FORMAT_OCI && write_layout(&w, e) < 0)
		return -e->code;
	write_docker_manifest(&w, &manifest);
	if (tar_write_text(to, "manifest.json", manifest.data, manifest.len, e) < 0 || write_blobs(&w, format, e) < 0)
		return -e->code;
	return tar_write_end(to, e);
}
