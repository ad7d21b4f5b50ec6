#include "checkpoint/images/tar.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/in_root.h"
#include "lib/tar_header.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static const struct {
	char type;
	mode_t mode;
} types[] = {
	{ '0', S_IFREG }, { '2', S_IFLNK }, { '3', S_IFCHR }, { '4', S_IFBLK }, { '5', S_IFDIR }, { '6', S_IFIFO },
};

/* ---- reading ---- */

static bool mode_of(char type, mode_t *ret)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type) {
			*ret = types[i].mode;
			return true;
		}
	return false;
}

/* "./a/b/" is "a/b". */
static bool read_name(const struct tar_header *h, char ret[TAR_NAME_MAX])
{
	if (strncmp(h->name, "./", 2) != 0 || !memchr(h->name, '\0', sizeof(h->name)) || !memchr(h->link, '\0', sizeof(h->link)))
		return false;
	strcpy(ret, h->name + 2);
	size_t n = strlen(ret);
	if (n && ret[n - 1] == '/')
		ret[n - 1] = '\0';
	return ret[0] != '/';
}

static bool read_numbers(const struct tar_header *h, struct tar_entry *ret)
{
	const int64_t mode = tar_number(h->mode, sizeof(h->mode)), uid = tar_number(h->uid, sizeof(h->uid)),
		      gid = tar_number(h->gid, sizeof(h->gid)), size = tar_number(h->size, sizeof(h->size)),
		      mtime = tar_number(h->mtime, sizeof(h->mtime)), major = tar_number(h->major, sizeof(h->major)),
		      minor = tar_number(h->minor, sizeof(h->minor));

	ret->mode |= mode & 07777;
	ret->uid = (uid_t)uid;
	ret->gid = (gid_t)gid;
	ret->size = (size_t)size;
	ret->mtime = (time_t)mtime;
	ret->device = makedev((unsigned)major, (unsigned)minor);
	return mode >= 0 && uid >= 0 && gid >= 0 && size >= 0 && mtime >= 0 && major >= 0 && minor >= 0;
}

int tar_next(struct wire *archive, struct tar_entry *ret)
{
	const struct tar_header *h = (const void *)archive->at;
	const size_t left = (size_t)(archive->end - archive->at);

	if (left % TAR_BLOCK)
		return -1;
	if (left == 0 || tar_is_end(h))
		return 0;
	*ret = (struct tar_entry){ .data = h + 1 };
	if (!tar_checksum_fits(h) || !read_name(h, ret->name) || !mode_of(h->type, &ret->mode) || !read_numbers(h, ret))
		return -1;
	if (ret->size > left - TAR_BLOCK || (ret->size && !S_ISREG(ret->mode)))
		return -1;
	strcpy(ret->target, h->link);
	archive->at += TAR_BLOCK + (ret->size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
	return 1;
}

/* ---- making ---- */

/* The directory that @name, in @dir, is in, and what it is called there. Also @dir itself: the caller's to close when it is another. */
static int open_parent(int dir, char *name, const char **ret_base, struct err *e)
{
	char *slash = strrchr(name, '/');

	*ret_base = slash ? slash + 1 : name;
	if (!slash)
		return dir;
	*slash = '\0';
	int parent = in_root_open(dir, name, O_PATH | O_DIRECTORY, e);
	*slash = '/';
	return parent;
}

static int write_file(const struct tar_entry *x, int parent, const char *base, struct err *e)
{
	cleanup_close int fd = openat(parent, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(e, errno, "create it");
	return fd_write_all(fd, x->data, x->size, e);
}

static int set_attributes(const struct tar_entry *x, int parent, const char *base, struct err *e)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = x->mtime } };

	if (fchownat(parent, base, x->uid, x->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "give it to user %u and group %u", x->uid, x->gid);
	if (!S_ISLNK(x->mode) && fchmodat(parent, base, x->mode & 07777, 0) < 0)
		return err_set(e, errno, "set its mode");
	return utimensat(parent, base, times, AT_SYMLINK_NOFOLLOW) < 0 ? err_set(e, errno, "set its time") : 0;
}

static int make(const struct tar_entry *x, int parent, const char *base, struct err *e)
{
	int r;

	if (S_ISREG(x->mode))
		return write_file(x, parent, base, e);
	if (S_ISDIR(x->mode))
		r = mkdirat(parent, base, 0700);
	else if (S_ISLNK(x->mode))
		r = symlinkat(x->target, parent, base);
	else
		r = mknodat(parent, base, (x->mode & S_IFMT) | 0600, x->device);
	return r < 0 ? err_set(e, errno, "create it") : 0;
}

/* First all is made, then directories get what they had before something was made in them. */
static int unpack_one(struct tar_entry *x, int dir, bool made, struct err *e)
{
	const char *base;

	if (made && !S_ISDIR(x->mode))
		return 0;
	if (!x->name[0])
		return made ? set_attributes(x, dir, ".", e) : 0;
	int parent = open_parent(dir, x->name, &base, e);
	if (parent < 0)
		return parent;
	int r = made ? 0 : make(x, parent, base, e);
	if (r == 0 && (made || !S_ISDIR(x->mode)))
		r = set_attributes(x, parent, base, e);
	if (parent != dir)
		close(parent);
	return r;
}

int tar_unpack(struct wire archive, int dir, struct err *e)
{
	struct tar_entry x;

	for (int made = 0; made < 2; made++) {
		struct wire rest = archive;
		int r;
		while ((r = tar_next(&rest, &x)) > 0)
			if (unpack_one(&x, dir, made, e) < 0)
				return err_wrap(e, "'%s'", x.name);
		if (r < 0)
			return err_say(e, EBADMSG, "an archive that was not made for this");
	}
	return 0;
}
