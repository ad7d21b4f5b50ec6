/* image-spec: descriptor.md, image-index.md, manifest.md, config.md. */
#include "spec/image.h"

#include "spec/decode.h"

#include <errno.h>
#include <string.h>

/* ---- media types ---- */

static const struct name media_types[] = {
	{ "application/vnd.oci.image.index.v1+json", IMAGE_INDEX },
	{ "application/vnd.docker.distribution.manifest.list.v2+json", IMAGE_INDEX },
	{ "application/vnd.oci.image.manifest.v1+json", IMAGE_MANIFEST },
	{ "application/vnd.docker.distribution.manifest.v2+json", IMAGE_MANIFEST },
	{ "application/vnd.oci.image.config.v1+json", IMAGE_CONFIG },
	{ "application/vnd.docker.container.image.v1+json", IMAGE_CONFIG },
	{ "application/vnd.oci.image.layer.v1.tar", IMAGE_LAYER },
	{ "application/vnd.oci.image.layer.v1.tar+gzip", IMAGE_LAYER },
	{ "application/vnd.oci.image.layer.v1.tar+zstd", IMAGE_LAYER },
	{ "application/vnd.oci.image.layer.v1.tar+xz", IMAGE_LAYER },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar", IMAGE_LAYER },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", IMAGE_LAYER },
	{ "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", IMAGE_LAYER },
	{ "application/vnd.docker.image.rootfs.diff.tar", IMAGE_LAYER },
	{ "application/vnd.docker.image.rootfs.diff.tar.gzip", IMAGE_LAYER },
	{ "application/vnd.docker.image.rootfs.diff.tar.zstd", IMAGE_LAYER },
	{ "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", IMAGE_LAYER },
	{ 0 },
};

enum image_kind image_kind_of(const char *media_type)
{
	for (const struct name *t = media_types; media_type && t->name; t++)
		if (strcmp(t->name, media_type) == 0)
			return (enum image_kind)t->value;
	return IMAGE_OTHER;
}

/* ---- descriptors ---- */

int image_digest_check(const char *digest, struct err *e)
{
	static const char algorithm[] = "sha256:";
	enum { DIGITS = 64 };
	const char *digits = digest + sizeof(algorithm) - 1;

	if (strncmp(digest, algorithm, sizeof(algorithm) - 1) != 0) {
		size_t n = strcspn(digest, ":");
		if (digest[n] && n && n <= 32)
			return err_say(e, EINVAL, "digest '%.100s': '%.*s' is unknown: only sha256 is known", digest,
				       (int)n, digest);
		return err_say(e, EINVAL, "'%.100s' is not a digest", digest);
	}
	if (strlen(digits) != DIGITS || strspn(digits, "0123456789abcdef") != DIGITS)
		return err_say(e, EINVAL, "digest '%.100s': expected 64 lower case hexadecimal digits after 'sha256:'",
			       digest);
	return 0;
}

static const struct field platform_fields[] = {
	{ "os", FIELD_STRING, AT(struct image_descriptor, os) },
	{ "architecture", FIELD_STRING, AT(struct image_descriptor, architecture) },
	{ "variant", FIELD_STRING, AT(struct image_descriptor, variant) },
};
static const struct object platform = { FIELDS(platform_fields) };

static const struct field descriptor_fields[] = {
	{ "mediaType", FIELD_STRING, AT(struct image_descriptor, media_type) },
	{ "digest", FIELD_STRING, AT(struct image_descriptor, digest), .required = true },
	{ "size", FIELD_INT, AT(struct image_descriptor, size_bytes), .max = INT64_MAX, .required = true },
	{ "platform", FIELD_WITHIN, .object = &platform },
	{ "annotations", FIELD_PAIRS, AT(struct image_descriptor, annotations),
	  COUNT(struct image_descriptor, n_annotations) },
};

static int finish_descriptor(struct decode *d, const struct json *value, void *to)
{
	const struct image_descriptor *descriptor = to;
	struct err why;

	(void)value;
	if (image_digest_check(descriptor->digest, &why) < 0)
		return decode_bad(d, "digest", "%s", why.msg);
	return 0;
}

static const struct object descriptor = { FIELDS(descriptor_fields), sizeof(struct image_descriptor),
					  finish_descriptor };

/* What a document says of itself, where it does: of another kind it was given under a false name. */
static int check_version(struct decode *d, const struct json *value, enum image_kind kind)
{
	const struct json *version = json_get(value, "schemaVersion"), *type = json_get(value, "mediaType");
	int64_t v = 0;

	if (!version)
		return decode_bad(d, "schemaVersion", "missing");
	if (version->type != JSON_NUMBER || !json_int64(version, &v) || v != 2)
		return decode_bad(d, "schemaVersion", "only version 2 is known");
	if (type && type->type == JSON_STRING && *type->text && image_kind_of(type->text) != kind)
		return decode_bad(d, "mediaType", "'%.100s' is no %s of an image", type->text,
				  kind == IMAGE_INDEX ? "index" : "manifest");
	return 0;
}

/* ---- an index ---- */

static const struct field index_fields[] = {
	{ "manifests", FIELD_OBJECTS, AT(struct image_index, manifests), COUNT(struct image_index, n_manifests),
	  .object = &descriptor },
};

static int finish_index(struct decode *d, const struct json *value, void *to)
{
	(void)to;
	return check_version(d, value, IMAGE_INDEX);
}

static const struct object index_object = { FIELDS(index_fields), sizeof(struct image_index), finish_index };

int image_index_parse(const char *text, size_t len, struct arena *a, struct image_index *ret, struct err *e)
{
	struct image_index i = { 0 };

	int r = decode_document(text, len, &index_object, a, &i, e);
	if (r == 0)
		*ret = i;
	return r;
}

/* ---- a manifest ---- */

static const struct field manifest_fields[] = {
	{ "config", FIELD_EMBEDDED, AT(struct image_manifest, config), .object = &descriptor },
	{ "layers", FIELD_OBJECTS, AT(struct image_manifest, layers), COUNT(struct image_manifest, n_layers),
	  .object = &descriptor },
	{ "annotations", FIELD_PAIRS, AT(struct image_manifest, annotations),
	  COUNT(struct image_manifest, n_annotations) },
};

static int finish_manifest(struct decode *d, const struct json *value, void *to)
{
	const struct image_manifest *m = to;

	if (check_version(d, value, IMAGE_MANIFEST) < 0)
		return -EINVAL;
	if (!m->config.digest)
		return decode_bad(d, "config", "missing");
	if (m->config.media_type && image_kind_of(m->config.media_type) != IMAGE_CONFIG)
		return decode_bad(d, "config.mediaType", "'%.100s' is no configuration of an image",
				  m->config.media_type);
	for (size_t i = 0; i < m->n_layers; i++)
		if (m->layers[i].media_type && image_kind_of(m->layers[i].media_type) != IMAGE_LAYER)
			return decode_bad(d, "layers", "[%zu]: mediaType: '%.100s' is no known kind of layer", i,
					  m->layers[i].media_type);
	return 0;
}

static const struct object manifest_object = { FIELDS(manifest_fields), sizeof(struct image_manifest),
					       finish_manifest };

int image_manifest_parse(const char *text, size_t len, struct arena *a, struct image_manifest *ret, struct err *e)
{
	struct image_manifest m = { 0 };

	int r = decode_document(text, len, &manifest_object, a, &m, e);
	if (r == 0)
		*ret = m;
	return r;
}

/* ---- a configuration ---- */

/* Go's way to write a set: {"/data": {}}. */
static int decode_keys(struct decode *d, const struct json *v, const char ***ret, size_t *ret_n)
{
	if (decode_expect(d, v, JSON_OBJECT) < 0)
		return -EINVAL;
	*ret = arena_new_array(d->arena, v->n + 1, const char *);
	for (size_t i = 0; i < v->n; i++)
		(*ret)[i] = v->members[i].key;
	*ret_n = v->n;
	return 0;
}

static int decode_volumes(struct decode *d, const struct json *v, void *to)
{
	struct image_config *c = to;
	return decode_keys(d, v, &c->volumes, &c->n_volumes);
}

static int decode_ports(struct decode *d, const struct json *v, void *to)
{
	struct image_config *c = to;
	return decode_keys(d, v, &c->exposed_ports, &c->n_exposed_ports);
}

static const struct field healthcheck_fields[] = {
	{ "Test", FIELD_STRINGS, AT(struct image_healthcheck, test), COUNT(struct image_healthcheck, n_test) },
	{ "Interval", FIELD_INT, AT(struct image_healthcheck, interval_ns), .max = INT64_MAX },
	{ "Timeout", FIELD_INT, AT(struct image_healthcheck, timeout_ns), .max = INT64_MAX },
	{ "StartPeriod", FIELD_INT, AT(struct image_healthcheck, start_period_ns), .max = INT64_MAX },
	{ "StartInterval", FIELD_INT, AT(struct image_healthcheck, start_interval_ns), .max = INT64_MAX },
	{ "Retries", FIELD_INT, AT(struct image_healthcheck, retries), .max = INT64_MAX },
};
static const struct object healthcheck = { FIELDS(healthcheck_fields), .size = sizeof(struct image_healthcheck) };

static const struct field process_fields[] = {
	{ "User", FIELD_STRING, AT(struct image_config, user) },
	{ "WorkingDir", FIELD_STRING, AT(struct image_config, working_dir) },
	{ "StopSignal", FIELD_STRING, AT(struct image_config, stop_signal) },
	{ "Env", FIELD_STRINGS, AT(struct image_config, env), COUNT(struct image_config, n_env) },
	{ "Entrypoint", FIELD_STRINGS, AT(struct image_config, entrypoint), COUNT(struct image_config, n_entrypoint) },
	{ "Cmd", FIELD_STRINGS, AT(struct image_config, cmd), COUNT(struct image_config, n_cmd) },
	{ "Labels", FIELD_PAIRS, AT(struct image_config, labels), COUNT(struct image_config, n_labels) },
	{ "Volumes", FIELD_CUSTOM, .decode = decode_volumes },
	{ "ExposedPorts", FIELD_CUSTOM, .decode = decode_ports },
	{ "Healthcheck", FIELD_POINTER, AT(struct image_config, healthcheck), .object = &healthcheck },
};
static const struct object process = { FIELDS(process_fields) };

static const struct field rootfs_fields[] = {
	{ "diff_ids", FIELD_STRINGS, AT(struct image_config, diff_ids), COUNT(struct image_config, n_diff_ids) },
};

static int finish_rootfs(struct decode *d, const struct json *value, void *to)
{
	const struct image_config *c = to;
	struct err why;

	(void)value;
	for (size_t i = 0; i < c->n_diff_ids; i++)
		if (image_digest_check(c->diff_ids[i], &why) < 0)
			return decode_bad(d, "diff_ids", "[%zu]: %s", i, why.msg);
	return 0;
}

static const struct object rootfs = { FIELDS(rootfs_fields), .finish = finish_rootfs };

static const struct field history_fields[] = {
	{ "created", FIELD_STRING, AT(struct image_history, created) },
	{ "created_by", FIELD_STRING, AT(struct image_history, created_by) },
	{ "author", FIELD_STRING, AT(struct image_history, author) },
	{ "comment", FIELD_STRING, AT(struct image_history, comment) },
	{ "empty_layer", FIELD_BOOL, AT(struct image_history, empty_layer) },
};
static const struct object history = { FIELDS(history_fields), .size = sizeof(struct image_history) };

static const struct field config_fields[] = {
	{ "created", FIELD_STRING, AT(struct image_config, created) },
	{ "author", FIELD_STRING, AT(struct image_config, author) },
	{ "architecture", FIELD_STRING, AT(struct image_config, architecture) },
	{ "os", FIELD_STRING, AT(struct image_config, os) },
	{ "variant", FIELD_STRING, AT(struct image_config, variant) },
	{ "config", FIELD_WITHIN, .object = &process },
	{ "rootfs", FIELD_WITHIN, .object = &rootfs, .required = true },
	{ "history", FIELD_OBJECTS, AT(struct image_config, history), COUNT(struct image_config, n_history),
	  .object = &history },
};
static const struct object config_object = { FIELDS(config_fields), .size = sizeof(struct image_config) };

int image_config_parse(const char *text, size_t len, const struct image_manifest *m, struct arena *a,
		       struct image_config *ret, struct err *e)
{
	struct image_config c = { 0 };

	int r = decode_document(text, len, &config_object, a, &c, e);
	if (r < 0)
		return r;
	if (m && m->n_layers != c.n_diff_ids)
		return err_say(e, EINVAL, "rootfs.diff_ids: %zu of them, but the manifest has %zu layers", c.n_diff_ids,
			       m->n_layers);
	*ret = c;
	return 0;
}
