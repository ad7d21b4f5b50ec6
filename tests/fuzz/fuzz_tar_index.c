/*
 * Fuzzing of the index of plain tars, and of the look-up of files in them through links; and of the reader of small ones.
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -std=c11 -D_GNU_SOURCE -I. tests/fuzz/fuzz_tar_index.c \
 *		overlay/image/tar_index.c overlay/layer/member.c checkpoint/{images/tar,wire}.c \
 *		lib/{arena,buf,err,fd,in_root,sys,tar_header}.c -o fuzz_tar_index && ./fuzz_tar_index CORPUS
 *
 * Checksums are made right, else hardly any header would be looked at. With -DREPLAY as in replay.h.
 */
#include "checkpoint/images/tar.h"
#include "lib/tar_header.h"
#include "overlay/image/tar_index.h"
#include "tests/fuzz/replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void make_checksums(uint8_t *data, size_t size)
{
	for (size_t at = 0; at + TAR_BLOCK <= size; at += TAR_BLOCK) {
		unsigned sum = 0;
		memset(data + at + 148, ' ', 8);
		for (size_t i = 0; i < TAR_BLOCK; i++)
			sum += data[at + i];
		snprintf((char *)data + at + 148, 7, "%06o", sum);
	}
}

static void read_small(const uint8_t *data, size_t size)
{
	struct wire rest = wire_of(data, size / TAR_BLOCK * TAR_BLOCK);
	struct tar_entry x;

	while (tar_next(&rest, &x) > 0)
		if (rest.at > rest.end || (const uint8_t *)x.data + x.size > rest.at || strlen(x.name) >= TAR_NAME_MAX)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT;
	struct tar_index index;
	struct err e = ERR_INIT;
	uint8_t *copy = malloc(size + 1);
	int fd = memfd_create("tar", 0);

	if (!copy || fd < 0)
		abort();
	memcpy(copy, data, size);
	make_checksums(copy, size);
	if (write(fd, copy, size) != (ssize_t)size)
		abort();
	if (tar_index_read(fd, &a, &index, &e) == 0)
		for (size_t i = 0; i < index.n; i++) {
			const struct tar_member *m = tar_index_find(&index, index.members[i].name);
			if (m && (m->offset < 0 || m->size_bytes < 0 || m->offset + m->size_bytes > (int64_t)size))
				abort();
		}
	read_small(copy, size);
	close(fd);
	free(copy);
	arena_finish(&a);
	return 0;
}
