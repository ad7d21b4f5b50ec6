#include "checkpoint/preflight/preflight.h"
#include "checkpoint/preflight/sockets.h"
#include "checkpoint/preflight/proc_text.h"

#include "lib/fd.h"
#include "lib/file.h"
#include "lib/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

enum {
	TEXT_MAX = 64 << 20,
	GHOST_LIMIT_BYTES = 1 << 20, /* criu's own, unless it is told another */
	BLOCK_BYTES = 512, /* of st_blocks */
	/* Of each kind that often a process has: one that has a thousand of them is told of once. */
	SAME_MAX = 3,
};

/* Which namespaces criu takes for the whole tree alone. Those of mounts and of the network may be several. */
static const char *const one_for_all[] = { "pid", "user", "uts", "ipc", "time" };
enum { ONE_FOR_ALL = sizeof(one_for_all) / sizeof(one_for_all[0]) };

/* One look at a container. */
struct look {
	struct preflight *p;
	const struct preflight_container *c;
	struct preflight_sockets sockets;
	uint64_t init_ns[ONE_FOR_ALL];
	bool shared_ipc;
	uint64_t *mount_ns, *net_ns; /* those that were looked at */
	size_t n_mount_ns, n_net_ns;
};

/* And at one of its processes. */
struct process {
	struct look *look;
	pid_t pid;
	int dir; /* its directory in /proc */
	const char *subject;
	size_t before; /* findings that others had */
	uint64_t netns;
};

/* One that is told of often enough already is not told of again. */
static bool enough(const struct process *x, enum preflight_kind kind)
{
	const struct preflight *p = x->look->p;
	size_t n = 0;

	for (size_t i = x->before; i < p->n; i++)
		n += p->findings[i].kind == kind;
	return n >= SAME_MAX;
}

#define FOUND(x, kind, ...)                                                                                            \
	do {                                                                                                           \
		if (!enough((x), (kind)))                                                                              \
			preflight_add((x)->look->p, (kind), (x)->subject, __VA_ARGS__);                                \
	} while (0)

static bool includes(const struct preflight_container *c, pid_t pid)
{
	for (size_t i = 0; i < c->n_pids; i++)
		if (c->pids[i] == pid)
			return true;
	return false;
}

/* 0 when it cannot be told: the process has ended, or the kernel has no such namespaces. */
static uint64_t namespace_of(int dir, const char *name)
{
	char path[16];
	struct stat st;

	snprintf(path, sizeof(path), "ns/%s", name);
	return fstatat(dir, path, &st, 0) < 0 ? 0 : st.st_ino;
}

/* True once for each number. */
static bool is_new(struct arena *a, uint64_t **seen, size_t *n, uint64_t number)
{
	for (size_t i = 0; i < *n; i++)
		if ((*seen)[i] == number)
			return false;
	*arena_push(a, seen, n) = number;
	return true;
}

/* ---- descriptors ---- */

static void look_at_lock(const struct process *x, const char *number, const char *link)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err ignored = ERR_INIT;
	char path[32];

	snprintf(path, sizeof(path), "fdinfo/%s", number);
	if (!x->look->c->options.file_locks && file_read_once_at(x->dir, path, &b, &ignored) == 0 &&
	    proc_text_locks(buf_text(&b)) > 0)
		FOUND(x, PREFLIGHT_FILE_LOCKS, "holds a lock on '%s'", link);
}

static void look_at_deleted(const struct process *x, const struct stat *st, const char *link)
{
	const struct preflight_options *o = &x->look->c->options;
	const uint64_t limit = o->ghost_limit_bytes ? o->ghost_limit_bytes : GHOST_LIMIT_BYTES;

	if (st->st_nlink > 0 && !o->link_remap)
		FOUND(x, PREFLIGHT_LINK_REMAP, "has '%s' open, which has another name left", link);
	else if (st->st_nlink == 0 && (uint64_t)st->st_blocks * BLOCK_BYTES > limit)
		FOUND(x, PREFLIGHT_GHOST, "uses '%s' of %llu KiB, and criu keeps no deleted file of more than %llu", link,
		      (unsigned long long)st->st_blocks * BLOCK_BYTES / 1024, (unsigned long long)limit / 1024);
}

static void look_at_file(const struct process *x, const char *number, const char *link, const struct proc_fd *f)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "fd/%s", number);
	if (fstatat(x->dir, path, &st, 0) < 0)
		return;
	if ((S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) &&
	    !proc_device_is_known(S_ISBLK(st.st_mode), major(st.st_rdev), minor(st.st_rdev)))
		FOUND(x, PREFLIGHT_DEVICE, "has the device '%s' (%u:%u) open, which criu does not know", link,
		      major(st.st_rdev), minor(st.st_rdev));
	if (!S_ISREG(st.st_mode))
		return;
	if (f->deleted)
		look_at_deleted(x, &st, link);
	look_at_lock(x, number, link);
}

static void look_at_anon(const struct process *x, const char *anon)
{
	if (strcmp(anon, "[io_uring]") == 0)
		FOUND(x, PREFLIGHT_IO_URING, "uses io_uring, which criu does not know");
	else if (!proc_anon_is_known(anon))
		FOUND(x, PREFLIGHT_ANON_INODE, "has a descriptor of a kind that criu does not know, %s", anon);
}

static void add_socket(const struct process *x, const char *number, uint64_t inode)
{
	struct preflight_sockets *s = &x->look->sockets;
	struct preflight_socket *socket = arena_push(x->look->p->arena, &s->v, &s->n);
	char path[64];

	*socket = (struct preflight_socket){ .inode = inode, .netns = x->netns, .subject = x->subject };
	snprintf(path, sizeof(path), "/proc/%d/fd/%s", (int)x->pid, number);
	ssize_t n = getxattr(path, "system.sockprotoname", socket->protocol, sizeof(socket->protocol) - 1);
	socket->protocol[n > 0 ? n : 0] = '\0';
}

static int look_at_fd(int fd, const char *name, unsigned char type, void *data, struct err *e)
{
	const struct process *x = data;
	char link[PATH_MAX];
	struct proc_fd f;

	(void)type, (void)e;
	ssize_t n = readlinkat(fd, name, link, sizeof(link) - 1);
	if (n < 0)
		return 0;
	link[n] = '\0';
	proc_text_fd(link, &f);
	switch (f.type) {
	case PROC_FD_SOCKET: add_socket(x, name, f.inode); break;
	case PROC_FD_ANON: look_at_anon(x, f.anon); break;
	case PROC_FD_FILE: look_at_file(x, name, link, &f); break;
	case PROC_FD_MEMFD:
	case PROC_FD_PIPE:
	case PROC_FD_OTHER: break;
	}
	return 0;
}

static void look_at_fds(const struct process *x)
{
	cleanup_close int fd = openat(x->dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct err ignored = ERR_INIT;

	if (fd >= 0)
		dir_each(fd, look_at_fd, (void *)x, &ignored);
}

/* ---- memory ---- */

static void look_at_map(const struct process *x, const char *line)
{
	struct proc_map m;
	char path[64];
	struct stat st;

	if (!proc_text_map(line, &m))
		return;
	snprintf(path, sizeof(path), "map_files/%s", m.range);
	switch (proc_map_type(&m)) {
	case PROC_MAP_SYSV:
		if (x->look->shared_ipc)
			FOUND(x, PREFLIGHT_SYSV_IPC, "uses shared memory of System V in an IPC namespace that is not the "
			      "container's own");
		break;
	case PROC_MAP_ANON_INODE:
		look_at_anon(x, m.path + strlen("anon_inode:"));
		break;
	case PROC_MAP_DEVICE:
		if (fstatat(x->dir, path, &st, 0) == 0 && !S_ISREG(st.st_mode))
			FOUND(x, PREFLIGHT_MAPPING, "has memory of the device '%s' mapped, which criu does not know", m.path);
		break;
	case PROC_MAP_DELETED:
		if (fstatat(x->dir, path, &st, 0) == 0 && S_ISREG(st.st_mode))
			look_at_deleted(x, &st, m.path);
		break;
	case PROC_MAP_PLAIN: break;
	}
}

static void look_at_maps(const struct process *x)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err ignored = ERR_INIT;
	char *rest, *line;

	if (file_read_at(x->dir, "maps", TEXT_MAX, &b, &ignored) < 0 || !b.data)
		return;
	for (rest = b.data; (line = proc_text_line(&rest));)
		look_at_map(x, line);
}

/* ---- namespaces ---- */

static void look_at_namespaces(struct process *x)
{
	struct look *l = x->look;
	struct arena *a = l->p->arena;

	for (size_t i = 0; i < ONE_FOR_ALL; i++) {
		uint64_t number = namespace_of(x->dir, one_for_all[i]);
		if (number && number != l->init_ns[i])
			FOUND(x, PREFLIGHT_NESTED_NAMESPACE, "is in a %s namespace of its own below the container's",
			      one_for_all[i]);
	}
	x->netns = namespace_of(x->dir, "net");
	if (!is_new(a, &l->mount_ns, &l->n_mount_ns, namespace_of(x->dir, "mnt")))
		return;
	cleanup_buf struct buf b = BUF_INIT;
	struct err ignored = ERR_INIT;
	if (file_read_at(x->dir, "mountinfo", TEXT_MAX, &b, &ignored) == 0)
		preflight_mounts(l->p, l->c, x->pid == l->c->init ? "the container" : x->subject, buf_text(&b));
}

/* After all processes: which socket belongs to whom is known by then. */
static void look_at_network(struct look *l, pid_t pid)
{
	static const char *const files[] = { "net/tcp", "net/tcp6" };
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	cleanup_close int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	uint64_t netns = dir < 0 ? 0 : namespace_of(dir, "net");
	if (!netns || !is_new(l->p->arena, &l->net_ns, &l->n_net_ns, netns))
		return;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		cleanup_buf struct buf b = BUF_INIT;
		struct err ignored = ERR_INIT;
		if (file_read_at(dir, files[i], TEXT_MAX, &b, &ignored) == 0)
			preflight_sockets_tcp(l->p, &l->c->options, &l->sockets, netns, buf_text(&b));
	}
	if (pid == l->c->init)
		preflight_sockets_unix(l->p, l->c, &l->sockets, netns);
}

/* ---- processes ---- */

/* Whether its parents lead to the first process. Others have been put into the container from outside, by exec. */
static bool is_in_tree(const struct preflight_container *c, pid_t pid)
{
	struct err ignored = ERR_INIT;
	struct proc_stat st;

	/* Parents end meanwhile: no more steps than there are processes. */
	for (size_t i = 0; i <= c->n_pids; i++) {
		if (pid == c->init)
			return true;
		if (!includes(c, pid) || proc_stat(pid, &st, &ignored) < 0)
			return false;
		pid = st.ppid;
	}
	return false;
}

static void look_at_session(const struct process *x, const struct proc_status *s)
{
	/* 0: the leader is outside of the pid namespace. Else, in a namespace shared with the reader, it must be one of the
	 * container's processes, or have ended. */
	bool outside = s->session == 0 ||
		       (!s->own_pids && s->session > 0 && !includes(x->look->c, s->session) && kill(s->session, 0) == 0);

	if (outside && !x->look->c->options.shell_job)
		FOUND(x, PREFLIGHT_SESSION, "is in a session that began outside of the container, such as a shell's");
}

static void look_at_status(const struct process *x, const struct proc_status *s)
{
	if (s->tracer)
		FOUND(x, PREFLIGHT_TRACED, "is traced by process %d", (int)s->tracer);
	if (s->state == 'D')
		FOUND(x, PREFLIGHT_UNINTERRUPTIBLE, "waits and cannot be interrupted");
	if (s->state == 'Z' && s->threads > 1)
		FOUND(x, PREFLIGHT_DEAD_LEADER, "has ended but for %u of its threads", s->threads - 1);
	look_at_session(x, s);
}

/* One that has ended meanwhile has nothing to say. */
static void look_at_process(struct look *l, pid_t pid)
{
	cleanup_buf struct buf b = BUF_INIT;
	struct err ignored = ERR_INIT;
	struct proc_status s;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	cleanup_close int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || file_read_once_at(dir, "status", &b, &ignored) < 0 || !proc_text_status(buf_text(&b), &s))
		return;
	struct process x = {
		.look = l,
		.pid = pid,
		.dir = dir,
		.subject = arena_printf(l->p->arena, "process %d (%s)", (int)pid, s.name),
		.before = l->p->n,
	};
	if (!is_in_tree(l->c, pid)) {
		/* Unless it has ended meanwhile. */
		if (faccessat(dir, "status", F_OK, 0) == 0)
			FOUND(&x, PREFLIGHT_OUTSIDE_TREE, "was put into the container by exec");
		return;
	}
	look_at_status(&x, &s);
	if (s.state == 'Z')
		return;
	look_at_namespaces(&x);
	look_at_fds(&x);
	look_at_maps(&x);
}

static int look_begin(struct look *l, struct err *e)
{
	enum { PID = 0, IPC = 3 };
	char path[32];
	struct stat own_pid, own_ipc;

	snprintf(path, sizeof(path), "/proc/%d", (int)l->c->init);
	cleanup_close int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, errno == ENOENT ? ESRCH : errno, "process %d", (int)l->c->init);
	for (size_t i = 0; i < ONE_FOR_ALL; i++)
		l->init_ns[i] = namespace_of(dir, one_for_all[i]);
	if (!l->init_ns[PID])
		return err_set(e, ESRCH, "process %d: its namespaces", (int)l->c->init);
	if (stat("/proc/self/ns/pid", &own_pid) == 0 && own_pid.st_ino == l->init_ns[PID])
		preflight_add(l->p, PREFLIGHT_SHARED_PIDS, "the container", "has no pid namespace of its own");
	l->shared_ipc = stat("/proc/self/ns/ipc", &own_ipc) == 0 && own_ipc.st_ino == l->init_ns[IPC];
	return 0;
}

int preflight_container(struct preflight *p, const struct preflight_container *c, struct err *e)
{
	struct look l = { .p = p, .c = c };

	if (look_begin(&l, e) < 0)
		return -e->code;
	for (size_t i = 0; i < c->n_pids; i++)
		look_at_process(&l, c->pids[i]);
	preflight_sockets_sort(&l.sockets);
	preflight_sockets_kinds(p, &l.sockets);
	look_at_network(&l, c->init);
	for (size_t i = 0; i < c->n_pids; i++)
		look_at_network(&l, c->pids[i]);
	return 0;
}
