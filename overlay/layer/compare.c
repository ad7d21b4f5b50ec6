/*
 * An archive is what its directory should be. What differs is kept till the end, since a later member may be what the
 * directory has instead.
 */
#include "overlay/layer/worker.h"

#include "lib/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { DIFFERENCES_MAX = 32 };

struct difference {
	bool weak; /* only a consequence, mostly: a directory's time */
	char path[PATH_MAX], what[400];
};

struct compare {
	struct tree t;
	struct input in;
	struct seen seen;
	struct difference found[DIFFERENCES_MAX];
	size_t n;
	bool full;
	char *chunk; /* INPUT_BLOCK bytes */
};

static void compare_free(struct compare **c)
{
	if (!*c)
		return;
	input_finish(&(*c)->in);
	tree_finish(&(*c)->t);
	seen_finish(&(*c)->seen);
	free((*c)->chunk);
	free(*c);
}

#define cleanup_compare __attribute__((cleanup(compare_free)))

/* ---- differences ---- */

__attribute__((format(printf, 3, 4))) static int differs(struct compare *c, const char *path, const char *fmt, ...)
{
	va_list ap;

	if (c->n == DIFFERENCES_MAX) {
		c->full = true;
		return 0;
	}
	struct difference *d = &c->found[c->n++];
	d->weak = false;
	snprintf(d->path, sizeof(d->path), "%s", path);
	va_start(ap, fmt);
	vsnprintf(d->what, sizeof(d->what), fmt, ap);
	va_end(ap);
	return 0;
}

/* A new member in the place of those that were found to differ; what is no directory has nothing below it. */
static void forget(struct compare *c, const char *path, bool dir)
{
	size_t kept = 0, len = strlen(path);

	for (size_t i = 0; i < c->n; i++) {
		const char *p = c->found[i].path;
		bool below = strncmp(p, path, len) == 0 && p[len] == '/';
		if (strcmp(p, path) == 0 || (below && !dir))
			continue;
		if (kept != i)
			c->found[kept] = c->found[i];
		kept++;
	}
	c->n = kept;
}

static int first_difference(const struct compare *c, bool weak, struct err *e)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->found[i].weak == weak)
			return err_say(e, EBADMSG, "%s: %s", *c->found[i].path ? c->found[i].path : "/",
				       c->found[i].what);
	return 0;
}

/* ---- content ---- */

/* Returns 1 when @len bytes of the file from @at on are as @data, or zeros when that is NULL. */
static int content_is(struct compare *c, int fd, int64_t at, const char *data, int64_t len, struct err *e)
{
	if (!data) {
		off_t next = lseek(fd, at, SEEK_DATA);
		if ((next < 0 && errno == ENXIO) || next >= at + len)
			return 1;
	}
	while (len > 0) {
		ssize_t n = pread(fd, c->chunk, len < INPUT_BLOCK ? (size_t)len : INPUT_BLOCK, at);
		if (n < 0)
			return err_set(e, errno, "read it");
		if (n == 0)
			return 0;
		if (data ? memcmp(c->chunk, data, (size_t)n) != 0 :
			   c->chunk[0] != '\0' || memcmp(c->chunk, c->chunk + 1, (size_t)n - 1) != 0)
			return 0;
		data = data ? data + n : NULL;
		at += n;
		len -= n;
	}
	return 1;
}

static int compare_content(struct compare *c, const char *path, int fd, int64_t size, struct err *e)
{
	const void *data;
	size_t len;
	int64_t offset, at = 0;
	int r = 0, same = 1;

	while (same > 0 && (r = input_data(&c->in, &data, &len, &offset, e)) > 0) {
		if (offset > at)
			same = content_is(c, fd, at, NULL, offset - at, e);
		if (same > 0)
			same = content_is(c, fd, offset, data, (int64_t)len, e);
		at = offset + (int64_t)len;
	}
	if (same > 0 && r < 0)
		return r;
	if (same > 0 && at < size)
		same = content_is(c, fd, at, NULL, size - at, e);
	if (same < 0)
		return err_wrap(e, "%s", path);
	return same ? 0 : differs(c, path, "content differs");
}

/* ---- members ---- */

static const char *type_name(mode_t mode)
{
	static const struct {
		mode_t type;
		const char *name;
	} types[] = {
		{ S_IFREG, "a file" },		  { S_IFDIR, "a directory" },	 { S_IFLNK, "a symbolic link" },
		{ S_IFCHR, "a character device" }, { S_IFBLK, "a block device" }, { S_IFIFO, "a fifo" },
	};

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == (mode & S_IFMT))
			return types[i].name;
	return "of an unknown type";
}

static int compare_link(struct compare *c, const struct name *n, const struct stat *st, struct archive_entry *what)
{
	const char *to = archive_entry_symlink(what);
	char target[PATH_MAX];
	ssize_t len = readlinkat(c->t.parent, n->base, target, sizeof(target) - 1);

	if (len < 0 || !to || st->st_size != len)
		return differs(c, n->path, "cannot be read as a link");
	target[len] = '\0';
	return strcmp(target, to) == 0 ? 0 : differs(c, n->path, "leads to '%s', not to '%s'", target, to);
}

static int compare_node(struct compare *c, const struct name *n, const struct stat *st, struct archive_entry *what,
			struct err *e)
{
	cleanup_close int fd = -1;
	struct node node = { .fd = -1, .base = n->base };
	struct err why = ERR_INIT;
	bool dir = S_ISDIR(st->st_mode);

	if (S_ISREG(st->st_mode) || dir) {
		fd = openat(*n->path ? c->t.parent : c->t.root, *n->path ? n->base : ".",
			    O_RDONLY | O_NOFOLLOW | O_CLOEXEC | (dir ? O_DIRECTORY : 0));
		if (fd < 0)
			return err_set(e, errno, "%s: open it", n->path);
		node.fd = fd;
	}
	if (S_ISREG(st->st_mode) && st->st_size != archive_entry_size(what))
		return differs(c, n->path, "is %lld bytes long, not %lld", (long long)st->st_size,
			       (long long)archive_entry_size(what));
	if (S_ISREG(st->st_mode) && compare_content(c, n->path, fd, st->st_size, e) < 0)
		return -e->code;
	if (S_ISLNK(st->st_mode))
		compare_link(c, n, st, what);
	if ((S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) && st->st_rdev != archive_entry_rdev(what))
		return differs(c, n->path, "device %u:%u", major(st->st_rdev), minor(st->st_rdev));
	if (attributes_differ(&c->t, &node, st, what, &why)) {
		differs(c, n->path, "%s", why.msg);
		c->found[c->n - 1].weak = dir && why.code == ETIME;
	}
	return 0;
}

static int compare_hard_link(struct compare *c, const struct name *n, const struct stat *st, const char *target,
			     struct err *e)
{
	struct stat other;
	struct name to;

	if (name_parse_plain(target, &to, e) < 0)
		return err_wrap(e, "%s: hard link", n->path);
	cleanup_close int dir = tree_open_dir(&c->t, to.path, to.dir_len);
	if (dir < 0 || fstatat(dir, to.base, &other, AT_SYMLINK_NOFOLLOW) < 0 || other.st_ino != st->st_ino)
		return differs(c, n->path, "is no hard link to '%s'", target);
	return 0;
}

/* Devices of the rootless are empty files. */
static bool same_type(const struct compare *c, const struct stat *st, mode_t type)
{
	if ((st->st_mode & S_IFMT) == type)
		return true;
	return !c->t.exact && (type == AE_IFCHR || type == AE_IFBLK) && S_ISREG(st->st_mode) && st->st_size == 0;
}

static int compare_file(struct compare *c, const struct name *n, struct archive_entry *what, struct err *e)
{
	const char *link = archive_entry_hardlink(what);
	mode_t type = archive_entry_filetype(what);
	struct stat st;

	if ((*n->path ? fstatat(c->t.parent, n->base, &st, AT_SYMLINK_NOFOLLOW) : fstat(c->t.root, &st)) < 0)
		return differs(c, n->path, "is missing");
	if (*n->path && seen_add(&c->seen, c->t.st.st_ino, n->base, e) < 0)
		return -e->code;
	if (link)
		return compare_hard_link(c, n, &st, link, e);
	if (!same_type(c, &st, type))
		return differs(c, n->path, "is %s, not %s", type_name(st.st_mode), type_name(type));
	if ((st.st_mode & S_IFMT) != type)
		return 0;
	return compare_node(c, n, &st, what, e);
}

/* Whatever has the name in this layer hides what is below, but for a directory that is not opaque. */
static int compare_whiteout(struct compare *c, const struct name *n, struct err *e)
{
	cleanup_close int fd = -1;
	struct stat st;
	char value;

	if (fstatat(c->t.parent, n->base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return differs(c, n->path, "is missing");
	if (node_is_whiteout(&c->t, n->base, &st))
		return seen_add(&c->seen, c->t.st.st_ino, n->base, e);
	if (!S_ISDIR(st.st_mode))
		return 0;
	fd = openat(c->t.parent, n->base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 && node_get_xattr(&c->t, &(struct node){ .fd = fd }, xattr_opaque(&c->t), &value, 1) == 1)
		return 0;
	return differs(c, n->path, "the directory is not opaque");
}

/* Directories may be in no member's name but those of what is in them. */
static int mark_parents(struct compare *c, const struct name *n, struct err *e)
{
	struct stat st;

	if (seen_has(&c->seen, c->t.st.st_ino, "."))
		return 0;
	for (size_t len = 0; len < n->dir_len; len++) {
		if (n->path[len] != '/')
			continue;
		cleanup_close int dir = tree_open_dir(&c->t, n->path, len);
		if (dir >= 0 && fstat(dir, &st) == 0 && seen_add(&c->seen, st.st_ino, ".", e) < 0)
			return -e->code;
	}
	return seen_add(&c->seen, c->t.st.st_ino, ".", e);
}

static int compare_member(struct compare *c, const struct name *n, struct archive_entry *what, struct err *e)
{
	char value;

	forget(c, n->path, archive_entry_filetype(what) == AE_IFDIR);
	if (n->kind == NAME_FILE && !*n->path)
		return compare_file(c, n, what, e);
	if (tree_enter(&c->t, n->path, n->dir_len, false, e) < 0)
		return e->code == ENOENT || e->code == ENOTDIR ? differs(c, n->path, "is missing") : -e->code;
	if (mark_parents(c, n, e) < 0)
		return -e->code;
	switch (n->kind) {
	case NAME_WHITEOUT:
		return compare_whiteout(c, n, e);
	case NAME_OPAQUE:
		if (node_get_xattr(&c->t, &(struct node){ .fd = c->t.parent }, xattr_opaque(&c->t), &value, 1) == 1 &&
		    value == 'y')
			return 0;
		return differs(c, n->path, "the directory is not opaque");
	default:
		return compare_file(c, n, what, e);
	}
}

/* ---- what the archive does not have ---- */

static int find_unknown(struct compare *c, int dir, char *path, size_t len, struct err *e);

static int check_known(struct compare *c, int dir, ino_t ino, const char *base, char *path, size_t len, struct err *e)
{
	size_t n = strlen(base);
	struct stat st;

	if (fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "%s/%s", path, base);
	if (len + n + 2 > PATH_MAX)
		return err_say(e, EBADMSG, "%s: a file in it is not in the archive", path);
	if (len > 0)
		path[len++] = '/';
	memcpy(path + len, base, n + 1);
	bool is_dir = S_ISDIR(st.st_mode);
	if (!seen_has(&c->seen, ino, base) && !(is_dir && seen_has(&c->seen, st.st_ino, ".")))
		return err_say(e, EBADMSG, "%s: is not in the archive", path);
	if (!is_dir)
		return 0;
	int fd = openat(dir, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "%s: open the directory", path) : find_unknown(c, fd, path, len + n, e);
}

/* @path: a buffer, of which @len bytes are the directory's name. @dir is closed. */
static int find_unknown(struct compare *c, int dir, char *path, size_t len, struct err *e)
{
	struct dirent *ent;
	struct stat st;
	int r = 0;
	DIR *d = fdopendir(dir);

	if (!d) {
		close(dir);
		return err_set(e, ENOMEM, "read the directory");
	}
	if (fstat(dir, &st) < 0)
		r = err_set(e, errno, "%s", path);
	while (r == 0 && (ent = readdir(d))) {
		if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
			continue;
		r = check_known(c, dir, st.st_ino, ent->d_name, path, len, e);
		path[len] = '\0';
	}
	closedir(d);
	return r;
}

int layer_compare(const struct layer_job *j, struct layer_result *ret, struct err *e)
{
	cleanup_compare struct compare *c = calloc(1, sizeof(*c));
	struct archive_entry *what;
	char path[PATH_MAX] = "";
	struct name n;
	int r = 0;

	if (c)
		c->t = TREE_INIT;
	if (!c || !(c->chunk = malloc(INPUT_BLOCK)))
		return err_set(e, ENOMEM, "compare");
	if (input_begin(j, &c->in, e) < 0 || tree_begin(j, &c->t, e) < 0)
		return -e->code;
	while (!c->full && (r = input_next(&c->in, &what, e)) > 0) {
		if (name_parse(archive_entry_pathname(what), &n, e) < 0)
			return -e->code;
		if (n.kind != NAME_IGNORED && compare_member(c, &n, what, e) < 0)
			return -e->code;
	}
	if (!c->full && r < 0)
		return r;
	if (first_difference(c, false, e) < 0)
		return -e->code;
	int root = openat(c->t.root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_set(e, errno, "open the layer's directory");
	if (find_unknown(c, root, path, 0, e) < 0 || first_difference(c, true, e) < 0)
		return -e->code;
	return input_end(&c->in, ret, e);
}
