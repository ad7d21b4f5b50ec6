/*
 * An ordinary user's images have files of many owners: they are made, read and removed in a user namespace where the ids of
 * subuid(5) and subgid(5) are mapped, as in his containers.
 */
#include "runtime/images.h"

#include "lib/message.h"
#include "lib/proc.h"
#include "namespaces/idmap.h"
#include "runtime/launch/plan.h"

#include <errno.h>
#include <sched.h>
#include <unistd.h>

enum { MAP = 1, MAPPED };

/* Only who is outside may write the maps of a range: a child that stayed there. */
static int map_from_outside(int sock, pid_t inside, const struct idmaps *maps, struct err *e)
{
	int r = message_receive(sock, NULL, NULL, e);

	if (r <= 0)
		return r;
	r = idmap_write_with_helpers(inside, maps, e);
	if (r < 0)
		message_send_error(sock, e);
	else
		message_send(sock, MAPPED, 0, NULL, 0, e);
	return 0;
}

static int enter(int sock, struct err *e)
{
	if (unshare(CLONE_NEWUSER) < 0)
		return err_set(e, errno, "make a user namespace");
	if (message_send(sock, MAP, 0, NULL, 0, e) < 0)
		return -e->code;
	int r = message_receive(sock, NULL, NULL, e);
	return r == 0 ? err_say(e, EIO, "map ids: the process that was to do it has ended") : r;
}

int images_enter_userns(struct runtime *rt, struct err *e)
{
	struct launch_facts f;
	int sock;

	if (!rt->rootless || rt->euid == 0)
		return 0;
	if (launch_facts_read(rt, &rt->arena, &f, e) < 0)
		return -e->code;
	if (f.subuid.size == 0)
		return 0;
	const struct spec_idmap uids[] = { { 0, f.uid, 1 }, f.subuid }, gids[] = { { 0, f.gid, 1 }, f.subgid };
	const struct idmaps maps = { .uid = uids, .n_uid = 2, .gid = gids, .n_gid = 2 };
	pid_t inside = getpid(), pid = message_fork(&sock, e);
	if (pid < 0)
		return err_wrap(e, "ids of /etc/subuid and /etc/subgid");
	if (pid == 0) {
		map_from_outside(sock, inside, &maps, e);
		_exit(0);
	}
	int r = enter(sock, e);
	close(sock);
	proc_reap(pid);
	return r < 0 ? err_wrap(e, "ids of /etc/subuid and /etc/subgid") : 0;
}
