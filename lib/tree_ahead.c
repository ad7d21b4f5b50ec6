#include "lib/tree_ahead.h"

#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/sparse.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

/* SLACK_S: for writes that were under way, and for clocks that tick slowly. Smaller files are copied as fast as renamed. */
enum { SLACK_S = 2, SIZE_MIN = 64 * 1024, MAGIC_RAMFS = 0x858458f6 };

struct inode_name {
	char text[24];
};

static struct inode_name inode_name(const struct stat *st)
{
	struct inode_name n;

	snprintf(n.text, sizeof(n.text), "%" PRIu64, (uint64_t)st->st_ino);
	return n;
}

static int64_t clock_difference(void)
{
	return (int64_t)time(NULL) - clock_ms() / 1000;
}

int tree_ahead_begin(int dir, struct tree_ahead *ret, struct err *e)
{
	struct tree_ahead t = { .dir = dir, .since = time(NULL) - SLACK_S, .clock_s = clock_difference() };
	struct statfs fs;

	if (fstatfs(dir, &fs) < 0)
		return err_set(e, errno, "stat the file system");
	if (fs.f_type == TMPFS_MAGIC || fs.f_type == MAGIC_RAMFS)
		return 0;
	*ret = t;
	return 1;
}

bool tree_ahead_ready(const struct tree_ahead *t)
{
	return llabs((long long)(clock_difference() - t->clock_s)) <= 1;
}

bool tree_ahead_take(const struct tree_ahead *t, const struct stat *st, int to_dir, const char *to)
{
	return st->st_size >= SIZE_MIN && st->st_ctim.tv_sec < t->since &&
	       renameat(t->dir, inode_name(st).text, to_dir, to) == 0;
}

/* ---- copying ---- */

/* @fd: O_PATH of a regular file. */
static int copy_file(const struct tree_ahead *t, int fd, const struct stat *st, struct err *e)
{
	cleanup_close int in = -1, out = -1;

	if (st->st_size < SIZE_MIN || st->st_ctim.tv_sec >= t->since)
		return 0;
	out = openat(t->dir, inode_name(st).text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return errno == EEXIST ? 0 : err_set(e, errno, "create a copy"); /* another name of one that was copied */
	in = open(fd_path(fd).path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (in < 0)
		return err_set(e, errno, "open it");
	if (fdatasync(in) < 0)
		return err_set(e, errno, "sync it");
	return sparse_copy(in, out, e);
}

static int copy_entry(const struct tree_ahead *t, int dir, const char *name, struct err *e);

static int copy_directory(const struct tree_ahead *t, int fd, struct err *e)
{
	int in = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = in < 0 ? NULL : fdopendir(in);

	if (!d) {
		close_fd(&in);
		return err_set(e, errno, "read it");
	}
	for (struct dirent *ent; r == 0 && (ent = readdir(d));)
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			r = copy_entry(t, dirfd(d), ent->d_name, e);
	closedir(d);
	return r;
}

static int copy_entry(const struct tree_ahead *t, int dir, const char *name, struct err *e)
{
	cleanup_close int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int r = 0;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "'%s': open it", name);
	if (S_ISREG(st.st_mode))
		r = copy_file(t, fd, &st, e);
	else if (S_ISDIR(st.st_mode))
		r = copy_directory(t, fd, e);
	return r < 0 ? err_wrap(e, "'%s'", name) : 0;
}

int tree_ahead_copy(const struct tree_ahead *t, int from_dir, const char *from, struct err *e)
{
	return copy_entry(t, from_dir, from, e) < 0 ? err_wrap(e, "copy") : 0;
}
