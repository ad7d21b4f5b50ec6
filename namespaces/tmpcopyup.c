#include "lib/fd.h"
#include "namespaces/rootfs_plan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

enum { DEPTH_MAX = 128 };

struct copy {
	dev_t dev;
	unsigned depth;
};

static int copy_children(int from, int to, struct copy *c, struct err *e);

/* A file's capabilities and labels count; one that the tmpfs does not take is left out, as cp(1) does. */
static void copy_xattrs(int from, int to)
{
	char names[4096], value[4096];
	ssize_t n = flistxattr(from, names, sizeof(names));

	for (char *name = names; n > 0 && name < names + n; name += strlen(name) + 1) {
		ssize_t len = fgetxattr(from, name, value, sizeof(value));
		if (len >= 0)
			fsetxattr(to, name, value, (size_t)len, 0);
	}
}

static int copy_data(int from, int to, struct err *e)
{
	for (;;) {
		ssize_t n = sendfile(to, from, NULL, 1 << 30);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return err_set(e, errno, "copy");
	}
}

static int copy_file(int from, int to, const char *name, struct err *e)
{
	cleanup_close int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (in < 0)
		return err_set(e, errno, "open");
	cleanup_close int out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return err_set(e, errno, "create");
	if (copy_data(in, out, e) < 0)
		return -e->code;
	copy_xattrs(in, out);
	return 0;
}

static int copy_dir(int from, int to, const char *name, struct copy *c, struct err *e)
{
	cleanup_close int in = openat(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (in < 0)
		return err_set(e, errno, "open");
	if (mkdirat(to, name, 0700) < 0)
		return err_set(e, errno, "create directory");
	cleanup_close int out = openat(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0)
		return err_set(e, errno, "open");
	copy_xattrs(in, out);
	return copy_children(in, out, c, e);
}

static int copy_link(int from, int to, const char *name, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);

	if (n < 0)
		return err_set(e, errno, "read link");
	target[n] = '\0';
	return symlinkat(target, to, name) < 0 ? err_set(e, errno, "link") : 0;
}

static int copy_one(int from, int to, const char *name, struct copy *c, struct err *e)
{
	struct stat st;
	int r;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "stat");
	if (st.st_dev != c->dev)
		return 0;
	if (S_ISREG(st.st_mode))
		r = copy_file(from, to, name, e);
	else if (S_ISDIR(st.st_mode))
		r = copy_dir(from, to, name, c, e);
	else if (S_ISLNK(st.st_mode))
		r = copy_link(from, to, name, e);
	else
		r = mknodat(to, name, st.st_mode, st.st_rdev) < 0 ? err_set(e, errno, "mknod") : 0;
	if (r < 0)
		return r;

	struct timespec times[2] = { st.st_atim, st.st_mtim };
	if (fchownat(to, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, errno, "change owner");
	if (!S_ISLNK(st.st_mode) && fchmodat(to, name, st.st_mode & 07777, 0) < 0)
		return err_set(e, errno, "change mode");
	utimensat(to, name, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

static int copy_children(int from, int to, struct copy *c, struct err *e)
{
	if (++c->depth > DEPTH_MAX)
		return err_say(e, ELOOP, "more than %d directories deep", DEPTH_MAX);
	int copy = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d) {
		int code = errno;
		close_fd(&copy);
		return err_set(e, code, "read directory");
	}
	int r = 0;
	for (struct dirent *ent; r == 0 && (ent = readdir(d));) {
		if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
			continue;
		r = copy_one(from, to, ent->d_name, c, e);
		if (r < 0)
			err_wrap(e, "'%s'", ent->d_name);
	}
	closedir(d);
	c->depth--;
	return r;
}

int tmpcopyup(int from, int to, struct err *e)
{
	struct stat st;

	if (fstat(from, &st) < 0)
		return err_set(e, errno, "stat");
	if (fchownat(to, "", st.st_uid, st.st_gid, AT_EMPTY_PATH) < 0)
		return err_set(e, errno, "change owner");
	struct copy c = { .dev = st.st_dev };
	return copy_children(from, to, &c, e);
}
