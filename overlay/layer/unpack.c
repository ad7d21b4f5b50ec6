/* An archive becomes a directory. */
#include "overlay/layer/worker.h"

#include "lib/fd.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

/* ---- what hides: overlayfs's form ---- */

static int set_opaque(struct tree *t, int fd, struct err *e)
{
	char old;

	if (fgetxattr(fd, xattr_opaque(t), &old, 1) == 1 && old == 'x')
		return err_say(e, ENOTSUP, "this file system cannot have whiteouts in an opaque directory");
	if (fsetxattr(fd, xattr_opaque(t), "y", 1, 0) < 0)
		return err_set(e, errno, "make the directory opaque: set '%s'", xattr_opaque(t));
	return 0;
}

/* Where a device 0/0 cannot be, on overlayfs itself: an empty file with an xattr, in a directory that says so. */
static int make_xattr_whiteout(struct tree *t, const char *base, struct err *e)
{
	cleanup_close int fd = openat(t->parent, base, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 || fsetxattr(fd, xattr_whiteout(t), "y", 1, 0) < 0)
		return err_set(e, errno, "make a whiteout");
	if (fsetxattr(t->parent, xattr_opaque(t), "x", 1, XATTR_CREATE) == 0)
		return 0;
	char old;
	if (fgetxattr(t->parent, xattr_opaque(t), &old, 1) == 1 && old == 'x')
		return 0;
	return err_say(e, ENOTSUP, "this file system cannot have whiteouts in an opaque directory");
}

/*
 * It hides what the layers below have, never what this layer has, whichever comes first (layer.md, "Whiteouts"). A file of
 * this layer hides the lower ones as it is; a directory must be made to.
 */
static int make_whiteout(struct tree *t, const char *base, struct err *e)
{
	struct stat st;

	t->touched = true;
	if (fstatat(t->parent, base, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (!S_ISDIR(st.st_mode))
			return 0;
		cleanup_close int fd = openat(t->parent, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		return fd < 0 ? err_set(e, errno, "open the directory") : set_opaque(t, fd, e);
	}
	if (mknodat(t->parent, base, S_IFCHR, makedev(0, 0)) == 0)
		return 0;
	return errno == EPERM ? make_xattr_whiteout(t, base, e) : err_set(e, errno, "make a whiteout");
}

/* ---- files ---- */

/* A later member replaces what an earlier one made. */
static int remove_existing(struct tree *t, const char *base, struct err *e)
{
	if (unlinkat(t->parent, base, 0) == 0)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_set(e, errno, "replace what is there");
	if (t->live)
		return err_say(e, EISDIR, "there is a directory in its place");
	return remove_tree_at(t->parent, base, e);
}

/* Returns 0, or a descriptor of a regular file; -1 with errno. */
static int make_node(const struct tree *t, const char *base, struct archive_entry *what)
{
	mode_t type = archive_entry_filetype(what), mode = attributes_mode(t, what) & 0777;
	int r = 0;

	if (type == AE_IFLNK) {
		const char *to = archive_entry_symlink(what);
		return symlinkat(to ? to : "", t->parent, base);
	}
	if (type != AE_IFREG) {
		r = mknodat(t->parent, base, type | mode, archive_entry_rdev(what));
		/* Devices are not for the rootless: an empty file is in the place. */
		if (r == 0 || errno != EPERM || t->exact)
			return r;
	}
	return openat(t->parent, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
}

static int write_content(struct input *in, int fd, int64_t size, struct err *e)
{
	const void *data;
	size_t len;
	int64_t offset, at = 0;
	int r;

	while ((r = input_data(in, &data, &len, &offset, e)) > 0) {
		if (offset < at || offset > size || (int64_t)len > size - offset)
			return err_say(e, EBADMSG, "its content is not within its size");
		if (offset != at && lseek(fd, offset, SEEK_SET) < 0)
			return err_set(e, errno, "seek");
		if (fd_write_all(fd, data, len, e) < 0)
			return -e->code;
		at = offset + (int64_t)len;
	}
	if (r == 0 && at < size && ftruncate(fd, size) < 0)
		return err_set(e, errno, "set its size");
	return r;
}

int unpack_content(struct tree *t, struct input *in, const char *base, struct archive_entry *what, int *ret_fd,
		   struct err *e)
{
	int r = make_node(t, base, what);

	if (r < 0 && errno == EEXIST) {
		if (remove_existing(t, base, e) < 0)
			return -e->code;
		r = make_node(t, base, what);
	}
	if (r < 0)
		return err_set(e, errno, "make it");
	cleanup_close int fd = r > 0 ? r : -1;
	if (archive_entry_filetype(what) == AE_IFREG && write_content(in, fd, archive_entry_size(what), e) < 0)
		return -e->code;
	*ret_fd = take_fd(&fd);
	return 0;
}

static int unpack_file(struct tree *t, struct input *in, const char *base, struct archive_entry *what, struct err *e)
{
	cleanup_close int fd = -1;

	if (unpack_content(t, in, base, what, &fd, e) < 0)
		return -e->code;
	return attributes_set(t, &(struct node){ .fd = fd, .base = base, .made = true }, what, e);
}

/* One that is there is kept, with what is in it. */
static int unpack_dir(struct tree *t, const char *base, struct archive_entry *what, struct err *e)
{
	mode_t mode = attributes_mode(t, what) & 0777;
	bool made = mkdirat(t->parent, base, mode) == 0, opaque = false;
	struct stat st;

	if (!made && errno != EEXIST)
		return err_set(e, errno, "make the directory");
	if (!made && fstatat(t->parent, base, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode)) {
		if (t->live)
			return err_say(e, ENOTDIR, "there is something in its place that is no directory");
		/* It hid the lower ones of the name, so they must not come to light in the new directory. */
		opaque = node_is_whiteout(t, base, &st);
		if (remove_existing(t, base, e) < 0)
			return -e->code;
		made = mkdirat(t->parent, base, mode) == 0;
		if (!made)
			return err_set(e, errno, "make the directory");
	}
	cleanup_close int fd = openat(t->parent, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, errno, "open the directory");
	if (opaque && set_opaque(t, fd, e) < 0)
		return -e->code;
	if (t->live && (fstat(fd, &st) < 0 || seen_add(&t->timed, st.st_ino, "", e) < 0))
		return err_set(e, errno, "note the directory");
	return attributes_set(t, &(struct node){ .fd = fd, .base = base, .made = made }, what, e);
}

static int unpack_root(struct tree *t, struct archive_entry *what, struct err *e)
{
	if (archive_entry_filetype(what) != AE_IFDIR)
		return err_say(e, EINVAL, "not a directory");
	if (tree_leave(t, e) < 0)
		return -e->code;
	return attributes_set(t, &(struct node){ .fd = t->root }, what, e);
}

int unpack_link(struct tree *t, const struct name *n, const char *target, struct err *e)
{
	struct name to;
	struct stat a, b;

	if (name_parse_plain(target, &to, e) < 0)
		return err_wrap(e, "hard link");
	cleanup_close int dir = tree_open_dir(t, to.path, to.dir_len);
	int r = dir < 0 ? -1 : linkat(dir, to.base, t->parent, n->base, 0);
	if (r < 0 && dir >= 0 && errno == EEXIST) {
		if (fstatat(dir, to.base, &a, AT_SYMLINK_NOFOLLOW) == 0 &&
		    fstatat(t->parent, n->base, &b, AT_SYMLINK_NOFOLLOW) == 0 && a.st_ino == b.st_ino)
			return 0;
		if (remove_existing(t, n->base, e) < 0)
			return -e->code;
		r = linkat(dir, to.base, t->parent, n->base, 0);
	}
	return r < 0 ? err_set(e, errno, "hard link to '%s'", target) : 0;
}

/* ---- members ---- */

int unpack_named(struct tree *t, struct input *in, const struct name *n, struct archive_entry *what, struct err *e)
{
	const char *link = archive_entry_hardlink(what);

	if (n->kind == NAME_FILE && !*n->path)
		return unpack_root(t, what, e);
	if (tree_enter(t, n->path, n->dir_len, true, e) < 0)
		return -e->code;
	if (n->kind == NAME_OPAQUE)
		return set_opaque(t, t->parent, e);
	if (n->kind == NAME_WHITEOUT)
		return make_whiteout(t, n->base, e);
	t->touched = true;
	if (link)
		return unpack_link(t, n, link, e);
	switch (archive_entry_filetype(what)) {
	case AE_IFDIR:
		return unpack_dir(t, n->base, what, e);
	case AE_IFREG:
	case AE_IFLNK:
	case AE_IFCHR:
	case AE_IFBLK:
	case AE_IFIFO:
		return unpack_file(t, in, n->base, what, e);
	default:
		return err_say(e, EINVAL, "a file of an unknown type");
	}
}

static void note_time(struct archive_entry *what, int64_t *newest_s)
{
	static const int64_t end_of_9999 = 253402300799;
	int64_t mtime = archive_entry_mtime(what);

	if (mtime > *newest_s && mtime <= end_of_9999)
		*newest_s = mtime;
}

static int unpack_all(struct tree *t, struct input *in, int64_t *newest_s, struct err *e)
{
	struct archive_entry *what;
	struct name n;
	int r;

	while ((r = input_next(in, &what, e)) > 0) {
		if (name_parse(archive_entry_pathname(what), &n, e) < 0)
			return -e->code;
		if (n.kind != NAME_IGNORED && unpack_named(t, in, &n, what, e) < 0)
			return err_wrap(e, "%s", *n.path ? n.path : "/");
		note_time(what, newest_s);
	}
	return r < 0 ? r : tree_leave(t, e);
}

int layer_unpack(const struct layer_job *j, struct layer_result *ret, struct err *e)
{
	cleanup_input struct input in = INPUT_INIT;
	cleanup_tree struct tree t = TREE_INIT;
	int64_t newest_s = 0;

	if (input_begin(j, &in, e) < 0)
		return -e->code;
	if (j->dir >= 0 && (tree_begin(j, &t, e) < 0 || unpack_all(&t, &in, &newest_s, e) < 0))
		return -e->code;
	if (input_end(&in, ret, e) < 0)
		return -e->code;
	ret->newest_s = newest_s;
	return 0;
}
