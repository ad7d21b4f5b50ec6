#include "lib/fd.h"
#include "lib/sys.h"
#include "namespaces/rootfs_plan.h"

#include <errno.h>
#include <string.h>

/* Which settings belong to a namespace; everything else would be the host's. */
static const struct {
	const char *path;
	uint64_t flag;
	const char *type;
} owners[] = {
	{ "net/", CLONE_NEWNET, "network" },
	{ "fs/mqueue/", CLONE_NEWIPC, "ipc" },
	{ "kernel/msgmax", CLONE_NEWIPC, "ipc" },
	{ "kernel/msgmnb", CLONE_NEWIPC, "ipc" },
	{ "kernel/msgmni", CLONE_NEWIPC, "ipc" },
	{ "kernel/sem", CLONE_NEWIPC, "ipc" },
	{ "kernel/shmall", CLONE_NEWIPC, "ipc" },
	{ "kernel/shmmax", CLONE_NEWIPC, "ipc" },
	{ "kernel/shmmni", CLONE_NEWIPC, "ipc" },
	{ "kernel/shm_rmid_forced", CLONE_NEWIPC, "ipc" },
	{ "kernel/msg_next_id", CLONE_NEWIPC, "ipc" },
	{ "kernel/sem_next_id", CLONE_NEWIPC, "ipc" },
	{ "kernel/shm_next_id", CLONE_NEWIPC, "ipc" },
	{ "kernel/domainname", CLONE_NEWUTS, "uts" },
	{ "kernel/hostname", CLONE_NEWUTS, "uts" },
	{ "user/", CLONE_NEWUSER, "user" },
};

/*
 * "net.ipv4.conf.eth0/1.x": as sysctl(8), the first separator that is met is the separator, the other one the letter.
 */
static char *sysctl_path(const char *key, struct arena *a)
{
	char *path = arena_strdup(a, key);
	const char *first = strpbrk(key, "./");

	if (!first || *first == '/')
		return path;
	for (char *c = path; *c; c++)
		*c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
	return path;
}

static bool leads_elsewhere(const char *path)
{
	for (const char *s = path; s; s = strchr(s, '/') ? strchr(s, '/') + 1 : NULL) {
		size_t len = strcspn(s, "/");
		if (len == 0 || (len == 1 && s[0] == '.') || (len == 2 && s[0] == '.' && s[1] == '.'))
			return true;
	}
	return false;
}

static int check(const struct spec *s, const char *key, const char *path, struct err *e)
{
	if (leads_elsewhere(path))
		return err_say(e, EINVAL, "linux.sysctl: '%s' is no name of a setting", key);
	for (size_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		size_t n = strlen(owners[i].path);
		bool all_below = owners[i].path[n - 1] == '/';
		if (all_below ? strncmp(path, owners[i].path, n) != 0 : strcmp(path, owners[i].path) != 0)
			continue;
		if (!spec_find_namespace(s, owners[i].flag))
			return err_say(e, EINVAL, "linux.sysctl: '%s' is not allowed without a private %s namespace",
				       key, owners[i].type);
		if (strcmp(path, "kernel/hostname") == 0)
			return err_say(e, EINVAL, "linux.sysctl: '%s': use hostname instead", key);
		return 0;
	}
	return err_say(e, EINVAL, "linux.sysctl: '%s' is not in a separate kernel namespace", key);
}

int rootfs_plan_sysctl(const struct spec *s, struct arena *a, struct rootfs_plan *p, struct err *e)
{
	p->sysctl = arena_new_array(a, s->lx.n_sysctl, struct spec_pair);
	for (size_t i = 0; i < s->lx.n_sysctl; i++) {
		const struct spec_pair *in = &s->lx.sysctl[i];
		char *path = sysctl_path(in->key, a);
		if (check(s, in->key, path, e) < 0)
			return -e->code;
		p->sysctl[p->n_sysctl++] = (struct spec_pair){ path, in->value };
	}
	return 0;
}

int rootfs_apply_sysctl(const struct rootfs_plan *p, struct err *e)
{
	if (p->n_sysctl == 0)
		return 0;
	if (p->proc_fd < 0)
		return err_say(e, EINVAL, "linux.sysctl: the container has no procfs on /proc");
	cleanup_close int sys = sys_openat2(p->proc_fd, "sys", O_PATH | O_DIRECTORY | O_CLOEXEC, 0,
					    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	if (sys < 0)
		return err_set(e, errno, "open '/proc/sys' of the container");
	for (size_t i = 0; i < p->n_sysctl; i++) {
		const struct spec_pair *s = &p->sysctl[i];
		cleanup_close int fd = sys_openat2(sys, s->key, O_WRONLY | O_CLOEXEC, 0,
						   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
		if (fd < 0)
			return err_set(e, errno, "linux.sysctl: open '/proc/sys/%s'", s->key);
		if (write(fd, s->value, strlen(s->value)) < 0)
			return err_set(e, errno, "linux.sysctl: write '%s' to '/proc/sys/%s'", s->value, s->key);
	}
	return 0;
}
