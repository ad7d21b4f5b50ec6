/* What a file is besides its content: owner, mode, xattrs, times; made so, and compared. */
#include "overlay/layer/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

const char *xattr_opaque(const struct tree *t)
{
	return t->userxattr ? "user.overlay.opaque" : "trusted.overlay.opaque";
}

const char *xattr_whiteout(const struct tree *t)
{
	return t->userxattr ? "user.overlay.whiteout" : "trusted.overlay.whiteout";
}

bool xattr_is_overlays(const char *name)
{
	return strncmp(name, "trusted.overlay.", 16) == 0 || strncmp(name, "user.overlay.", 13) == 0;
}

/* ACLs come as such; labels are this host's. */
bool xattr_is_content(const char *name)
{
	return !xattr_is_overlays(name) && strncmp(name, "system.", 7) != 0 && strcmp(name, "security.selinux") != 0;
}

/* ---- xattrs of a file that may not be one to open: by its name, from its directory ---- */

int node_set_xattr(const struct tree *t, const struct node *n, const char *name, const void *value, size_t len)
{
	if (n->fd >= 0)
		return fsetxattr(n->fd, name, value, len, 0);
	return fchdir(t->parent) < 0 ? -1 : lsetxattr(n->base, name, value, len, 0);
}

ssize_t node_get_xattr(const struct tree *t, const struct node *n, const char *name, void *value, size_t room)
{
	if (n->fd >= 0)
		return fgetxattr(n->fd, name, value, room);
	return fchdir(t->parent) < 0 ? -1 : lgetxattr(n->base, name, value, room);
}

ssize_t node_list_xattrs(const struct tree *t, const struct node *n, char *names, size_t room)
{
	if (n->fd >= 0)
		return flistxattr(n->fd, names, room);
	return fchdir(t->parent) < 0 ? -1 : llistxattr(n->base, names, room);
}

bool node_is_whiteout(const struct tree *t, const char *base, const struct stat *st)
{
	const struct node n = { .fd = -1, .base = base };

	if (S_ISCHR(st->st_mode))
		return st->st_rdev == makedev(0, 0);
	return S_ISREG(st->st_mode) && st->st_size == 0 && node_get_xattr(t, &n, xattr_whiteout(t), NULL, 0) >= 0;
}

/* ---- making ---- */

/* The rootless keep files that are not theirs to give away, attributes that are not theirs to set. */
static bool may_be_left(const struct tree *t, int error)
{
	return error == ENOTSUP || (!t->exact && (error == EPERM || error == EINVAL || error == EACCES));
}

int attributes_owner(struct archive_entry *what, uid_t *ret_uid, gid_t *ret_gid, struct err *e)
{
	int64_t uid = archive_entry_uid(what), gid = archive_entry_gid(what);

	/* The last is the kernel's for "as it is". */
	if (uid < 0 || gid < 0 || uid >= UINT32_MAX || gid >= UINT32_MAX)
		return err_say(e, EINVAL, "owner %lld:%lld: not an id", (long long)uid, (long long)gid);
	*ret_uid = (uid_t)uid;
	*ret_gid = (gid_t)gid;
	return 0;
}

static int set_owner(struct tree *t, const struct node *n, struct archive_entry *what, struct err *e)
{
	uid_t uid;
	gid_t gid;

	if (attributes_owner(what, &uid, &gid, e) < 0)
		return -e->code;
	if (n->made && uid == t->uid && gid == t->gid && !(t->st.st_mode & S_ISGID))
		return 0;
	int r = n->fd >= 0 ? fchown(n->fd, uid, gid) : fchownat(t->parent, n->base, uid, gid, AT_SYMLINK_NOFOLLOW);
	if (r < 0 && (t->exact || !may_be_left(t, errno)))
		return err_set(e, errno, "set its owner to %u:%u", uid, gid);
	return 0;
}

mode_t attributes_mode(const struct tree *t, struct archive_entry *what)
{
	mode_t mode = archive_entry_perm(what) & 07777;

	/* Who cannot override it must be able to go on below it, to read it, and to remove it. */
	if (t->overrides)
		return mode;
	return archive_entry_filetype(what) == AE_IFDIR ? mode | 0700 : mode | 0400;
}

static int set_mode(struct tree *t, const struct node *n, struct archive_entry *what, struct err *e)
{
	mode_t mode = attributes_mode(t, what);
	bool dir = archive_entry_filetype(what) == AE_IFDIR;

	if (archive_entry_filetype(what) == AE_IFLNK)
		return 0;
	if (n->made && !(mode & 07000) && !t->default_acls && !(dir && (t->st.st_mode & S_ISGID)))
		return 0;
	/* Without a descriptor it is a new device or fifo, so no link is followed. */
	int r = n->fd >= 0 ? fchmod(n->fd, mode) : fchmodat(t->parent, n->base, mode, 0);
	return r < 0 ? err_set(e, errno, "set its mode to %04o", mode) : 0;
}

static int set_xattrs(struct tree *t, const struct node *n, struct archive_entry *what, struct err *e)
{
	const char *name;
	const void *value;
	size_t len;

	if (archive_entry_xattr_reset(what) == 0)
		return 0;
	while (archive_entry_xattr_next(what, &name, &value, &len) == ARCHIVE_OK) {
		if (xattr_is_overlays(name) && !t->whole)
			continue;
		if (node_set_xattr(t, n, name, value, len) < 0 && !may_be_left(t, errno))
			return err_set(e, errno, "set its xattr '%.256s'", name);
	}
	return 0;
}

static int set_acls(struct tree *t, const struct node *n, struct archive_entry *what, struct err *e)
{
	struct acl_xattr acl;

	if (t->default_acls && n->made && n->fd >= 0) /* what it inherited */
		for (int i = 0; i < ACL_KINDS; i++)
			fremovexattr(n->fd, acl_name(i));
	for (int i = 0; i < ACL_KINDS; i++) {
		int r = acl_encode(what, i, &acl, e);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		if (node_set_xattr(t, n, acl_name(i), &acl, acl.len) < 0 && !may_be_left(t, errno))
			return err_set(e, errno, "set its ACL");
		if (i == ACL_DEFAULT)
			t->default_acls = true;
	}
	return 0;
}

static int set_times(struct tree *t, const struct node *n, struct archive_entry *what, struct err *e)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };

	if (!archive_entry_mtime_is_set(what))
		return 0;
	times[1].tv_sec = archive_entry_mtime(what);
	times[1].tv_nsec = archive_entry_mtime_nsec(what);
	int r = n->fd >= 0 ? futimens(n->fd, times) : utimensat(t->parent, n->base, times, AT_SYMLINK_NOFOLLOW);
	return r < 0 ? err_set(e, errno, "set its time") : 0;
}

int attributes_set(struct tree *t, const struct node *n, struct archive_entry *what, struct err *e)
{
	/* In this order: a new owner takes capabilities away and the mode's setuid; and all but xattrs has a time. */
	if (set_owner(t, n, what, e) < 0 || set_mode(t, n, what, e) < 0 || set_xattrs(t, n, what, e) < 0 ||
	    set_acls(t, n, what, e) < 0 || set_times(t, n, what, e) < 0)
		return -e->code;
	return 0;
}

/* ---- comparing ---- */

/* Which of the archive's xattrs the file does not have, or has with another value. */
static bool xattrs_miss(const struct tree *t, const struct node *n, struct archive_entry *what, struct err *why)
{
	char found[XATTR_SIZE_MAX];
	const char *name;
	const void *value;
	size_t len;

	archive_entry_xattr_reset(what);
	while (archive_entry_xattr_next(what, &name, &value, &len) == ARCHIVE_OK) {
		if (!xattr_is_content(name))
			continue;
		ssize_t has = node_get_xattr(t, n, name, found, sizeof(found));
		if (has < 0 && may_be_left(t, errno == ENODATA ? EPERM : errno))
			continue;
		if (has != (ssize_t)len || memcmp(found, value, len) != 0) {
			err_say(why, EBADMSG, "xattr '%.256s' differs", name);
			return true;
		}
	}
	return false;
}

static bool has_xattr(struct archive_entry *what, const char *wanted)
{
	const char *name;
	const void *value;
	size_t len;

	archive_entry_xattr_reset(what);
	while (archive_entry_xattr_next(what, &name, &value, &len) == ARCHIVE_OK)
		if (strcmp(name, wanted) == 0)
			return true;
	return false;
}

static bool xattrs_more(const struct tree *t, const struct node *n, struct archive_entry *what, struct err *why)
{
	char names[XATTR_LIST_MAX];
	ssize_t len = node_list_xattrs(t, n, names, sizeof(names));

	for (const char *name = names; len > 0 && name < names + len; name += strlen(name) + 1) {
		if (xattr_is_content(name) && !has_xattr(what, name)) {
			err_say(why, EBADMSG, "xattr '%.256s' is not in the archive", name);
			return true;
		}
	}
	return false;
}

static bool acls_differ(const struct tree *t, const struct node *n, struct archive_entry *what, struct err *why)
{
	struct acl_xattr acl, found;
	struct err bad;

	for (int i = 0; i < ACL_KINDS; i++) {
		int r = acl_encode(what, i, &acl, &bad);
		ssize_t has = r < 0 ? -1 : node_get_xattr(t, n, acl_name(i), &found, offsetof(struct acl_xattr, len));
		if (r == 0 && has < 0)
			continue;
		if (r > 0 && has < 0 && may_be_left(t, errno == ENODATA ? EPERM : errno))
			continue;
		if (r <= 0 || has != (ssize_t)acl.len || memcmp(&found, &acl, acl.len) != 0) {
			err_say(why, EBADMSG, "ACL differs");
			return true;
		}
	}
	return false;
}

bool attributes_differ(const struct tree *t, const struct node *n, const struct stat *st, struct archive_entry *what,
		       struct err *why)
{
	/* With an ACL, the group's bits are its mask. The rootless cannot have all groups' setgid. */
	mode_t bits = archive_entry_acl_types(what) & ARCHIVE_ENTRY_ACL_TYPE_ACCESS ? 07707 : 07777;
	mode_t mode = attributes_mode(t, what);
	uid_t uid;
	gid_t gid;

	if (!t->exact)
		bits &= S_ISDIR(st->st_mode) ? 0077 : 0377;
	if (attributes_owner(what, &uid, &gid, why) < 0)
		return true;
	if (t->exact && (st->st_uid != uid || st->st_gid != gid))
		return err_say(why, EBADMSG, "belongs to %u:%u, not to %u:%u", st->st_uid, st->st_gid, uid, gid) < 0;
	if (!S_ISLNK(st->st_mode) && ((st->st_mode ^ mode) & bits))
		return err_say(why, EBADMSG, "has mode %04o, not %04o", st->st_mode & 07777, mode) < 0;
	if (xattrs_miss(t, n, what, why) || xattrs_more(t, n, what, why) || acls_differ(t, n, what, why))
		return true;
	/* Not every file system has times beyond these. */
	int64_t mtime = archive_entry_mtime(what);
	if (archive_entry_mtime_is_set(what) && mtime >= 0 && mtime <= INT32_MAX &&
	    (st->st_mtim.tv_sec != mtime || st->st_mtim.tv_nsec != archive_entry_mtime_nsec(what)))
		return err_say(why, ETIME, "was modified at another time") < 0;
	return false;
}
