/* The two directories and the lock. */
#include "netns/netns.h"

#include "lib/fd.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

static int open_directory(const char *path, struct err *e)
{
	if (mkdir_parents(path, 0700, e) < 0)
		return -e->code;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 ? fd : err_set(e, errno, "open '%s'", path);
}

static int take_lock(int state, bool alone, struct err *e)
{
	cleanup_close int fd = openat(state, "lock", O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return err_set(e, errno, "create 'lock'");
	while (flock(fd, alone ? LOCK_EX : LOCK_SH) < 0)
		if (errno != EINTR)
			return err_set(e, errno, "lock");
	return take_fd(&fd);
}

int net_open(const char *definitions, const char *state, bool alone, struct net *ret, struct err *e)
{
	cleanup_net struct net n = NET_INIT;

	n.definitions = open_directory(definitions, e);
	if (n.definitions < 0)
		return err_wrap(e, "networks");
	n.state = open_directory(state, e);
	if (n.state < 0)
		return err_wrap(e, "networks");
	n.lock = take_lock(n.state, alone, e);
	if (n.lock < 0)
		return err_wrap(e, "networks: '%s'", state);
	*ret = n;
	n = NET_INIT;
	return 0;
}

void net_close(struct net *n)
{
	close_fd(&n->lock);
	close_fd(&n->state);
	close_fd(&n->definitions);
	close_fd(&n->filter);
}
