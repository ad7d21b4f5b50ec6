#include "lib/tree_owner.h"

#include "lib/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct owner {
	uid_t uid;
	gid_t gid;
	dev_t dev;
};

static int give_entries(const struct owner *o, int dir, struct err *e);

/* What belongs to him already is not touched: a change would take set-user-id bits and capabilities away. */
static int give(const struct owner *o, int dir, const char *name, struct err *e)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "stat '%s'", name);
	if (st.st_dev != o->dev)
		return 0;
	if ((st.st_uid != o->uid || st.st_gid != o->gid) &&
	    fchownat(dir, name, o->uid, o->gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "give '%s' to user %u and group %u", name, o->uid, o->gid);
	if (!S_ISDIR(st.st_mode))
		return 0;
	cleanup_close int fd = openat(dir, *name ? name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, errno, "open '%s'", name);
	int r = give_entries(o, fd, e);
	return r < 0 && *name ? err_wrap(e, "'%s'", name) : r;
}

static int give_entries(const struct owner *o, int dir, struct err *e)
{
	int copy = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = copy < 0 ? NULL : fdopendir(copy);

	if (!d) {
		close_fd(&copy);
		return err_set(e, errno, "read the directory");
	}
	for (struct dirent *ent; r == 0 && (ent = readdir(d));)
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			r = give(o, dir, ent->d_name, e);
	closedir(d);
	return r;
}

int tree_set_owner(const char *path, uid_t uid, gid_t gid, struct err *e)
{
	cleanup_close int fd = open(path, O_PATH | O_CLOEXEC);
	struct owner o = { .uid = uid, .gid = gid };
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, errno, "open '%s'", path);
	o.dev = st.st_dev;
	return give(&o, fd, "", e) < 0 ? err_wrap(e, "'%s'", path) : 0;
}
