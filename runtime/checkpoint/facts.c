#include "runtime/checkpoint/checkpoint.h"

#include "checkpoint/criu_log.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/in_root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PROC_FILE_MAX = 16 * 1024 * 1024 };

static int open_directory(const char *path, bool make, struct err *e)
{
	if (make && mkdir_parents(path, 0700, e) < 0)
		return -e->code;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_set(e, errno, "open '%s'", path) : fd;
}

int checkpoint_open_directories(const struct checkpoint_request *r, bool make, struct criu_options *o, struct err *e)
{
	o->images = open_directory(r->image_path, make, e);
	if (o->images < 0)
		return err_wrap(e, "--image-path");
	if (!r->work_path)
		return 0;
	o->work = open_directory(r->work_path, true, e);
	return o->work < 0 ? err_wrap(e, "--work-path") : 0;
}

static ssize_t read_fd_path(int fd, char *ret)
{
	ssize_t n = readlink(fd_path(fd).path, ret, PATH_MAX - 1);

	if (n >= 0)
		ret[n] = '\0';
	return n;
}

const char *checkpoint_path(int fd, struct arena *a)
{
	char path[PATH_MAX];

	return read_fd_path(fd, path) < 0 ? NULL : arena_strdup(a, path);
}

const char *checkpoint_resolve(int root, const char *path, struct arena *a)
{
	char top[PATH_MAX], reached[PATH_MAX];
	struct err ignored = ERR_INIT;
	cleanup_close int fd = in_root_open(root, path, O_PATH, &ignored);
	ssize_t n = read_fd_path(root, top);

	if (fd < 0 || n < 0 || read_fd_path(fd, reached) < 0)
		return path;
	if (n == 1) /* "/", of another mount namespace */
		return arena_strdup(a, reached);
	if (strncmp(reached, top, (size_t)n) != 0 || reached[n] != '/')
		return path;
	return arena_strdup(a, reached + n);
}

static bool is_file(int root, const char *path)
{
	struct err ignored = ERR_INIT;
	struct stat st;
	cleanup_close int fd = in_root_open(root, path, O_PATH, &ignored);

	return fd >= 0 && fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* CRIU takes a symlink for the file that is to be mounted. */
static const char *find_source(const struct spec_mount *m, const char *bundle, struct arena *a)
{
	const char *path = m->source[0] == '/' ? m->source : arena_printf(a, "%s/%s", bundle, m->source);
	char *real = realpath(path, NULL);

	if (real)
		path = arena_strdup(a, real);
	free(real);
	return path;
}

void checkpoint_find_places(const struct spec *s, const char *bundle, int root, bool masked, struct arena *a,
			    struct checkpoint_facts *f)
{
	f->sources = arena_new_array(a, s->n_mounts, const char *);
	f->targets = arena_new_array(a, s->n_mounts, const char *);
	for (size_t i = 0; i < s->n_mounts; i++) {
		f->targets[i] = checkpoint_resolve(root, s->mounts[i].destination, a);
		if (checkpoint_is_bind(&s->mounts[i]))
			f->sources[i] = find_source(&s->mounts[i], bundle, a);
	}
	f->masked = arena_new_array(a, s->lx.n_masked_paths, const char *);
	for (size_t i = 0; masked && i < s->lx.n_masked_paths; i++)
		if (is_file(root, s->lx.masked_paths[i]))
			f->masked[i] = checkpoint_resolve(root, s->lx.masked_paths[i], a);
}

/* ---- a container that runs ---- */

/* Of a namespace that is joined, or (@ours) that ferry furnishes: what is in it is not CRIU's. */
static uint64_t external_inode(const struct spec *s, uint64_t flag, pid_t pid, const char *file, bool ours)
{
	const struct spec_namespace *n = spec_find_namespace(s, flag);
	char path[48];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, file);
	return n && (n->path || ours) && stat(path, &st) == 0 ? st.st_ino : 0;
}

static int find_facts(struct runtime *rt, const struct container *c, const struct spec *s, struct checkpoint_facts *f,
		      struct err *e)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/root", (int)c->pid);
	cleanup_close int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_set(e, errno, "open '%s'", path);
	checkpoint_find_places(s, c->bundle, root, true, &rt->arena, f);
	f->netns = external_inode(s, CLONE_NEWNET, c->pid, "net", c->network);
	f->pidns = external_inode(s, CLONE_NEWPID, c->pid, "pid", false);
	return 0;
}

/* Whether the mount is one that @pid sees: @mounts is its mountinfo. */
static bool is_mounted(const char *mounts, unsigned id)
{
	char start[16];
	size_t n = (size_t)snprintf(start, sizeof(start), "%u ", id);

	for (const char *line = mounts; line; line = strchr(line, '\n'), line += line != NULL)
		if (strncmp(line, start, n) == 0)
			return true;
	return false;
}

/*
 * What a process, "self" or its number, has open there, as its link in /proc says, and before a path which file that is
 * (checkpoint_external_file) and ":". NULL: nothing.
 */
static const char *describe(const char *process, int fd, struct arena *a)
{
	char path[48], target[PATH_MAX];
	struct statx st;

	snprintf(path, sizeof(path), "/proc/%s/fd/%d", process, fd);
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return NULL;
	target[n] = '\0';
	if (target[0] != '/' || statx(AT_FDCWD, path, 0, STATX_INO | STATX_MNT_ID, &st) < 0 || !(st.stx_mask & STATX_MNT_ID))
		return arena_strdup(a, target);
	return arena_printf(a, "%s:%s", checkpoint_external_file(a, (unsigned)st.stx_mnt_id, st.stx_ino), target);
}

/* A standard descriptor may be a file of the host's, /dev/null above all: then that is external. */
static const char *find_descriptor(const char *described, const char *mounts, struct arena *a, struct criu_options *o)
{
	const char *end = described ? strchr(described, ']') : NULL;
	unsigned mount;

	if (!end || sscanf(described, "file[%x:", &mount) != 1)
		return described ? described : "";
	if (is_mounted(mounts, mount))
		return end + 2;
	*arena_push(a, &o->external, &o->n_external) = arena_strndup(a, described, (size_t)(end + 1 - described));
	return described;
}

void checkpoint_note_descriptors(const int *fds, struct container *c, struct arena *a)
{
	for (int i = 0; i < CHECKPOINT_DESCRIPTORS; i++)
		c->descriptors[i] = fds[i] >= 0 ? describe("self", fds[i], a) : NULL;
}

int checkpoint_find_descriptors(struct runtime *rt, const struct container *c, const char **ret, struct criu_options *o,
				struct err *e)
{
	cleanup_buf struct buf mounts = BUF_INIT;
	const char *process = arena_printf(&rt->arena, "%d", (int)c->pid), *described;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%s/mountinfo", process);
	if (file_read_at(AT_FDCWD, path, PROC_FILE_MAX, &mounts, e) < 0)
		return -e->code;
	for (int i = 0; i < CHECKPOINT_DESCRIPTORS; i++) {
		described = c->descriptors[i] ? c->descriptors[i] : describe(process, i, &rt->arena);
		ret[i] = find_descriptor(described, buf_text(&mounts), &rt->arena, o);
	}
	return 0;
}

int checkpoint_plan(struct runtime *rt, const struct container *c, const struct spec *s, struct criu_options *o,
		    struct err *e)
{
	struct checkpoint_facts facts = CHECKPOINT_FACTS_INIT;
	struct cgroup_host host;

	if (cgroup_host_find(&rt->arena, &host, e) < 0)
		return -e->code;
	cgroup_host_close(&host);
	if (host.mountpoint && c->cgroup.path)
		facts.cgroup_dir = o->freeze_cgroup = arena_printf(&rt->arena, "%s%s", host.mountpoint, c->cgroup.path);
	if (find_facts(rt, c, s, &facts, e) < 0)
		return -e->code;
	o->pid = c->pid;
	o->root = c->rootfs;
	o->config_file = checkpoint_config_file(s);
	checkpoint_plan_dump(s, &facts, &rt->arena, o);
	return 0;
}

/* ---- CRIU's files ---- */

const char *checkpoint_config_file(const struct spec *s)
{
	static const char *const usual[] = { "/etc/criu/ferry.conf", "/etc/criu/runc.conf" };
	const char *chosen = spec_annotation(s, "org.criu.config");

	if (chosen)
		return *chosen ? chosen : NULL;
	for (size_t i = 0; i < 2; i++)
		if (access(usual[i], R_OK) == 0)
			return usual[i];
	return NULL;
}

int checkpoint_listening_config(const char *config, const char *address, struct err *e)
{
	enum { CONFIG_MAX = 1 << 20 };
	cleanup_buf struct buf settings = BUF_INIT, text = BUF_INIT;
	cleanup_close int fd = memfd_create("criu.conf", MFD_CLOEXEC);

	if (fd < 0)
		return err_set(e, errno, "memfd_create");
	if (config && file_read_at(AT_FDCWD, config, CONFIG_MAX, &settings, e) < 0)
		return -e->code;
	buf_printf(&text, "address %s\n%s", address, buf_text(&settings));
	return fd_write_all(fd, text.data, text.len, e) < 0 ? -e->code : take_fd(&fd);
}

/* In the place of another's. */
static bool keep_log(const char *path, const char *kept)
{
	while (link(path, kept) < 0)
		if (errno != EEXIST || unlink(kept) < 0)
			return false;
	return true;
}

int checkpoint_failed(const struct checkpoint_request *r, const struct criu_options *o, struct err *e)
{
	char path[PATH_MAX];
	const char *dir = r->work_path ? r->work_path : r->image_path;
	char *absolute = realpath(dir, NULL);

	snprintf(path, sizeof(path), "%s/%s", absolute ? absolute : dir, o->log_file);
	free(absolute);
	if (r->failed_log && keep_log(path, r->failed_log))
		return criu_log_explain(AT_FDCWD, r->failed_log, r->failed_log, e);
	return criu_log_explain(o->work >= 0 ? o->work : o->images, o->log_file, path, e);
}
