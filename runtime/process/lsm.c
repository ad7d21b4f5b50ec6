#include "runtime/process/steps.h"

#include "lib/buf.h"
#include "lib/fd.h"
#include "lib/sys.h"

#include <errno.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

bool apparmor_enabled(void)
{
	char answer = 'N';
	cleanup_close int fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, &answer, 1) == 1 && answer == 'Y';
}

bool selinux_enabled(void)
{
	struct statfs fs;

	return statfs("/sys/fs/selinux", &fs) == 0 && fs.f_type == SELINUX_MAGIC;
}

static bool given(const char *s)
{
	return s && *s;
}

int lsm_plan(const struct spec_process *p, struct err *e)
{
	if (given(p->apparmor_profile) && strcmp(p->apparmor_profile, "unconfined") != 0 && !apparmor_enabled())
		return err_say(e, ENOTSUP,
			       "process.apparmorProfile: '%s' is specified in config, but apparmor is not enabled",
			       p->apparmor_profile);
	if (given(p->selinux_label) && !selinux_enabled())
		return err_say(e, ENOTSUP,
			       "selinux label is specified in config, but selinux is disabled or not supported");
	return 0;
}

/*
 * The container's /proc is not trusted: the image, or those who run in it already, could have mounted something over
 * it so that the label is written nowhere. Nothing below the mount may be another one, and the mount must be procfs.
 */
static int open_attr(const char *name, struct err *e)
{
	enum { RESOLVE = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS };
	cleanup_close int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs fs;

	if (proc < 0 || fstatfs(proc, &fs) < 0)
		return err_set(e, errno, "open '/proc'");
	if (fs.f_type != PROC_SUPER_MAGIC)
		return err_say(e, EINVAL, "'/proc' is not a procfs");
	int fd = sys_openat2(proc, name, O_WRONLY | O_CLOEXEC, 0, RESOLVE);
	return fd >= 0 ? fd : err_set(e, errno, "open '/proc/%s'", name);
}

static int write_attr(int fd, const char *text, size_t len, struct err *e)
{
	return write(fd, text, len) < 0 ? err_set(e, errno, "write '%s'", text) : 0;
}

static int set_apparmor(const char *profile, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;
	cleanup_close int fd = open_attr("thread-self/attr/apparmor/exec", e);

	/* Kernels before 5.1 have the file of the first LSM only. */
	if (fd == -ENOENT)
		fd = open_attr("thread-self/attr/exec", e);
	if (fd < 0)
		return fd;
	buf_printf(&text, "exec %s", profile);
	return write_attr(fd, text.data, text.len, e);
}

int lsm_set_exec(const struct spec_process *p, struct err *e)
{
	if (given(p->selinux_label)) {
		cleanup_close int fd = open_attr("thread-self/attr/exec", e);
		if (fd < 0 || write_attr(fd, p->selinux_label, strlen(p->selinux_label), e) < 0)
			return err_wrap(e, "can't set process label");
	}
	/* Without AppArmor everything is unconfined. */
	if (!given(p->apparmor_profile) || (strcmp(p->apparmor_profile, "unconfined") == 0 && !apparmor_enabled()))
		return 0;
	if (set_apparmor(p->apparmor_profile, e) < 0)
		return err_wrap(e, "unable to apply apparmor profile");
	return 0;
}

int lsm_set_keycreate(const char *selinux_label, struct err *e)
{
	cleanup_close int fd = open_attr("thread-self/attr/keycreate", e);

	/* One NUL, as writing nothing would not be a write. */
	if (fd < 0 || write_attr(fd, selinux_label, *selinux_label ? strlen(selinux_label) : 1, e) < 0)
		return err_wrap(e, "label the session keyring");
	return 0;
}
