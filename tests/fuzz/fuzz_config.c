/*
 * Fuzzing of the documents that ferry reads: config.json, a process, resources.
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -std=c11 -D_GNU_SOURCE -I. tests/fuzz/fuzz_config.c \
 *		lib/[abefj]*.c spec/[a-z]*.c -lyajl_s -o fuzz_config && ./fuzz_config CORPUS
 *
 * With -DREPLAY and without -fsanitize=fuzzer it is a program that runs the files named, and those in directories
 * named, once each: what a compiler without libFuzzer can still check.
 */
#include "lib/json.h"
#include "spec/spec.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

#ifdef REPLAY
#include "lib/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

static int replay(int dirfd, const char *path)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	int r = file_read_at(dirfd, path, 16 << 20, &b, &e);

	if (r < 0)
		fprintf(stderr, "%s\n", e.msg);
	else
		LLVMFuzzerTestOneInput((const uint8_t *)buf_text(&b), b.len);
	buf_finish(&b);
	return r < 0;
}

int main(int argc, char **argv)
{
	int failed = 0, n = 0;

	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);
		if (!d) {
			failed |= replay(AT_FDCWD, argv[i]);
			n++;
			continue;
		}
		for (struct dirent *ent; (ent = readdir(d));)
			if (ent->d_type == DT_REG) {
				failed |= replay(dirfd(d), ent->d_name);
				n++;
			}
		closedir(d);
	}
	printf("%d documents\n", n);
	return failed;
}
#endif
