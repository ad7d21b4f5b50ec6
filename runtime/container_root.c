#include "runtime/container_root.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "lib/sys.h"
#include "namespaces/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MSG_GO = 1, MSG_READY };

void container_root_close(struct container_root *r)
{
	close_fd(&r->fd);
	close_fd(&r->userns);
	close_fd(&r->sock); /* the sign to end */
	if (r->stand_in > 0)
		proc_reap(r->stand_in);
	r->stand_in = 0;
}

/* ---- of a process ---- */

static int read_map(struct arena *a, pid_t pid, const char *file, struct id_range **ret, size_t *ret_n, struct err *e)
{
	cleanup_buf struct buf text = BUF_INIT;
	struct id_range r;
	int len;

	if (file_read_once_at(AT_FDCWD, arena_printf(a, "/proc/%d/%s", (int)pid, file), &text, e) < 0)
		return -e->code;
	for (const char *s = buf_text(&text); sscanf(s, "%u %u %u%n", &r.from, &r.to, &r.count, &len) == 3; s += len)
		*arena_push(a, ret, ret_n) = r;
	return 0;
}

static bool is_same_file(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static int open_root(struct runtime *rt, pid_t pid, struct container_root *r, struct err *e)
{
	const char *root = arena_printf(&rt->arena, "/proc/%d/root", (int)pid);
	const char *userns = arena_printf(&rt->arena, "/proc/%d/ns/user", (int)pid);

	r->fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r->fd < 0)
		return err_set(e, errno, "open the container's root");
	r->userns = open(userns, O_RDONLY | O_CLOEXEC);
	if (r->userns < 0)
		return err_set(e, errno, "open the container's user namespace");
	if (is_same_file(r->userns, "/proc/self/ns/user")) {
		close_fd(&r->userns);
		return 0;
	}
	return read_map(&rt->arena, pid, "uid_map", &r->uids, &r->n_uids, e) < 0 ||
	       read_map(&rt->arena, pid, "gid_map", &r->gids, &r->n_gids, e) < 0 ? -e->code : 0;
}

int container_root_of_process(struct runtime *rt, pid_t pid, int pidfd, struct container_root *ret, struct err *e)
{
	cleanup_container_root struct container_root r = CONTAINER_ROOT_INIT;

	if (open_root(rt, pid, &r, e) < 0)
		return -e->code;
	/* While it lives nobody else can have had its number. */
	if (pidfd_send_signal(pidfd, 0, NULL, 0) < 0)
		return err_say(e, ESRCH, "container not running");
	*ret = r;
	r = CONTAINER_ROOT_INIT;
	return 0;
}

/* ---- of one that does not run ---- */

struct stand_in {
	struct ns_plan ns;
	struct rootfs_plan *rootfs;
	bool rootless;
	pid_t parent;
	int parent_end, sock;
};

/* What lies on a disk: the kernel's own file systems show processes that are not there, and need more namespaces. */
static void leave_files(struct spec *s)
{
	static const char *const kinds[] = { "bind", "overlay", "tmpfs" };
	size_t kept = 0;

	for (size_t i = 0; i < s->n_mounts; i++) {
		const struct spec_mount *m = &s->mounts[i];
		bool wanted = false;
		for (size_t k = 0; m->type && k < sizeof(kinds) / sizeof(kinds[0]); k++)
			wanted = wanted || strcmp(m->type, kinds[k]) == 0;
		for (size_t k = 0; k < m->n_options; k++)
			wanted = wanted || strcmp(m->options[k], "bind") == 0 || strcmp(m->options[k], "rbind") == 0;
		if (wanted)
			s->mounts[kept++] = *m;
	}
	s->n_mounts = kept;
	s->process = NULL;
}

static int set_up(struct stand_in *s, struct err *e)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != s->parent)
		return err_say(e, ESRCH, "the command was killed");
	int r = message_receive(s->sock, NULL, NULL, e);
	if (r <= 0)
		return r < 0 ? r : err_say(e, ESRCH, "the command was killed");
	if (ns_become_root(&s->ns, e) < 0)
		return -e->code;
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* becoming another user forgot it */
	/* Root of the namespace may be another user outside than the caller, who shall find our root, and is all who can. */
	if (s->rootless && prctl(PR_SET_DUMPABLE, 1) < 0)
		return err_set(e, errno, "become dumpable");
	return rootfs_mount(s->rootfs, e) < 0 || rootfs_enter(s->rootfs, e) < 0 ? -e->code : 0;
}

static _Noreturn void stand_in_main(struct stand_in *s)
{
	struct err e = ERR_INIT;

	close_fd(&s->parent_end);
	if (set_up(s, &e) < 0) {
		message_send_error(s->sock, &e);
		_exit(1);
	}
	/* The container's lock, above all, is the command's alone, should that be killed. */
	if (dup2(s->sock, 0) == 0)
		sys_close_range(1, ~0U, 0);
	if (message_send(0, MSG_READY, 0, NULL, 0, &e) < 0)
		_exit(1);
	message_receive(0, NULL, NULL, &e); /* until the command has done its work */
	_exit(0);
}

static int start(struct stand_in *s, struct container_root *r, struct err *e)
{
	cleanup_close int pidfd = -1;
	int pair[2];

	if (message_pair(pair, e) < 0)
		return -e->code;
	s->parent = getpid();
	s->parent_end = pair[0];
	s->sock = pair[1];
	r->sock = pair[0];
	r->stand_in = proc_clone((s->ns.create & CLONE_NEWUSER) | CLONE_NEWNS, -1, &pidfd);
	if (r->stand_in == 0)
		stand_in_main(s);
	int code = errno;
	close_fd(&s->sock);
	if (r->stand_in < 0)
		return err_set(e, code, "clone a process to stand in for the container");
	if (ns_map_ids(&s->ns, r->stand_in, e) < 0 || message_send(r->sock, MSG_GO, 0, NULL, 0, e) < 0)
		return -e->code;
	int answer = message_receive(r->sock, NULL, NULL, e);
	if (answer == 0)
		err_say(e, ECHILD, "the process that stands in for the container ended unexpectedly");
	return answer > 0 ? 0 : -e->code;
}

int container_root_at_rest(struct runtime *rt, struct spec *s, const char *bundle, struct container_root *ret,
			   struct err *e)
{
	cleanup_container_root struct container_root r = CONTAINER_ROOT_INIT;
	const struct rootfs_options o = {
		.bundle = bundle,
		.host_userns = !spec_find_namespace(s, CLONE_NEWUSER),
	};
	struct stand_in in = { .rootless = rt->rootless, .parent_end = -1, .sock = -1 };

	leave_files(s);
	if (ns_plan_make(s, rt->euid, &rt->arena, &in.ns, e) < 0 ||
	    rootfs_plan_make(s, &o, &rt->arena, &in.rootfs, e) < 0)
		return -e->code;
	for (size_t i = 0; i < in.ns.n_join; i++)
		if (in.ns.join[i].flag & (CLONE_NEWUSER | CLONE_NEWNS))
			return err_say(e, ENOTSUP, "it joins namespaces of others: start it first");
	int result = rootfs_open_sources(in.rootfs, e);
	if (result >= 0)
		result = start(&in, &r, e);
	rootfs_plan_close(in.rootfs);
	if (result >= 0)
		result = open_root(rt, r.stand_in, &r, e);
	if (result < 0)
		return err_wrap(e, "mount the root of a container that does not run");
	*ret = r;
	r = CONTAINER_ROOT_INIT;
	return 0;
}

int container_root_become(struct container_root *r, struct err *e)
{
	if (r->userns < 0)
		return 0;
	if (setns(r->userns, CLONE_NEWUSER) < 0)
		return err_set(e, errno, "join the container's user namespace");
	/* Where an ordinary user maps himself alone, groups cannot be given up. */
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return err_set(e, errno, "setgroups");
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_set(e, errno, "become root of the container");
	r->n_uids = r->n_gids = 0;
	return 0;
}
