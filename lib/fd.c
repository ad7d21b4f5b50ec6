#include "lib/fd.h"

#include <errno.h>
#include <stdio.h>

void close_fd(int *fd)
{
	if (*fd < 0)
		return;
	int saved = errno;
	close(*fd);
	errno = saved;
	*fd = -1;
}

struct fd_path fd_path(int fd)
{
	struct fd_path p;
	snprintf(p.path, sizeof(p.path), "/proc/self/fd/%d", fd);
	return p;
}
