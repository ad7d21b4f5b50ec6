#include "cgroups/systemd/systemd.h"

#include "cgroups/tree.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool systemd_unit_is_slice(const char *unit)
{
	return text_ends_with(unit, ".slice");
}

/* Where systemd has put it: the "0::" line. */
static int find_path(struct cgroup_plan *p, pid_t pid, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	char file[64];

	snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)pid);
	if (file_read_at(AT_FDCWD, file, 1 << 20, &b, e) < 0)
		return -e->code;
	const char *text = buf_text(&b);
	const char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
	line = line ? strchr(line, '/') : NULL;
	if (!line)
		return err_say(e, ENOENT, "'%s' shows no cgroup of version 2", file);
	p->ref.path = arena_strndup(p->arena, line, strcspn(line, "\n"));

	/* In the root, or still where the runtime is, a limit would be one for others. */
	const char *last = strrchr(p->ref.path, '/') + 1;
	if (strcmp(last, p->ref.scope) != 0)
		return err_say(e, EIO, "systemd did not move process %d into '%s': it is in '%s'", (int)pid,
			       p->ref.scope, p->ref.path);
	return 0;
}

/*
 * A unit of the same name: failed earlier and kept (reset makes it go), or alive (a container's with the same id under
 * another root directory: not ours to touch).
 */
static int start(struct systemd_bus *bus, const char *unit, const struct systemd_properties *props, struct err *e)
{
	struct err ignored = ERR_INIT;

	int r = systemd_start_unit(bus, unit, props, e);
	if (r != -EEXIST)
		return r;
	systemd_reset_failed_unit(bus, unit, &ignored);
	return systemd_start_unit(bus, unit, props, e);
}

static int open_directory(struct cgroup_plan *p, const struct cgroup_host *h, pid_t pid, struct err *e)
{
	cleanup_close int dir = -1;

	if (systemd_unit_is_slice(p->ref.scope)) {
		char text[16];
		if (!p->ref.path)
			return err_say(e, ENOTSUP, "linux.cgroupsPath: where '%s' lies is not known", p->ref.scope);
		if (cgroup_open(&p->ref, h, &dir, e) < 0)
			return -e->code;
		snprintf(text, sizeof(text), "%d", (int)pid);
		if (file_write_at(dir, "cgroup.procs", text, e) < 0)
			return -e->code;
	} else {
		if (find_path(p, pid, e) < 0)
			return -e->code;
		if (cgroup_open(&p->ref, h, &dir, e) < 0)
			return -e->code;
	}
	p->dir = arena_printf(p->arena, "%s%s", h->mountpoint, p->ref.path);
	return take_fd(&dir);
}

/* Systemd has no property for every file, and rounds some values: all are written once more as they are. */
static int limit(struct cgroup_plan *p, const struct cgroup_host *h, pid_t pid, int *ret_fd, struct err *e)
{
	cleanup_close int dir = open_directory(p, h, pid, e);
	if (dir < 0)
		return dir;
	if (p->needed && controllers_enable(h, p->ref.path, p->needed, 0, e) < 0)
		return -e->code;
	if (writes_apply(dir, &p->writes, e) < 0)
		return -e->code;
	if (device_program_attach(dir, &p->devices, false, p->rootless, e) < 0)
		return -e->code;
	*ret_fd = take_fd(&dir);
	return 0;
}

int systemd_attach(struct cgroup_plan *p, const struct cgroup_host *h, pid_t pid, int *ret_fd, struct err *e)
{
	cleanup_systemd struct systemd_bus *bus = NULL;
	cleanup_arena struct arena a = ARENA_INIT;
	struct systemd_properties props;
	struct err ignored = ERR_INIT;

	if (systemd_unit_properties(p, pid, &a, &props, e) < 0)
		return -e->code;
	if (p->resources && systemd_resource_properties(p->resources, &a, &props, e) < 0)
		return -e->code;
	if (systemd_connect(p->ref.user_session, &bus, e) < 0)
		return -e->code;
	if (start(bus, p->ref.scope, &props, e) < 0) {
		if (e->code == EEXIST)
			p->ref = (struct cgroup_ref){ .driver = CGROUP_DISABLED };
		return -e->code;
	}

	/* The process goes with the scope: it is the caller's, who gives up. */
	int r = limit(p, h, pid, ret_fd, e);
	if (r < 0)
		systemd_stop_unit(bus, p->ref.scope, &ignored);
	return r;
}

int systemd_update(const struct cgroup_ref *ref, const struct spec_resources *r, struct err *e)
{
	cleanup_systemd struct systemd_bus *bus = NULL;
	cleanup_arena struct arena a = ARENA_INIT;
	struct systemd_properties props = { 0 };

	if (systemd_resource_properties(r, &a, &props, e) < 0)
		return -e->code;
	if (props.n == 0)
		return 0;
	if (systemd_connect(ref->user_session, &bus, e) < 0)
		return -e->code;
	return systemd_set_properties(bus, ref->scope, &props, e);
}

/*
 * Where the directory is gone, systemd has seen the scope's end and forgotten it: then the bus is not asked, which with
 * many containers would have much to do.
 */
int systemd_destroy(const struct cgroup_ref *ref, int root, const char *path, struct err *e)
{
	cleanup_systemd struct systemd_bus *bus = NULL;
	struct err ignored = ERR_INIT;

	if (path) {
		int r = cgroup_kill_and_wait(ref, root, path, e);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	if (systemd_connect(ref->user_session, &bus, e) < 0)
		return -e->code;
	if (systemd_stop_unit(bus, ref->scope, e) < 0)
		return -e->code;
	systemd_reset_failed_unit(bus, ref->scope, &ignored);
	return path ? cgroup_remove(root, path, e) : 0;
}
