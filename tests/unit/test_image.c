/* The documents and the names of images. */
#include "spec/image.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define A "sha256:" HEX_A
#define B "sha256:" HEX_B

/* ---- an index ---- */

#define ENTRY(digest, platform) "{\"digest\": \"" digest "\", \"size\": 7, \"platform\": " platform "}"

static void index_documents(void **state)
{
	static const char text[] =
		"{\"schemaVersion\": 2, \"mediaType\": \"application/vnd.oci.image.index.v1+json\", \"manifests\": ["
		"{\"mediaType\": \"application/vnd.oci.image.manifest.v1+json\", \"digest\": \"" A "\", \"size\": 7143,"
		" \"platform\": {\"architecture\": \"arm\", \"os\": \"linux\", \"variant\": \"v7\", \"os.version\": \"1\"},"
		" \"annotations\": {\"org.opencontainers.image.ref.name\": \"1.0\"}}], \"unknown\": [1]}";
	cleanup_arena struct arena a = ARENA_INIT;
	struct image_index i;
	struct err e;

	(void)state;
	assert_int_equal(image_index_parse(text, strlen(text), &a, &i, &e), 0);
	assert_int_equal(i.n_manifests, 1);
	assert_string_equal(i.manifests[0].digest, A);
	assert_int_equal(i.manifests[0].size_bytes, 7143);
	assert_string_equal(i.manifests[0].architecture, "arm");
	assert_string_equal(i.manifests[0].variant, "v7");
	assert_string_equal(i.manifests[0].annotations[0].key, "org.opencontainers.image.ref.name");
	assert_string_equal(i.manifests[0].annotations[0].value, "1.0");
}

static void index_choice(void **state)
{
	static const char text[] =
		"{\"schemaVersion\": 2, \"manifests\": ["
		"{\"digest\": \"" B "\", \"size\": 0},"
		ENTRY(B, "{\"os\": \"unknown\", \"architecture\": \"unknown\"}") ","
		ENTRY(B, "{\"os\": \"windows\", \"architecture\": \"amd64\"}") ","
		ENTRY(B, "{\"os\": \"linux\", \"architecture\": \"amd64\", \"variant\": \"v3\"}") ","
		ENTRY(A, "{\"os\": \"linux\", \"architecture\": \"amd64\"}") ","
		ENTRY(A, "{\"os\": \"linux\", \"architecture\": \"arm\", \"variant\": \"v6\"}") ","
		ENTRY(A, "{\"os\": \"linux\", \"architecture\": \"arm64\", \"variant\": \"v8\"}") "]}";
	static const struct {
		const char *machine;
		int expected;
	} cases[] = {
		{ "x86_64", 4 }, { "armv7l", 5 }, { "armv6l", 5 }, { "aarch64", 6 }, { "riscv64", -1 }, { "nosuch", -1 },
		{ "windows/amd64", 2 }, { "linux/amd64", 4 }, { "linux/amd64/v3", 3 }, { "linux/arm64", 6 },
		{ "linux/arm64/v9", -1 }, { "linux/", -1 }, { "/", -1 },
	};
	static const char alone[] = "{\"schemaVersion\": 2, \"manifests\": [{\"digest\": \"" A "\", \"size\": 0}]}";
	cleanup_arena struct arena a = ARENA_INIT;
	struct image_index i;
	struct err e;

	(void)state;
	assert_int_equal(image_index_parse(text, strlen(text), &a, &i, &e), 0);
	for (size_t n = 0; n < sizeof(cases) / sizeof(*cases); n++)
		assert_ptr_equal(image_index_choose(&i, cases[n].machine),
				 cases[n].expected < 0 ? NULL : &i.manifests[cases[n].expected]);
	assert_int_equal(image_index_parse(alone, strlen(alone), &a, &i, &e), 0);
	assert_ptr_equal(image_index_choose(&i, "riscv64"), &i.manifests[0]);
	assert_null(image_index_choose(&i, "linux/riscv64"));
}

/* ---- a manifest ---- */

#define CONFIG "\"config\": {\"mediaType\": \"application/vnd.oci.image.config.v1+json\", \"digest\": \"" A "\", \"size\": 1}"
#define LAYER(type) "{\"mediaType\": \"" type "\", \"digest\": \"" B "\", \"size\": 9223372036854775807}"

static void manifest_documents(void **state)
{
	static const char oci[] = "{\"schemaVersion\": 2, " CONFIG ", \"layers\": ["
				  LAYER("application/vnd.oci.image.layer.v1.tar+zstd") "]}";
	static const char docker[] =
		"{\"schemaVersion\": 2, \"mediaType\": \"application/vnd.docker.distribution.manifest.v2+json\","
		"\"config\": {\"mediaType\": \"application/vnd.docker.container.image.v1+json\", \"digest\": \"" A
		"\", \"size\": 1}, \"layers\": [" LAYER("application/vnd.docker.image.rootfs.diff.tar.gzip") "]}";
	static const char empty[] = "{\"schemaVersion\": 2, " CONFIG ", \"layers\": null}";
	cleanup_arena struct arena a = ARENA_INIT;
	struct image_manifest m;
	struct err e;

	(void)state;
	assert_int_equal(image_manifest_parse(oci, strlen(oci), &a, &m, &e), 0);
	assert_string_equal(m.config.digest, A);
	assert_int_equal(m.n_layers, 1);
	assert_string_equal(m.layers[0].digest, B);
	assert_int_equal(m.layers[0].size_bytes, INT64_MAX);
	assert_int_equal(image_manifest_parse(docker, strlen(docker), &a, &m, &e), 0);
	assert_int_equal(m.n_layers, 1);
	assert_int_equal(image_manifest_parse(empty, strlen(empty), &a, &m, &e), 0);
	assert_int_equal(m.n_layers, 0);
}

static void bad_manifests(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "", "line 1" },
		{ "[]", "expected an object" },
		{ "{\"schemaVersion\": 1, \"fsLayers\": []}", "schemaVersion: only version 2" },
		{ "{\"schemaVersion\": \"2\", " CONFIG "}", "schemaVersion" },
		{ "{" CONFIG "}", "schemaVersion: missing" },
		{ "{\"schemaVersion\": 2}", "config: missing" },
		{ "{\"schemaVersion\": 2, \"mediaType\": \"application/vnd.oci.image.index.v1+json\", " CONFIG "}",
		  "is no manifest" },
		{ "{\"schemaVersion\": 2, \"config\": {\"mediaType\": \"text/plain\", \"digest\": \"" A
		  "\", \"size\": 1}}", "'text/plain' is no configuration" },
		{ "{\"schemaVersion\": 2, " CONFIG ", \"layers\": [" LAYER("text/plain") "]}",
		  "'text/plain' is no known kind of layer" },
		{ "{\"schemaVersion\": 2, " CONFIG ", \"layers\": [{\"size\": 1}]}", "layers[0].digest: missing" },
		{ "{\"schemaVersion\": 2, " CONFIG ", \"layers\": [{\"digest\": \"" A "\"}]}", "layers[0].size: missing" },
		{ "{\"schemaVersion\": 2, " CONFIG ", \"layers\": [{\"digest\": \"" A "\", \"size\": -1}]}",
		  "layers[0].size: -1 is out of range" },
		{ "{\"schemaVersion\": 2, " CONFIG ", \"layers\": [{\"digest\": \"" A "\", \"size\": 1e30}]}",
		  "layers[0].size" },
		{ "{\"schemaVersion\": 2, " CONFIG ", \"layers\": [{\"digest\": \"" A "\", \"size\": 1.5}]}",
		  "layers[0].size: expected an integer" },
		{ "{\"schemaVersion\": 2, " CONFIG ", \"layers\": [{\"digest\": \"../../etc/passwd\", \"size\": 1}]}",
		  "layers[0].digest" },
		{ "{\"schemaVersion\": 2, " CONFIG ", \"layers\": {}}", "layers: expected an array" },
	};
	cleanup_arena struct arena a = ARENA_INIT;
	struct image_manifest m;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(image_manifest_parse(cases[i].text, strlen(cases[i].text), &a, &m, &e), -EINVAL);
		if (!strstr(e.msg, cases[i].said))
			fail_msg("'%s' has no '%s'", e.msg, cases[i].said);
	}
}

/* What nests without end is refused, not followed. */
static void nesting(void **state)
{
	cleanup_arena struct arena a = ARENA_INIT;
	cleanup_buf struct buf b = BUF_INIT;
	struct image_manifest m;
	struct image_config c;
	struct err e;

	(void)state;
	buf_str(&b, "{\"schemaVersion\": 2, \"annotations\": ");
	for (int i = 0; i < 100000; i++)
		buf_str(&b, "[");
	assert_int_equal(image_manifest_parse(b.data, b.len, &a, &m, &e), -EINVAL);
	assert_int_equal(image_config_parse(b.data, b.len, NULL, &a, &c, &e), -EINVAL);
}

static void digests(void **state)
{
	static const struct {
		const char *text, *said; /* NULL: good */
	} cases[] = {
		{ A, NULL },
		{ "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", NULL },
		{ "", "is not a digest" },
		{ HEX_A, "is not a digest" },
		{ "sha512:" HEX_A HEX_B, "'sha512' is unknown" },
		{ "sha256:" HEX_A "a", "64 lower case" },
		{ "sha256:" "aaaa", "64 lower case" },
		{ "sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "64 lower case" },
		{ "sha256:../../../../../../../../../../../../../../../../../../../../aaaa", "64 lower case" },
		{ "sha256:" HEX_A "/..", "64 lower case" },
	};
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(image_digest_check(cases[i].text, &e), cases[i].said ? -EINVAL : 0);
		if (cases[i].said && !strstr(e.msg, cases[i].said))
			fail_msg("'%s' has no '%s'", e.msg, cases[i].said);
	}
}

/* ---- a configuration ---- */

#define ROOTFS "\"rootfs\": {\"type\": \"layers\", \"diff_ids\": [\"" A "\", \"" B "\"]}"

static void config_documents(void **state)
{
	static const char text[] =
		"{\"created\": \"2015-10-31T22:22:56.015925234Z\", \"author\": \"A\", \"architecture\": \"amd64\", \"os\": "
		"\"linux\", \"config\": {\"User\": \"alice\", \"ExposedPorts\": {\"8080/tcp\": {}}, \"Env\": [\"A=1\", "
		"\"B=\"], \"Entrypoint\": [\"/bin/app\"], \"Cmd\": [], \"Volumes\": {\"/data\": {}, \"/log\": {}}, "
		"\"WorkingDir\": \"/home\", \"Labels\": {\"a\": \"b\"}, \"StopSignal\": \"SIGINT\", \"Healthcheck\": "
		"{\"Test\": [\"CMD-SHELL\", \"true\"], \"Interval\": 5000000000, \"Retries\": 3}}, " ROOTFS
		", \"history\": [{\"created_by\": \"ADD\"}, {\"created_by\": \"ENV\", \"empty_layer\": true}]}";
	static const char least[] = "{" ROOTFS ", \"config\": null, \"history\": null}";
	struct image_manifest two = { .n_layers = 2 }, three = { .n_layers = 3 };
	cleanup_arena struct arena a = ARENA_INIT;
	struct image_config c;
	struct err e;

	(void)state;
	assert_int_equal(image_config_parse(text, strlen(text), &two, &a, &c, &e), 0);
	assert_string_equal(c.architecture, "amd64");
	assert_string_equal(c.user, "alice");
	assert_int_equal(c.n_env, 2);
	assert_null(c.env[2]);
	assert_string_equal(c.entrypoint[0], "/bin/app");
	assert_non_null(c.cmd);
	assert_int_equal(c.n_cmd, 0);
	assert_int_equal(c.n_volumes, 2);
	assert_string_equal(c.volumes[1], "/log");
	assert_string_equal(c.exposed_ports[0], "8080/tcp");
	assert_string_equal(c.labels[0].value, "b");
	assert_string_equal(c.healthcheck->test[1], "true");
	assert_int_equal(c.healthcheck->interval_ns, 5000000000);
	assert_int_equal(c.healthcheck->retries, 3);
	assert_int_equal(c.n_diff_ids, 2);
	assert_string_equal(c.diff_ids[1], B);
	assert_int_equal(c.n_history, 2);
	assert_true(c.history[1].empty_layer);

	assert_int_equal(image_config_parse(least, strlen(least), NULL, &a, &c, &e), 0);
	assert_null(c.cmd);
	assert_null(c.healthcheck);
	assert_int_equal(image_config_parse(least, strlen(least), &three, &a, &c, &e), -EINVAL);
	assert_string_equal(e.msg, "rootfs.diff_ids: 2 of them, but the manifest has 3 layers");
}

static void bad_configs(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "{}", "rootfs: missing" },
		{ "{\"rootfs\": {\"diff_ids\": [\"x\"]}}", "rootfs.diff_ids: [0]: 'x' is not a digest" },
		{ "{" ROOTFS ", \"config\": {\"Env\": \"A=1\"}}", "config.Env: expected an array" },
		{ "{" ROOTFS ", \"config\": {\"Env\": [1]}}", "config.Env[0]: expected a string" },
		{ "{" ROOTFS ", \"config\": {\"Volumes\": [\"/data\"]}}", "config.Volumes: expected an object" },
		{ "{" ROOTFS ", \"config\": {\"Healthcheck\": {\"Interval\": -1}}}", "config.Healthcheck.Interval: -1" },
		{ "{" ROOTFS ", \"config\": {\"Healthcheck\": {\"Interval\": 99999999999999999999}}}",
		  "config.Healthcheck.Interval" },
		{ "{" ROOTFS ", \"config\": {\"Cmd\": [\"a\\u0000b\"]}}", "NUL" },
		{ "{" ROOTFS ", " ROOTFS "}", "twice" },
	};
	cleanup_arena struct arena a = ARENA_INIT;
	struct image_config c;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(image_config_parse(cases[i].text, strlen(cases[i].text), NULL, &a, &c, &e), -EINVAL);
		if (!strstr(e.msg, cases[i].said))
			fail_msg("'%s' has no '%s'", e.msg, cases[i].said);
	}
}

static void media_types(void **state)
{
	(void)state;
	assert_int_equal(image_kind_of("application/vnd.oci.image.index.v1+json"), IMAGE_INDEX);
	assert_int_equal(image_kind_of("application/vnd.docker.distribution.manifest.v2+json"), IMAGE_MANIFEST);
	assert_int_equal(image_kind_of("application/vnd.oci.image.layer.v1.tar"), IMAGE_LAYER);
	assert_int_equal(image_kind_of("application/vnd.oci.image.layer.v1.tar+gzip+encrypted"), IMAGE_OTHER);
	assert_int_equal(image_kind_of(NULL), IMAGE_OTHER);
}

/* ---- names ---- */

static void references(void **state)
{
	static const struct {
		const char *text, *host, *path, *tag, *digest, *full;
	} cases[] = {
		{ "app", NULL, "app", "latest", NULL, "app:latest" },
		{ "app:1.0", NULL, "app", "1.0", NULL, "app:1.0" },
		{ "team/app", NULL, "team/app", "latest", NULL, "team/app:latest" },
		{ "localhost/app", "localhost", "app", "latest", NULL, "localhost/app:latest" },
		{ "db.example/a/b-c__d.e:T_1", "db.example", "a/b-c__d.e", "T_1", NULL, "db.example/a/b-c__d.e:T_1" },
		{ "db.example:5000/app", "db.example:5000", "app", "latest", NULL, "db.example:5000/app:latest" },
		{ "[::1]:5000/app:1", "[::1]:5000", "app", "1", NULL, "[::1]:5000/app:1" },
		{ "Host.example/app", "Host.example", "app", "latest", NULL, "Host.example/app:latest" },
		{ "app@" A, NULL, "app", NULL, A, "app@" A },
		{ "h:1/app:2@" A, "h:1", "app", "2", A, "h:1/app:2@" A },
	};
	cleanup_arena struct arena a = ARENA_INIT;
	struct image_reference r;
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *got[4], *expected[] = { cases[i].host, cases[i].path, cases[i].tag, cases[i].digest };
		assert_int_equal(image_reference_parse(cases[i].text, &a, &r, &e), 0);
		got[0] = r.host, got[1] = r.path, got[2] = r.tag, got[3] = r.digest;
		for (int k = 0; k < 4; k++)
			if (!got[k] || !expected[k])
				assert_ptr_equal(got[k], expected[k]);
			else
				assert_string_equal(got[k], expected[k]);
		assert_string_equal(image_reference_text(&r, &a), cases[i].full);
	}
}

static void bad_references(void **state)
{
	static const struct {
		const char *text, *said;
	} cases[] = {
		{ "", "expected lower case" },
		{ "App", "must be in lower case" },
		{ "team/App", "must be in lower case" },
		{ "app:", "is not a tag" },
		{ "app:-x", "is not a tag" },
		{ "app:a/b", "is not a host" },
		{ "app:a b", "is not a tag" },
		{ "/app", "expected lower case" },
		{ "app/", "expected lower case" },
		{ "a//b", "expected lower case" },
		{ "../app", "is not a host" },
		{ "a/../b", "expected lower case" },
		{ "a...b", "expected lower case" },
		{ "a___b", "expected lower case" },
		{ "a\nb", "expected lower case" },
		{ "h:x/app", "is not a host" },
		{ "[::1/app", "is not a host" },
		{ "app@", "is not a digest" },
		{ "app@sha256:1", "64 lower case" },
		{ "app@sha512:1", "'sha512' is unknown" },
	};
	cleanup_arena struct arena a = ARENA_INIT;
	struct image_reference r;
	char lengthy[400];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (image_reference_parse(cases[i].text, &a, &r, &e) != -EINVAL)
			fail_msg("'%s' was accepted", cases[i].text);
		if (!strstr(e.msg, cases[i].said))
			fail_msg("'%s' has no '%s'", e.msg, cases[i].said);
	}
	memset(lengthy, 'a', sizeof(lengthy));
	lengthy[256] = '\0';
	assert_int_equal(image_reference_parse(lengthy, &a, &r, &e), -EINVAL);
	memcpy(lengthy, "a:", 2);
	lengthy[2 + 128] = '\0';
	assert_int_equal(image_reference_parse(lengthy, &a, &r, &e), 0);
	strcat(lengthy, "a");
	assert_int_equal(image_reference_parse(lengthy, &a, &r, &e), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(index_documents), cmocka_unit_test(index_choice),  cmocka_unit_test(manifest_documents),
		cmocka_unit_test(bad_manifests),   cmocka_unit_test(nesting),	    cmocka_unit_test(digests),
		cmocka_unit_test(config_documents), cmocka_unit_test(bad_configs),  cmocka_unit_test(media_types),
		cmocka_unit_test(references),	   cmocka_unit_test(bad_references),
	};
	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
