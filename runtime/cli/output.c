#include "runtime/cli/output.h"

#include "lib/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Under another name first: what is there under its own is whole. */
static int write_file(const char *path, int (*write)(void *data, int to, struct err *e), void *data, struct arena *a,
		      struct err *e)
{
	char real[PATH_MAX];
	struct stat st;

	/* A device or a pipe is written to, a link leads to what is replaced. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		cleanup_close int there = open(path, O_WRONLY | O_CLOEXEC);
		return there < 0 ? err_set(e, errno, "open '%s'", path) : write(data, there, e);
	}
	if (realpath(path, real))
		path = real;
	const char *tmp = arena_printf(a, "%s.ferry-export-%d", path, (int)getpid());
	cleanup_close int fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
	if (fd < 0)
		return err_set(e, errno, "create '%s'", tmp);
	int r = write(data, fd, e);
	if (r >= 0 && rename(tmp, path) < 0)
		r = err_set(e, errno, "rename '%s' to '%s'", tmp, path);
	if (r < 0)
		unlink(tmp);
	return r;
}

int cli_write_output(const char *path, int (*write)(void *data, int to, struct err *e), void *data, struct arena *a,
		     struct err *e)
{
	if (path && strcmp(path, "-") != 0)
		return write_file(path, write, data, a, e);
	if (isatty(STDOUT_FILENO))
		return err_say(e, EINVAL, "standard output is a terminal: say a file by --output, or use a pipe");
	return write(data, STDOUT_FILENO, e);
}
