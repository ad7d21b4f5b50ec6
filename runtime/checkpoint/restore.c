/* ferry restore: a container's processes are made by CRIU from an image. */
#include "runtime/checkpoint/restore.h"

#include "checkpoint/images/whole.h"
#include "lib/fd.h"
#include "lib/sys.h"
#include "netns/netns.h"
#include "runtime/attach.h"
#include "runtime/create.h"
#include "runtime/hooks.h"
#include "runtime/log.h"
#include "runtime/pty.h"
#include "runtime/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_FILE "restore.log"

/* ---- in CRIU's process, before it is CRIU ---- */

/*
 * CRIU leaves cgroups alone, and its children stay in the namespace that it is in itself: it is in the container's cgroup by
 * now, which becomes the root of that.
 */
static int enter_cgroup_namespace(const struct setup *s, struct err *e)
{
	if (s->ns.create_cgroup && unshare(CLONE_NEWCGROUP) < 0)
		return err_set(e, errno, "make a cgroup namespace");
	for (size_t i = 0; i < s->ns.n_join; i++)
		if (s->ns.join[i].flag == CLONE_NEWCGROUP && setns(s->ns.join[i].fd, CLONE_NEWCGROUP) < 0)
			return err_set(e, errno, "join the cgroup namespace '%s'", s->ns.join[i].path);
	return 0;
}

/* That of the container is the one that this process was made in, and is CRIU's by a descriptor. */
static int prepare_network(const struct restore *r, struct err *e)
{
	cleanup_close int netns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (netns < 0 || dup2(netns, r->netns) < 0)
		return err_set(e, errno, "pass the network namespace on");
	return ns_loopback_up(e);
}

static int prepare(void *data, struct err *e)
{
	const struct restore *r = data;

	if (restore_prepare_root(r, e) < 0 || images_tmpfs_mount(r->images, &r->tmpfs, r->place, e) < 0 ||
	    enter_cgroup_namespace(r->setup, e) < 0)
		return -e->code;
	return r->netns >= 0 ? prepare_network(r, e) : 0;
}

/* ---- in ferry ---- */

/* A packet that comes to a connection before CRIU has made it would break it. */
static int attach_network(struct restore *r, pid_t pid, struct err *e)
{
	const bool lock = !r->setup->request->restore->options.tcp_close;
	struct setup *s = r->setup;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	cleanup_close int netns = open(path, O_RDONLY | O_CLOEXEC);
	if (netns < 0)
		return err_set(e, errno, "open '%s'", path);
	if ((lock && net_lock(netns, e) < 0) || container_attach(r->rt, s->request->network, netns, &s->late, e) < 0)
		return -e->code;
	r->locked = lock ? take_fd(&netns) : -1;
	return 0;
}

/* Of a user namespace's own network CRIU makes the namespace, and leaves it as it is. */
static bool is_made_by_criu(const struct restore *r)
{
	return r->setup->request->network && checkpoint_has_userns(r->setup->spec);
}

/* systemd moves a process that exists: see cgroups/cgroups.h. */
static int attach(void *data, pid_t pid, struct err *e)
{
	const struct restore *r = data;
	struct setup *s = r->setup;
	int done = s->cgroup_fd < 0 ? cgroup_attach(s->cgroup, &s->cgroup_host, pid, &s->cgroup_fd, e) : 0;

	s->container->cgroup = *cgroup_plan_ref(s->cgroup);
	return done < 0 || record_save(s->container, e) < 0 ? -e->code : 0;
}

static int run_hooks(const struct setup *s, pid_t pid, struct err *e)
{
	static const enum spec_hook_kind kinds[] = { HOOK_PRESTART, HOOK_CREATE_RUNTIME };
	cleanup_buf struct buf state = BUF_INIT;

	setup_state(s, STATUS_CREATING, pid, &state);
	for (size_t i = 0; i < 2; i++)
		if (hooks_run(&s->spec->hooks, kinds[i], buf_text(&state), e) < 0)
			return -e->code;
	return 0;
}

/* It goes on only after this, with its connections. */
static int hold_process(struct restore *r, pid_t pid, struct err *e)
{
	r->setup->pidfd = pidfd_open(pid, 0);
	if (r->setup->pidfd < 0)
		return err_set(e, errno, "open the restored process %d", (int)pid);
	return r->locked >= 0 && net_unlock(r->locked, e) < 0 ? -e->code : 0;
}

static int take_terminal(struct restore *r, int *master, struct err *e)
{
	if (r->setup->console_socket >= 0)
		return pty_send(r->setup->console_socket, *master, e);
	if ((!r->setup->request->detach || r->setup->request->ret_handles) && *r->master < 0)
		*r->master = take_fd(master);
	return 0;
}

static int notified(void *data, const char *name, pid_t pid, int fd, struct err *e)
{
	struct restore *r = data;
	cleanup_close int master = fd;

	log_debug("criu: %s", name);
	if (strcmp(name, "setup-namespaces") == 0 && is_made_by_criu(r) && attach_network(r, pid, e) < 0)
		return -e->code;
	if (strcmp(name, "setup-namespaces") == 0)
		return run_hooks(r->setup, pid, e);
	if (strcmp(name, "post-restore") == 0)
		return hold_process(r, pid, e);
	if (strcmp(name, "orphan-pts-master") == 0 && master >= 0)
		return take_terminal(r, &master, e);
	return 0;
}

static int open_null(struct restore *r, struct err *e)
{
	if (r->setup->request->network && !is_made_by_criu(r) && (r->netns = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
		return err_set(e, errno, "open '/dev/null'");
	for (int i = 0; i < CHECKPOINT_DESCRIPTORS; i++) {
		r->null[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (r->null[i] < 0)
			return err_set(e, errno, "open '/dev/null'");
	}
	return 0;
}

static void find_facts(struct restore *r)
{
	struct setup *s = r->setup;
	cleanup_close int root = open(s->container->rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);

	r->facts.netns_fd = r->netns;
	checkpoint_find_places(s->spec, s->container->bundle, root, false, &r->rt->arena, &r->facts);
	for (size_t i = 0; i < s->ns.n_join; i++) {
		if (s->ns.join[i].flag == CLONE_NEWNET)
			r->facts.netns_fd = s->ns.join[i].fd;
		else if (s->ns.join[i].flag == CLONE_NEWPID)
			r->facts.pidns_fd = s->ns.join[i].fd;
	}
}

static void add_tmpfs(const struct restore *r, struct criu_options *o)
{
	struct arena *a = &r->rt->arena;

	for (size_t i = 0; i < r->tmpfs.n; i++)
		*arena_push(a, &o->mounts, &o->n_mounts) =
			(struct criu_mount){ r->tmpfs.all[i].key, images_tmpfs_path(&r->tmpfs.all[i], r->place, a) };
}

static int plan(struct restore *r, struct criu_options *o, struct err *e)
{
	const struct setup *s = r->setup;

	/* Of systemd's cgroups this is known only now. */
	if (s->container->cgroup.path && s->cgroup_host.mountpoint)
		r->facts.cgroup_dir =
			arena_printf(&r->rt->arena, "%s%s", s->cgroup_host.mountpoint, s->container->cgroup.path);
	restore_move_sources(r);
	if (is_made_by_criu(r))
		o->empty_namespaces |= CLONE_NEWNET;
	o->root = s->container->rootfs;
	if (!o->log_level)
		o->log_level = 4;
	o->log_file = LOG_FILE;
	o->config_file = checkpoint_config_file(s->spec);
	o->notify = true;
	o->sibling = true;
	o->evasive_devices = true;
	o->orphan_pts_master = true;
	add_tmpfs(r, o);
	return checkpoint_plan_restore(s->spec, &r->facts, &r->rt->arena, o, e);
}

/* What CRIU is to have open under the same numbers. */
static size_t find_kept(const struct restore *r, int **ret)
{
	const int own[] = { r->facts.netns_fd, r->facts.pidns_fd, r->null[0], r->null[1], r->null[2] };
	const size_t n = sizeof(own) / sizeof(own[0]);

	*ret = arena_new_array(&r->rt->arena, n + r->memory.n, int);
	memcpy(*ret, own, sizeof(own));
	if (r->memory.n)
		memcpy(*ret + n, r->memory.fds, r->memory.n * sizeof(**ret));
	return n + r->memory.n;
}

static int ask(struct restore *r, const char *program, struct criu_options *o, pid_t *ret_pid, struct err *e)
{
	int *keep;
	const size_t n_keep = find_kept(r, &keep);
	const struct criu_start start = {
		.program = program, .cgroup = r->setup->cgroup_fd,
		.namespaces = CLONE_NEWNS | (r->netns >= 0 ? CLONE_NEWNET : 0),
		.keep = keep, .n_keep = n_keep, .attach = attach, .prepare = prepare, .data = r,
	};
	const struct criu_request q = { .type = CRIU_RESTORE, .options = o, .notified = notified, .data = r };
	struct criu_answer answer;
	struct criu criu;

	int result = criu_start(&start, &criu, e);
	if (result < 0)
		return result;
	/* While CRIU makes itself ready. */
	if (r->netns >= 0)
		result = attach_network(r, criu.pid, e);
	if (result == 0)
		result = plan(r, o, e);
	if (result == 0 && criu_ask(&criu, &q, &answer, e) < 0)
		result = answer.refused ? -e->code : checkpoint_failed(r->setup->request->restore, o, e);
	criu_end(&criu);
	if (result < 0)
		return result;
	if (r->setup->pidfd < 0)
		return err_say(e, EPROTO, "criu did not tell that it has restored");
	/* Before, there may be but half of it: without a record it goes with whoever makes it. */
	*ret_pid = answer.pid;
	checkpoint_note_descriptors(r->descriptors, r->setup->container, &r->rt->arena);
	return setup_record_process(r->setup, answer.pid, e);
}

/* Of a directory that is closed to others the group may read it then. */
static int let_group_in(int dir, gid_t group, struct err *e)
{
	const mode_t wanted = S_IRGRP | S_IXGRP, others = S_IROTH | S_IXOTH;
	struct stat st;

	if (fstat(dir, &st) < 0)
		return err_set(e, errno, "stat");
	if ((st.st_mode & others) == others)
		return 0;
	return fchown(dir, (uid_t)-1, group) < 0 || fchmod(dir, (st.st_mode & 07777) | wanted) < 0 ?
		       err_set(e, errno, "let the container's user namespace read it") : 0;
}

/*
 * CRIU opens images in the container's user namespace, too: its root is let into their directory, and into those of the images
 * before them, with which all are closed to others.
 */
static int let_in(const struct spec *s, int images, struct err *e)
{
	enum { CHAIN_MAX = 1000 };
	const gid_t root = spec_host_id(s->lx.gid_mappings, s->lx.n_gid_mappings, 0);
	cleanup_close int dir = -1;

	if (!spec_find_namespace(s, CLONE_NEWUSER))
		return 0;
	if (let_group_in(images, root, e) < 0)
		return -e->code;
	for (int i = 0; i < CHAIN_MAX; i++) {
		int next = openat(dir < 0 ? images : dir, "parent", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (next < 0)
			return errno == ENOENT ? 0 : err_set(e, errno, "open the parent images");
		close_fd(&dir);
		dir = next;
		/* A link in images may lead anywhere. */
		if (faccessat(dir, "inventory.img", F_OK, AT_SYMLINK_NOFOLLOW) == 0 && let_group_in(dir, root, e) < 0)
			return err_wrap(e, "parent images");
	}
	return 0;
}

static int restore(struct restore *r, struct criu_options *o, pid_t *ret_pid, struct err *e)
{
	const struct checkpoint_request *request = r->setup->request->restore;
	struct setup *s = r->setup;
	const char *program;

	if (criu_find(request->criu, &r->rt->arena, &program, e) < 0 ||
	    checkpoint_open_directories(request, false, o, e) < 0 || open_null(r, e) < 0)
		return -e->code;
	if (checkpoint_load_descriptors(o->images, r->null, r->descriptors, &r->rt->arena, o, e) < 0 ||
	    (request->check && images_check(o->images, o->lazy_pages, e) < 0) ||
	    images_memory_open(o->images, &r->rt->arena, o, &r->memory, e) < 0 || let_in(s->spec, o->images, e) < 0 ||
	    images_tmpfs_find(o->images, &r->rt->arena, &r->tmpfs, e) < 0 ||
	    image_ghosts_read(o->images, &r->rt->arena, &r->ghosts, &r->n_ghosts, e) < 0)
		return err_wrap(e, "'%s'", request->image_path);
	if (container_save_config(s->container, buf_text(&s->config), s->config.len, e) < 0)
		return -e->code;
	buf_finish(&s->config);
	find_facts(r);
	r->images = o->images;
	r->place = checkpoint_path(s->container->dir, &r->rt->arena);
	restore_remove_yard(o, LOG_FILE);
	if (ask(r, program, o, ret_pid, e) < 0) {
		restore_remove_yard(o, LOG_FILE);
		return -e->code;
	}
	return publish_process(*ret_pid, s->pidfd, s->request->pid_file, s->request->pidfd_socket, e);
}

int restore_processes(struct runtime *rt, struct setup *s, pid_t *ret_pid, int *ret_master, struct err *e)
{
	struct restore r = { .rt = rt, .setup = s, .facts = CHECKPOINT_FACTS_INIT, .null = { -1, -1, -1 }, .netns = -1,
			     .locked = -1, .master = ret_master };
	struct criu_options o = s->request->restore->options;

	int result = restore(&r, &o, ret_pid, e);
	close_fd(&o.images);
	close_fd(&o.work);
	for (int i = 0; i < CHECKPOINT_DESCRIPTORS; i++)
		close_fd(&r.null[i]);
	close_fd(&r.netns);
	close_fd(&r.locked);
	images_memory_close(&r.memory);
	return result;
}
