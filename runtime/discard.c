/*
 * Removes the directories that go with a container. An ordinary user cannot remove what the container's users own, as
 * ids that are only mapped to him: the container's root can, so a process becomes that once more.
 */
#include "runtime/discard.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "namespaces/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

enum { MSG_UNSHARED = 1, MSG_MAPPED, MSG_REMOVED };

static int remove_all(const char **paths, struct err *e)
{
	for (; paths && *paths; paths++)
		if (remove_tree_at(AT_FDCWD, *paths, e) < 0)
			return -e->code;
	return 0;
}

/* In a process of its own. */
static int remove_unshared(const char **paths, int parent, struct err *e)
{
	if (unshare(CLONE_NEWUSER) < 0)
		return err_set(e, errno, "create a user namespace");
	if (message_send(parent, MSG_UNSHARED, 0, NULL, 0, e) < 0)
		return -e->code;
	int r = message_receive(parent, NULL, NULL, e);
	if (r != MSG_MAPPED)
		return r < 0 ? r : err_say(e, EPROTO, "the ids were not mapped");
	if (remove_all(paths, e) < 0)
		return -e->code;
	return message_send(parent, MSG_REMOVED, 0, NULL, 0, e);
}

static int guide(const struct ns_plan *ns, pid_t pid, int child, struct err *e)
{
	int r = message_receive(child, NULL, NULL, e);

	if (r == MSG_UNSHARED) {
		if (ns_map_ids(ns, pid, e) < 0 || message_send(child, MSG_MAPPED, 0, NULL, 0, e) < 0)
			return -e->code;
		r = message_receive(child, NULL, NULL, e);
	}
	return r < 0 || r == MSG_REMOVED ? r : err_say(e, ECHILD, "the process that removes files ended unexpectedly");
}

static int remove_as_mapped_root(const struct ns_plan *ns, const char **paths, struct err *e)
{
	int sock;
	pid_t pid = message_fork(&sock, e);

	if (pid < 0)
		return pid;
	if (pid == 0) {
		if (remove_unshared(paths, sock, e) < 0)
			message_send_error(sock, e);
		_exit(0);
	}
	int r = guide(ns, pid, sock, e);
	close_fd(&sock);
	proc_reap(pid);
	return r < 0 ? r : 0;
}

int container_discard(struct runtime *rt, struct container *c, const char **paths, struct err *e)
{
	struct err ignored = ERR_INIT;
	struct ns_plan ns;
	struct spec *s;
	int r = remove_all(paths, e);

	if (r == 0 || !c->rootless || (r != -EACCES && r != -EPERM))
		return r;
	if (container_load_config(c, &rt->arena, &s, &ignored) < 0 ||
	    ns_plan_make(s, geteuid(), &rt->arena, &ns, &ignored) < 0 || !(ns.create & CLONE_NEWUSER))
		return r;
	return remove_as_mapped_root(&ns, paths, e);
}
