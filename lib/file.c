#include "lib/file.h"

#include "lib/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int fd_read_all(int fd, size_t max, struct buf *b, struct err *e)
{
	size_t total = 0;

	for (;;) {
		char *to = buf_reserve(b, 4096);
		ssize_t n = read(fd, to, b->room - b->len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, errno, "read");
		b->len += (size_t)n;
		b->data[b->len] = '\0';
		if (n == 0)
			return 0;
		total += (size_t)n;
		if (total > max)
			return err_say(e, EFBIG, "longer than %zu bytes", max);
	}
}

int file_read_at(int dirfd, const char *path, size_t max, struct buf *b, struct err *e)
{
	cleanup_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open '%s'", path);
	if (fd_read_all(fd, max, b, e) < 0)
		return err_wrap(e, "'%s'", path);
	return 0;
}

int file_read_once_at(int dirfd, const char *path, struct buf *b, struct err *e)
{
	enum { ROOM = 8192 };
	ssize_t n;

	cleanup_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open '%s'", path);
	char *to = buf_reserve(b, ROOM);
	do
		n = read(fd, to, ROOM);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, errno, "read '%s'", path);
	if (n == ROOM)
		return err_set(e, EFBIG, "read '%s'", path);
	b->len += (size_t)n;
	b->data[b->len] = '\0';
	return 0;
}

int file_write_at(int dirfd, const char *path, const char *text, struct err *e)
{
	cleanup_close int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open '%s'", path);
	ssize_t n;
	do
		n = write(fd, text, strlen(text));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, errno, "write '%s' to '%s'", text, path);
	if ((size_t)n != strlen(text))
		return err_say(e, EIO, "write '%s' to '%s': cut short", text, path);
	return 0;
}

int fd_write_all(int fd, const void *data, size_t n, struct err *e)
{
	const char *at = data;

	while (n > 0) {
		ssize_t done = write(fd, at, n);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return err_set(e, errno, "write");
		at += done;
		n -= (size_t)done;
	}
	return 0;
}

int file_replace_at(int dirfd, const char *path, mode_t mode, const void *data, size_t n, struct err *e)
{
	char tmp[PATH_MAX];

	if ((size_t)snprintf(tmp, sizeof(tmp), "%s.tmp", path) >= sizeof(tmp))
		return err_set(e, ENAMETOOLONG, "'%s'", path);

	cleanup_close int fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return err_set(e, errno, "create '%s'", tmp);
	if (fd_write_all(fd, data, n, e) < 0) {
		unlinkat(dirfd, tmp, 0);
		return err_wrap(e, "'%s'", tmp);
	}
	if (renameat(dirfd, tmp, dirfd, path) < 0) {
		int code = errno;
		unlinkat(dirfd, tmp, 0);
		return err_set(e, code, "rename '%s' to '%s'", tmp, path);
	}
	return 0;
}

int mkdir_parents(const char *path, mode_t mode, struct err *e)
{
	char part[PATH_MAX];

	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return err_set(e, errno, "create directory '%s'", path);
	if ((size_t)snprintf(part, sizeof(part), "%s", path) >= sizeof(part))
		return err_set(e, ENAMETOOLONG, "create directory '%s'", path);

	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return err_set(e, errno, "create directory '%s'", part);
		*slash = '/';
	}
	if (mkdir(part, mode) < 0 && errno != EEXIST)
		return err_set(e, errno, "create directory '%s'", part);
	return 0;
}

int dir_each(int fd, int (*each)(int fd, const char *name, unsigned char type, void *data, struct err *e), void *data,
	     struct err *e)
{
	_Alignas(struct dirent64) char room[2048];
	ssize_t n;

	while ((n = getdents64(fd, room, sizeof(room))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *ent = (const void *)(room + at);
			at += ent->d_reclen;
			if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
				continue;
			int r = each(fd, ent->d_name, ent->d_type, data, e);
			if (r < 0)
				return r;
		}
	return n < 0 ? err_set(e, errno, "read directory") : 0;
}

/* An owner without rights to his own directory gives them to himself. -1 with errno. */
static int open_to_empty(int fd, const char *name)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int sub = openat(fd, name, flags);

	if (sub < 0 && errno == EACCES && fchmodat(fd, name, 0700, 0) == 0)
		sub = openat(fd, name, flags);
	return sub;
}

/*
 * What is removed may be nested deeper than there are descriptors, by whoever wrote it: a container, an archive. So what is
 * too deep is moved up to the top, and its turn comes again.
 */
struct removal {
	int top;
	dev_t dev;
	unsigned depth, moved;
};

enum { REMOVE_DEPTH_MAX = 64 };

/* Whoever has the name up there is to be removed as well. */
static int move_up(struct removal *r, int fd, const char *name, struct err *e)
{
	char up[32];

	for (;;) {
		snprintf(up, sizeof(up), ".ferry-moved-%u", r->moved++);
		if (renameat(fd, name, r->top, up) == 0)
			return 0;
		if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
			return err_set(e, errno, "move '%s' up", name);
	}
}

/* And one who may not write to it, likewise. -1 with errno. */
static int unlink_from(int fd, const char *name, int flags)
{
	if (unlinkat(fd, name, flags) == 0)
		return 0;
	if (errno != EACCES)
		return -1;
	if (fchmod(fd, 0700) < 0) {
		errno = EACCES;
		return -1;
	}
	return unlinkat(fd, name, flags);
}

static int remove_child(int fd, const char *name, unsigned char type, void *data, struct err *e)
{
	struct removal *r = data;
	struct stat st;

	if (type != DT_DIR) {
		if (unlink_from(fd, name, 0) == 0 || errno == ENOENT)
			return 0;
		if (errno != EISDIR && errno != EPERM)
			return err_set(e, errno, "remove '%s'", name);
	}
	cleanup_close int sub = open_to_empty(fd, name);
	if (sub < 0 && errno == ENOENT)
		return 0;
	if (sub < 0 || fstat(sub, &st) < 0)
		return err_set(e, errno, "open '%s'", name);
	if (st.st_dev != r->dev)
		return err_say(e, EBUSY, "'%s' is a mount point", name);
	if (r->depth == REMOVE_DEPTH_MAX)
		return move_up(r, fd, name, e);
	r->depth++;
	if (dir_each(sub, remove_child, r, e) < 0)
		return err_wrap(e, "'%s'", name);
	r->depth--;
	return unlink_from(fd, name, AT_REMOVEDIR) < 0 ? err_set(e, errno, "remove '%s'", name) : 0;
}

int remove_tree_at(int dirfd, const char *name, struct err *e)
{
	cleanup_close int fd = open_to_empty(dirfd, name);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "open '%s'", name);
	if (fstat(fd, &st) < 0)
		return err_set(e, errno, "stat '%s'", name);
	struct removal r = { .top = fd, .dev = st.st_dev };
	unsigned before;
	do {
		before = r.moved;
		if (lseek(fd, 0, SEEK_SET) < 0 || dir_each(fd, remove_child, &r, e) < 0)
			return err_wrap(e, "remove '%s'", name);
	} while (r.moved != before);
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
		return err_set(e, errno, "remove '%s'", name);
	return 0;
}

bool path_is_gone(const char *path)
{
	const char *slash = strrchr(path, '/');
	char above[PATH_MAX];

	if (faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT || !slash)
		return false;
	snprintf(above, sizeof(above), "%.*s", (int)(slash - path), path);
	return slash == path || access(above, F_OK) == 0;
}
