#include "cgroups/plan.h"

#include "cgroups/files.h"
#include "cgroups/systemd/systemd.h"
#include "lib/fd.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* Openat wants no leading '/' below a directory. */
static const char *below_root(const char *path)
{
	path += strspn(path, "/");
	return *path ? path : ".";
}

/* The cgroup and what had to be made above it: as long as it is not kept, the end of it removes all again. */
struct made {
	int root;
	char path[PATH_MAX];
	unsigned n; /* components made, counted from the last */
};

static void undo(struct made *m)
{
	for (; m->n > 0; m->n--) {
		char *slash = strrchr(m->path, '/');
		unlinkat(m->root, m->path, AT_REMOVEDIR);
		if (!slash)
			break;
		*slash = '\0';
	}
	m->n = 0;
}

/* Returns 0, or 1 when it was there already. */
static int make_directories(struct made *m, struct err *e)
{
	if (mkdirat(m->root, m->path, 0755) == 0) {
		m->n = 1;
		return 0;
	}
	if (errno == EEXIST)
		return 1;
	if (errno != ENOENT)
		return err_set(e, errno, "make cgroup '/%s'", m->path);

	for (char *slash = strchr(m->path, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		int r = mkdirat(m->root, m->path, 0755);
		int code = errno;
		if (r < 0 && code != EEXIST) {
			err_set(e, code, "make cgroup '/%s'", m->path);
			undo(m);
			return -e->code;
		}
		/* All below a directory that was made is made too, so the ones made are always the last ones. */
		m->n += r == 0;
		if (!slash)
			return 0;
		*slash = '/';
	}
}

/* An empty left-over of a container that is gone is as good as new, once it runs. */
static int check_existing(int dir, const char *path, struct err *e)
{
	int empty = cgroup_is_empty(dir, e);
	if (empty < 0)
		return empty;
	if (!empty)
		return err_say(e, EEXIST, "container's cgroup is not empty: '%s' holds processes", path);
	int frozen = cgroup_is_frozen(dir, e);
	return frozen > 0 ? file_write_at(dir, "cgroup.freeze", "0", e) : frozen;
}

/* What the new cgroup has already tells whether anything must be changed above it. */
static int enable(struct cgroup_plan *p, const struct cgroup_host *h, int dir, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	uint32_t wanted = CONTROLLERS_USUAL & controllers_parse(h->controllers);

	if (!(wanted | p->needed))
		return 0;
	int r = file_read_at(dir, "cgroup.controllers", 4096, &b, e);
	if (r < 0)
		return r;
	if (!((wanted | p->needed) & ~controllers_parse(buf_text(&b))))
		return 0;
	return controllers_enable(h, p->ref.path, p->needed, wanted, e);
}

static int fill(struct cgroup_plan *p, const struct cgroup_host *h, struct made *m, int *ret_fd, struct err *e)
{
	cleanup_close int dir = openat(h->root_fd, m->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, errno, "open cgroup '%s'", p->ref.path);
	if (p->existed && check_existing(dir, p->ref.path, e) < 0) {
		p->ref = (struct cgroup_ref){ .driver = CGROUP_DISABLED };
		return -e->code;
	}
	if (enable(p, h, dir, e) < 0)
		return -e->code;
	if (writes_apply(dir, &p->writes, e) < 0)
		return -e->code;
	*ret_fd = take_fd(&dir);
	return 0;
}

/* Rootless users have seldom a place of their own. Without limits nothing is lost but statistics. */
static bool may_do_without(const struct cgroup_plan *p, int code)
{
	return p->rootless && p->writes.n == 0 && (code == EACCES || code == EPERM || code == EROFS || code == ENOENT);
}

int cgroup_create(struct cgroup_plan *p, const struct cgroup_host *h, int *ret_fd, struct err *e)
{
	struct made m = { .root = h->root_fd };

	if (p->ref.driver == CGROUP_SYSTEMD && systemd_check(p->ref.user_session, e) < 0)
		return -e->code;
	if (p->ref.driver != CGROUP_CGROUPFS) {
		*ret_fd = -1;
		return 0;
	}
	if ((size_t)snprintf(m.path, sizeof(m.path), "%s", below_root(p->ref.path)) >= sizeof(m.path))
		return err_set(e, ENAMETOOLONG, "linux.cgroupsPath: '%s'", p->ref.path);

	int r = make_directories(&m, e);
	if (r < 0 && may_do_without(p, e->code)) {
		p->ref = (struct cgroup_ref){ .driver = CGROUP_DISABLED };
		p->dir = NULL;
		*ret_fd = -1;
		return 0;
	}
	if (r < 0)
		return r;
	p->existed = r == 1;
	r = fill(p, h, &m, ret_fd, e);
	if (r < 0)
		undo(&m);
	return r;
}

int cgroup_attach(struct cgroup_plan *p, const struct cgroup_host *h, pid_t pid, int *ret_fd, struct err *e)
{
	if (p->ref.driver == CGROUP_SYSTEMD)
		return systemd_attach(p, h, pid, ret_fd, e);
	if (p->ref.driver == CGROUP_DISABLED)
		return 0;
	return device_program_attach(*ret_fd, &p->devices, p->existed, p->rootless, e);
}

int cgroup_open(const struct cgroup_ref *r, const struct cgroup_host *h, int *ret_fd, struct err *e)
{
	if (r->driver == CGROUP_DISABLED) {
		*ret_fd = -1;
		return 0;
	}
	if (!r->path || h->root_fd < 0)
		return err_say(e, ENOENT, "the container's cgroup is not known");
	cleanup_close int fd = openat(h->root_fd, below_root(r->path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint64_t id = 0;
	if (fd < 0)
		return err_set(e, errno, "open cgroup '%s'", r->path);
	if (r->id && cgroup_id(fd, &id, e) < 0)
		return -e->code;
	if (r->id && id != r->id)
		return err_say(e, ENOENT, "cgroup '%s' is another's by now", r->path);
	*ret_fd = take_fd(&fd);
	return 0;
}
