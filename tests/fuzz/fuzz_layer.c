/*
 * Fuzzing of layers' archives: unpacked, compared, packed and unpacked again, within the one process. Not as root: what it
 * is made to find would be found by the host. CORPUS is absolute: the process changes its directory.
 *
 *	clang -g -O1 -fsanitize=fuzzer,address,undefined -std=c11 -D_GNU_SOURCE -I. tests/fuzz/fuzz_layer.c \
 *		$(ls overlay/layer/[a-z]*.c | grep -v -e client -e worker_main -e confine) \
 *		lib/{buf,err,fd,file,sha256,sys}.c -larchive -lnettle -o fuzz_layer && ./fuzz_layer CORPUS
 *
 * With -DREPLAY and without -fsanitize=fuzzer it is a program that runs the files named once each.
 */
#include "lib/fd.h"
#include "lib/file.h"
#include "overlay/layer/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SPACE_MAX = 1 << 20 };

/* What makes it slow, and finds nothing: large files in small archives. */
static bool too_large(int from)
{
	struct layer_job j = { .dir = -1, .from = from, .to = -1, .length_bytes = -1 };
	struct archive_entry *what;
	struct input in = INPUT_INIT;
	struct err e = ERR_INIT;
	int64_t sum = 0;
	int r = input_begin(&j, &in, &e);

	while (r >= 0 && (r = input_next(&in, &what, &e)) > 0)
		sum += archive_entry_size(what) & INT32_MAX;
	input_finish(&in);
	return sum > SPACE_MAX;
}

static int do_in(const char *dir, int (*verb)(const struct layer_job *, struct layer_result *, struct err *),
		 struct layer_job j)
{
	struct layer_result result;
	struct err e = ERR_INIT;

	j.length_bytes = -1;
	j.mtime_max_s = -1;
	j.userxattr = true;
	j.dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j.dir < 0)
		abort();
	int r = verb(&j, &result, &e);
	close(j.dir);
	/* Every refusal says why. */
	if (r < 0 && (!*e.msg || e.code != -r))
		abort();
	if (r < 0 && verb == layer_compare)
		fprintf(stderr, "%s\n", e.msg);
	return r;
}

static void there_and_back(const char *dir, int from)
{
	char again[64] = "/tmp/ferry-fuzz-XXXXXX";
	struct err ignored;
	int packed = memfd_create("packed", MFD_CLOEXEC);

	if (!mkdtemp(again))
		abort();
	/* What was unpacked is as the archive says; what was packed of it can be unpacked. */
	if (do_in(dir, layer_compare, (struct layer_job){ .from = from, .to = -1 }) < 0)
		abort();
	if (do_in(dir, layer_pack, (struct layer_job){ .from = -1, .to = packed }) == 0 &&
	    (do_in(again, layer_unpack, (struct layer_job){ .from = packed, .to = -1 }) < 0 ||
	     do_in(again, layer_compare, (struct layer_job){ .from = packed, .to = -1 }) < 0))
		abort();
	close(packed);
	remove_tree_at(AT_FDCWD, again, &ignored);
}

/* A header that was changed counts only with its sum. */
static int with_right_sums(const uint8_t *data, size_t size)
{
	struct buf b = BUF_INIT;
	struct err ignored;
	int fd = memfd_create("archive", MFD_CLOEXEC);

	buf_add(&b, data, size);
	for (char *h = b.data; h && h + 512 <= b.data + b.len; h += 512) {
		unsigned sum = 8 * ' ';
		if (memcmp(h + 257, "ustar", 5) != 0)
			continue;
		for (int i = 0; i < 512; i++)
			sum += i >= 148 && i < 156 ? 0 : (unsigned char)h[i];
		char text[8];
		snprintf(text, sizeof(text), "%06o", sum & 0777777);
		memcpy(h + 148, text, 7);
		h[155] = ' ';
	}
	if (fd < 0 || fd_write_all(fd, b.data, b.len, &ignored) < 0)
		abort();
	buf_finish(&b);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char place[64] = "/tmp/ferry-fuzz-XXXXXX", dir[80];
	int from = with_right_sums(data, size);
	struct err ignored;

	umask(0);
	if (geteuid() == 0 || !mkdtemp(place))
		abort();
	snprintf(dir, sizeof(dir), "%s/layer", place);
	mkdir(dir, 0755);
	if (!too_large(from) && do_in(dir, layer_unpack, (struct layer_job){ .from = from, .to = -1 }) == 0)
		there_and_back(dir, from);
	/* Nothing is beside the layer. */
	if (remove_tree_at(AT_FDCWD, dir, &ignored) == 0 && rmdir(place) < 0 && errno == ENOTEMPTY)
		abort();
	close(from);
	return 0;
}

#ifdef REPLAY
int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct buf b = BUF_INIT;
		struct err e = ERR_INIT;
		if (file_read_at(AT_FDCWD, argv[i], 16 << 20, &b, &e) < 0)
			fprintf(stderr, "%s\n", e.msg);
		else
			LLVMFuzzerTestOneInput((const uint8_t *)buf_text(&b), b.len);
		buf_finish(&b);
	}
	return 0;
}
#endif
