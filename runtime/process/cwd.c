#include "runtime/process/steps.h"

#include "lib/file.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * The directory must lie below the container's root: a descriptor of the host that was left open could be reached
 * through /proc/self/fd. The kernel marks such a path, and not the C library, which would hide that, is asked.
 */
static int verify(struct err *e)
{
	char at[PATH_MAX];
	long n = syscall(SYS_getcwd, at, sizeof(at));

	if (n < 0 && errno != ENOENT)
		return err_set(e, errno, "getcwd");
	if (n < 0 || at[0] != '/')
		return err_say(e, EPERM,
			       "current working directory is outside of container mount namespace root -- "
			       "possible container breakout detected");
	return 0;
}

int cwd_enter(const struct process_plan *p, struct err *e)
{
	const char *cwd = p->process->cwd ? p->process->cwd : "/";
	int r = chdir(cwd);

	/* A new container's is made; a running one's is not changed behind its back. */
	if (r < 0 && errno == ENOENT && !p->options.exec) {
		if (mkdir_parents(cwd, 0755, e) < 0)
			return err_wrap(e, "mkdir cwd");
		r = chdir(cwd);
	}
	if (r < 0)
		return err_set(e, errno, "chdir to cwd (\"%s\") set in config.json failed", cwd);
	if (verify(e) < 0)
		return -e->code;
	p->notes->in_cwd = true;
	return 0;
}
