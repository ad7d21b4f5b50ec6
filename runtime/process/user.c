#include "runtime/process/steps.h"

#include <errno.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int user_plan(const struct process_plan *p, struct err *e)
{
	/* Nobody would notice that they are missing, until a file is not found to be readable. */
	if (p->options.keep_groups && p->process->user.n_additional_gids)
		return err_say(e, EPERM, "process.user.additionalGids: "
					 "cannot set any additional groups in a rootless container");
	return 0;
}

/*
 * A pipe belongs to who made it, so a program that is not root could not open /dev/stdout. Only pipes: a terminal or a
 * file that the caller passed on stays his. Where the kernel refuses, the program works but for such an open.
 */
int user_own_stdio(const struct spec_user *u, struct err *e)
{
	struct stat st;

	if (u->uid == 0)
		return 0;
	for (int fd = 0; fd <= 2; fd++) {
		if (fstat(fd, &st) < 0) {
			if (errno == EBADF)
				continue;
			return err_set(e, errno, "stat descriptor %d", fd);
		}
		if (!S_ISFIFO(st.st_mode) || st.st_uid == u->uid)
			continue;
		if (fchown(fd, u->uid, (gid_t)-1) < 0 && errno != EPERM && errno != EINVAL && errno != EROFS)
			return err_set(e, errno, "give descriptor %d to user %u", fd, u->uid);
	}
	return 0;
}

#define UNMAPPED " (not mapped in the user namespace)"

/* System calls, not the library's functions, which would first speak to threads that there are not. */
int user_become(const struct process_plan *p, struct err *e)
{
	const struct spec_user *u = &p->process->user;

	umask(u->umask.set ? (mode_t)u->umask.v : 0022);
	if (!p->options.keep_groups && syscall(SYS_setgroups, u->n_additional_gids, u->additional_gids) < 0)
		return err_set(e, errno, "setgroups");
	if (syscall(SYS_setresgid, u->gid, u->gid, u->gid) < 0)
		return err_set(e, errno, "set group %u%s", u->gid, errno == EINVAL ? UNMAPPED : "");
	if (syscall(SYS_setresuid, u->uid, u->uid, u->uid) < 0)
		return err_set(e, errno, "set user %u%s", u->uid, errno == EINVAL ? UNMAPPED : "");
	return 0;
}
