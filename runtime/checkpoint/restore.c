/* ferry restore: a container's processes are made by CRIU from an image. */
#include "runtime/checkpoint/checkpoint.h"

#include "checkpoint/share.h"
#include "lib/fd.h"
#include "lib/in_root.h"
#include "lib/sys.h"
#include "runtime/attach.h"
#include "runtime/create.h"
#include "runtime/hooks.h"
#include "runtime/log.h"
#include "runtime/pty.h"
#include "runtime/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_FILE "restore.log"

/* What is heard during the restore, and what is made for it. */
struct restore {
	struct runtime *rt;
	struct setup *setup;
	struct checkpoint_facts facts;
	int null[CHECKPOINT_DESCRIPTORS]; /* /dev/null for reading and writing, one for each that may have been it: CRIU closes them */
	int netns; /* with networks: the number under which CRIU has the network namespace; else -1 */
	struct images_memory memory; /* what the images share with others that are restored from them */
	int *master;
};

/* ---- in CRIU's process, before it is CRIU ---- */

/* The last mount before the one numbered @i that @i lies in; -1: none. *ret_below: what of its target is below that. */
static int mount_above(const struct checkpoint_facts *f, size_t i, const char **ret_below)
{
	for (size_t j = i; j-- > 0;) {
		size_t n = strlen(f->targets[j]);
		if (strncmp(f->targets[i], f->targets[j], n) == 0 && f->targets[i][n] == '/') {
			*ret_below = f->targets[i] + n;
			return (int)j;
		}
	}
	*ret_below = f->targets[i];
	return -1;
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/*
 * A root file system that has just been unpacked may lack the places where something is mounted. What is mounted on a file
 * system of the container's own comes back with that.
 */
static int make_place(const struct restore *r, size_t i, int root, struct err *e)
{
	const struct spec *s = r->setup->spec;
	const char *below, *source = checkpoint_mount_source(s, i, &r->facts);
	cleanup_close int base = -1;
	int above = mount_above(&r->facts, i, &below);

	if (above >= 0) {
		const char *from = checkpoint_mount_source(s, (size_t)above, &r->facts);
		if (!from || !is_directory(from))
			return 0;
		base = open(from, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (base < 0)
			return err_set(e, errno, "open '%s'", from);
		root = base;
	}
	cleanup_close int place = !source || is_directory(source) ? in_root_mkdir(root, below, 0755, e) :
								    in_root_touch(root, below, 0644, e);
	return place < 0 ? err_wrap(e, "mounts[%zu].destination", i) : 0;
}

/* CRIU wants its root to be a mount, and nothing of what it mounts is to be seen outside. */
static int prepare_root(const struct restore *r, struct err *e)
{
	const char *path = r->setup->container->rootfs;

	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_set(e, errno, "set the propagation of the mount namespace");
	int mounted = rootfs_mount_root(r->setup->rootfs, e);
	if (mounted < 0)
		return mounted;
	if (!mounted && mount(path, path, NULL, MS_BIND | MS_REC, NULL) < 0)
		return err_set(e, errno, "root.path: '%s'", path);
	cleanup_close int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_set(e, errno, "root.path: '%s'", path);
	for (size_t i = 0; i < r->setup->spec->n_mounts; i++)
		if (make_place(r, i, root, e) < 0)
			return -e->code;
	return 0;
}

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

	if (prepare_root(r, e) < 0 || enter_cgroup_namespace(r->setup, e) < 0)
		return -e->code;
	return r->netns >= 0 ? prepare_network(r, e) : 0;
}

/* ---- in ferry ---- */

static int attach_network(const struct restore *r, pid_t pid, struct err *e)
{
	struct setup *s = r->setup;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
	cleanup_close int netns = open(path, O_RDONLY | O_CLOEXEC);
	if (netns < 0)
		return err_set(e, errno, "open '%s'", path);
	return container_attach(r->rt, s->request->network, netns, &s->late, e);
}

/* systemd moves a process that exists: see cgroups/cgroups.h. */
static int attach(void *data, pid_t pid, struct err *e)
{
	const struct restore *r = data;
	struct setup *s = r->setup;
	int done = s->cgroup_fd < 0 ? cgroup_attach(s->cgroup, &s->cgroup_host, pid, &s->cgroup_fd, e) : 0;

	s->container->cgroup = *cgroup_plan_ref(s->cgroup);
	if (done < 0 || record_save(s->container, e) < 0)
		return -e->code;
	return r->netns >= 0 ? attach_network(r, pid, e) : 0;
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

/* Its processes are there, and go on only after this. */
static int restored(struct setup *s, pid_t pid, struct err *e)
{
	s->pidfd = pidfd_open(pid, 0);
	if (s->pidfd < 0)
		return err_set(e, errno, "open the restored process %d", (int)pid);
	return setup_record_process(s, pid, e);
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
	if (strcmp(name, "setup-namespaces") == 0)
		return run_hooks(r->setup, pid, e);
	if (strcmp(name, "post-restore") == 0)
		return restored(r->setup, pid, e);
	if (strcmp(name, "orphan-pts-master") == 0 && master >= 0)
		return take_terminal(r, &master, e);
	return 0;
}

static int open_null(struct restore *r, struct err *e)
{
	if (r->setup->request->network && (r->netns = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
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

static int plan(struct restore *r, struct criu_options *o, struct err *e)
{
	const struct setup *s = r->setup;

	/* Of systemd's cgroups this is known only now. */
	if (s->container->cgroup.path && s->cgroup_host.mountpoint)
		r->facts.cgroup_dir =
			arena_printf(&r->rt->arena, "%s%s", s->cgroup_host.mountpoint, s->container->cgroup.path);
	o->root = s->container->rootfs;
	o->log_level = 4;
	o->log_file = LOG_FILE;
	o->config_file = checkpoint_config_file(s->spec);
	o->notify = true;
	o->sibling = true;
	o->evasive_devices = true;
	o->orphan_pts_master = true;
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
	result = plan(r, o, e);
	if (result == 0 && criu_ask(&criu, &q, &answer, e) < 0)
		result = answer.refused ? -e->code : checkpoint_failed(r->setup->request->restore, o, e);
	criu_end(&criu);
	if (result < 0)
		return result;
	*ret_pid = answer.pid;
	return r->setup->container->pid == answer.pid ? 0 : err_say(e, EPROTO, "criu did not tell that it has restored");
}

static int restore(struct restore *r, struct criu_options *o, pid_t *ret_pid, struct err *e)
{
	const struct checkpoint_request *request = r->setup->request->restore;
	struct setup *s = r->setup;
	const char *program;

	if (criu_find(request->criu, &r->rt->arena, &program, e) < 0 ||
	    checkpoint_open_directories(request, false, o, e) < 0 || open_null(r, e) < 0)
		return -e->code;
	if (checkpoint_load_descriptors(o->images, r->null, &r->rt->arena, o, e) < 0 ||
	    images_memory_open(o->images, &r->rt->arena, o, &r->memory, e) < 0)
		return err_wrap(e, "'%s'", request->image_path);
	if (container_save_config(s->container, buf_text(&s->config), s->config.len, e) < 0)
		return -e->code;
	buf_finish(&s->config);
	find_facts(r);
	if (ask(r, program, o, ret_pid, e) < 0)
		return -e->code;
	return publish_process(*ret_pid, s->pidfd, s->request->pid_file, s->request->pidfd_socket, e);
}

int restore_processes(struct runtime *rt, struct setup *s, pid_t *ret_pid, int *ret_master, struct err *e)
{
	struct restore r = { .rt = rt, .setup = s, .facts = CHECKPOINT_FACTS_INIT, .null = { -1, -1, -1 }, .netns = -1,
			     .master = ret_master };
	struct criu_options o = s->request->restore->options;

	int result = restore(&r, &o, ret_pid, e);
	close_fd(&o.images);
	close_fd(&o.work);
	for (int i = 0; i < CHECKPOINT_DESCRIPTORS; i++)
		close_fd(&r.null[i]);
	close_fd(&r.netns);
	images_memory_close(&r.memory);
	return result;
}
