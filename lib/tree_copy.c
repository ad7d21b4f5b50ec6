#include "lib/tree_copy.h"

#include "lib/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* One call on its way down. @skip: the directory that is copied to, which may lie in what is copied. */
struct walk {
	const struct tree_copy *o;
	struct stat skip;
};

/* ---- attributes ---- */

static uint32_t map_id(uint32_t id, const struct id_range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (id >= ranges[i].from && id - ranges[i].from < ranges[i].count)
			return ranges[i].to + (id - ranges[i].from);
	return id;
}

static int set_owner(const struct tree_copy *o, const struct stat *st, int dir, const char *name, struct err *e)
{
	uid_t uid = o->owner == OWNER_FIXED ? o->uid : map_id(st->st_uid, o->uids, o->n_uids);
	gid_t gid = o->owner == OWNER_FIXED ? o->gid : map_id(st->st_gid, o->gids, o->n_gids);

	if (o->owner == OWNER_MAKER || fchownat(dir, name, uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	return err_set(e, errno, "give it to user %u and group %u", uid, gid);
}

/* The others belong to the file system it comes from, or to the kernel. */
static bool is_kept(const char *name)
{
	return strncmp(name, "user.", 5) == 0 ? strncmp(name, "user.overlay.", 13) != 0 :
						strcmp(name, "security.capability") == 0;
}

/* Where they cannot be had or set, the copy is without. */
static void copy_xattrs(int from, int to)
{
	char names[XATTR_LIST_MAX], value[65536];
	ssize_t len = flistxattr(from, names, sizeof(names));

	for (ssize_t at = 0; at < len; at += (ssize_t)strlen(names + at) + 1) {
		ssize_t n = is_kept(names + at) ? fgetxattr(from, names + at, value, sizeof(value)) : -1;
		if (n >= 0)
			fsetxattr(to, names + at, value, (size_t)n, 0);
	}
}

/* @from: open for reading. The owner first: changing it takes the set-user-id bit and the capabilities away. */
static int set_attributes(const struct tree_copy *o, const struct stat *st, int from, int to, struct err *e)
{
	const struct timespec times[2] = { st->st_atim, st->st_mtim };

	if (set_owner(o, st, to, "", e) < 0)
		return -e->code;
	if (fchmod(to, st->st_mode & (o->keep_set_id ? 07777 : 01777)) < 0)
		return err_set(e, errno, "set its mode");
	if (o->xattrs)
		copy_xattrs(from, to);
	return futimens(to, times) < 0 ? err_set(e, errno, "set its times") : 0;
}

/* ---- each kind ---- */

/* Away with what is there, unless it is a directory. 1: a mount point, which has to stay. */
static int make_room(int dir, const char *name, struct err *e)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno == EBUSY)
		return 1;
	return errno == EISDIR ? err_say(e, EISDIR, "there is a directory in its place") :
				 err_set(e, errno, "replace it");
}

static int open_to_write(int dir, const char *name, struct err *e)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;

	if (fd >= 0 || errno != EEXIST)
		return fd >= 0 ? fd : err_set(e, errno, "create it");
	int r = make_room(dir, name, e);
	if (r < 0)
		return r;
	if (r == 0)
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	else if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
		fd = openat(dir, name, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd >= 0 ? fd : err_set(e, errno, "create it");
}

static int copy_data(int from, int to, struct err *e)
{
	static const size_t room = 1 << 17;
	char *data = malloc(room);
	ssize_t n = 0;
	int r = data ? 0 : err_set(e, ENOMEM, "copy it");

	while (r == 0 && (n = read(from, data, room)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			r = err_set(e, errno, "read it");
		for (ssize_t done, at = 0; r == 0 && at < n; at += done) {
			done = write(to, data + at, (size_t)(n - at));
			if (done < 0 && errno != EINTR)
				r = err_set(e, errno, "write it");
			done = done < 0 ? 0 : done;
		}
	}
	free(data);
	return r;
}

static int reopen(int fd, int flags, struct err *e)
{
	int again = open(fd_path(fd).path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	return again >= 0 ? again : err_set(e, errno, "open it");
}

static int copy_file(const struct tree_copy *o, const struct stat *st, int from, int to_dir, const char *name,
		     struct err *e)
{
	cleanup_close int in = reopen(from, O_RDONLY, e);
	cleanup_close int out = in < 0 ? -1 : open_to_write(to_dir, name, e);

	if (in < 0 || out < 0 || copy_data(in, out, e) < 0)
		return -e->code;
	return set_attributes(o, st, in, out, e);
}

static int copy_link(const struct tree_copy *o, const struct stat *st, int from, int to_dir, const char *name,
		     struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(from, "", target, sizeof(target) - 1);

	if (n < 0)
		return err_set(e, errno, "read the link");
	target[n] = '\0';
	if (make_room(to_dir, name, e) < 0)
		return -e->code;
	if (symlinkat(target, to_dir, name) < 0)
		return err_set(e, errno, "create the link");
	return set_owner(o, st, to_dir, name, e);
}

static int copy_fifo(const struct tree_copy *o, const struct stat *st, int to_dir, const char *name, struct err *e)
{
	if (make_room(to_dir, name, e) < 0)
		return -e->code;
	if (mkfifoat(to_dir, name, st->st_mode & 0777) < 0)
		return err_set(e, errno, "create it");
	return set_owner(o, st, to_dir, name, e);
}

static int copy_content(const struct walk *w, int from, int to, struct err *e);

static int copy_directory(const struct walk *w, const struct stat *st, int from, int to_dir, const char *name,
			  struct err *e)
{
	bool is_new = mkdirat(to_dir, name, 0700) == 0;

	if (!is_new && errno != EEXIST)
		return err_set(e, errno, "create it");
	cleanup_close int in = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int out = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (out < 0 && (errno == ENOTDIR || errno == ELOOP))
		return err_say(e, ENOTDIR, "there is something in its place that is no directory");
	if (in < 0 || out < 0)
		return err_set(e, errno, "open it");
	if (copy_content(w, in, out, e) < 0)
		return -e->code;
	return is_new ? set_attributes(w->o, st, in, out, e) : 0;
}

static int copy_entry(const struct walk *w, int from, int to_dir, const char *name, struct err *e)
{
	struct stat st;

	if (fstat(from, &st) < 0)
		return err_set(e, errno, "stat it");
	switch (st.st_mode & S_IFMT) {
	case S_IFREG:
		return copy_file(w->o, &st, from, to_dir, name, e);
	case S_IFLNK:
		return copy_link(w->o, &st, from, to_dir, name, e);
	case S_IFIFO:
		return copy_fifo(w->o, &st, to_dir, name, e);
	case S_IFDIR:
		if (st.st_dev == w->skip.st_dev && st.st_ino == w->skip.st_ino)
			return 0;
		return copy_directory(w, &st, from, to_dir, name, e);
	}
	return 0;
}

static int copy_content(const struct walk *w, int from, int to, struct err *e)
{
	int copy = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = copy < 0 ? NULL : fdopendir(copy);

	if (!d) {
		close_fd(&copy);
		return err_set(e, errno, "read it");
	}
	for (struct dirent *ent; r == 0 && (ent = readdir(d));) {
		if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
			continue;
		cleanup_close int entry = openat(from, ent->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
		if (entry < 0 && errno == ENOENT)
			continue; /* gone meanwhile */
		r = entry < 0 ? err_set(e, errno, "open it") : copy_entry(w, entry, to, ent->d_name, e);
		if (r < 0)
			err_wrap(e, "'%s'", ent->d_name);
	}
	closedir(d);
	return r;
}

int tree_copy(const struct tree_copy *o, int from, int to_dir, const char *name, struct err *e)
{
	struct walk w = { .o = o };

	if (fstat(to_dir, &w.skip) < 0)
		return err_set(e, errno, "stat the directory to copy to");
	return copy_entry(&w, from, to_dir, name, e);
}

int tree_copy_content(const struct tree_copy *o, int from, int to, struct err *e)
{
	struct walk w = { .o = o };

	if (fstat(to, &w.skip) < 0)
		return err_set(e, errno, "stat the directory to copy to");
	return copy_content(&w, from, to, e);
}

int tree_copy_over(int from, int to, struct err *e)
{
	struct stat st, over;

	if (fstat(from, &st) < 0 || fstat(to, &over) < 0)
		return err_set(e, errno, "stat it");
	/* Not into a device or a pipe, which somebody may have put there. */
	if (!S_ISREG(st.st_mode) || !S_ISREG(over.st_mode))
		return err_say(e, EINVAL, "both must be files");
	cleanup_close int in = reopen(from, O_RDONLY, e);
	cleanup_close int out = in < 0 ? -1 : reopen(to, O_WRONLY | O_TRUNC, e);
	return in < 0 || out < 0 ? -e->code : copy_data(in, out, e);
}
