/*
 * Fuzzing of what strangers say of images: indexes, manifests, configurations, names.
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -std=c11 -D_GNU_SOURCE -I. tests/fuzz/fuzz_image.c \
 *		lib/[abefj]*.c spec/decode.c spec/image*.c -lyajl_s -o fuzz_image && ./fuzz_image CORPUS
 *
 * With -DREPLAY as in replay.h.
 */
#include "spec/image.h"
#include "tests/fuzz/replay.h"

#include <stdlib.h>
#include <string.h>

/* What was accepted is safe as a file's name, and every refusal says why. */
static void check(int r, const struct err *e)
{
	if (r < 0 && !*e->msg)
		abort();
}

static void check_digest(const char *digest)
{
	struct err e;

	if (image_digest_check(digest, &e) < 0 || strchr(digest, '/'))
		abort();
}

/* A name that is written out is the same name again, and no way out of a directory. */
static void name(const char *text, struct arena *a)
{
	struct image_reference r, again;
	struct err e = ERR_INIT;

	int result = image_reference_parse(text, a, &r, &e);
	check(result, &e);
	if (result < 0)
		return;
	const char *full = image_reference_text(&r, a);
	if (image_reference_parse(full, a, &again, &e) < 0 || strcmp(image_reference_text(&again, a), full) != 0)
		abort();
	if (*full == '.' || *full == '/' || strstr(full, "/../") || strstr(full, "//"))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	const char *text = (const char *)data;
	struct image_index index;
	struct image_manifest manifest = { 0 };
	struct image_config config;

	int r = image_index_parse(text, size, &a, &index, &e);
	check(r, &e);
	for (size_t i = 0; r >= 0 && i < index.n_manifests; i++)
		check_digest(index.manifests[i].digest);
	if (r >= 0)
		image_index_choose(&index, "aarch64");
	r = image_manifest_parse(text, size, &a, &manifest, &e);
	check(r, &e);
	for (size_t i = 0; r >= 0 && i < manifest.n_layers; i++)
		check_digest(manifest.layers[i].digest);
	r = image_config_parse(text, size, NULL, &a, &config, &e);
	check(r, &e);
	for (size_t i = 0; r >= 0 && i < config.n_diff_ids; i++)
		check_digest(config.diff_ids[i]);
	name(arena_strndup(&a, text, size), &a);
	arena_finish(&a);
	return 0;
}
