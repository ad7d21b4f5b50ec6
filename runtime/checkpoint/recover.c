/*
 * After a dump that did not come to its end. CRIU undoes what it has done when it fails, and what it has put into the
 * container's processes goes when its socket is closed; but if it is killed, nobody thaws the cgroup, lets packets through, or
 * ends the repair of connections.
 */
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/dump_image.h"
#include "runtime/checkpoint/threads.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/sys.h"
#include "netns/netns.h"
#include "runtime/attach.h"
#include "runtime/log.h"
#include "runtime/record.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- connections in repair ---- */

static void end_repair(int sock)
{
	int on = 0, off = 0;
	socklen_t len = sizeof(on);

	if (getsockopt(sock, IPPROTO_TCP, TCP_REPAIR, &on, &len) == 0 && on)
		setsockopt(sock, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off));
}

static int repair_descriptor(int fd, const char *name, unsigned char type, void *data, struct err *e)
{
	const int *pidfd = data;
	char target[16];
	ssize_t n = readlinkat(fd, name, target, sizeof(target));

	(void)type, (void)e;
	if (n < 8 || strncmp(target, "socket:[", 8) != 0)
		return 0;
	cleanup_close int sock = pidfd_getfd(*pidfd, atoi(name), 0);
	if (sock >= 0)
		end_repair(sock);
	return 0;
}

static void repair_process(pid_t pid)
{
	struct err ignored = ERR_INIT;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	cleanup_close int pidfd = pidfd_open(pid, 0);
	cleanup_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (pidfd >= 0 && dir >= 0)
		dir_each(dir, repair_descriptor, &pidfd, &ignored);
}

/* ---- the network lock ---- */

static bool is_own(int netns)
{
	struct stat own, other;

	return stat("/proc/self/ns/net", &own) == 0 && fstat(netns, &other) == 0 && own.st_ino == other.st_ino &&
	       own.st_dev == other.st_dev;
}

/* Of the host's own network CRIU locks single connections at most, and not all that is called CRIU there need be ours. */
static int unlock_network(const struct container *c, int pidfd, struct err *e)
{
	cleanup_close int netns = container_netns(c->pid, pidfd, e);

	if (netns < 0)
		return netns;
	return is_own(netns) ? 0 : net_unlock(netns, e);
}

/* ---- all of it ---- */

/* Of a container that goes on nobody was told of a checkpoint; one that has ended is saved, or is not. */
static bool settle_image(const struct container *c, int dir, bool goes_on)
{
	struct err why = ERR_INIT;

	if (dir < 0)
		return false;
	if (!goes_on && dump_image_is_whole(dir, c->id))
		return true;
	if (dump_image_spoil(dir, c->id, &why) < 0)
		log_warn("the half image '%s': %s", c->dump_image, why.msg);
	return false;
}

static int thaw(struct runtime *rt, struct container *c, int cgroup, struct err *e)
{
	pid_t *pids;
	size_t n;

	if (cgroup_pids(cgroup, &rt->arena, &pids, &n, e) < 0)
		return -e->code;
	for (size_t i = 0; i < n; i++)
		repair_process(pids[i]);
	return threads_release(cgroup, c->dumping == DUMPING_PAUSED, e);
}

int checkpoint_recover(struct runtime *rt, struct container *c, struct err *e)
{
	struct err gone = ERR_INIT;
	cleanup_close int cgroup = -1;
	cleanup_close int pidfd = container_pidfd(c, &gone);
	cleanup_close int image = c->dump_image ? open(c->dump_image, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	if (pidfd >= 0) {
		log_debug("container '%s': a dump was cut short", c->id);
		settle_image(c, image, true);
		if (container_cgroup(rt, c, &cgroup, e) < 0 || unlock_network(c, pidfd, e) < 0)
			return err_wrap(e, "container '%s'", c->id);
		if (cgroup < 0)
			repair_process(c->pid);
		else if (thaw(rt, c, cgroup, e) < 0)
			return err_wrap(e, "container '%s'", c->id);
	}
	if (pidfd < 0)
		c->saved = settle_image(c, image, false);
	c->dumping = DUMPING_NOT;
	c->dump_image = NULL;
	if (record_save(c, e) < 0)
		return -e->code;
	if (pidfd < 0 && c->saved)
		dump_image_end(image);
	return 0;
}
