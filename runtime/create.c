/* The parent's side of a create: plans, records, makes, and undoes it all when a later step fails. */
#include "lib/clock.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/message.h"
#include "lib/proc.h"
#include "lib/sys.h"
#include "runtime/attach.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/create.h"
#include "runtime/hooks.h"
#include "runtime/keeper.h"
#include "runtime/log.h"
#include "runtime/networks.h"
#include "runtime/notify.h"
#include "runtime/pty.h"
#include "runtime/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

void setup_state(const struct setup *s, enum container_status status, pid_t pid, struct buf *out)
{
	struct container shown = *s->container;

	shown.pid = pid;
	container_write_state(&shown, status, out, false);
}

/* The bundle's absolute path. */
static int find_bundle(struct runtime *rt, const struct create_request *r, struct container *c, struct err *e)
{
	char *path = realpath(r->bundle ? r->bundle : ".", NULL);

	if (!path)
		return err_set(e, errno, "bundle '%s'", r->bundle ? r->bundle : ".");
	c->bundle = arena_strdup(&rt->arena, path);
	free(path);
	return 0;
}

/* Reads the configuration, keeping its text for the container's directory. */
static int load_spec(struct runtime *rt, const struct create_request *r, struct container *c, struct buf *text,
		     struct spec **ret, struct err *e)
{
	const char *path = r->config;

	if (r->spec) {
		*ret = r->spec;
		return 0;
	}
	if (!path)
		path = arena_printf(&rt->arena, "%s/config.json", c->bundle);
	if (file_read_at(AT_FDCWD, path, 16 * 1024 * 1024, text, e) < 0)
		return -e->code;
	if (spec_parse(buf_text(text), text->len, &rt->arena, ret, e) < 0)
		return err_wrap(e, "'%s'", path);
	return 0;
}

static int check_terminal(const struct spec *s, const struct create_request *r, struct err *e)
{
	bool detached = !r->run || r->detach;
	bool terminal = s->process && s->process->terminal;

	if (!s->process)
		return err_say(e, EINVAL, "process: a container needs one to be created");
	if (terminal && detached && !r->console_socket && !r->ret_handles)
		return err_say(e, EINVAL, "cannot allocate tty if ferry will detach without setting console socket");
	if (terminal && !detached && !r->console_socket && pty_own() < 0)
		return err_say(e, ENOTTY, "process.terminal: there is no terminal here; set it to false, or use --console-socket");
	if (r->console_socket && !(terminal && detached))
		return err_say(e, EINVAL, "cannot use console socket if ferry will not detach or allocate tty");
	return 0;
}

/* Who runs this, by /etc/passwd; a number when it does not say. */
static const char *owner_name(struct runtime *rt)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err ignored = ERR_INIT;
	char *save, *line, name[64];
	unsigned uid;

	if (rt->euid == 0)
		return "root";
	file_read_at(AT_FDCWD, "/etc/passwd", 1 << 20, &b, &ignored);
	for (line = b.data ? strtok_r(b.data, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "%63[^:]:%*[^:]:%u:", name, &uid) == 2 && uid == rt->euid)
			return arena_strdup(&rt->arena, name);
	return arena_printf(&rt->arena, "%u", rt->euid);
}

static void fill_record(struct runtime *rt, const struct spec *s, struct container *c)
{
	c->created = arena_strdup(&rt->arena, clock_now_rfc3339().text);
	c->rootless = rt->rootless;
	c->owner = owner_name(rt);
	c->annotations = s->annotations;
	c->n_annotations = s->n_annotations;
}

/* Sockets that a service manager opened for this very process (sd_listen_fds(3)): they go on to the container. */
static unsigned listen_fds(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");

	return pid && fds && atoi(pid) == getpid() && atoi(fds) > 0 ? (unsigned)atoi(fds) : 0;
}

/* Everything that needs no rights and changes nothing. */
static int plan(struct runtime *rt, struct setup *s, struct err *e)
{
	const struct create_request *r = s->request;
	struct cgroup_options cgroup = { .id = r->id, .driver = rt->driver, .rootless = rt->rootless };
	struct process_options process = {
		.cache_dir = arena_printf(&rt->arena, "%s/.cache", rt->root_path),
		.new_keyring = !r->no_new_keyring,
		.keyring_name = arena_printf(&rt->arena, "_ses.%s", r->id),
		.preserve_fds = r->preserve_fds,
		.init = r->init,
	};

	if (ns_plan_make(s->spec, rt->euid, &rt->arena, &s->ns, e) < 0)
		return -e->code;
	if (cgroup_host_find(&rt->arena, &s->cgroup_host, e) < 0)
		return -e->code;
	if (cgroup_plan_make(s->spec, &s->cgroup_host, &cgroup, &rt->arena, &s->cgroup, e) < 0)
		return -e->code;

	struct rootfs_options rootfs = {
		.bundle = s->container->bundle,
		.no_pivot = r->no_pivot,
		.host_userns = !spec_find_namespace(s->spec, CLONE_NEWUSER),
		.cgroup_namespace = s->ns.create_cgroup,
		.cgroup_dir = cgroup_plan_dir(s->cgroup),
	};
	if (rootfs_plan_make(s->spec, &rootfs, &rt->arena, &s->rootfs, e) < 0)
		return -e->code;
	process.keep_groups = s->ns.deny_setgroups;
	process.listen_fds = listen_fds();
	if (process_plan_make(s->spec, s->spec->process, &process, &rt->arena, &s->process, e) < 0)
		return -e->code;
	for (size_t i = 0; i < s->process.n_warnings; i++)
		log_warn("%s", s->process.warnings[i]);
	return 0;
}

/* How much the two have to say to each other: see setup.h. */
static void plan_messages(struct setup *s)
{
	const struct spec_hooks *h = &s->spec->hooks;
	const struct spec_process *p = s->spec->process;
	size_t hooks_before_start = h->n[HOOK_PRESTART] + h->n[HOOK_CREATE_RUNTIME];
	size_t hooks_inside = h->n[HOOK_CREATE_CONTAINER] + h->n[HOOK_START_CONTAINER];

	s->tells_ready = !s->request->run || p->terminal || hooks_before_start;
	s->waits_for_go = s->tells_ready || hooks_inside || s->process.listener_path || s->ns.create & CLONE_NEWUSER ||
			  s->container->cgroup.driver == CGROUP_SYSTEMD || process_needs_grant(&s->process) ||
			  rootfs_mounts_devices(s->rootfs);
}

/* Opens what the first process will inherit. From here on there is something to undo. */
static int prepare(struct setup *s, struct err *e)
{
	const struct create_request *r = s->request;
	int pair[2];

	s->container->rootfs = rootfs_path(s->rootfs);
	s->container->cgroup = *cgroup_plan_ref(s->cgroup);
	if (record_save(s->container, e) < 0)
		return -e->code;
	plan_messages(s);
	if (ns_plan_open(&s->ns, e) < 0 || rootfs_open_sources(s->rootfs, e) < 0)
		return -e->code;
	if (r->console_socket && (s->console_socket = pty_connect(r->console_socket, e)) < 0)
		return s->console_socket;
	if (!r->run && (s->listener = start_socket_listen(s->container, e)) < 0)
		return s->listener;
	if (message_pair(pair, e) < 0)
		return -e->code;
	s->parent_end = pair[0];
	s->child_end = pair[1];
	if (!r->restore && process_plan_open(&s->process, e) < 0)
		return -e->code;
	int result = cgroup_create(s->cgroup, &s->cgroup_host, &s->cgroup_fd, e);
	s->container->cgroup = *cgroup_plan_ref(s->cgroup); /* none, when it turned out to be another's */
	return result;
}

static bool has_new_pid_namespace(const struct spec *s)
{
	const struct spec_namespace *pid = spec_find_namespace(s, CLONE_NEWPID);

	return pid && !pid->path;
}

int setup_record_process(struct setup *s, pid_t pid, struct err *e)
{
	struct proc_stat st;

	/* What it leaves behind is to be known by it: see container_remove. */
	if (!has_new_pid_namespace(s->spec) && s->cgroup_fd >= 0 &&
	    cgroup_id(s->cgroup_fd, &s->container->cgroup.id, e) < 0)
		return -e->code;
	if (proc_stat(pid, &st, e) < 0)
		return -e->code;
	s->container->pid = pid;
	s->container->start_time = st.start_time;
	return record_save(s->container, e);
}

static int runtime_hooks(struct setup *s, pid_t pid, struct err *e)
{
	static const enum spec_hook_kind kinds[] = { HOOK_PRESTART, HOOK_CREATE_RUNTIME };
	cleanup_buf struct buf state = BUF_INIT;

	setup_state(s, STATUS_CREATING, pid, &state);
	for (size_t i = 0; i < 2; i++)
		if (hooks_run(&s->spec->hooks, kinds[i], buf_text(&state), e) < 0)
			return -e->code;
	return message_send(s->parent_end, MSG_HOOKS_DONE, 0, NULL, 0, e);
}

/*
 * While the first process makes its mounts; it waits for RELEASE at the latest. Of one that has ended the error is still to
 * be heard.
 */
static int attach(struct runtime *rt, struct setup *s, pid_t pid, struct err *e)
{
	struct err gone = ERR_INIT;
	cleanup_close int netns = container_netns(pid, s->pidfd, &gone);

	if (netns == -ESRCH)
		return 0;
	if (netns < 0)
		return *e = gone, netns;
	return container_attach(rt, s->request->network, netns, &s->late, e);
}

/* Without rights a program stands between the container's network and the machine's. */
static int attach_program(struct runtime *rt, struct setup *s, pid_t pid, struct err *e)
{
	const char **argv = NULL;
	size_t n = 0;

	for (const char *const *word = s->request->network_program; *word; word++)
		*arena_push(&rt->arena, &argv, &n) = *word;
	*arena_push(&rt->arena, &argv, &n) = arena_printf(&rt->arena, "%d", (int)pid);
	*arena_push(&rt->arena, &argv, &n) = NULL;
	int r = keeper_start(argv, s->pidfd, e);
	if (r < 0 && s->request->network_if_possible) {
		log_warn("no network: %s", e->msg);
		*e = ERR_INIT;
		return 0;
	}
	return r;
}

/* Answers the first process until it is ready. *ret_master: the pty to relay, or -1. */
static int guide(struct runtime *rt, struct setup *s, pid_t pid, int *ret_master, struct err *e)
{
	if (ns_map_ids(&s->ns, pid, e) < 0)
		return -e->code;
	int r = cgroup_attach(s->cgroup, &s->cgroup_host, pid, &s->cgroup_fd, e);
	/* With systemd the path is known only now. */
	s->container->cgroup = *cgroup_plan_ref(s->cgroup);
	if (r < 0)
		return r;
	if (process_grant(&s->process, pid, e) < 0)
		return -e->code;
	if (s->waits_for_go && message_send(s->parent_end, MSG_GO, pid, NULL, 0, e) < 0)
		return -e->code;
	/* While the first process is at work. */
	if (!s->request->spec && container_save_config(s->container, buf_text(&s->config), s->config.len, e) < 0)
		return -e->code;
	buf_finish(&s->config);
	if (s->request->network && attach(rt, s, pid, e) < 0)
		return -e->code;
	if (s->request->network_program && attach_program(rt, s, pid, e) < 0)
		return -e->code;
	while (s->tells_ready) {
		r = message_receive(s->parent_end, NULL, ret_master, e);
		if (r < 0 || r == MSG_READY)
			return r;
		if (r == MSG_HOOKS && runtime_hooks(s, pid, e) < 0)
			return -e->code;
		if (r == 0)
			return err_say(e, ECHILD, "the container's first process ended unexpectedly");
	}
	return 0;
}

/* /dev/null, say, which is neither replaced nor removed. */
static bool is_no_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode);
}

static int write_pid_file(const char *path, pid_t pid, struct err *e)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)pid), r;

	if (is_no_file(path)) {
		cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
		r = fd < 0 ? err_set(e, errno, "open '%s'", path) : fd_write_all(fd, text, (size_t)n, e);
	} else {
		r = file_replace_at(AT_FDCWD, path, 0644, text, (size_t)n, e);
	}
	return r < 0 ? err_wrap(e, "--pid-file") : 0;
}

void remove_pid_file(const char *path)
{
	if (path && !is_no_file(path))
		unlink(path);
}

int publish_process(pid_t pid, int pidfd, const char *pid_file, const char *pidfd_socket, struct err *e)
{
	if (pidfd_socket) {
		cleanup_close int sock = pty_connect(pidfd_socket, e);
		if (sock < 0 || pidfd_send(sock, pidfd, e) < 0)
			return err_wrap(e, "--pidfd-socket");
	}
	return pid_file ? write_pid_file(pid_file, pid, e) : 0;
}

static int spawn(struct runtime *rt, struct setup *s, pid_t *ret_pid, int *ret_master, struct err *e)
{
	static const int own[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
	pid_t pid = setup_spawn(s, e);

	if (pid < 0)
		return (int)pid;
	*ret_pid = pid;
	log_debug("container '%s': process %d in cgroup '%s'", s->container->id, (int)pid,
		  s->container->cgroup.path ? s->container->cgroup.path : "");
	if (!s->process.process->terminal)
		checkpoint_note_descriptors(own, s->container, &rt->arena);
	if (guide(rt, s, pid, ret_master, e) < 0 || setup_record_process(s, pid, e) < 0)
		return -e->code;
	return publish_process(pid, s->pidfd, s->request->pid_file, s->request->pidfd_socket, e);
}

/* Removes what was made; the error that led here stays. */
static void undo(struct runtime *rt, struct setup *s)
{
	struct err ignored = ERR_INIT;

	if (s->pidfd >= 0)
		proc_kill_child(s->pidfd);
	if (container_remove(rt, s->container, &s->cgroup_host, &ignored) < 0)
		log_warn("container '%s': %s", s->container->id, ignored.msg);
	if (s->container->pid > 0)
		remove_pid_file(s->request->pid_file);
}

void setup_finish(struct setup *s)
{
	ns_plan_close(&s->ns);
	if (s->rootfs)
		rootfs_plan_close(s->rootfs);
	process_plan_close(&s->process);
	buf_finish(&s->config);
	cgroup_host_close(&s->cgroup_host);
	close_fd(&s->cgroup_fd);
	close_fd(&s->console_socket);
	close_fd(&s->listener);
	close_fd(&s->parent_end);
	close_fd(&s->child_end);
	close_fd(&s->pidfd);
	close_fd(&s->late);
}

/*
 * In a pid namespace that is new there is nobody who could reach this program's file through /proc but the container's
 * program itself; and should that turn out to be this very file, seal_check ends it at once. Otherwise, and where the
 * program may trace others, the copy is needed.
 */
static bool needs_seal(const struct spec *s)
{
	const struct spec_capabilities *caps = s->process->capabilities;

	return !has_new_pid_namespace(s) || (caps && caps->set[CAPS_BOUNDING] & UINT64_C(1) << CAP_SYS_PTRACE);
}

int create_seal(struct runtime *rt, const struct spec *s, struct err *e)
{
	return needs_seal(s) ? seal_self(rt->argv, e) : 0;
}

int create_container(struct runtime *rt, struct setup *s, pid_t *ret_pid, int *ret_master, struct err *e)
{
	const struct create_request *r = s->request;
	struct container plan_of = *s->container;
	struct spec *spec;

	*ret_pid = -1;
	if (container_check_id(r->id, e) < 0 || find_bundle(rt, r, &plan_of, e) < 0)
		return -e->code;
	if (load_spec(rt, r, &plan_of, &s->config, &spec, e) < 0)
		return -e->code;
	/* Before there is a record that says it may have one. */
	if (r->network && networks_check_rights(e) < 0)
		return -e->code;
	if (r->network_of && container_join_network(rt, r->network_of, spec, e) < 0)
		return -e->code;
	if (check_terminal(spec, r, e) < 0 || check_preserved_fds(listen_fds() + r->preserve_fds, e) < 0)
		return -e->code;
	/* Without a pid namespace of its own, processes that the container leaves behind become ours, to be waited for. */
	if (r->run && !r->detach && !r->no_subreaper && !has_new_pid_namespace(spec) &&
	    prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return err_set(e, errno, "become a subreaper");
	if (create_seal(rt, spec, e) < 0)
		return -e->code;
	if (container_new(rt, r->id, s->container, e) < 0)
		return -e->code;
	s->container->bundle = plan_of.bundle;
	s->container->launched = r->launched;
	s->container->network = r->network != NULL;
	fill_record(rt, spec, s->container);
	s->spec = spec;
	const char *dir = arena_printf(&rt->arena, "%s/%s", rt->root_path, r->id);
	if (notify_plan(spec, &rt->arena, dir, e) < 0 || notify_make_dir(s->container->dir, e) < 0 || plan(rt, s, e) < 0 ||
	    prepare(s, e) < 0 || (r->restore ? restore_processes : spawn)(rt, s, ret_pid, ret_master, e) < 0) {
		undo(rt, s);
		return -e->code;
	}
	return 0;
}

int release_process(int sock, pid_t pid, struct err *e)
{
	if (message_send(sock, MSG_RELEASE, pid, NULL, 0, e) == 0)
		return 0;
	int r = message_receive(sock, NULL, NULL, e);
	return r < 0 ? r : err_say(e, ECHILD, "the new process ended unexpectedly");
}

int check_preserved_fds(unsigned n, struct err *e)
{
	for (unsigned fd = 3; fd < 3 + n; fd++) {
		int flags = fcntl((int)fd, F_GETFD);
		/* All of ours are close-on-exec. */
		if (flags < 0 || flags & FD_CLOEXEC)
			return err_say(e, EBADF, "--preserve-fds: descriptor %u is not open", fd);
	}
	return 0;
}

int lifecycle_create(struct runtime *rt, const struct create_request *r, struct err *e)
{
	struct container c = CONTAINER_INIT;
	struct setup s = SETUP_INIT(r, &c);
	int master = -1;
	pid_t pid;

	int result = create_container(rt, &s, &pid, &master, e);
	/*
	 * The last word: now that all is recorded the first process may go on without us. It has inherited the lock, which
	 * would end only with its exec: so that is given up for both.
	 */
	if (result == 0 &&
	    (container_unlock(&c, e) < 0 || release_process(s.parent_end, pid, e) < 0)) {
		undo(rt, &s);
		result = -e->code;
	}
	setup_finish(&s);
	container_close(&c);
	return result;
}
