#include "checkpoint/images/directory.h"

#include "checkpoint/images/digests.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/tree_copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int images_directory_each(int images, int (*each)(int, const char *, unsigned char, void *, struct err *), void *data,
			  struct err *e)
{
	cleanup_close int dir = openat(images, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return dir < 0 ? err_set(e, errno, "read the images") : dir_each(dir, each, data, e);
}

static int copy(int from, const char *name, int to, const char *to_name, struct err *e)
{
	static const struct tree_copy o = { .owner = OWNER_MAKER };
	cleanup_close int fd = openat(from, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno, "open '%s'", name);
	return tree_copy(&o, fd, to, to_name, e) < 0 ? err_wrap(e, "copy '%s'", name) : 0;
}

int images_directory_take(int from, const char *name, int to, const char *to_name, struct err *e)
{
	if (linkat(from, name, to, to_name, 0) == 0 || errno == EEXIST)
		return 0;
	if (errno != EXDEV && errno != EMLINK && errno != EPERM)
		return err_set(e, errno, "link '%s'", name);
	return copy(from, name, to, to_name, e);
}

/* What was not written anew, but for the digests of what was. */
static int take_over(int from, const char *name, unsigned char type, void *data, struct err *e)
{
	int to = *(int *)data;
	struct stat st = { .st_mode = DTTOIF(type) };

	if (type == DT_UNKNOWN && fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "stat '%s'", name);
	if (!S_ISREG(st.st_mode) || strcmp(name, IMAGES_DIGESTS) == 0)
		return 0;
	return images_directory_take(from, name, to, name, e);
}

/* CRIU leaves what it wrote to the kernel. */
static int sync_one(int dir, const char *name, unsigned char type, void *data, struct err *e)
{
	cleanup_close int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	(void)type;
	(void)data;
	return fd < 0 || fsync(fd) < 0 ? err_set(e, errno, "sync '%s'", name) : 0;
}

static int keep(int to, struct err *e)
{
	if (images_digests_write(to, e) < 0 || images_directory_each(to, sync_one, NULL, e) < 0)
		return -e->code;
	return fsync(to) < 0 ? err_set(e, errno, "sync") : 0;
}

static int make(const struct images_directory *d, int dirfd, const char *part, const char *name, struct err *e)
{
	if (mkdirat(dirfd, part, 0700) < 0)
		return err_set(e, errno, "create directory '%s'", part);
	cleanup_close int to = openat(dirfd, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return err_set(e, errno, "open '%s'", part);
	if (d->fill(to, d->data, e) < 0 || images_directory_each(d->from, take_over, &to, e) < 0 ||
	    (d->keep && keep(to, e) < 0))
		return -e->code;
	if (renameat2(dirfd, part, dirfd, name, RENAME_NOREPLACE) < 0)
		return err_set(e, errno, "create '%s'", name);
	return d->keep && fsync(dirfd) < 0 ? err_set(e, errno, "sync") : 0;
}

int images_directory_make(const struct images_directory *d, int dirfd, const char *name, struct err *e)
{
	struct err ignored;
	char part[NAME_MAX + 1];

	if ((size_t)snprintf(part, sizeof(part), ".%s.part", name) >= sizeof(part))
		return err_set(e, ENAMETOOLONG, "'%s'", name);
	if (remove_tree_at(dirfd, part, e) < 0)
		return -e->code;
	int r = make(d, dirfd, part, name, e);
	if (r < 0)
		remove_tree_at(dirfd, part, &ignored);
	return r;
}
