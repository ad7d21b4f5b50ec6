/*
 * What every fuzzer begins with. With -DREPLAY and without -fsanitize=fuzzer it is a program that runs the files
 * named, and those in directories named, once each: what a compiler without libFuzzer can still check.
 */
#ifndef TESTS_FUZZ_REPLAY_H
#define TESTS_FUZZ_REPLAY_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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

#endif
