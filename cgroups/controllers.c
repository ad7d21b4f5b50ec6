#include "cgroups/controllers.h"

#include "cgroups/files.h"
#include "lib/fd.h"
#include "lib/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	uint32_t bit;
} controllers[] = {
	{ "cpu", CONTROLLER_CPU },
	{ "cpuset", CONTROLLER_CPUSET },
	{ "io", CONTROLLER_IO },
	{ "memory", CONTROLLER_MEMORY },
	{ "pids", CONTROLLER_PIDS },
	{ "hugetlb", CONTROLLER_HUGETLB },
	{ "rdma", CONTROLLER_RDMA },
	{ "misc", CONTROLLER_MISC },
	{ "dmem", CONTROLLER_DMEM },
};
enum { N_CONTROLLERS = sizeof(controllers) / sizeof(controllers[0]) };

static uint32_t controller_bit(const char *name, size_t len)
{
	for (size_t i = 0; i < N_CONTROLLERS; i++)
		if (strlen(controllers[i].name) == len && memcmp(controllers[i].name, name, len) == 0)
			return controllers[i].bit;
	return 0;
}

uint32_t controllers_parse(const char *text)
{
	uint32_t set = 0;

	while (text && *text) {
		size_t len = strcspn(text, " \n");
		set |= controller_bit(text, len);
		text += len + strspn(text + len, " \n");
	}
	return set;
}

const char *controller_name(uint32_t bit)
{
	for (size_t i = 0; i < N_CONTROLLERS; i++)
		if (controllers[i].bit == bit)
			return controllers[i].name;
	return "unknown";
}

uint32_t controller_of_file(const char *file)
{
	/* Pressure is told for every cgroup, and cpu.stat's basic lines too. */
	if (strstr(file, ".pressure"))
		return 0;
	return controller_bit(file, strcspn(file, "."));
}

static int write_control(int fd, uint32_t set)
{
	char text[128] = "";
	size_t len = 0;

	for (size_t i = 0; i < N_CONTROLLERS; i++)
		if (set & controllers[i].bit)
			len += (size_t)snprintf(text + len, sizeof(text) - len, "%s+%s", len ? " " : "",
						controllers[i].name);
	return write(fd, text, len) < 0 ? -errno : 0;
}

static int explain(const struct cgroup_host *h, const char *level, uint32_t bit, int code, struct err *e)
{
	const char *name = controller_name(bit), *slash = h->mountpoint;
	const char *below = strcmp(level, ".") == 0 ? "" : level;

	if (code == EBUSY)
		return err_say(e, EBUSY,
			       "cannot enable the %s controller in '%s/%s': processes are in that cgroup itself, which "
			       "cgroup v2 allows only in leaves; move them to a child, or choose another "
			       "linux.cgroupsPath",
			       name, slash, below);
	if (code == ENOENT)
		return err_say(e, ENOTSUP, "the %s controller is not handed down to '%s/%s'", name, slash, below);
	if (code == EACCES || code == EPERM || code == EROFS)
		return err_set(e, code,
			       "cannot enable the %s controller in '%s/%s', which has not been delegated to this user",
			       name, slash, below);
	return err_set(e, code, "cannot enable the %s controller in '%s/%s'", name, slash, below);
}

/* One level: all in one write where that goes, else each alone, so that one which does not go stops no other. */
static int enable_at(const struct cgroup_host *h, const char *level, uint32_t needed, uint32_t wanted, struct err *e)
{
	char file[PATH_MAX];
	cleanup_buf struct buf b = BUF_INIT;

	if ((size_t)snprintf(file, sizeof(file), "%s/cgroup.subtree_control", level) >= sizeof(file))
		return err_set(e, ENAMETOOLONG, "'%s'", level);
	int r = cgroup_read_text(h->root_fd, file, &b, e);
	if (r < 0)
		return r;
	uint32_t have = controllers_parse(buf_text(&b));
	uint32_t missing = (needed | wanted) & ~have;
	if (!missing)
		return 0;

	cleanup_close int fd = openat(h->root_fd, file, O_WRONLY | O_CLOEXEC);
	int open_code = fd < 0 ? errno : 0;
	if (fd >= 0 && write_control(fd, missing) == 0)
		return 0;
	for (size_t i = 0; i < N_CONTROLLERS; i++) {
		uint32_t bit = controllers[i].bit;
		if (!(missing & bit))
			continue;
		int code = fd < 0 ? open_code : -write_control(fd, bit);
		if (code != 0 && (needed & bit))
			return explain(h, level, bit, code, e);
	}
	return 0;
}

int controllers_enable(const struct cgroup_host *h, const char *path, uint32_t needed, uint32_t wanted, struct err *e)
{
	char level[PATH_MAX];
	uint32_t offered = controllers_parse(h->controllers);

	wanted &= offered;
	if (!(needed | wanted))
		return 0;
	if ((size_t)snprintf(level, sizeof(level), "%s", path + strspn(path, "/")) >= sizeof(level))
		return err_set(e, ENAMETOOLONG, "'%s'", path);

	int r = enable_at(h, ".", needed, wanted, e);
	for (char *slash = strchr(level, '/'); r >= 0 && slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		r = enable_at(h, level, needed, wanted, e);
		*slash = '/';
	}
	return r;
}
