/* A directory in overlayfs's form becomes an archive; the same directory always the same one. */
#include "overlay/layer/worker.h"

#include "lib/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define WHITEOUT_PREFIX ".wh."
#define OPAQUE_NAME ".wh..wh..opq"

struct pack {
	struct tree t; /* its parent: the directory at work */
	struct output out;
	struct archive_entry_linkresolver *links;
	int64_t mtime_max_s;
	bool plain; /* no layer: LAYER_ARCHIVE, LAYER_SAVE */
	bool whole; /* LAYER_SAVE */
	char *chunk; /* INPUT_BLOCK bytes */
	char path[PATH_MAX]; /* of the file at work, below the layer's directory */
	size_t len;
};

static void pack_finish(struct pack *p)
{
	p->t.parent = -1; /* its walker's */
	tree_finish(&p->t);
	output_finish(&p->out);
	if (p->links)
		archive_entry_linkresolver_free(p->links);
	free(p->chunk);
}

#define cleanup_pack __attribute__((cleanup(pack_finish)))
#define cleanup_entry __attribute__((cleanup(free_entry)))

static void free_entry(struct archive_entry **what)
{
	archive_entry_free(*what);
}

/* ---- one file ---- */

static int write_header(struct pack *p, struct archive_entry *what, struct err *e)
{
	int r = archive_write_header(p->out.tar, what);

	return r == ARCHIVE_OK || r == ARCHIVE_WARN ? 0 : output_error(&p->out, p->out.tar, e);
}

static void set_time(struct pack *p, struct archive_entry *what, const struct stat *st)
{
	if (p->mtime_max_s >= 0 && st->st_mtim.tv_sec >= p->mtime_max_s)
		archive_entry_set_mtime(what, p->mtime_max_s, 0);
	else
		archive_entry_set_mtime(what, st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
}

/* ".wh.NAME", an empty file in place of @base; or ".wh..wh..opq" in the directory that is p->path. Of no time. */
__attribute__((noinline))
static int write_whiteout(struct pack *p, const char *prefix, const char *base, struct err *e)
{
	cleanup_entry struct archive_entry *what = archive_entry_new();
	char path[PATH_MAX + sizeof(OPAQUE_NAME)];
	int dir_len = (int)(p->len - strlen(base));

	snprintf(path, sizeof(path), "%.*s%s%s%s", dir_len, p->path, !*base && p->len ? "/" : "", prefix, base);
	archive_entry_set_pathname(what, path);
	archive_entry_set_filetype(what, AE_IFREG);
	archive_entry_set_perm(what, 0600);
	archive_entry_set_size(what, 0);
	archive_entry_set_mtime(what, 0, 0);
	return write_header(p, what, e);
}

/* Holes need not be read as zeros by who unpacks it. */
static void add_sparse(int fd, int64_t size, struct archive_entry *what)
{
	off_t data = 0, hole;

	while (data < size && (data = lseek(fd, data, SEEK_DATA)) >= 0) {
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			break;
		archive_entry_sparse_add_entry(what, data, hole - data);
		data = hole;
	}
	/* Nothing but a hole: at its end, of no length. */
	if (archive_entry_sparse_count(what) == 0 && size > 0)
		archive_entry_sparse_add_entry(what, size, 0);
}

static int write_content(struct pack *p, int fd, int64_t size, struct err *e)
{
	for (int64_t at = 0; at < size;) {
		ssize_t n = pread(fd, p->chunk, size - at < INPUT_BLOCK ? (size_t)(size - at) : INPUT_BLOCK, at);
		if (n < 0)
			return err_set(e, errno, "read it");
		if (n == 0)
			return err_say(e, EBUSY, "became shorter while it was read");
		if (archive_write_data(p->out.tar, p->chunk, (size_t)n) != n)
			return output_error(&p->out, p->out.tar, e);
		at += n;
	}
	return 0;
}

static bool is_kept(const struct pack *p, const char *name)
{
	return p->whole ? strncmp(name, "system.", 7) != 0 : xattr_is_content(name);
}

static int add_xattrs(struct pack *p, const struct node *n, struct archive_entry *what, struct err *e)
{
	char names[XATTR_LIST_MAX], value[XATTR_SIZE_MAX];
	ssize_t len = node_list_xattrs(&p->t, n, names, sizeof(names));
	struct acl_xattr acl;

	/* One that is open as a place alone does not say. */
	if (len < 0 && errno != ENOTSUP && errno != EBADF)
		return err_set(e, errno, "read its xattrs");
	for (const char *name = names; len > 0 && name < names + len; name += strlen(name) + 1) {
		const char *own = xattr_is_overlays(name) ? strrchr(name, '.') + 1 : "";
		if (!p->plain && (strcmp(own, "redirect") == 0 || strcmp(own, "metacopy") == 0))
			return err_say(e, ENOTSUP, "has overlayfs's '%s', which no archive can have", name);
		for (int i = 0; i < ACL_KINDS; i++) {
			if (strcmp(name, acl_name(i)) != 0)
				continue;
			ssize_t got = node_get_xattr(&p->t, n, name, &acl, offsetof(struct acl_xattr, len));
			acl.len = got < 0 ? 0 : (size_t)got;
			if (acl_decode(&acl, i, what, e) < 0)
				return -e->code;
		}
		ssize_t got = is_kept(p, name) ? node_get_xattr(&p->t, n, name, value, sizeof(value)) : -1;
		if (got >= 0)
			archive_entry_xattr_add_entry(what, name, value, (size_t)got);
	}
	return 0;
}

static int describe(struct pack *p, const struct node *n, const struct stat *st, struct archive_entry *what,
		    struct err *e)
{
	char target[PATH_MAX];

	archive_entry_set_pathname(what, p->len > 0 ? p->path : ".");
	archive_entry_set_mode(what, st->st_mode);
	archive_entry_set_uid(what, st->st_uid);
	archive_entry_set_gid(what, st->st_gid);
	archive_entry_set_size(what, S_ISREG(st->st_mode) ? st->st_size : 0);
	set_time(p, what, st);
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		archive_entry_set_rdev(what, st->st_rdev);
	if (S_ISREG(st->st_mode) && st->st_blocks * 512 < st->st_size)
		add_sparse(n->fd, st->st_size, what);
	if (S_ISLNK(st->st_mode)) {
		ssize_t len = readlinkat(p->t.parent, n->base, target, sizeof(target) - 1);
		if (len < 0)
			return err_set(e, errno, "read the link");
		target[len] = '\0';
		archive_entry_set_symlink(what, target);
	}
	return add_xattrs(p, n, what, e);
}

/* The second name of a file becomes a link to the first. */
static void find_link(struct pack *p, const struct stat *st, struct archive_entry *what)
{
	struct archive_entry *sparse = NULL;

	if (S_ISDIR(st->st_mode) || st->st_nlink < 2)
		return;
	archive_entry_set_dev(what, st->st_dev);
	archive_entry_set_ino64(what, (int64_t)st->st_ino);
	archive_entry_set_nlink(what, (unsigned)st->st_nlink);
	archive_entry_linkify(p->links, &what, &sparse);
	/* No archive needs to know them. */
	archive_entry_set_dev(what, 0);
	archive_entry_set_ino64(what, 0);
	archive_entry_set_nlink(what, 1);
}

/* Not inlined: its frame is large, and write_dir has one for each directory on the way. */
__attribute__((noinline))
static int write_file(struct pack *p, const struct node *n, const struct stat *st, struct err *e)
{
	cleanup_entry struct archive_entry *what = archive_entry_new();

	if (describe(p, n, st, what, e) < 0)
		return -e->code;
	find_link(p, st, what);
	if (write_header(p, what, e) < 0)
		return -e->code;
	if (!S_ISREG(st->st_mode) || archive_entry_hardlink(what))
		return 0;
	return write_content(p, n->fd, st->st_size, e);
}

/* ---- directories ---- */

static int write_dir(struct pack *p, int dir, struct err *e);

static int write_named(struct pack *p, const char *base, struct err *e)
{
	cleanup_close int fd = -1;
	struct stat st;

	if (fstatat(p->t.parent, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "look at it");
	if (!p->plain && node_is_whiteout(&p->t, base, &st))
		return write_whiteout(p, WHITEOUT_PREFIX, base, e);
	if (!p->plain && strncmp(base, WHITEOUT_PREFIX, strlen(WHITEOUT_PREFIX)) == 0)
		return err_say(e, EINVAL, "the name would be a whiteout in an archive");
	if (p->plain && !p->whole && (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)))
		return 0;
	if (S_ISSOCK(st.st_mode))
		return 0; /* nothing without who listens */
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) {
		fd = openat(p->t.parent, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			return err_set(e, errno, "open it");
	}
	if (S_ISDIR(st.st_mode))
		return write_dir(p, fd, e);
	return write_file(p, &(struct node){ .fd = fd, .base = base }, &st, e);
}

static int no_dots(const struct dirent *ent)
{
	return strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* p->path is the directory's, and again when all are written. */
static int write_entries(struct pack *p, int dir, struct dirent **names, int n, struct err *e)
{
	size_t len = p->len;

	for (int i = 0; i < n; i++) {
		const char *base = names[i]->d_name;
		size_t add = (size_t)snprintf(p->path + len, sizeof(p->path) - len, "%s%s", len ? "/" : "", base);
		if (len + add >= sizeof(p->path))
			return err_say(e, ENAMETOOLONG, "'%.60s...': the name is too long", p->path);
		p->len = len + add;
		p->t.parent = dir;
		if (write_named(p, base, e) < 0) /* p->path says where */
			return -e->code;
		p->path[len] = '\0';
		p->len = len;
	}
	return 0;
}

/* What the kernel makes up when it is read: processes, devices, itself. */
static bool is_kernels(int dir)
{
	static const long kinds[] = {
		PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, DEBUGFS_MAGIC, TRACEFS_MAGIC,
		SECURITYFS_MAGIC, BPF_FS_MAGIC, DEVPTS_SUPER_MAGIC, EFIVARFS_MAGIC, BINFMTFS_MAGIC,
	};
	struct statfs fs;

	if (fstatfs(dir, &fs) < 0)
		return false;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if ((long)fs.f_type == kinds[i])
			return true;
	return false;
}

static int write_dir(struct pack *p, int dir, struct err *e)
{
	struct dirent **names;
	struct stat st;
	char opaque;

	if (fstat(dir, &st) < 0)
		return err_set(e, errno, "look at it");
	if (write_file(p, &(struct node){ .fd = dir }, &st, e) < 0)
		return -e->code;
	if (p->plain && !p->whole && is_kernels(dir))
		return 0;
	if (!p->plain && fgetxattr(dir, xattr_opaque(&p->t), &opaque, 1) == 1 && opaque == 'y' &&
	    write_whiteout(p, OPAQUE_NAME, "", e) < 0)
		return -e->code;
	int n = scandirat(dir, ".", &names, no_dots, by_bytes);
	if (n < 0)
		return err_set(e, errno, "read the directory");
	int r = write_entries(p, dir, names, n, e);
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return r;
}

/* No directory: @from is open for reading, or as a place. */
static int write_one(struct pack *p, int from, struct err *e)
{
	struct stat st;

	p->t.parent = from;
	return fstat(from, &st) < 0 ? err_set(e, errno, "look at it") :
				      write_file(p, &(struct node){ .fd = from, .base = "" }, &st, e);
}

static int pack(const struct layer_job *j, bool plain, struct layer_result *ret, struct err *e)
{
	cleanup_pack struct pack p = { .t = TREE_INIT, .mtime_max_s = j->mtime_max_s, .plain = plain,
				       .whole = j->verb == LAYER_SAVE,
				       .chunk = malloc(INPUT_BLOCK), .links = archive_entry_linkresolver_new() };

	if (!p.chunk || !p.links)
		return err_set(e, ENOMEM, "pack");
	archive_entry_linkresolver_set_strategy(p.links, ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE);
	if (plain)
		p.len = (size_t)snprintf(p.path, sizeof(p.path), "%s", j->name);
	if ((j->dir >= 0 && tree_begin(j, &p.t, e) < 0) || output_begin(j, &p.out, e) < 0)
		return -e->code;
	if ((j->dir >= 0 ? write_dir(&p, p.t.root, e) : write_one(&p, j->from, e)) < 0)
		return err_wrap(e, "%s", p.len > 0 ? p.path : "/");
	return output_end(&p.out, ret, e);
}

int layer_pack(const struct layer_job *j, struct layer_result *ret, struct err *e)
{
	return pack(j, false, ret, e);
}

int layer_archive(const struct layer_job *j, struct layer_result *ret, struct err *e)
{
	return pack(j, true, ret, e);
}
