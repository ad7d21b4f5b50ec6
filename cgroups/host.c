/*
 * Finding the unified hierarchy. Where it nearly always is comes first, because each start of a container asks;
 * mountinfo is read only when it is elsewhere.
 */
#include "cgroups/cgroups.h"

#include "cgroups/files.h"
#include "lib/fd.h"
#include "lib/file.h"
#include "lib/mountinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

enum { PROC_FILE_MAX = 4 << 20 };

static const struct {
	const char *path;
	bool hybrid;
} usual_places[] = {
	{ "/sys/fs/cgroup", false },
	{ "/sys/fs/cgroup/unified", true },
};

/* O_PATH of @path when a cgroup2 file system is mounted there; -1. */
static int open_cgroup2(const char *path)
{
	struct statfs fs;
	cleanup_close int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstatfs(fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
		return -1;
	return take_fd(&fd);
}

/* One line: id parent major:minor root mountpoint options fields... - fstype source options */
static void look_at_mount(char *line, struct arena *a, struct cgroup_host *h)
{
	char *save, *mountpoint = NULL;
	char *type = strstr(line, " - ");

	if (!type)
		return;
	*type = '\0';
	type += 3;
	type[strcspn(type, " ")] = '\0';

	if (strcmp(type, "cgroup") == 0) {
		h->hybrid = true;
		return;
	}
	if (strcmp(type, "cgroup2") != 0 || h->mountpoint)
		return;
	char *field = strtok_r(line, " ", &save);
	for (int i = 0; field && i < 4; i++) {
		field = strtok_r(NULL, " ", &save);
		mountpoint = field;
	}
	if (!mountpoint)
		return;
	mountpoint = arena_strdup(a, mountpoint);
	mountinfo_unescape(mountpoint);
	h->root_fd = open_cgroup2(mountpoint);
	if (h->root_fd >= 0)
		h->mountpoint = mountpoint;
}

static int find_in_mountinfo(struct arena *a, struct cgroup_host *h, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;
	char *save;

	int r = file_read_at(AT_FDCWD, "/proc/self/mountinfo", PROC_FILE_MAX, &b, e);
	if (r < 0)
		return r;
	for (char *line = b.data ? strtok_r(b.data, "\n", &save) : NULL; line; line = strtok_r(NULL, "\n", &save))
		look_at_mount(line, a, h);
	return 0;
}

/*
 * The path of the "0::" line. A process outside of the cgroup namespace's root sees "/../..": no place that could be
 * named from here, so the root stands for it.
 */
static int find_own_path(struct arena *a, struct cgroup_host *h, struct err *e)
{
	cleanup_buf struct buf b = BUF_INIT;

	h->own_path = "/";
	int r = file_read_once_at(AT_FDCWD, "/proc/self/cgroup", &b, e);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	for (const char *line = buf_text(&b); line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, "0::", 3) != 0)
			continue;
		const char *path = line + 3;
		if (strncmp(path, "/..", 3) != 0)
			h->own_path = arena_strndup(a, path, strcspn(path, "\n"));
		break;
	}
	return 0;
}

int cgroup_host_find(struct arena *a, struct cgroup_host *ret, struct err *e)
{
	struct cgroup_host h = { .root_fd = -1, .own_path = "/", .controllers = "" };
	cleanup_buf struct buf b = BUF_INIT;

	for (size_t i = 0; i < sizeof(usual_places) / sizeof(usual_places[0]) && h.root_fd < 0; i++) {
		h.root_fd = open_cgroup2(usual_places[i].path);
		if (h.root_fd >= 0) {
			h.mountpoint = usual_places[i].path;
			h.hybrid = usual_places[i].hybrid;
		}
	}
	int r = h.mountpoint ? 0 : find_in_mountinfo(a, &h, e);
	if (r >= 0 && h.mountpoint)
		r = find_own_path(a, &h, e);
	if (r >= 0 && h.mountpoint)
		r = file_read_once_at(h.root_fd, "cgroup.controllers", &b, e);
	if (r < 0) {
		cgroup_host_close(&h);
		return err_wrap(e, "find the cgroup hierarchy");
	}
	h.controllers = arena_strndup(a, buf_text(&b), strcspn(buf_text(&b), "\n"));
	*ret = h;
	return 0;
}

void cgroup_host_close(struct cgroup_host *h)
{
	close_fd(&h->root_fd);
}
