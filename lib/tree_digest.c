#include "lib/tree_digest.h"

#include "lib/arena.h"
#include "lib/fd.h"
#include "lib/sha256.h"
#include "lib/sparse.h"
#include "lib/tree_links.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

struct digesting {
	struct tree_links links;
	struct buf *out;
};

static char kind_of(mode_t mode)
{
	static const struct {
		mode_t type;
		char letter;
	} kinds[] = {
		{ S_IFREG, '-' }, { S_IFDIR, 'd' }, { S_IFLNK, 'l' }, { S_IFCHR, 'c' },
		{ S_IFBLK, 'b' }, { S_IFIFO, 'p' }, { S_IFSOCK, 's' },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if ((mode & S_IFMT) == kinds[i].type)
			return kinds[i].letter;
	return '?';
}

static void add_path(struct buf *out, const char *path)
{
	for (; *path; path++) {
		if (*path > ' ' && *path < 0x7f && *path != '\\')
			buf_char(out, *path);
		else
			buf_printf(out, "\\%03o", (unsigned char)*path);
	}
}

/* ---- extended attributes ---- */

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add_values(struct sha256 *s, const char *path, const char **names, size_t n, struct err *e)
{
	char *value = malloc(XATTR_SIZE_MAX);
	ssize_t len = value ? 0 : -1;

	for (size_t i = 0; len >= 0 && i < n; i++) {
		len = getxattr(path, names[i], value, XATTR_SIZE_MAX);
		uint64_t size = (uint64_t)len;
		if (len < 0)
			break;
		sha256_add(s, names[i], strlen(names[i]) + 1);
		for (int shift = 0; shift < 64; shift += 8)
			sha256_add(s, &(uint8_t){ (uint8_t)(size >> shift) }, 1);
		sha256_add(s, value, (size_t)len);
	}
	int code = errno;
	free(value);
	return len < 0 ? err_set(e, code, "read its attributes") : 0;
}

/* @fd: O_PATH. In whatever order the file system lists them. */
static int add_xattrs(struct buf *out, int fd, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	struct fd_path path = fd_path(fd);
	const char **names = NULL;
	char list[XATTR_LIST_MAX];
	struct sha256 s;
	size_t n = 0;

	ssize_t len = listxattr(path.path, list, sizeof(list));
	if (len < 0 && errno != ENOTSUP)
		return err_set(e, errno, "read its attributes");
	for (ssize_t at = 0; at < len; at += (ssize_t)strlen(list + at) + 1)
		*arena_push(&a, &names, &n) = list + at;
	if (n == 0) {
		buf_char(out, '-');
		return 0;
	}
	qsort(names, n, sizeof(*names), compare);
	sha256_begin(&s);
	if (add_values(&s, path.path, names, n, e) < 0)
		return -e->code;
	buf_str(out, sha256_end(&s).text);
	return 0;
}

/* ---- content ---- */

static int add_file(struct buf *out, int fd, struct err *e)
{
	cleanup_close int in = open(fd_path(fd).path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct sha256_text digest;

	if (in < 0)
		return err_set(e, errno, "open it");
	if (sparse_digest(in, &digest, e) < 0)
		return -e->code;
	buf_str(out, digest.text);
	return 0;
}

static int add_link(struct buf *out, int fd, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, "", target, sizeof(target));

	if (n < 0)
		return err_set(e, errno, "read the link");
	buf_str(out, sha256_of(target, (size_t)n).text);
	return 0;
}

static int add_content(struct digesting *w, int fd, const struct stat *st, const char *path, struct err *e)
{
	const char *first = !S_ISDIR(st->st_mode) && st->st_nlink > 1 ? tree_links_first(&w->links, st, path) : NULL;

	if (first) {
		buf_char(w->out, '=');
		add_path(w->out, first);
		return 0;
	}
	if (S_ISREG(st->st_mode))
		return add_file(w->out, fd, e);
	if (S_ISLNK(st->st_mode))
		return add_link(w->out, fd, e);
	buf_char(w->out, '-');
	return 0;
}

static void add_stat(struct buf *out, const struct stat *st)
{
	buf_printf(out, "%c %04o %u %u ", kind_of(st->st_mode), st->st_mode & 07777U, st->st_uid, st->st_gid);
	if (S_ISREG(st->st_mode))
		buf_printf(out, "%" PRIu64, (uint64_t)st->st_size);
	else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		buf_printf(out, "%u:%u", major(st->st_rdev), minor(st->st_rdev));
	else
		buf_char(out, '-');
	buf_printf(out, " %" PRId64 ".%09ld ", (int64_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
}

/* ---- the walk ---- */

static int digest_entry(struct digesting *w, int dir, const char *name, const char *path, struct err *e);

static int list(int fd, struct arena *a, const char ***ret, size_t *ret_n, struct err *e)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);

	if (!d) {
		close_fd(&copy);
		return err_set(e, errno, "read it");
	}
	for (struct dirent *ent; (ent = readdir(d));)
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			*arena_push(a, ret, ret_n) = arena_strdup(a, ent->d_name);
	closedir(d);
	if (*ret_n)
		qsort(*ret, *ret_n, sizeof(**ret), compare);
	return 0;
}

static int digest_directory(struct digesting *w, int fd, const char *path, struct err *e)
{
	cleanup_arena struct arena a = ARENA_INIT;
	const char **names = NULL;
	size_t n = 0;

	if (list(fd, &a, &names, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		if (digest_entry(w, fd, names[i], arena_printf(&a, "%s/%s", path, names[i]), e) < 0)
			return -e->code;
	return 0;
}

static int digest_entry(struct digesting *w, int dir, const char *name, const char *path, struct err *e)
{
	cleanup_close int fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open '%s'", path);
	add_stat(w->out, &st);
	int r = add_xattrs(w->out, fd, e);
	buf_char(w->out, ' ');
	if (r < 0 || add_content(w, fd, &st, path, e) < 0)
		return err_wrap(e, "'%s'", path);
	buf_char(w->out, ' ');
	add_path(w->out, path);
	buf_char(w->out, '\n');
	return S_ISDIR(st.st_mode) ? digest_directory(w, fd, path, e) : 0;
}

int tree_digest(int dir, const char *name, struct buf *out, struct err *e)
{
	struct digesting w = { .links = TREE_LINKS_INIT, .out = out };
	int r = digest_entry(&w, dir, name, name, e);

	tree_links_finish(&w.links);
	return r;
}
