/*
 * Fuzzing of the documents that ferry reads: config.json, a process, resources.
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -std=c11 -D_GNU_SOURCE -I. tests/fuzz/fuzz_config.c \
 *		lib/[abefj]*.c spec/[a-z]*.c -lyajl_s -o fuzz_config && ./fuzz_config CORPUS
 *
 * With -DREPLAY as in replay.h.
 */
#include "lib/json.h"
#include "spec/spec.h"
#include "tests/fuzz/replay.h"

#include <stdlib.h>
#include <string.h>

/* What is written from a tree must parse, and give the same text again. */
static void round_trip(const char *text, size_t len, struct arena *a)
{
	struct buf once = BUF_INIT, again = BUF_INIT;
	struct json_writer w1 = { .out = &once, .pretty = true }, w2 = { .out = &again, .pretty = true };
	struct err e = ERR_INIT;
	struct json tree;

	if (json_parse(text, len, a, &tree, &e) == 0) {
		json_value(&w1, NULL, &tree);
		if (json_parse(once.data, once.len, a, &tree, &e) < 0)
			abort();
		json_value(&w2, NULL, &tree);
		if (strcmp(once.data, again.data) != 0)
			abort();
	}
	buf_finish(&once);
	buf_finish(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT;
	struct err e = ERR_INIT;
	const char *text = (const char *)data;
	struct spec *spec;
	struct spec_process *process;
	struct spec_resources *resources;

	round_trip(text, size, &a);
	/* Every refusal says why. */
	if (spec_parse(text, size, &a, &spec, &e) < 0 && !*e.msg)
		abort();
	spec_parse_process(text, size, &a, &process, &e);
	spec_parse_resources(text, size, &a, &resources, &e);
	arena_finish(&a);
	return 0;
}
