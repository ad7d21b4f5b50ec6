#include "overlay/image/document.h"

#include "lib/clock.h"
#include "lib/json.h"

#include <string.h>
#include <sys/utsname.h>

#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"

const char *document_layer_type(enum layer_compression c)
{
	static const char *const types[] = {
		[LAYER_PLAIN] = "application/vnd.oci.image.layer.v1.tar",
		[LAYER_GZIP] = "application/vnd.oci.image.layer.v1.tar+gzip",
		[LAYER_ZSTD] = "application/vnd.oci.image.layer.v1.tar+zstd",
		[LAYER_XZ] = "application/vnd.oci.image.layer.v1.tar+xz", /* not the specification's */
	};

	return types[c];
}

static void write_blob(struct json_writer *w, const char *key, const struct document_blob *b)
{
	json_begin_object(w, key);
	json_string(w, "mediaType", b->media_type);
	json_string(w, "digest", b->digest);
	json_int(w, "size", b->size_bytes);
	json_end_object(w);
}

void document_manifest(const struct document_blob *config, const struct document_blob *layers, size_t n,
		       struct buf *out)
{
	struct json_writer w = { .out = out };

	json_begin_object(&w, NULL);
	json_int(&w, "schemaVersion", 2);
	json_string(&w, "mediaType", MANIFEST_TYPE);
	write_blob(&w, "config", config);
	json_begin_array(&w, "layers");
	for (size_t i = 0; i < n; i++)
		write_blob(&w, NULL, &layers[i]);
	json_end_array(&w);
	json_end_object(&w);
}

void document_rootfs_config(const char *platform, const char *diff_id, int64_t created_s, struct arena *a,
			    struct buf *out)
{
	const struct clock_text created = clock_rfc3339((struct timespec){ .tv_sec = created_s });
	static const char *const cmd[] = { "/bin/sh" };
	static const char *const env[] = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };
	struct json_writer w = { .out = out };
	char *at = arena_strdup(a, platform ? platform : "linux");
	const char *os = strsep(&at, "/"), *architecture = strsep(&at, "/"), *variant = at;
	struct utsname u;

	if (!architecture && uname(&u) == 0)
		image_machine_platform(u.machine, &architecture, &variant);

	json_begin_object(&w, NULL);
	json_string(&w, "created", created.text);
	json_string(&w, "architecture", architecture);
	if (variant && *variant)
		json_string(&w, "variant", variant);
	json_string(&w, "os", os);
	json_begin_object(&w, "config");
	json_strings(&w, "Env", env, 1);
	json_strings(&w, "Cmd", cmd, 1);
	json_end_object(&w);
	json_begin_object(&w, "rootfs");
	json_string(&w, "type", "layers");
	json_strings(&w, "diff_ids", &diff_id, 1);
	json_end_object(&w);
	json_begin_array(&w, "history");
	json_begin_object(&w, NULL);
	json_string(&w, "created", created.text);
	json_string(&w, "created_by", "ferry image import");
	json_end_object(&w);
	json_end_array(&w);
	json_end_object(&w);
}
