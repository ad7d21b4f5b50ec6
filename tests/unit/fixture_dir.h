/* A temporary directory with files in it, in place of a kernel interface. For tests, before <cmocka.h> or after. */
#ifndef TESTS_UNIT_FIXTURE_DIR_H
#define TESTS_UNIT_FIXTURE_DIR_H

#include "lib/fd.h"
#include "lib/file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fixture_dir {
	char path[64];
	int fd;
};

#define cleanup_fixture __attribute__((cleanup(fixture_dir_finish)))

/* Below @parent: "/dev/shm" for what syncs often. */
static inline struct fixture_dir fixture_dir_in(const char *parent)
{
	struct fixture_dir d = { .fd = -1 };

	snprintf(d.path, sizeof(d.path), "%s/ferry-fixture-XXXXXX", parent);
	if (!mkdtemp(d.path) || (d.fd = open(d.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		perror("fixture_dir_new");
		abort();
	}
	return d;
}

static inline struct fixture_dir fixture_dir_new(void)
{
	return fixture_dir_in("/tmp");
}

static inline void fixture_dir_finish(struct fixture_dir *d)
{
	struct err ignored;

	close_fd(&d->fd);
	remove_tree_at(AT_FDCWD, d->path, &ignored);
}

static inline void fixture_file(struct fixture_dir *d, const char *name, const char *text)
{
	cleanup_close int fd = openat(d->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text)) {
		perror(name);
		abort();
	}
}

#define fixture_expect(d, name, text)                                                                                  \
	do {                                                                                                           \
		cleanup_buf struct buf fixture_buf = BUF_INIT;                                                         \
		struct err fixture_err;                                                                                \
		assert_int_equal(file_read_at((d)->fd, (name), 1 << 20, &fixture_buf, &fixture_err), 0);               \
		assert_string_equal(buf_text(&fixture_buf), (text));                                                   \
	} while (0)

#endif
