#include "netns/leaving.h"

#include "lib/fd.h"
#include "netns/claim.h"
#include "netns/endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

static struct claim_path path_of(const struct net_leaving *l)
{
	return claim_path("leaving/%s", l->name);
}

int leaving_begin(const struct net *n, const char *key, struct net_leaving *ret, struct err *e)
{
	cleanup_close int fd = endpoint_open(n, key, e);
	struct net_leaving l;
	uint32_t number;

	*ret = NET_LEAVING_INIT;
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	/* Nobody looks for it before it is there. */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || getrandom(&number, sizeof(number), 0) != sizeof(number))
		return err_set(e, errno, "lock the record of a container's networks");
	snprintf(l.name, sizeof(l.name), "%s.%08x", key, number);
	claim_make_above(n->state, path_of(&l).path);
	if (endpoint_move(n, key, path_of(&l).path, e) < 0)
		return -e->code;
	l.fd = take_fd(&fd);
	*ret = l;
	return 0;
}

int leaving_load(const struct net *n, const struct net_leaving *l, struct arena *a, struct net_endpoint *ret,
		 struct err *e)
{
	return endpoint_read(n, path_of(l).path, arena_strndup(a, l->name, ENDPOINT_KEY), a, ret, e);
}

int leaving_end(const struct net *n, struct net_leaving *l, struct err *e)
{
	const struct claim_path path = path_of(l);

	if (unlinkat(n->state, path.path, 0) < 0 && errno != ENOENT)
		return err_set(e, errno, "remove '%s'", path.path);
	close_fd(&l->fd);
	return 0;
}

struct each {
	const struct net *net;
	leaving_each_fn *function;
	void *data;
};

static int take(const char *name, const char *target, void *data, struct err *e)
{
	const struct each *x = data;
	struct net_leaving l;
	struct stat st;

	(void)target;
	if ((size_t)snprintf(l.name, sizeof(l.name), "%s", name) >= sizeof(l.name))
		return 0;
	l.fd = openat(x->net->state, path_of(&l).path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	/* Who held it may have removed it. */
	int r = l.fd < 0 || flock(l.fd, LOCK_EX | LOCK_NB) < 0 || fstat(l.fd, &st) < 0 || st.st_nlink == 0 ?
			0 : x->function(&l, x->data, e);
	close_fd(&l.fd);
	return r;
}

int leaving_each(const struct net *n, leaving_each_fn *each, void *data, struct err *e)
{
	struct each x = { n, each, data };

	return claim_each(n->state, "leaving", take, &x, e);
}
