/*
 * Looks names up in layers as an overlay of them would show them, without mounting it. The layers came from strangers: no
 * symbolic link in them is followed by the kernel.
 */
#include "overlay/root.h"

#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

enum { LINKS_MAX = 40 };

static bool has_attribute(const struct merged *m, int fd, const char *name)
{
	char key[64], value;

	snprintf(key, sizeof(key), "%s.overlay.%s", m->userxattr ? "user" : "trusted", name);
	return getxattr(fd_path(fd).path, key, &value, 1) >= 0;
}

bool merged_is_opaque(const struct merged *m, int fd)
{
	return has_attribute(m, fd, "opaque");
}

static bool is_whiteout(const struct merged *m, int fd, const struct stat *st)
{
	if (S_ISCHR(st->st_mode))
		return st->st_rdev == 0;
	return S_ISREG(st->st_mode) && st->st_size == 0 && has_attribute(m, fd, "whiteout");
}

/*
 * Looks @path up, which has no links and no "..", in one layer. Returns a descriptor (O_PATH); -EAGAIN: the next layer
 * decides; -ENOENT: no layer does.
 */
static int look_in(const struct merged *m, const char *layer, const char *path, struct stat *st)
{
	cleanup_close int fd = open(layer, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char name[NAME_MAX + 1];
	bool opaque = false;

	if (fd < 0 || fstat(fd, st) < 0)
		return -errno;
	while (*path) {
		size_t n = strcspn(path, "/");
		if (n > NAME_MAX)
			return -ENAMETOOLONG;
		memcpy(name, path, n);
		name[n] = '\0';
		path += n + (path[n] == '/');
		if (!S_ISDIR(st->st_mode))
			return -ENOENT;
		int next = openat(fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			return errno == ENOENT && !opaque ? -EAGAIN : -errno;
		close_fd(&fd);
		fd = next;
		if (fstat(fd, st) < 0)
			return -errno;
		if (is_whiteout(m, fd, st))
			return -ENOENT;
		opaque |= S_ISDIR(st->st_mode) && merged_is_opaque(m, fd);
	}
	return take_fd(&fd);
}

int merged_look(const struct merged *m, const char *path, struct stat *st)
{
	for (size_t i = 0; i < m->n; i++) {
		int fd = look_in(m, m->layers[i], path, st);
		if (fd != -EAGAIN)
			return fd;
	}
	return -ENOENT;
}

/* Puts what a link says in front of the rest of the path. */
static int follow(int link, char rest[PATH_MAX], char at[PATH_MAX])
{
	char to[PATH_MAX], joined[PATH_MAX * 2];
	ssize_t n = readlinkat(link, "", to, sizeof(to) - 1);

	if (n < 0)
		return -errno;
	to[n] = '\0';
	if (to[0] == '/')
		at[0] = '\0';
	if (snprintf(joined, sizeof(joined), "%s/%s", to, rest) >= PATH_MAX)
		return -ENAMETOOLONG;
	strcpy(rest, joined);
	return 0;
}

/* Takes the next name off @rest and puts it behind @at. False at the end. */
static bool step(char rest[PATH_MAX], char at[PATH_MAX])
{
	size_t skip = strspn(rest, "/"), n = strcspn(rest + skip, "/"), len = strlen(at);
	const char *name = rest + skip;

	if (n == 2 && memcmp(name, "..", 2) == 0) {
		char *slash = strrchr(at, '/');
		*(slash ? slash : at) = '\0';
	} else if (n > 0 && !(n == 1 && *name == '.') && len + 1 + n < PATH_MAX)
		snprintf(at + len, PATH_MAX - len, "%s%.*s", len ? "/" : "", (int)n, name);
	memmove(rest, name + n, strlen(name + n) + 1);
	return n > 0;
}

/* Names alone, between single slashes. */
static bool is_plain(const char *path)
{
	for (const char *at = path; *at; at += strcspn(at, "/"), at += *at == '/')
		if (*at == '/' || *at == '.')
			return false;
	return true;
}

int merged_find(const struct merged *m, const char *path, char ret_path[PATH_MAX], struct stat *ret)
{
	char rest[PATH_MAX], at[PATH_MAX] = "", before[PATH_MAX];
	cleanup_close int fd = -1;
	struct stat st = { 0 };
	int links = 0, result = 0;

	if (snprintf(rest, sizeof(rest), "%s", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	/* Where there is no link, all at once. */
	fd = is_plain(path) ? merged_look(m, path, &st) : -1;
	if (fd >= 0 && !S_ISLNK(st.st_mode)) {
		strcpy(ret_path, path);
		if (ret)
			*ret = st;
		return take_fd(&fd);
	}
	close_fd(&fd);
	for (strcpy(before, at); step(rest, at); strcpy(before, at)) {
		if (result < 0)
			continue; /* what does not exist has no links */
		close_fd(&fd);
		fd = merged_look(m, at, &st);
		if (fd == -ENOENT)
			result = -ENOENT;
		else if (fd < 0)
			return fd;
		else if (S_ISLNK(st.st_mode)) {
			strcpy(at, before);
			int r = ++links > LINKS_MAX ? -ELOOP : follow(fd, rest, at);
			if (r < 0)
				return r;
		}
	}
	strcpy(ret_path, at);
	if (result < 0)
		return result;
	if (!*at) {
		close_fd(&fd);
		if ((fd = merged_look(m, "", &st)) < 0)
			return fd;
	}
	if (ret)
		*ret = st;
	return take_fd(&fd);
}

int merged_open(const struct merged *m, const char *path, struct err *e)
{
	char at[PATH_MAX];
	struct stat st;
	cleanup_close int place = merged_find(m, path, at, &st);

	if (place < 0)
		return err_set(e, -place, "open '%s' of the image", path);
	if (!S_ISREG(st.st_mode))
		return err_say(e, EINVAL, "'%s' of the image is not a regular file", path);
	int fd = open(fd_path(place).path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? fd : err_set(e, errno, "open '%s' of the image", path);
}
