#include "lib/fd.h"
#include "lib/in_root.h"
#include "namespaces/mount_api.h"
#include "namespaces/rootfs_plan.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>

/* @pts: the top of a devpts. The other end comes from the first one, not from a name. */
static int pty_open(int pts, uint16_t height, uint16_t width, int *ret_master, int *ret_slave, struct err *e)
{
	const struct winsize size = { .ws_row = height, .ws_col = width };
	int unlocked = 0;

	if (!is_on_fs(pts, DEVPTS_SUPER_MAGIC))
		return err_say(e, EINVAL, "'/dev/pts' of the container is not a devpts");
	cleanup_close int master = openat(pts, "ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	if (master < 0)
		return err_set(e, errno, "open '/dev/pts/ptmx' of the container");
	if (ioctl(master, TIOCSPTLCK, &unlocked) < 0)
		return err_set(e, errno, "unlock a pty");
	cleanup_close int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave < 0)
		return err_set(e, errno, "open the other end of a pty");
	if (height && ioctl(master, TIOCSWINSZ, &size) < 0)
		return err_set(e, errno, "set the size of a pty");
	*ret_master = take_fd(&master);
	*ret_slave = take_fd(&slave);
	return 0;
}

/* /dev/console, made when missing. A symlink there is covered, not followed. */
static int open_console_file(const struct rootfs_plan *p, struct err *e)
{
	cleanup_close int dev = in_root_mkdir(p->root_fd, "/dev", 0755, e);

	if (dev < 0)
		return dev;
	if (mknodat(dev, "console", S_IFREG | 0600, 0) < 0 && errno != EEXIST)
		return err_set(e, errno, "create '/dev/console'");
	int fd = openat(dev, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 ? fd : err_set(e, errno, "open '/dev/console'");
}

static int bind_console(const struct rootfs_plan *p, int slave, struct err *e)
{
	cleanup_close int target = open_console_file(p, e);
	if (target < 0)
		return target;
	cleanup_close int tree = mount_clone(slave, "", false);
	if (tree < 0)
		return err_set(e, errno, "open_tree of the pty");
	if (mount_attach(tree, target, NULL) < 0)
		return err_set(e, errno, "bind the pty to '/dev/console'");
	return 0;
}

int rootfs_console(struct rootfs_plan *p, uint16_t height, uint16_t width, int *ret_master, int *ret_slave,
		   struct err *e)
{
	cleanup_close int found = -1;
	cleanup_close int master = -1;
	cleanup_close int slave = -1;
	int pts = p->pts_mount >= 0 ? p->mounts[p->pts_mount].fd : -1;

	if (pts < 0)
		pts = found = in_root_open(p->root_fd, "/dev/pts", O_PATH | O_DIRECTORY, e);
	if (pts < 0)
		return err_wrap(e, "console");
	if (pty_open(pts, height, width, &master, &slave, e) < 0)
		return err_wrap(e, "console");
	if (p->console_uid && fchown(slave, p->console_uid, (gid_t)-1) < 0)
		return err_set(e, errno, "console: give the pty to user %u", (unsigned)p->console_uid);
	if (!p->chroot_only && bind_console(p, slave, e) < 0)
		return err_wrap(e, "console");
	*ret_master = take_fd(&master);
	*ret_slave = take_fd(&slave);
	return 0;
}

int console_open(uint16_t height, uint16_t width, int *ret_master, int *ret_slave, struct err *e)
{
	cleanup_close int pts = open("/dev/pts", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (pts < 0)
		return err_set(e, errno, "console: open '/dev/pts'");
	if (pty_open(pts, height, width, ret_master, ret_slave, e) < 0)
		return err_wrap(e, "console");
	return 0;
}
